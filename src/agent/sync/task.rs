//! The task that keeps the catalog in agreement: compares, writes, waits for the next reason to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::{StreamExt, stream};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::agent::clock::Clock;
use crate::agent::sync::deferral::Deferral;
use crate::agent::sync::timer::{Outcome, Timer};
use crate::agent::sync::{Difference, Stated, diff};
use crate::agent::{AgentOptions, LocalView};
use crate::catalog::command::{Deregistration, DeregistrationTarget};
use crate::catalog::{Command, Reply};
use crate::model::limits::SYNC_COMMANDS_MAX;
use crate::model::name::CheckId;
use crate::publish::{Propose, ProposeFault, Reader};

/// The number of a published [`LocalView`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::agent) struct Generation(pub(in crate::agent) u64);

/// What the task works with.
pub(in crate::agent) struct Synchroniser {
    /// Node, machine and intervals.
    pub(in crate::agent) options: Arc<AgentOptions>,
    /// What is stated.
    pub(in crate::agent) local: Arc<ArcSwap<LocalView>>,
    /// Its number; a new one is a reason to compare.
    pub(in crate::agent) stated: watch::Receiver<Generation>,
    /// The number up to which the catalog was told, or at least tried.
    pub(in crate::agent) attempted: watch::Sender<Generation>,
    /// What the catalog has.
    pub(in crate::agent) reader: Reader,
    /// The way to write.
    pub(in crate::agent) propose: Arc<dyn Propose>,
    /// The agent's clock.
    pub(in crate::agent) clock: Clock,
}

/// Word to leave, and to whom to say that it is done.
pub(in crate::agent) type Leave = oneshot::Receiver<oneshot::Sender<Result<(), String>>>;

/// Runs until `stop`, or until it was told to leave.
pub(in crate::agent) async fn run(mut sync: Synchroniser, leave: Leave, stop: CancellationToken) {
    tokio::pin!(leave);
    let mut is_leave_open = true;
    let mut rng = fastrand::Rng::with_seed(sync.options.seed ^ SEED);
    let mut timer = Timer::new(sync.clock.now());
    let mut deferral = Deferral::default();
    loop {
        let next = [Some(timer.next()), deferral.next()].into_iter().flatten().min();
        tokio::select! {
            biased;
            // The end first, then leaving: neither may wait behind a stream of changes.
            () = stop.cancelled() => break,
            told = &mut leave, if is_leave_open => match told {
                Ok(done) => {
                    // Nobody listens if the caller gave up.
                    let _ = done.send(sync.take_out().await);
                    break;
                }
                // Every handle was dropped: nobody can ask any more, and what is stated stays true.
                Err(_) => {
                    is_leave_open = false;
                    continue;
                }
            },
            changed = sync.stated.changed() => if changed.is_err() { break },
            () = sync.clock.reached(next) => {}
        }
        let generation = *sync.stated.borrow_and_update();
        let now = sync.clock.now();
        let due = deferral.due(now);
        let compared = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            compared = sync.compare(&due) => compared,
        };
        deferral.note(&compared.outputs, now, sync.options.check_update_interval, &mut rng);
        timer.note(compared.outcome, compared.nodes, sync.clock.now(), &mut rng);
        sync.attempted.send_replace(generation);
    }
    // Nothing will be told from now on: nobody shall wait for it.
    sync.attempted.send_replace(Generation(u64::MAX));
}

/// What a comparison came to.
struct Compared {
    /// Whether the catalog agrees now.
    outcome: Outcome,
    /// Checks whose output still differs.
    outputs: BTreeSet<CheckId>,
    /// Nodes of the cluster.
    nodes: usize,
}

impl Synchroniser {
    /// Compares once, and tells the catalog what differs.
    async fn compare(&self, due: &BTreeSet<CheckId>) -> Compared {
        let (difference, nodes) = self.diff(due);
        let Difference { first, others, outputs } = difference;
        if first.is_none() && others.is_empty() {
            return Compared { outcome: Outcome::Agrees, outputs, nodes };
        }
        if self.propose.cluster().leader.is_none() {
            return Compared { outcome: Outcome::NoLeader, outputs, nodes };
        }
        if let Some(command) = first {
            let outcome = self.tell(command).await;
            if outcome != Outcome::Agrees {
                return Compared { outcome, outputs, nodes };
            }
        }
        let outcomes = stream::iter(others).map(|command| self.tell(command));
        let outcome = outcomes
            .buffer_unordered(SYNC_COMMANDS_MAX)
            .fold(Outcome::Agrees, |all, one| async move { worse(all, one) })
            .await;
        Compared { outcome, outputs, nodes }
    }

    fn diff(&self, due: &BTreeSet<CheckId>) -> (Difference, usize) {
        let view = self.reader.load();
        let local = self.local.load();
        let stated = Stated {
            node: &self.options.node,
            machine: &self.options.machine,
            local: &local,
            outputs_due: due,
        };
        let mut difference = diff(&view, &stated);
        if self.options.check_update_interval == Duration::ZERO {
            let at_once = Stated { outputs_due: &difference.outputs, ..stated };
            difference = diff(&view, &at_once);
        }
        (difference, view.nodes().count())
    }

    async fn tell(&self, command: Command) -> Outcome {
        match self.propose.propose(command).await {
            Ok(Reply::Done(_)) => Outcome::Agrees,
            Ok(Reply::Rejected(reject)) => {
                tracing::warn!("the catalog refuses what this agent states: {reject}");
                Outcome::Refused
            }
            // Nothing that this room writes compares and sets, and the end comes by itself.
            Ok(Reply::CasMismatch) | Err(ProposeFault::Stopping) => Outcome::Refused,
            Err(ProposeFault::NoLeader) => Outcome::NoLeader,
            Err(fault @ (ProposeFault::Storage(_) | ProposeFault::TooLarge { .. })) => {
                tracing::warn!("cannot tell the catalog what this agent states: {fault}");
                Outcome::Refused
            }
        }
    }

    /// Takes the node with all that is on it out of the catalog.
    async fn take_out(&self) -> Result<(), String> {
        let node = self.options.node.clone();
        let target = DeregistrationTarget::Node;
        let command = Command::Deregister(Deregistration { node, target });
        match self.propose.propose(command).await {
            Ok(Reply::Done(_)) => Ok(()),
            Ok(Reply::Rejected(reject)) => Err(reject.to_string()),
            Ok(Reply::CasMismatch) => Err("the catalog refused".to_owned()),
            Err(fault) => Err(fault.to_string()),
        }
    }
}

fn worse(one: Outcome, other: Outcome) -> Outcome {
    match (one, other) {
        (Outcome::Refused, _) | (_, Outcome::Refused) => Outcome::Refused,
        (Outcome::NoLeader, _) | (_, Outcome::NoLeader) => Outcome::NoLeader,
        (Outcome::Agrees, Outcome::Agrees) => Outcome::Agrees,
    }
}

/// Keeps the jitter of synchronisation apart from that of the schedule.
const SEED: u64 = 0x5ec0_11ec_7ab1_e5ed;
