//! What the consensus last said of itself → whether a read may be answered at once, and the pulse of the cluster.
//!
//! openraft answers such questions in its core, one after the other: two changes of tasks for every read. What it
//! says of itself after each of its steps is enough to answer most of them here.

use std::time::Duration;

use openraft::Instant as _;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::metrics::SerdeInstant;
use openraft::type_config::alias::WatchReceiverOf;
use openraft::{RaftMetrics, ServerState};

use crate::publish::Pulse;
use crate::raft::health::now;
use crate::raft::node::Inner;
use crate::raft::node::start::LEASE;
use crate::raft::types::TypeConfig;

/// What the consensus says of itself.
pub(super) type Watched = WatchReceiverOf<TypeConfig, RaftMetrics<TypeConfig>>;

impl Inner {
    /// Whether this peer leads, has a lease, and shows all that was agreed on before it led. What it acknowledged
    /// since then is published first, so what is published is then as fresh as the lease promises. Says no where it
    /// is not sure: then the consensus itself has to be asked.
    pub(super) fn holds_lease(&self) -> bool {
        let metrics = self.watched.borrow_watched();
        if metrics.running_state.is_err() || metrics.state != ServerState::Leader {
            return false;
        }
        let applied_term = metrics.last_applied.map(|id| id.leader_id.term);
        if applied_term != Some(metrics.current_term) {
            return false;
        }
        let mut voters = metrics.membership_config.voter_ids();
        let is_alone = voters.next() == Some(self.id) && voters.next().is_none();
        // The moment is that of sending what a quorum answered to, so nobody else was elected since.
        let acked = metrics.last_quorum_acked.map(SerdeInstant::into_inner);
        is_alone || acked.is_some_and(|acked| acked.elapsed() < LEASE)
    }

    /// What the answer to every read says of the cluster.
    pub(super) fn pulse(&self) -> Pulse {
        let is_running = self.health.failure().is_none() && !self.is_stopping();
        let has_leader = {
            let metrics = self.watched.borrow_watched();
            is_running && metrics.running_state.is_ok() && metrics.current_leader.is_some()
        };
        Pulse { has_leader, last_contact: self.last_contact(has_leader) }
    }

    /// How long ago the leader was heard.
    pub(super) fn last_contact(&self, has_leader: bool) -> Duration {
        match (has_leader, self.health.failed_since()) {
            (true, _) => Duration::ZERO,
            (false, Some(since)) => since,
            (false, None) => now().saturating_duration_since(self.started),
        }
    }
}
