//! The types that openraft is told about: what is proposed, who the peers are.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::catalog::{Command, Reply};
use crate::model::limits::COMMAND_BYTES_MAX;
use crate::model::name::NodeName;
use crate::model::time::Now;
use crate::publish::ProposeFault;
use crate::raft::responder::Responder;

/// What openraft is generic over. Its macro for this knows no responder of one's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::raft) struct TypeConfig;

impl openraft::RaftTypeConfig for TypeConfig {
    type D = Proposal;
    type R = Reply;
    type NodeId = u64;
    type Node = PeerNode;
    type Term = u64;
    type LeaderId = openraft::impls::leader_id_adv::LeaderId<u64, u64>;
    type Vote = openraft::impls::Vote<Self::LeaderId>;
    type Payload = openraft::EntryPayload<Proposal, u64, PeerNode>;
    type Entry = openraft::Entry<LeaderId, Self::Payload>;
    type AsyncRuntime = openraft_rt_tokio::TokioRuntime;
    type Responder<T>
        = Responder<T>
    where
        T: Send + 'static;
    type Batch<T>
        = openraft::impls::InlineBatch<T>
    where
        T: Send + 'static;
    type ErrorSource = openraft::impls::BoxedErrorSource;
}

/// The running consensus.
pub(in crate::raft) type Raft = openraft::Raft<TypeConfig, crate::raft::machine::StateMachine>;
/// A position in the log and the leader that wrote it.
pub(in crate::raft) type LogId = openraft::alias::LogIdOf<TypeConfig>;
/// The leader half of a [`LogId`].
pub(in crate::raft) type LeaderId = openraft::alias::CommittedLeaderIdOf<TypeConfig>;
/// A term and who got this peer's vote in it.
pub(in crate::raft) type Vote = openraft::alias::VoteOf<TypeConfig>;
/// One entry of the log.
pub(in crate::raft) type Entry = openraft::alias::EntryOf<TypeConfig>;
/// Who belongs to the cluster.
pub(in crate::raft) type Membership = openraft::Membership<u64, PeerNode>;
/// The same with the log position that says so.
pub(in crate::raft) type StoredMembership = openraft::alias::StoredMembershipOf<TypeConfig>;

/// A Command, encoded once where it is proposed: log and replication carry the bytes on as they are, so a
/// command of a newer peer survives here unread.
#[derive(Clone, PartialEq)]
pub(in crate::raft) struct Proposal {
    /// The command.
    command: Arc<Command>,
    /// Its encoding: MessagePack with field names.
    bytes: Bytes,
    /// When it was proposed.
    at: Now,
}

/// A Proposal on its way to another peer.
#[derive(Serialize, Deserialize)]
struct ProposalRow {
    /// When it was proposed.
    #[serde(default)]
    at: Now,
    /// The encoded command.
    command: Bytes,
}

impl Proposal {
    /// Encodes a command that is proposed at `now`.
    ///
    /// # Errors
    /// [`ProposeFault::TooLarge`], where it has more than [`COMMAND_BYTES_MAX`] bytes.
    pub(in crate::raft) fn new(command: Command, now: Now) -> Result<Self, ProposeFault> {
        let bytes = match rmp_serde::to_vec_named(&command) {
            Ok(bytes) => bytes,
            // Commands hold only text, numbers and lists, and a Vec takes every write.
            Err(fault) => unreachable!("a command did not encode: {fault}"),
        };
        if COMMAND_BYTES_MAX < bytes.len() {
            let bytes = bytes.len();
            return Err(ProposeFault::TooLarge { bytes, bytes_max: COMMAND_BYTES_MAX });
        }
        Ok(Self { command: Arc::new(command), bytes: Bytes::from(bytes), at: now })
    }

    /// Reads an encoded command and when it was proposed.
    ///
    /// # Errors
    /// The decoder's, where the bytes are no command.
    pub(in crate::raft) fn decode(bytes: Bytes, at: Now) -> Result<Self, rmp_serde::decode::Error> {
        Ok(Self { command: Arc::new(rmp_serde::from_slice(&bytes)?), bytes, at })
    }

    /// The command.
    pub(in crate::raft) fn command(&self) -> &Command {
        &self.command
    }

    /// The encoded command.
    pub(in crate::raft) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// When it was proposed, by the clock of the leader of that time: what counts as now while it is applied,
    /// the same on every peer.
    pub(in crate::raft) fn at(&self) -> Now {
        self.at
    }
}

impl fmt::Debug for Proposal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.command.fmt(out)
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be large and secret: a log line gets the size only.
        write!(out, "a command of {} bytes", self.bytes.len())
    }
}

impl Serialize for Proposal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ProposalRow { at: self.at, command: self.bytes.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Proposal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = ProposalRow::deserialize(deserializer)?;
        Self::decode(row.command, row.at).map_err(D::Error::custom)
    }
}

/// What the cluster knows of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::raft) struct PeerNode {
    /// Its node's name.
    pub name: NodeName,
    /// Where its RPC is reached.
    pub address: SocketAddr,
}

impl Default for PeerNode {
    /// Nobody: openraft's membership without node data, which we never make, needs a value.
    fn default() -> Self {
        let Ok(name) = NodeName::new("nobody") else { unreachable!("this is a name") };
        Self { name, address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)) }
    }
}
