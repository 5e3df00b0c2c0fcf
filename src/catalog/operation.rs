//! Operation: one step of a transaction; what it finds, and why it cannot be done.
//!
//! Operations are part of the log's format, as Commands are: a variant may be added, since an older peer reads
//! it as [`Operation::Unknown`], with which no transaction is done.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::command::{
    Deregistration, DeregistrationTarget, KvDelete, KvDeleteTree, KvLock, KvSet, Registration,
    SessionDestroy,
};
use crate::catalog::reply::Reject;
use crate::model::check::Check;
use crate::model::kv::KvPair;
use crate::model::limits::TRANSACTION_FOUND_BYTES_MAX;
use crate::model::name::{CheckId, Key, KeyPrefix, NodeName, ServiceId};
use crate::model::node::Node;
use crate::model::number::Revision;
use crate::model::service::Service;
use crate::model::session::SessionId;

/// One step of a transaction. Each sees what those before it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Operation {
    /// Finds the entry under a key.
    KvGet {
        /// Which.
        key: Key,
    },
    /// The same, but finds an empty entry where there is none.
    KvGetOrEmpty {
        /// Which.
        key: Key,
    },
    /// Finds the entries whose keys begin with a text.
    KvGetTree {
        /// The beginning.
        prefix: KeyPrefix,
    },
    /// Wants a key to have a revision.
    KvCheckIndex {
        /// Which.
        key: Key,
        /// The revision.
        revision: Revision,
    },
    /// Wants a key's lock to be held by a session, or by none.
    KvCheckSession {
        /// Which.
        key: Key,
        /// The session.
        session: Option<SessionId>,
    },
    /// Wants a key not to be there.
    KvCheckNotExists {
        /// Which.
        key: Key,
    },
    /// Puts a value under a key.
    KvSet(KvSet),
    /// Puts a value under a key and takes its lock.
    KvAcquire(KvLock),
    /// Puts a value under a key and gives its lock back.
    KvRelease(KvLock),
    /// Takes a key away.
    KvDelete(KvDelete),
    /// Takes all keys away that begin with a text.
    KvDeleteTree(KvDeleteTree),
    /// Finds a node, a service or a check.
    Get {
        /// Which.
        subject: Subject,
    },
    /// Finds the node that has a UUID.
    GetNodeById {
        /// The UUID.
        id: String,
    },
    /// Puts a node, a service or a check in place.
    Register {
        /// Which.
        subject: Subject,
        /// What is to be known of it.
        registration: Box<Registration>,
        /// Check-and-set: the revision that it must have, 0 for "must not exist".
        #[serde(default)]
        cas: Option<Revision>,
    },
    /// Takes a node, a service or a check away.
    Deregister {
        /// Which.
        subject: Subject,
        /// Check-and-set: the revision that it must have.
        #[serde(default)]
        cas: Option<Revision>,
    },
    /// Ends a session.
    SessionDestroy(SessionDestroy),
    /// A newer peer's operation.
    #[serde(other)]
    Unknown,
}

impl Operation {
    /// Whether it changes nothing, so that a transaction of such ones needs no place in the log.
    #[must_use]
    pub fn is_read(&self) -> bool {
        match self {
            Self::KvGet { .. }
            | Self::KvGetOrEmpty { .. }
            | Self::KvGetTree { .. }
            | Self::KvCheckIndex { .. }
            | Self::KvCheckSession { .. }
            | Self::KvCheckNotExists { .. }
            | Self::Get { .. }
            | Self::GetNodeById { .. } => true,
            Self::KvSet(_)
            | Self::KvAcquire(_)
            | Self::KvRelease(_)
            | Self::KvDelete(_)
            | Self::KvDeleteTree(_)
            | Self::Register { .. }
            | Self::Deregister { .. }
            | Self::SessionDestroy(_)
            | Self::Unknown => false,
        }
    }
}

/// What an operation on nodes, services and checks is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A node.
    Node(NodeName),
    /// A service of a node.
    Service(NodeName, ServiceId),
    /// A check of a node.
    Check(NodeName, CheckId),
}

impl Subject {
    /// What takes it away.
    #[must_use]
    pub fn deregistration(&self) -> Deregistration {
        let (node, target) = match self.clone() {
            Self::Node(node) => (node, DeregistrationTarget::Node),
            Self::Service(node, id) => (node, DeregistrationTarget::Service(id)),
            Self::Check(node, id) => (node, DeregistrationTarget::Check(id)),
        };
        Deregistration { node, target }
    }
}

/// As errors call it.
impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(out, "node {node:?}"),
            Self::Service(node, id) => write!(out, "service {id:?} on node {node:?}"),
            Self::Check(node, id) => write!(out, "check {id:?} on node {node:?}"),
        }
    }
}

/// What an operation found or made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// An entry of the key/value store; without its value where that was not asked for.
    Key(KvPair),
    /// A node.
    Node(Node),
    /// A service of the node.
    Service(NodeName, Service),
    /// A check.
    Check(Check),
}

impl Found {
    /// When it last changed.
    #[must_use]
    pub fn modify_revision(&self) -> Revision {
        match self {
            Self::Key(pair) => pair.modify_revision,
            Self::Node(node) => node.modify_revision,
            Self::Service(_, service) => service.modify_revision,
            Self::Check(check) => check.modify_revision,
        }
    }

    /// What it adds to an answer, in bytes. Of what is registered about as much is counted as it takes at most: only
    /// keys come by the thousand.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Key(pair) => pair.key.as_bytes().len() + pair.value.len() + FOUND_FRAME_BYTES,
            Self::Node(_) | Self::Service(..) | Self::Check(_) => FOUND_REGISTERED_BYTES,
        }
    }
}

/// An operation that cannot be done, for which the whole transaction is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its place among the operations, from 0.
    pub place: usize,
    /// Why.
    pub conflict: Conflict,
}

/// Why an operation cannot be done. The texts are Consul's, since clients search for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Conflict {
    /// A key is not there that was to be found.
    KeyMissing(Key),
    /// A key is there that must not be.
    KeyExists(Key),
    /// A key is not there that must have a revision.
    IndexMissing(Key),
    /// A key has another revision than it must have.
    IndexDiffers {
        /// The key.
        key: Key,
        /// The revision that it has.
        found: Revision,
        /// The one that it must have.
        wanted: Revision,
    },
    /// A key is not there whose lock a session must hold.
    HolderMissing(Key),
    /// A key's lock is held by another session than the one that must hold it.
    HolderDiffers {
        /// The key.
        key: Key,
        /// Who holds it.
        found: Option<SessionId>,
        /// Who must.
        wanted: Option<SessionId>,
    },
    /// A check-and-set on a key found another revision than it named.
    KeySetStale(Key),
    /// A check-and-delete on a key found another revision than it named.
    KeyDeleteStale(Key),
    /// A lock is held by another session.
    LockHeld(Key),
    /// A lock may not be taken yet, since its holder ended so recently.
    LockDelayed(Key),
    /// A lock is given back by who does not hold it.
    LockNotHeld(Key),
    /// A node, service or check is not there that was to be found.
    Missing(Subject),
    /// No node has this UUID.
    NodeIdMissing(String),
    /// A check-and-set on a node, service or check found another revision than it named.
    SetStale(Subject),
    /// A check-and-delete on one found another revision than it named.
    DeleteStale(Subject),
    /// A rule forbids it.
    Rejected(Reject),
    /// It and those before it find more than [`TRANSACTION_FOUND_BYTES_MAX`].
    FoundTooMuch,
    /// A newer peer's operation, which this one does not know.
    Unknown,
}

impl fmt::Display for Conflict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyMissing(key) => write!(out, "key {key:?} doesn't exist"),
            Self::KeyExists(key) => write!(out, "key {key:?} exists"),
            Self::IndexMissing(key) => {
                write!(out, "failed to check index, key {key:?} doesn't exist")
            }
            Self::IndexDiffers { key, found: Revision(found), wanted: Revision(wanted) } => write!(
                out,
                "failed index check for key {key:?}, current modify index {found} != {wanted}"
            ),
            Self::HolderMissing(key) => {
                write!(out, "failed to check session, key {key:?} doesn't exist")
            }
            Self::HolderDiffers { key, found, wanted } => {
                let shown = |id: &Option<SessionId>| id.map(String::from).unwrap_or_default();
                let (found, wanted) = (shown(found), shown(wanted));
                write!(
                    out,
                    "failed session check for key {key:?}, current session {found:?} != {wanted:?}"
                )
            }
            Self::KeySetStale(key) => write!(out, "failed to set key {key:?}, index is stale"),
            Self::KeyDeleteStale(key) => {
                write!(out, "failed to delete key {key:?}, index is stale")
            }
            Self::LockHeld(key) => write!(out, "failed to lock key {key:?}, lock is already held"),
            Self::LockDelayed(key) => write!(out, "failed to lock key {key:?} due to lock delay"),
            Self::LockNotHeld(key) => write!(
                out,
                "failed to unlock key {key:?}, lock isn't held, or is held by another session"
            ),
            Self::Missing(subject) => write!(out, "{subject} doesn't exist"),
            Self::NodeIdMissing(id) => write!(out, "node with ID {id:?} doesn't exist"),
            Self::SetStale(subject) => write!(out, "failed to set {subject}, index is stale"),
            Self::DeleteStale(subject) => {
                write!(out, "failed to delete {subject}, index is stale")
            }
            Self::Rejected(Reject::NodeUnknown(_)) => out.write_str("Missing node registration"),
            Self::Rejected(Reject::ServiceUnknown { .. }) => {
                out.write_str("Missing service registration")
            }
            Self::Rejected(reject) => reject.fmt(out),
            Self::FoundTooMuch => write!(
                out,
                "the transaction finds more than {TRANSACTION_FOUND_BYTES_MAX} bytes; read them with \
                 `GET /v1/kv/PREFIX?recurse`"
            ),
            Self::Unknown => out.write_str("a newer server's operation, unknown here"),
        }
    }
}

/// What stands around a key and its value in an answer, in bytes.
const FOUND_FRAME_BYTES: usize = 128;

/// What a node, a service or a check takes in an answer, in bytes.
const FOUND_REGISTERED_BYTES: usize = 4096;
