//! The door for writes: Command in, Reply out, wherever the leader may be.

use std::pin::Pin;

use crate::catalog::{Command, Reply};
use crate::model::session::SessionId;
use crate::publish::cluster::{Cluster, Consistency, PeerChange, Pulse};

/// A promise of what a write or a barrier came to.
pub type Proposed<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProposeFault>> + Send + 'a>>;

/// Whoever can get a Command agreed on.
pub trait Propose: Send + Sync + 'static {
    /// Gets a Command agreed on and applied. When the Reply is here, it is durable, and the local View
    /// shows it.
    fn propose(&self, command: Command) -> Proposed<'_, Reply>;

    /// Has the leader start the TTL of a session anew. Only sessions that are there may be renewed.
    fn renew(&self, session: SessionId) -> Proposed<'_, ()>;

    /// Waits until the local View is as fresh as `consistency` demands.
    fn barrier(&self, consistency: Consistency) -> Proposed<'_, ()>;

    /// Changes who belongs to the cluster, or leads it.
    fn change_peers(&self, change: PeerChange) -> Proposed<'_, ()>;

    /// What is known of the cluster now.
    fn cluster(&self) -> Cluster;

    /// The part of it that every answer to a read tells.
    fn pulse(&self) -> Pulse {
        let cluster = self.cluster();
        Pulse { has_leader: cluster.leader.is_some(), last_contact: cluster.last_contact }
    }
}

/// Why a write or a barrier came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeFault {
    /// Nobody leads. Consul's text, which clients search for.
    #[error("No cluster leader")]
    NoLeader,
    /// The disk is full or failed: reads go on, writes do not.
    #[error("this server does not accept writes: {0}")]
    Storage(String),
    /// Larger than one command may be.
    #[error("the command has {bytes} bytes, more than the {bytes_max} that are allowed")]
    TooLarge {
        /// What it has, encoded.
        bytes: usize,
        /// What is allowed.
        bytes_max: usize,
    },
    /// The members cannot be changed so.
    #[error("{0}")]
    Peers(String),
    /// The server is about to stop.
    #[error("the server is shutting down")]
    Stopping,
}
