//! The task that keeps the catalog in agreement: compares, writes, waits for the next reason to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::agent::clock::Clock;
use crate::agent::sync::deferral::Deferral;
use crate::agent::sync::timer::{Agreement, Timer};
use crate::agent::sync::{Adopted, Difference, Scope, Stated, diff};
use crate::agent::task::{Action, Call};
use crate::agent::{AgentOptions, LocalView, local};
use crate::catalog::Command;
use crate::catalog::command::{Deregistration, DeregistrationTarget};
use crate::catalog::reply::Topic;
use crate::catalog::state::NodeEntry;
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
    /// To the task that owns what is stated, as long as anybody else calls it.
    pub(in crate::agent) calls: mpsc::WeakSender<Call>,
    /// The way to write.
    pub(in crate::agent) propose: Arc<dyn Propose>,
    /// The agent's clock.
    pub(in crate::agent) clock: Clock,
    /// What was compared last, unless the node was missing then.
    pub(in crate::agent) compared: Option<Box<Before>>,
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
    let mut restored = sync.reader.waiter(vec![Topic::Restore]);
    loop {
        let mut is_restored = false;
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
            // A restored backup knows this machine as it once was: all of it is told again.
            () = restored.changed() => is_restored = true,
            changed = sync.stated.changed() => if changed.is_err() { break },
            () = sync.clock.reached(next) => {}
        }
        let generation = *sync.stated.borrow_and_update();
        let now = sync.clock.now();
        let due = deferral.due(now);
        let is_whole = is_restored || timer.next() <= now;
        let extent = if is_whole { Extent::Whole } else { Extent::Changes };
        let compared = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            compared = sync.compare(&due, extent) => compared,
        };
        let interval = sync.options.check_update_interval;
        deferral.note(&compared.scope, &compared.outputs, now, interval, &mut rng);
        let nodes = sync.reader.load().node_count();
        timer.note(compared.agreement, nodes, sync.clock.now(), &mut rng);
        sync.attempted.send_replace(generation);
    }
    // Nothing will be told from now on: nobody shall wait for it.
    sync.attempted.send_replace(Generation(u64::MAX));
}

/// What a comparison came to.
struct Compared {
    /// Whether the catalog agrees now.
    agreement: Agreement,
    /// Checks whose output still differs.
    outputs: BTreeSet<CheckId>,
    /// What was compared.
    scope: Scope,
}

/// How much is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All that there is.
    Whole,
    /// What changed on either side.
    Changes,
}

/// Both sides as they were compared last.
pub(in crate::agent) struct Before {
    /// What was stated.
    local: LocalView,
    /// What the catalog had.
    entry: Arc<NodeEntry>,
    /// What was to be told then: whether that came to anything is seen the next time.
    open: Scope,
}

impl Synchroniser {
    /// Compares once, and tells the catalog what differs.
    async fn compare(&mut self, due: &BTreeSet<CheckId>, extent: Extent) -> Compared {
        let (difference, scope) = self.diff(due, extent);
        let Difference { first, others, last, outputs, adopted } = difference;
        self.adopt(&adopted);
        if first.is_none() && others.is_empty() && last.is_empty() {
            return Compared { agreement: Agreement::Agrees, outputs, scope };
        }
        if self.propose.cluster().leader.is_none() {
            return Compared { agreement: Agreement::NoLeader, outputs, scope };
        }
        if let Some(command) = first {
            let agreement = self.tell(command).await;
            if agreement != Agreement::Agrees {
                return Compared { agreement, outputs, scope };
            }
        }
        let mut agreement = self.tell_all(others).await;
        // Where one of the others was refused, the checks of another service still have to be told.
        if agreement != Agreement::NoLeader {
            agreement = worse(agreement, self.tell_all(last).await);
        }
        if agreement == Agreement::Agrees
            && let Some(compared) = &mut self.compared
        {
            compared.open.forget_restated();
        }
        Compared { agreement, outputs, scope }
    }

    async fn tell_all(&self, commands: Vec<Command>) -> Agreement {
        let outcomes = stream::iter(commands).map(|command| self.tell(command));
        outcomes
            .buffer_unordered(SYNC_COMMANDS_MAX)
            .fold(Agreement::Agrees, |all, one| async move { worse(all, one) })
            .await
    }

    /// Compares what can differ: what changed on either side since the last time, and what differed then.
    fn diff(&mut self, due: &BTreeSet<CheckId>, extent: Extent) -> (Difference, Scope) {
        let view = self.reader.load();
        let entry = view.node(self.options.node.folded());
        let local = LocalView::clone(&self.local.load());
        let compared = self.compared.take();
        let mut scope = match (&compared, entry, extent) {
            (Some(before), Some(entry), Extent::Changes) => {
                Scope::changed((&before.entry, &before.local), (entry, &local))
            }
            (Some(_) | None, _, Extent::Changes | Extent::Whole) => Scope::whole(entry, &local),
        };
        if let Some(before) = compared {
            scope.restate(&before.local, &local);
            scope.extend(before.open);
        }
        scope.extend(Scope::of_checks(due));
        let stated = Stated {
            node: &self.options.node,
            machine: &self.options.machine,
            local: &local,
            outputs_due: due,
        };
        let mut difference = diff(entry, &stated, &scope);
        if self.options.check_update_interval == Duration::ZERO {
            let at_once = Stated { outputs_due: &difference.outputs, ..stated };
            difference = diff(entry, &at_once, &scope);
        }
        self.compared = entry.map(|entry| {
            let mut open = Scope::of_commands(&difference.others);
            open.restate_open(&scope);
            Box::new(Before { local: local.clone(), entry: Arc::clone(entry), open })
        });
        (difference, scope)
    }

    /// Has the agent state what others made of its services' tags.
    fn adopt(&mut self, adopted: &[Adopted]) {
        if adopted.is_empty() {
            return;
        }
        let (Some(calls), Some(compared)) = (self.calls.upgrade(), &mut self.compared) else {
            return;
        };
        let (done, _) = oneshot::channel();
        let action = Action::AdoptTags(adopted.to_vec());
        // Where there are too many calls, the next comparison finds the same.
        if calls.try_send(Call { action, done }).is_ok() {
            // It is nothing that was stated anew.
            local::adopt(&mut compared.local, adopted);
        }
    }

    async fn tell(&self, command: Command) -> Agreement {
        match self.propose.propose(command).await {
            Ok(reply) => match reply.is_done() {
                Ok(true) => Agreement::Agrees,
                // Nothing that this room writes compares or locks.
                Ok(false) => Agreement::Refused,
                Err(reject) => {
                    tracing::warn!("the catalog refuses what this agent states: {reject}");
                    Agreement::Refused
                }
            },
            // The end comes by itself.
            Err(ProposeFault::Stopping) => Agreement::Refused,
            Err(ProposeFault::NoLeader) => Agreement::NoLeader,
            Err(
                fault @ (ProposeFault::Storage(_)
                | ProposeFault::Peers(_)
                | ProposeFault::TooLarge { .. }),
            ) => {
                tracing::warn!("cannot tell the catalog what this agent states: {fault}");
                Agreement::Refused
            }
        }
    }

    /// Takes the node with all that is on it out of the catalog.
    async fn take_out(&self) -> Result<(), String> {
        let node = self.options.node.clone();
        let target = DeregistrationTarget::Node;
        let command = Command::Deregister(Deregistration { node, target });
        match self.propose.propose(command).await {
            Ok(reply) => match reply.is_done() {
                Ok(true) => Ok(()),
                Ok(false) => Err("the catalog refused".to_owned()),
                Err(reject) => Err(reject.to_string()),
            },
            Err(fault) => Err(fault.to_string()),
        }
    }
}

fn worse(one: Agreement, other: Agreement) -> Agreement {
    match (one, other) {
        (Agreement::Refused, _) | (_, Agreement::Refused) => Agreement::Refused,
        (Agreement::NoLeader, _) | (_, Agreement::NoLeader) => Agreement::NoLeader,
        (Agreement::Agrees, Agreement::Agrees) => Agreement::Agrees,
    }
}

/// Keeps the jitter of synchronisation apart from that of the schedule.
const SEED: u64 = 0x5ec0_11ec_7ab1_e5ed;
