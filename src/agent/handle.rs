//! The agent as everybody else sees it: calls go through one channel to one task, reading takes no lock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent::clock::Clock;
use crate::agent::events::Events;
use crate::agent::local::OldChecks;
use crate::agent::probe::{Network, Prober};
use crate::agent::sync::task::{Generation, Synchroniser};
use crate::agent::task::{Action, Call, Task};
use crate::agent::{AgentFault, AgentOptions, FileDefinitions, LocalView, sync};
use crate::model::definition::{CheckDefinition, ServiceDefinition};
use crate::model::event::UserEvent;
use crate::model::health::Status;
use crate::model::limits::AGENT_CALLS_MAX;
use crate::model::lock::lock;
use crate::model::name::{CheckId, ServiceId};
use crate::publish::{Propose, Reader};

/// The agent; clones are the same one.
#[derive(Clone)]
pub struct Agent {
    /// To the task that owns what is stated.
    calls: mpsc::Sender<Call>,
    /// What is stated.
    local: Arc<ArcSwap<LocalView>>,
    /// The number of what is stated.
    stated: watch::Receiver<Generation>,
    /// How far the catalog was told.
    attempted: watch::Receiver<Generation>,
    /// To the task that tells the catalog; taken by whoever leaves.
    leave: Arc<Mutex<Option<LeaveSender>>>,
    /// User events that came.
    events: Arc<Events>,
    /// All tasks.
    tasks: TaskTracker,
}

/// Tells that something else is stated.
pub struct Restated {
    /// The number of what is stated.
    stated: watch::Receiver<Generation>,
}

impl Restated {
    /// Waits until something else is stated than at the last wake-up, or at first than when it was made; for ever,
    /// where the agent has stopped.
    pub async fn changed(&mut self) {
        if self.stated.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The other end of [`sync::task::Leave`].
type LeaveSender = oneshot::Sender<oneshot::Sender<Result<(), String>>>;

impl Agent {
    /// Loads what is kept, takes the files' definitions, starts checks and synchronisation; all end with
    /// `stop`. To be called on a Tokio runtime.
    ///
    /// # Errors
    /// [`AgentFault`], where a file's definition is refused or the data dir cannot be used. Damaged kept
    /// files are none: they are set aside, with a word in the log.
    pub fn start(
        options: AgentOptions,
        files: FileDefinitions,
        reader: Reader,
        propose: Arc<dyn Propose>,
        stop: CancellationToken,
    ) -> Result<Self, AgentFault> {
        let prober = Arc::new(Network::new(&options.docker_host));
        Self::start_with(prober, options, files, reader, propose, stop)
    }

    pub(in crate::agent) fn start_with(
        prober: Arc<dyn Prober>,
        options: AgentOptions,
        files: FileDefinitions,
        reader: Reader,
        propose: Arc<dyn Propose>,
        stop: CancellationToken,
    ) -> Result<Self, AgentFault> {
        let options = Arc::new(options);
        let events = Arc::new(Events::new(options.node.clone()));
        let clock = Clock::start();
        let tasks = TaskTracker::new();
        let local = Arc::new(ArcSwap::from_pointee(LocalView::default()));
        let (stated_sender, stated) = watch::channel(Generation::default());
        let (attempted_sender, attempted) = watch::channel(Generation::default());
        let (calls, receiver) = mpsc::channel(AGENT_CALLS_MAX);
        let (leave, leave_receiver) = oneshot::channel();
        let task = Task::open(
            prober,
            Arc::clone(&options),
            files,
            Arc::clone(&local),
            stated_sender,
            reader.clone(),
            clock,
            tasks.clone(),
        )?;
        let synchroniser = Synchroniser {
            options,
            local: Arc::clone(&local),
            stated: stated.clone(),
            attempted: attempted_sender,
            reader,
            calls: calls.downgrade(),
            propose,
            clock,
            compared: None,
        };
        tasks.spawn(sync::task::run(synchroniser, leave_receiver, stop.clone()));
        tasks.spawn(task.run(receiver, stop));
        tasks.close();
        let leave = Arc::new(Mutex::new(Some(leave)));
        Ok(Self { calls, local, stated, attempted, leave, events, tasks })
    }

    /// All that is stated now.
    #[must_use]
    pub fn local(&self) -> Arc<LocalView> {
        self.local.load_full()
    }

    /// Begins to wait until something else is stated than now.
    #[must_use = "it only tells who waits for it"]
    pub fn restated(&self) -> Restated {
        let mut stated = self.stated.clone();
        stated.mark_unchanged();
        Restated { stated }
    }

    /// Waits until what is stated at the call was offered to the catalog once: after a start, until what
    /// files and kept registrations state can be found. Without a leader, or where the catalog refuses it,
    /// the attempt counts all the same, since a server without a majority must not wait here for ever; the
    /// synchronisation tries again by itself. Returns at once when the agent stopped or has left.
    pub async fn synchronised(&self) {
        let stated = *self.stated.borrow();
        let mut attempted = self.attempted.clone();
        // An end of the synchronisation is an answer too: nothing will be told any more.
        let _ = attempted.wait_for(|attempted| stated <= *attempted).await;
    }

    /// States a service. It is kept on disk when this returns, and in the catalog if there is a leader.
    /// With `replace_checks`, checks of the service that the definition does not state go.
    ///
    /// # Errors
    /// [`AgentFault::RemoteScriptsDisabled`], [`AgentFault::Storage`].
    pub async fn register_service(
        &self,
        definition: ServiceDefinition,
        replace_checks: bool,
    ) -> Result<(), AgentFault> {
        let old_checks = if replace_checks { OldChecks::Drop } else { OldChecks::Keep };
        self.call(Action::RegisterService(Box::new(definition), old_checks)).await
    }

    /// States a service no longer, nor its checks.
    ///
    /// # Errors
    /// [`AgentFault::UnknownService`], [`AgentFault::Storage`].
    pub async fn deregister_service(&self, id: &ServiceId) -> Result<(), AgentFault> {
        self.call(Action::DeregisterService(id.clone())).await
    }

    /// States a check. It is kept on disk when this returns, and in the catalog if there is a leader.
    ///
    /// # Errors
    /// [`AgentFault::ServiceMissing`], [`AgentFault::RemoteScriptsDisabled`], [`AgentFault::Storage`].
    pub async fn register_check(&self, definition: CheckDefinition) -> Result<(), AgentFault> {
        self.call(Action::RegisterCheck(Box::new(definition))).await
    }

    /// States a check no longer.
    ///
    /// # Errors
    /// [`AgentFault::UnknownCheck`], [`AgentFault::Storage`].
    pub async fn deregister_check(&self, id: &CheckId) -> Result<(), AgentFault> {
        self.call(Action::DeregisterCheck(id.clone())).await
    }

    /// Speaks for a TTL check.
    ///
    /// # Errors
    /// [`AgentFault::UnknownCheck`], [`AgentFault::NotTtl`].
    pub async fn update_ttl(
        &self,
        id: &CheckId,
        status: Status,
        output: String,
    ) -> Result<(), AgentFault> {
        self.call(Action::UpdateTtl { id: id.clone(), status, output }).await
    }

    /// `Some(reason)` enters maintenance, `None` leaves it. An empty reason gets Consul's default.
    ///
    /// # Errors
    /// [`AgentFault::UnknownService`], [`AgentFault::Storage`].
    pub async fn set_service_maintenance(
        &self,
        id: &ServiceId,
        reason: Option<String>,
    ) -> Result<(), AgentFault> {
        self.call(Action::ServiceMaintenance(id.clone(), reason)).await
    }

    /// `Some(reason)` enters maintenance, `None` leaves it. An empty reason gets Consul's default.
    ///
    /// # Errors
    /// [`AgentFault::Storage`].
    pub async fn set_node_maintenance(&self, reason: Option<String>) -> Result<(), AgentFault> {
        self.call(Action::NodeMaintenance(reason)).await
    }

    /// Fires a user event. It is kept here if this agent is among those that it is for.
    pub fn fire_event(&self, event: UserEvent) {
        self.events.fire(event, &self.local());
    }

    /// The user events that came and were for this agent, the oldest of those that are kept first.
    #[must_use]
    pub fn events(&self) -> Vec<Arc<UserEvent>> {
        self.events.kept()
    }

    /// Lamport's time of user events: later than every one that was seen.
    #[must_use]
    pub fn event_time(&self) -> u64 {
        self.events.time()
    }

    /// How many user events were kept up to now; changes with each.
    #[must_use]
    pub fn event_count(&self) -> watch::Receiver<u64> {
        self.events.count()
    }

    /// Takes what files state now. Applies only what differs; checks that stay keep their state. Nothing
    /// is applied where anything is refused.
    ///
    /// # Errors
    /// [`AgentFault`].
    pub async fn reload(&self, files: FileDefinitions) -> Result<(), AgentFault> {
        self.call(Action::Reload(Box::new(files))).await
    }

    /// Takes this node with all that is on it out of the catalog, and tells the catalog nothing more.
    ///
    /// # Errors
    /// [`AgentFault::Storage`], with what the catalog said.
    pub async fn leave(&self) -> Result<(), AgentFault> {
        let leave = lock(&self.leave).take();
        let Some(leave) = leave else { return Ok(()) };
        let (done, answer) = oneshot::channel();
        if leave.send(done).is_err() {
            return Err(stopped());
        }
        answer.await.unwrap_or(Ok(())).map_err(AgentFault::Storage)
    }

    /// Waits until all background tasks have ended (after `stop` was cancelled). What checks said is on
    /// disk then.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }

    /// Has the task do something, then waits a moment for the catalog to know of it.
    async fn call(&self, action: Action) -> Result<(), AgentFault> {
        let (done, answer) = oneshot::channel();
        self.calls.send(Call { action, done }).await.map_err(|_| stopped())?;
        let Some(generation) = answer.await.map_err(|_| stopped())?? else { return Ok(()) };
        let mut attempted = self.attempted.clone();
        let told = attempted.wait_for(|attempted| generation <= *attempted);
        // It is stated, whatever comes of this: the synchronisation tries again by itself.
        let _ = tokio::time::timeout(CATALOG_WAIT_MAX, told).await;
        Ok(())
    }
}

fn stopped() -> AgentFault {
    AgentFault::Storage("the agent is shutting down".to_owned())
}

/// How long a caller waits for the catalog. A commit takes milliseconds; beyond this the cluster is in
/// trouble, and the caller is better off with an answer.
const CATALOG_WAIT_MAX: Duration = Duration::from_secs(2);
