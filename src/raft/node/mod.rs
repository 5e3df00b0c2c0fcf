//! RaftOptions → a running member: opens log and mirror, founds a cluster where it may, proposes, confirms reads,
//! stops in order.

mod start;

mod peers;

mod lease;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{
    ClientWriteError, Fatal, ForwardToLeader, LinearizableReadError, RaftError,
};
use openraft::{RaftMetrics, ReadPolicy};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::catalog::{Command, Reply};
use crate::model::limits::PROPOSED_BYTES_MAX;
use crate::model::lock::lock;
use crate::model::name::NodeName;
use crate::model::session::SessionId;
use crate::model::time::Now;
use crate::publish::{
    Cluster, Consistency, Peer, PeerChange, Propose, ProposeFault, Proposed, Pulse, Renewals,
};
use crate::raft::fault::RaftFault;
use crate::raft::health::{Health, refusal};
use crate::raft::home::DataDir;
use crate::raft::log::LogStore;
use crate::raft::machine::keeper::Keeper;
use crate::raft::node::lease::Watched;
pub use crate::raft::node::start::start;
#[cfg(test)]
pub(in crate::raft) use crate::raft::node::start::{Parts, on_disk, run};
use crate::raft::responder::Responder;
use crate::raft::types::{LogId, Proposal, Raft, TypeConfig};

/// What a server needs to take part.
#[derive(Debug)]
pub struct RaftOptions {
    /// Where log and mirror are kept; nothing is kept on disk without it (`-dev`).
    pub data_dir: Option<DataDir>,
    /// Its node.
    pub node: NodeName,
    /// Where the RPC of this server is reached.
    pub address: SocketAddr,
    /// Whether it may found a cluster of its own.
    pub bootstrap: bool,
    /// How long a write or a read waits for a leader before it is refused.
    pub leader_hold: Duration,
    /// Says the moment, which commands are stamped with.
    pub clock: fn() -> Now,
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
    /// What it says of itself.
    watched: Watched,
    /// Whether the disk can be written to.
    health: Arc<Health>,
    /// The log.
    log: LogStore,
    /// Who brings changes to the mirror.
    keeper: Arc<Keeper>,
    /// What runs for it: the keeper, until the stop.
    tasks: Mutex<JoinSet<()>>,
    /// The data dir, until it is unlocked.
    home: Mutex<Option<DataDir>>,
    /// Bytes that may be proposed at one time.
    room: Arc<Semaphore>,
    /// Whether nothing is accepted any more.
    is_stopping: AtomicBool,
    /// How long a write or a read waits for a leader.
    leader_hold: Duration,
    /// Says the moment.
    clock: fn() -> Now,
    /// Sessions that were renewed while this server leads.
    renewals: Renewals,
    /// When it started.
    started: std::time::Instant,
}

impl RaftNode {
    /// The number of this peer.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// Sessions that are renewed while this server leads, for its timers.
    #[must_use]
    pub fn renewals(&self) -> Renewals {
        self.inner.renewals.clone()
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
        lock(&inner.tasks).abort_all();
        let closed = inner.keeper.close().await;
        inner.log.close().await;
        let home = lock(&inner.home).take();
        let path = home.as_ref().map(DataDir::mirror_path).unwrap_or_default();
        drop(home);
        closed.map_err(|source| RaftFault::Unwritten { path, source })
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
        let proposal = Proposal::new(command, (inner.clock)())?;
        // COMMAND_BYTES_MAX is below the budget, so one command always fits.
        let share = u32::try_from(proposal.bytes().len()).unwrap_or(u32::MAX);
        let room = Arc::clone(&inner.room);
        let permit =
            room.acquire_many_owned(share).await.map_err(|_closed| ProposeFault::Stopping)?;
        // After the wait for the budget: who waited long must find room now.
        inner.health.admit(proposal.bytes().len())?;
        self.write(proposal, permit).await
    }

    /// Has a command agreed on and applied. Who asked may go away meanwhile.
    async fn write(
        &self,
        proposal: Proposal,
        mut room: OwnedSemaphorePermit,
    ) -> Result<Reply, ProposeFault> {
        let inner = &self.inner;
        metrics::counter!("consul.raft.apply").increment(1);
        let begun = Instant::now();
        let give_up = begun + inner.leader_hold;
        loop {
            let (responder, response) = Responder::new(room);
            let taken = inner.raft.client_write_ff(proposal.clone(), Some(responder)).await;
            taken.map_err(|fatal| self.explain(&fatal))?;
            let Ok((written, returned)) = response.await else {
                return Err(self.explain_silence().await);
            };
            room = returned;
            match written {
                Ok(written) => {
                    let time_ms = begun.elapsed().as_secs_f64() * 1_000.0;
                    metrics::histogram!("consul.raft.commitTime").record(time_ms);
                    return Ok(written.data);
                }
                // It was not taken, so it may be offered again.
                Err(ClientWriteError::ForwardToLeader(ForwardToLeader {
                    leader_id: None, ..
                })) => self.wait_for_leader(give_up).await?,
                // Lost with its leader before it was agreed on, or never taken.
                Err(
                    ClientWriteError::ForwardToLeader(_)
                    | ClientWriteError::LogEntryDiscarded(_)
                    | ClientWriteError::PreconditionFailed(_)
                    | ClientWriteError::ChangeMembershipError(_),
                ) => return Err(ProposeFault::NoLeader),
            }
        }
    }

    /// Waits for a moment in which there may be a leader again: an election takes less than a second, and who
    /// is told "no leader" would only come back.
    async fn wait_for_leader(&self, give_up: Instant) -> Result<(), ProposeFault> {
        let mut metrics = self.inner.raft.metrics();
        let retry = Instant::now() + LEADER_RETRY;
        // A leader whose lease ran out while the process was suspended tells nobody when it holds it again, so
        // the wait ends by itself too.
        let changed = tokio::time::timeout_at(retry.min(give_up), metrics.changed()).await;
        if self.inner.is_stopping.load(Ordering::Acquire) {
            return Err(ProposeFault::Stopping);
        }
        let is_over = give_up <= Instant::now() || matches!(changed, Ok(Err(_)));
        if is_over { Err(ProposeFault::NoLeader) } else { Ok(()) }
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
        if matches!(policy, ReadPolicy::LeaseRead) && self.inner.holds_lease() {
            return Ok(());
        }
        let give_up = Instant::now() + self.inner.leader_hold;
        loop {
            match self.inner.raft.ensure_linearizable(policy.clone()).await {
                Ok(_confirmed) => return Ok(()),
                Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(
                    ForwardToLeader { leader_id: None, .. },
                ))) => self.wait_for_leader(give_up).await?,
                Err(RaftError::APIError(
                    LinearizableReadError::ForwardToLeader(_)
                    | LinearizableReadError::QuorumNotEnough(_),
                )) => return Err(ProposeFault::NoLeader),
                Err(RaftError::Fatal(_)) if self.is_stopped_sole_voter() => return Ok(()),
                Err(RaftError::Fatal(fatal)) => return Err(self.explain(&fatal)),
            }
        }
    }

    fn is_sole_voter(&self) -> bool {
        self.metrics().membership_config.voter_ids().eq([self.inner.id])
    }

    fn is_stopped_sole_voter(&self) -> bool {
        self.inner.health.failure().is_some() && self.is_sole_voter()
    }

    /// Why nobody said what became of a command, as a writer should hear it.
    async fn explain_silence(&self) -> ProposeFault {
        match self.inner.raft.with_raft_state(|_| ()).await {
            Err(fatal) => self.explain(&fatal),
            Ok(()) if self.inner.is_stopping() => ProposeFault::Stopping,
            Ok(()) => {
                refusal(self.inner.health.failure().unwrap_or("the consensus forgot a write"))
            }
        }
    }

    /// Why the consensus stopped, as a writer should hear it.
    fn explain(&self, fatal: &Fatal<TypeConfig>) -> ProposeFault {
        if self.inner.is_stopping.load(Ordering::Acquire) {
            return ProposeFault::Stopping;
        }
        match self.inner.health.failure() {
            Some(reason) => refusal(reason),
            None => refusal(&format!("the consensus stopped ({fatal})")),
        }
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
        let index = |id: Option<LogId>| id.map_or(0, |id| id.index);
        let term = |id: Option<LogId>| id.map_or(0, |id| id.leader_id.term);
        let last_log = inner.log.last();
        Cluster {
            peers: peers.collect(),
            leader,
            is_leader: leader == Some(inner.id),
            last_contact: inner.last_contact(leader.is_some()),
            term: metrics.current_term,
            last_log: index(last_log),
            last_log_term: term(last_log),
            committed: index(metrics.local_committed),
            applied: index(metrics.last_applied),
            saved: index(metrics.snapshot),
            saved_term: term(metrics.snapshot),
            configured: index(*metrics.membership_config.log_id()),
            is_sound: is_running,
            unchanged_for: inner.health.failed_since().unwrap_or_else(|| inner.started.elapsed()),
        }
    }
}

impl Inner {
    /// Whether nothing is accepted any more.
    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }
}

impl Propose for RaftNode {
    fn propose(&self, command: Command) -> Proposed<'_, Reply> {
        Box::pin(self.propose_command(command))
    }

    fn renew(&self, session: SessionId) -> Proposed<'_, ()> {
        Box::pin(async move {
            // Timers are the memory of who leads: nobody else may say that a session lives on.
            self.confirm(ReadPolicy::LeaseRead).await?;
            self.inner.renewals.note(session);
            Ok(())
        })
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

    fn change_peers(&self, change: PeerChange) -> Proposed<'_, ()> {
        Box::pin(self.change_peers(change))
    }

    fn cluster(&self) -> Cluster {
        self.describe()
    }

    fn pulse(&self) -> Pulse {
        self.inner.pulse()
    }
}

/// How long to wait before another try while nobody is known to lead.
const LEADER_RETRY: Duration = Duration::from_millis(50);

/// The budget of bytes that may be proposed at one time.
fn proposing_room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(PROPOSED_BYTES_MAX))
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod restore_tests;
