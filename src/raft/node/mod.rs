//! RaftOptions → a running member: opens log and mirror, founds a cluster where it may, proposes, confirms reads,
//! stops in order.

mod start;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{ClientWriteError, Fatal, LinearizableReadError, RaftError};
use openraft::{RaftMetrics, ReadPolicy};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::catalog::{Command, Reply};
use crate::model::limits::PROPOSED_BYTES_MAX;
use crate::model::name::NodeName;
use crate::publish::{Cluster, Consistency, Peer, Propose, ProposeFault, Proposed};
use crate::raft::fault::RaftFault;
use crate::raft::health::{Health, lock};
use crate::raft::home::Home;
use crate::raft::log::LogStore;
use crate::raft::machine::keeper::Keeper;
pub use crate::raft::node::start::start;
#[cfg(test)]
pub(in crate::raft) use crate::raft::node::start::{Parts, on_disk, run};
use crate::raft::types::{Proposal, Raft, TypeConfig};

/// What a server needs to take part.
#[derive(Clone, Debug)]
pub struct RaftOptions {
    /// Where log and mirror are kept; nothing is kept on disk without it (`-dev`).
    pub data_dir: Option<PathBuf>,
    /// Its node.
    pub node: NodeName,
    /// Where the RPC of this server is reached.
    pub address: SocketAddr,
    /// Whether it may found a cluster of its own.
    pub bootstrap: bool,
}

/// A running member; clones are the same one.
#[derive(Clone)]
pub struct RaftNode {
    /// What all clones share.
    inner: Arc<Inner>,
}

/// A running member.
struct Inner {
    /// The number of this peer.
    id: u64,
    /// The consensus.
    raft: Raft,
    /// Whether the disk can be written to.
    health: Arc<Health>,
    /// The log.
    log: LogStore,
    /// Who brings changes to the mirror.
    keeper: Arc<Keeper>,
    /// The keeper's task, until it is stopped.
    task: Mutex<Option<JoinHandle<()>>>,
    /// The data dir, until it is unlocked.
    home: Mutex<Option<Home>>,
    /// Bytes that may be proposed at one time.
    room: Arc<Semaphore>,
    /// Whether nothing is accepted any more.
    is_stopping: AtomicBool,
    /// When it started.
    started: Instant,
}

impl RaftNode {
    /// The number of this peer.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// Stops in order: everything acknowledged is on disk afterwards, and the data dir is unlocked.
    ///
    /// # Errors
    /// [`RaftFault`], where the mirror could not be written; the log still has everything.
    pub async fn shutdown(&self) -> Result<(), RaftFault> {
        let inner = &self.inner;
        inner.is_stopping.store(true, Ordering::Release);
        if inner.raft.shutdown().await.is_err() {
            tracing::warn!("the consensus had stopped before it was told to");
        }
        if let Some(task) = lock(&inner.task).take() {
            task.abort();
        }
        let closed = inner.keeper.close().await;
        inner.log.close().await;
        let home = lock(&inner.home).take();
        let path = home.as_ref().map(Home::mirror_path).unwrap_or_default();
        drop(home);
        closed.map_err(|source| RaftFault::Io { verb: "write", path, source })
    }

    fn metrics(&self) -> RaftMetrics<TypeConfig> {
        // Cloned at once: a held reference blocks openraft's core.
        self.inner.raft.metrics().borrow_watched().clone()
    }

    async fn propose_command(&self, command: Command) -> Result<Reply, ProposeFault> {
        let inner = &self.inner;
        if inner.is_stopping.load(Ordering::Acquire) {
            return Err(ProposeFault::Stopping);
        }
        inner.health.check()?;
        let proposal = Proposal::new(command)?;
        // COMMAND_BYTES_MAX is below the budget, so one command always fits.
        let share = u32::try_from(proposal.bytes().len()).unwrap_or(u32::MAX);
        let _permit =
            inner.room.acquire_many(share).await.map_err(|_closed| ProposeFault::Stopping)?;
        match inner.raft.client_write(proposal).await {
            Ok(written) => Ok(written.data),
            // Lost with its leader before it was agreed on, or never taken.
            Err(RaftError::APIError(
                ClientWriteError::ForwardToLeader(_)
                | ClientWriteError::LogEntryDiscarded(_)
                | ClientWriteError::PreconditionFailed(_)
                | ClientWriteError::ChangeMembershipError(_),
            )) => Err(ProposeFault::NoLeader),
            Err(RaftError::Fatal(fatal)) => Err(self.explain(&fatal)),
        }
    }

    async fn confirm(&self, policy: ReadPolicy) -> Result<(), ProposeFault> {
        if self.inner.is_stopping.load(Ordering::Acquire) {
            return Err(ProposeFault::Stopping);
        }
        // A sole voter is its own majority: without it nothing can have been agreed on, so what it published
        // is the newest there is, even when its disk failed.
        if self.inner.health.failure().is_some() && self.is_sole_voter() {
            return Ok(());
        }
        match self.inner.raft.ensure_linearizable(policy).await {
            Ok(_confirmed) => Ok(()),
            Err(RaftError::APIError(
                LinearizableReadError::ForwardToLeader(_)
                | LinearizableReadError::QuorumNotEnough(_),
            )) => Err(ProposeFault::NoLeader),
            Err(RaftError::Fatal(_)) if self.is_stopped_sole_voter() => Ok(()),
            Err(RaftError::Fatal(fatal)) => Err(self.explain(&fatal)),
        }
    }

    fn is_sole_voter(&self) -> bool {
        self.metrics().membership_config.voter_ids().eq([self.inner.id])
    }

    fn is_stopped_sole_voter(&self) -> bool {
        self.inner.health.failure().is_some() && self.is_sole_voter()
    }

    /// Why the consensus stopped, as a writer should hear it.
    fn explain(&self, fatal: &Fatal<TypeConfig>) -> ProposeFault {
        if self.inner.is_stopping.load(Ordering::Acquire) {
            return ProposeFault::Stopping;
        }
        let text = || format!("the consensus stopped ({fatal}); restart the server");
        ProposeFault::Storage(self.inner.health.failure().map_or_else(text, ToOwned::to_owned))
    }

    fn describe(&self) -> Cluster {
        let inner = &self.inner;
        let metrics = self.metrics();
        let is_running = metrics.running_state.is_ok()
            && inner.health.failure().is_none()
            && !inner.is_stopping.load(Ordering::Acquire);
        let leader = metrics.current_leader.filter(|_| is_running);
        let voters: Vec<u64> = metrics.membership_config.voter_ids().collect();
        let peers = metrics.membership_config.nodes().map(|(id, node)| Peer {
            id: *id,
            node: node.name.clone(),
            address: node.address,
            is_voter: voters.contains(id),
        });
        let last_contact = match (leader, inner.health.failed_since()) {
            (Some(_), _) => Duration::ZERO,
            (None, Some(since)) => since,
            (None, None) => inner.started.elapsed(),
        };
        Cluster {
            peers: peers.collect(),
            leader,
            is_leader: leader == Some(inner.id),
            last_contact,
            term: metrics.current_term,
            last_log: metrics.last_log_index.unwrap_or(0),
            applied: inner.keeper.state().catalog.tables().applied,
        }
    }
}

impl Propose for RaftNode {
    fn propose(&self, command: Command) -> Proposed<'_, Reply> {
        Box::pin(self.propose_command(command))
    }

    fn barrier(&self, consistency: Consistency) -> Proposed<'_, ()> {
        Box::pin(async move {
            match consistency {
                Consistency::Stale => Ok(()),
                Consistency::Lease => self.confirm(ReadPolicy::LeaseRead).await,
                Consistency::Linearizable => self.confirm(ReadPolicy::ReadIndex).await,
            }
        })
    }

    fn cluster(&self) -> Cluster {
        self.describe()
    }
}

/// The budget of bytes that may be proposed at one time.
fn proposing_room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(PROPOSED_BYTES_MAX))
}

#[cfg(test)]
mod tests;
