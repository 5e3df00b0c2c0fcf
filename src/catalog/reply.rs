//! Reply: what the caller of a Command is told. Changes: what readers and the mirror on disk are told.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::operation::{Failure, Found};
use crate::catalog::row::RowKey;
use crate::model::limits::COORDINATE_SEGMENTS_MAX;
use crate::model::name::{CheckId, Key, KeyPrefix, NodeName, ServiceId, ServiceName};
use crate::model::number::Revision;
use crate::model::prepared_query::PreparedQueryId;
use crate::model::session::SessionId;

/// What became of a Command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It is done; this is the log position at which it was.
    Done(Revision),
    /// A check-and-set found another revision than it named; nothing changed.
    CasMismatch,
    /// A lock could not be taken or given back; nothing changed.
    NoLock(NoLock),
    /// A rule forbids it; nothing changed.
    Rejected(Reject),
    /// All operations of a transaction are done; what they found, in their order.
    Transacted(Vec<Found>),
    /// These operations of a transaction cannot be done; nothing changed.
    Aborted(Vec<Failure>),
}

impl Reply {
    /// Whether it is done; if not, a comparison, a lock or an operation stood against it.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn is_done(self) -> Result<bool, Reject> {
        match self {
            Self::Done(_) | Self::Transacted(_) => Ok(true),
            Self::CasMismatch | Self::NoLock(_) | Self::Aborted(_) => Ok(false),
            Self::Rejected(reject) => Err(reject),
        }
    }
}

/// Why a lock could not be taken or given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoLock {
    /// Another session holds it.
    Held,
    /// The session that would give it back does not hold it.
    NotHeld,
    /// Its holder ended so recently that nobody may have it yet.
    Delayed,
}

/// The rule that forbids a Command. The texts are Consul's, since clients search for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reject {
    /// A service or check for a node that is not there, without what would create it.
    NodeUnknown(NodeName),
    /// A check about a service that its node does not have.
    ServiceUnknown {
        /// The node.
        node: NodeName,
        /// What it does not have.
        service_id: ServiceId,
    },
    /// A node says where it is in too many network segments.
    CoordinateSegments(NodeName),
    /// The name belongs to a node with another UUID that is alive.
    NodeNameReserved {
        /// The name.
        node: NodeName,
        /// The UUID that it belongs to.
        owner_id: String,
        /// Where the owner is.
        owner_address: String,
    },
    /// A session on a node that is not there.
    SessionNodeUnknown,
    /// A session that depends on a check that its node does not have.
    SessionCheckUnknown(CheckId),
    /// A session that depends on a check that is critical.
    SessionCheckCritical(CheckId),
    /// A lock or a prepared query for a session that is not there.
    SessionUnknown(SessionId),
    /// Parts of a restore that are not there: another one began meanwhile, or this one was given up.
    RestoreLost,
    /// The parts of a restore make no catalog.
    RestoreDamaged(String),
    /// No prepared query has this id.
    PreparedQueryUnknown(PreparedQueryId),
    /// Another prepared query has this name.
    PreparedNameTaken(String),
    /// Another template answers all names.
    PreparedTemplateTaken,
    /// Another prepared query has this name as its id.
    PreparedNameIsId(String),
}

impl fmt::Display for Reject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NodeUnknown(node) => {
                write!(out, "failed inserting service: Missing node registration for {node:?}")
            }
            Self::ServiceUnknown { node, service_id } => write!(
                out,
                "failed inserting check: Missing service registration on node {node:?} for service {service_id:?}"
            ),
            Self::CoordinateSegments(node) => write!(
                out,
                "node {node:?} has coordinates in {COORDINATE_SEGMENTS_MAX} network segments already, as many as a node may have"
            ),
            Self::NodeNameReserved { node, owner_id, owner_address } => write!(
                out,
                "failed inserting node: Error while renaming Node: Node name {node} is reserved by node {owner_id} with name {node} ({owner_address})"
            ),
            Self::SessionNodeUnknown => out.write_str("Missing node registration"),
            Self::SessionCheckUnknown(check) => write!(out, "Missing check '{check}' registration"),
            Self::SessionCheckCritical(check) => {
                write!(out, "Check '{check}' is in critical state")
            }
            Self::SessionUnknown(session) => write!(out, "invalid session \"{session}\""),
            Self::RestoreLost => out.write_str(
                "the restore was given up: another one began, or it took too long; nothing was replaced",
            ),
            Self::RestoreDamaged(why) => {
                write!(out, "the snapshot cannot be restored: {why}; nothing was replaced")
            }
            Self::PreparedQueryUnknown(id) => {
                write!(out, "Cannot modify non-existent prepared query: '{id}'")
            }
            Self::PreparedNameTaken(name) => {
                write!(out, "name '{name}' aliases an existing query name")
            }
            Self::PreparedTemplateTaken => {
                out.write_str("a query template with an empty name already exists")
            }
            Self::PreparedNameIsId(name) => {
                write!(out, "name '{name}' aliases an existing query ID")
            }
        }
    }
}

/// What a blocking query may wait for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Any node came, went or changed itself.
    Nodes,
    /// Something on this node changed.
    Node(NodeName),
    /// It changed where some node is in the network.
    Coordinates,
    /// It changed where this node is in the network.
    NodeCoordinates(NodeName),
    /// Any service instance came, went or changed itself.
    Services,
    /// An instance of this service, its node or its checks changed.
    Service(ServiceName),
    /// Any check changed.
    Checks,
    /// This key changed.
    Key(Key),
    /// A key that begins so changed. Waited for, never announced: `publish` derives it.
    KeyPrefix(KeyPrefix),
    /// Every key that begins so went. Announced, never waited for: `publish` finds who it concerns.
    KeyTree(KeyPrefix),
    /// Any session began or ended.
    Sessions,
    /// A session on this node began or ended.
    NodeSessions(NodeName),
    /// This session began or ended.
    Session(SessionId),
    /// Everything was replaced. Never announced: that wakes everybody anyway.
    Restore,
    /// Any prepared query came, went or changed.
    PreparedQueries,
    /// This prepared query changed or went.
    PreparedQuery(PreparedQueryId),
}

/// What a Command touched.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Rows of the mirror that have to be written anew, or removed where they are gone.
    pub rows: BTreeSet<RowKey>,
    /// Whom to wake.
    pub topics: BTreeSet<Topic>,
    /// Whether everything was replaced: then every row has to be written anew, and everybody woken.
    pub is_everything: bool,
}

impl Changes {
    /// Whether nothing was touched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds what a later Command touched.
    pub fn merge(&mut self, later: Self) {
        self.rows.extend(later.rows);
        self.topics.extend(later.topics);
        self.is_everything |= later.is_everything;
    }
}
