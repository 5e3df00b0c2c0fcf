//! Command: what is to be done, complete with everything that `apply` may not find out for itself.
//!
//! The encoding is MessagePack with field names, part of the log's format: a field may be added with a
//! default, and a variant may be added, since an older peer reads it as [`Command::Unknown`] and changes
//! nothing. Neither may be renamed.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::catalog::operation::Operation;
use crate::model::address::Address;
use crate::model::autopilot::Autopilot;
use crate::model::check::ForeignDefinition;
use crate::model::coordinate::Coordinate;
use crate::model::health::Status;
use crate::model::name::{CheckId, Key, KeyPrefix, NodeName, ServiceId};
use crate::model::node::Meta;
use crate::model::number::Revision;
use crate::model::prepared_query::{PreparedQuery, PreparedQueryId};
use crate::model::service::Service;
use crate::model::session::{Session, SessionId};

/// A change to the catalog, as it is replicated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Command {
    /// Puts a node, one of its services and some of its checks in place.
    Register(Box<Registration>),
    /// The same, but a node that is there stays as it is: said by who knows less of it than its agent.
    Welcome(Box<Registration>),
    /// Takes a node, a service or a check away.
    Deregister(Deregistration),
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
    /// Begins a session. Its revisions are ignored.
    SessionCreate(Box<Session>),
    /// Ends a session.
    SessionDestroy(SessionDestroy),
    /// Does several things together or none of them, in their order.
    Transact(Transaction),
    /// Forgets deletions up to a revision.
    ReapTombstones(ReapTombstones),
    /// Says where a node is in the network.
    UpdateCoordinate(Box<CoordinateUpdate>),
    /// Changes what the leader does with servers by itself.
    AutopilotSet(AutopilotSet),
    /// Sets a part of a backup aside.
    StagePart(StagePart),
    /// Puts the backup whose parts were set aside in the place of everything.
    Restore(Restore),
    /// Forgets the parts of a restore that nobody goes on with.
    DropStaged(DropStaged),
    /// Stores a prepared query under a new id.
    PreparedQueryCreate(Box<PreparedQuery>),
    /// Puts a prepared query in the place of the one with its id.
    PreparedQueryUpdate(Box<PreparedQuery>),
    /// Takes a prepared query away.
    PreparedQueryDelete(PreparedQueryDelete),
    /// A newer peer's command; changes nothing here.
    #[serde(other)]
    Unknown,
}

/// What `/v1/catalog/register` and an agent's synchronisation state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The node.
    pub node: NodeName,
    /// What is known of the machine; without it the node must exist and is left as it is.
    #[serde(default)]
    pub machine: Option<Machine>,
    /// One service. Its revisions are ignored.
    #[serde(default)]
    pub service: Option<Service>,
    /// Checks.
    #[serde(default)]
    pub checks: Vec<CheckState>,
}

/// What a registration says of the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Its UUID; empty if it has none.
    #[serde(default)]
    pub id: String,
    /// Where it is reached.
    pub address: Address,
    /// Addresses by network.
    #[serde(default)]
    pub tagged_addresses: BTreeMap<String, String>,
    /// Free-form metadata.
    #[serde(default)]
    pub meta: Meta,
}

/// What a registration says of a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckState {
    /// Unique on its node.
    pub id: CheckId,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// What it says.
    pub status: Status,
    /// For people.
    #[serde(default)]
    pub notes: String,
    /// What the last run printed.
    #[serde(default)]
    pub output: String,
    /// The service that it is about; without one, the node.
    #[serde(default)]
    pub service_id: Option<ServiceId>,
    /// The kind of probe.
    #[serde(default)]
    pub kind: String,
    /// How it is done, for programs that do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Box<ForeignDefinition>>,
}

/// What is taken away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deregistration {
    /// The node.
    pub node: NodeName,
    /// What of it.
    pub target: DeregistrationTarget,
}

/// How much of a node is taken away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeregistrationTarget {
    /// The node with all that is on it.
    Node,
    /// One service with its checks.
    Service(ServiceId),
    /// One check.
    Check(CheckId),
}

/// Where a node is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoordinateUpdate {
    /// Which.
    pub node: NodeName,
    /// The network segment in which it measured; empty for the one that all are in.
    #[serde(default)]
    pub segment: String,
    /// What it measured.
    pub coordinate: Coordinate,
}

/// A value and what must be true for it to be stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KvSet {
    /// Where.
    pub key: Key,
    /// What.
    pub value: Bytes,
    /// A number that the client chose.
    #[serde(default)]
    pub flags: u64,
    /// Check-and-set: the revision that the key must have, 0 for "must not exist".
    #[serde(default)]
    pub cas: Option<Revision>,
}

/// A value that is stored by who holds the lock of its key: from now on, or until now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KvLock {
    /// Where.
    pub key: Key,
    /// What.
    pub value: Bytes,
    /// A number that the client chose.
    #[serde(default)]
    pub flags: u64,
    /// Whose lock it is.
    pub session: SessionId,
}

/// A key, and what must be true for it to be deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KvDelete {
    /// Which.
    pub key: Key,
    /// Check-and-set: the revision that the key must have.
    #[serde(default)]
    pub cas: Option<Revision>,
}

/// The beginning of all keys to delete; empty for all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KvDeleteTree {
    /// The beginning.
    pub prefix: KeyPrefix,
}

/// A session to end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionDestroy {
    /// Which.
    pub id: SessionId,
}

/// What is done together, at most [`crate::model::limits::TRANSACTION_OPERATIONS_MAX`] steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// The steps, in their order.
    pub operations: Vec<Operation>,
}

/// Deletions to forget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReapTombstones {
    /// Up to this one, itself included.
    pub revision: Revision,
}

/// Settings, and what must be true for them to be stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AutopilotSet {
    /// The settings.
    pub settings: Autopilot,
    /// Check-and-set: the revision that they must have, 0 for "there must be none".
    #[serde(default)]
    pub cas: Option<Revision>,
}

/// A part of a backup. One command cannot carry a whole one, so it is set aside in the catalog part by part
/// until [`Restore`] says that it is whole: nobody sees it before, and whoever replays the log, or is sent the
/// state in between, gets the same parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StagePart {
    /// Which restore; drawn by who restores.
    pub restore: String,
    /// Its place, from 0; part 0 takes the place of whatever was set aside before.
    pub number: u32,
    /// A piece of the backup's bytes.
    pub bytes: Bytes,
}

/// A restore whose parts are all set aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restore {
    /// Which.
    pub restore: String,
    /// How many parts there must be.
    pub parts: u32,
}

/// A restore that is given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropStaged {
    /// Which.
    pub restore: String,
}

/// A prepared query to delete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreparedQueryDelete {
    /// Which.
    pub id: PreparedQueryId,
}
