//! What is known of the cluster that agrees on the catalog.

use std::net::SocketAddr;
use std::time::Duration;

use crate::model::name::NodeName;

/// How fresh a read has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consistency {
    /// Whatever is here (`?stale`).
    Stale,
    /// The leader's, under its lease.
    Lease,
    /// Confirmed by a majority after the question came (`?consistent`).
    Linearizable,
}

/// A member of the Raft cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its number, never used again.
    pub id: u64,
    /// Its node.
    pub node: NodeName,
    /// Where its RPC is reached.
    pub address: SocketAddr,
    /// Whether it votes.
    pub is_voter: bool,
}

/// What is to become of the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerChange {
    /// One is no member any more.
    Remove(u64),
    /// Another one leads: this one, or whoever can.
    Lead(Option<u64>),
}

/// The cluster as this machine sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// The members.
    pub peers: Vec<Peer>,
    /// The number of the leader, if there is one.
    pub leader: Option<u64>,
    /// Whether that is this machine.
    pub is_leader: bool,
    /// How long ago the leader was heard; zero on the leader itself.
    pub last_contact: Duration,
    /// The election that the leader won.
    pub term: u64,
    /// The last log entry.
    pub last_log: u64,
    /// The election whose winner wrote it.
    pub last_log_term: u64,
    /// The last log entry that is agreed on.
    pub committed: u64,
    /// The last log entry that is in the catalog.
    pub applied: u64,
    /// The last log entry that is in the saved state.
    pub saved: u64,
    /// The election whose winner wrote it.
    pub saved_term: u64,
    /// The log entry that says who the members are.
    pub configured: u64,
    /// Whether this machine can do its part: its disk and its consensus work.
    pub is_sound: bool,
    /// For how long that has been so.
    pub unchanged_for: Duration,
}

/// The part of it that every answer to a read tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// Whether there is a leader.
    pub has_leader: bool,
    /// How long ago it was heard; zero on the leader itself.
    pub last_contact: Duration,
}

impl Cluster {
    /// The leader's address, if there is a leader.
    #[must_use]
    pub fn leader_address(&self) -> Option<SocketAddr> {
        let leader = self.leader?;
        self.peers.iter().find(|peer| peer.id == leader).map(|peer| peer.address)
    }
}
