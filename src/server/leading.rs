//! What the leader does by itself, on the clock: `leader`'s decisions, proposed.

use std::sync::Arc;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::catalog::reply::Topic;
use crate::leader::{self, TombstoneClock};
use crate::model::member::Member;
use crate::model::name::Datacenter;
use crate::publish::{Propose, Reader};
use crate::server::clock;

/// What the leader's work needs.
pub(in crate::server) struct Leading {
    /// The catalog.
    pub(in crate::server) reader: Reader,
    /// Where commands go.
    pub(in crate::server) propose: Arc<dyn Propose>,
    /// Who is alive.
    pub(in crate::server) members: Vec<Member>,
    /// Whose catalog it is.
    pub(in crate::server) datacenter: Datacenter,
}

impl Leading {
    /// Works until `stop`, whenever this machine leads.
    pub(in crate::server) async fn run(self, stop: CancellationToken) {
        let topics = self.members.iter().map(|member| Topic::Node(member.name.clone())).collect();
        let mut changed = self.reader.waiter(topics);
        let mut clock = tokio::time::interval(leader::SAMPLE_INTERVAL);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tombstones = TombstoneClock::default();
        loop {
            self.reconcile().await;
            tokio::select! {
                // A stop goes first; then what somebody took away is put back before old things are swept.
                biased;
                () = stop.cancelled() => return,
                () = changed.changed() => {}
                _ = clock.tick() => {
                    let due = tombstones.sample(clock::now(), &self.reader.load());
                    if let Some(command) = due.filter(|_| self.propose.cluster().is_leader) {
                        self.send(command).await;
                    }
                }
            }
        }
    }

    /// Makes the catalog agree with who is alive.
    async fn reconcile(&self) {
        if !self.propose.cluster().is_leader {
            return;
        }
        let commands = leader::reconcile(&self.reader.load(), &self.members, &self.datacenter);
        for command in commands {
            self.send(command).await;
        }
    }

    async fn send(&self, command: crate::catalog::Command) {
        if let Err(fault) = self.propose.propose(command).await {
            tracing::warn!(%fault, "the leader's own change was not accepted");
        }
    }
}
