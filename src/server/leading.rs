//! What the leader does by itself, on the clock: `leader`'s decisions, proposed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::catalog::reply::Topic;
use crate::leader::{self, SessionTimers, StagingClock, TombstoneClock};
use crate::model::autopilot::Autopilot;
use crate::model::member::Member;
use crate::model::name::Datacenter;
use crate::model::time::Now;
use crate::publish::{Propose, Reader, Renewals};
use crate::server::clock;

/// What the leader's work needs.
pub(in crate::server) struct Leading {
    /// The catalog.
    pub(in crate::server) reader: Reader,
    /// Where commands go.
    pub(in crate::server) propose: Arc<dyn Propose>,
    /// Who is alive.
    pub(in crate::server) members: Vec<Member>,
    /// What a new cluster's autopilot begins with.
    pub(in crate::server) autopilot: Autopilot,
    /// Whose catalog it is.
    pub(in crate::server) datacenter: Datacenter,
    /// Sessions that were renewed here.
    pub(in crate::server) renewals: Renewals,
}

/// The timers of sessions, as long as this machine leads.
struct Timers {
    /// The timers.
    sessions: SessionTimers,
    /// The term in which they were started.
    term: Option<u64>,
    /// What they count from.
    begun: std::time::Instant,
}

impl Leading {
    /// Works until `stop`, whenever this machine leads.
    pub(in crate::server) async fn run(self, stop: CancellationToken) {
        let topics = self.members.iter().map(|member| Topic::Node(member.name.clone())).collect();
        let mut changed = self.reader.waiter(topics);
        let mut clock = tokio::time::interval(leader::SAMPLE_INTERVAL);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tombstones = TombstoneClock::default();
        let mut ended = self.reader.waiter(vec![Topic::Sessions]);
        let mut timers = Timers::default();
        let mut staging = StagingClock::default();
        loop {
            self.reconcile().await;
            self.end_sessions(&mut timers).await;
            tokio::select! {
                // A stop goes first; then what somebody took away is put back before old things are swept.
                biased;
                () = stop.cancelled() => return,
                () = changed.changed() => {}
                () = ended.changed() => {}
                () = self.renewals.noted() => {}
                () = timers.due() => {}
                _ = clock.tick() => {
                    let now = clock::now();
                    let old = tombstones.sample(now, &self.reader.load());
                    let left = staging.sample(now, &self.reader.load());
                    let is_leader = self.propose.cluster().is_leader;
                    for command in [old, left].into_iter().flatten().filter(|_| is_leader) {
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
        let view = self.reader.load_full();
        let autopilot = leader::found_autopilot(&view, &self.autopilot);
        let commands = leader::reconcile(&view, &self.members, &self.datacenter);
        drop(view);
        for command in autopilot.into_iter().chain(commands) {
            self.send(command).await;
        }
    }

    /// Ends the sessions whose TTL is over.
    async fn end_sessions(&self, timers: &mut Timers) {
        let cluster = self.propose.cluster();
        let term = cluster.is_leader.then_some(cluster.term);
        // Taken by whoever leads: what was renewed at another leader says nothing here.
        let renewed = self.renewals.take();
        if timers.term != term {
            *timers = Timers { term, ..Timers::default() };
        }
        if term.is_none() {
            return;
        }
        let commands = timers.sessions.poll(timers.now(), &self.reader.load(), renewed);
        let ends = futures_util::stream::iter(commands);
        ends.for_each_concurrent(ENDS_MAX, |command| self.send(command)).await;
        timers.show();
    }

    async fn send(&self, command: crate::catalog::Command) {
        if let Err(fault) = self.propose.propose(command).await {
            tracing::warn!(%fault, "the leader's own change was not accepted");
        }
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self { sessions: SessionTimers::default(), term: None, begun: clock::monotonic() }
    }
}

impl Timers {
    /// The moment, by a clock that nobody sets: a session must not end because the time of day was put right.
    fn now(&self) -> Now {
        Now::default().after(clock::monotonic() - self.begun)
    }

    /// Waits until a session is over; for ever, if none can be.
    async fn due(&self) {
        match self.sessions.next() {
            Some(next) => tokio::time::sleep(next.since(self.now()) + TICK).await,
            None => std::future::pending().await,
        }
    }

    /// Says in the metrics how many there are.
    fn show(&self) {
        let count = u32::try_from(self.sessions.count()).unwrap_or(u32::MAX);
        metrics::gauge!("consul.session_ttl.active").set(f64::from(count));
    }
}

/// What a moment is counted in.
const TICK: Duration = Duration::from_millis(1);

/// Sessions whose ends are on their way at one time.
const ENDS_MAX: usize = 64;
