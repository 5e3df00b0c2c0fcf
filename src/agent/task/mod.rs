//! The one task that owns what is stated: calls, results of probes and time → the next LocalView.

mod action;

mod word;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent::alias;
use crate::agent::clock::Clock;
use crate::agent::keep::{self, Keep, Kept};
use crate::agent::local::{self, OldChecks, Orphan};
use crate::agent::probe::{Finding, Prober};
use crate::agent::reap::{self, REAP_INTERVAL};
use crate::agent::run::Runs;
use crate::agent::schedule::Due;
use crate::agent::sync::Adopted;
use crate::agent::sync::task::Generation;
use crate::agent::task::word::Audience;
use crate::agent::{AgentFault, AgentOptions, FileDefinitions, LocalView, Origin};
use crate::catalog::View;
use crate::model::check::SERF_HEALTH;
use crate::model::definition::{CheckDefinition, ServiceDefinition};
use crate::model::health::Status;
use crate::model::limits::{CHECK_OUTPUT_KEPT_BYTES_MAX, PROBES_RUNNING_MAX};
use crate::model::name::{CheckId, NodeName, ServiceId};
use crate::model::service::CONSUL_SERVICE;
use crate::model::time::Now;
use crate::publish::{Reader, Waiter};

/// Something to do, and to whom to say that it is done.
pub(in crate::agent) struct Call {
    /// What.
    pub(in crate::agent) action: Action,
    /// Told what came of it; with the generation to wait for, if the catalog has to be told.
    pub(in crate::agent) done: oneshot::Sender<Result<Option<Generation>, AgentFault>>,
}

/// What can be asked for.
pub(in crate::agent) enum Action {
    /// States a service.
    RegisterService(Box<ServiceDefinition>, OldChecks),
    /// States it no longer.
    DeregisterService(ServiceId),
    /// States a check.
    RegisterCheck(Box<CheckDefinition>),
    /// States it no longer.
    DeregisterCheck(CheckId),
    /// Speaks for a TTL check.
    UpdateTtl {
        /// Which.
        id: CheckId,
        /// What it says.
        status: Status,
        /// Why.
        output: String,
    },
    /// Puts a service into maintenance for a reason, or takes it out.
    ServiceMaintenance(ServiceId, Option<String>),
    /// Puts the node into maintenance for a reason, or takes it out.
    NodeMaintenance(Option<String>),
    /// Takes what files state now.
    Reload(Box<FileDefinitions>),
    /// States services with the tags that others gave them.
    AdoptTags(Vec<Adopted>),
}

/// The task's state.
pub(in crate::agent) struct Task {
    /// Runs probes.
    prober: Arc<dyn Prober>,
    /// Settings.
    options: Arc<AgentOptions>,
    /// What is stated.
    local: LocalView,
    /// The same for readers.
    published: Arc<ArcSwap<LocalView>>,
    /// The number of the last one that the catalog has to hear of.
    stated: watch::Sender<Generation>,
    /// Deadlines and schedule.
    runs: Runs,
    /// Which checks are aliases, and of what.
    index: alias::Index,
    /// Files.
    keep: Keep,
    /// When the states have to be written, if they changed.
    states_due: Option<Now>,
    /// The write of them that is under way.
    states_write: Option<JoinHandle<Result<(), AgentFault>>>,
    /// When checks that were critical for too long are looked for.
    reap_due: Now,
    /// The catalog, for aliases.
    reader: Reader,
    /// Other nodes that aliases follow, and what wakes when one of them changes.
    followed: (BTreeSet<NodeName>, Option<Waiter>),
    /// Time.
    clock: Clock,
    /// Where probes run.
    tasks: TaskTracker,
}

/// A run that ended.
struct Ended {
    /// Which.
    due: Due,
    /// What it found; nothing if it was ended before.
    finding: Option<Finding>,
}

impl Task {
    /// Reads what is kept and takes what files state.
    #[expect(clippy::too_many_arguments, reason = "called once, by the handle that owns the ends")]
    pub(in crate::agent) fn open(
        prober: Arc<dyn Prober>,
        options: Arc<AgentOptions>,
        files: FileDefinitions,
        published: Arc<ArcSwap<LocalView>>,
        stated: watch::Sender<Generation>,
        reader: Reader,
        clock: Clock,
        tasks: TaskTracker,
    ) -> Result<Self, AgentFault> {
        let (mut keep, kept) = Keep::open(options.data_dir.as_deref())?;
        let states = kept.states.clone();
        let view = restore(files, kept, &options, &reader.load())?;
        // What could not be restored, or what a file states now, is kept no longer.
        keep::carry_out_now(&keep.plan(&view, &view)?)?;
        let sockets_running_max = prober.sockets_running_max();
        let now = clock.now();
        let mut task = Self {
            prober,
            runs: Runs::new(options.seed, sockets_running_max),
            options,
            local: view,
            published,
            stated,
            index: alias::Index::default(),
            keep,
            states_due: None,
            states_write: None,
            reap_due: now.after(REAP_INTERVAL),
            reader,
            followed: (BTreeSet::new(), None),
            clock,
            tasks,
        };
        task.runs.align(&task.local, now);
        // Before anybody hears of a word that counts no more.
        task.resume(&states);
        task.settle();
        task.publish(Audience::Catalog);
        Ok(task)
    }

    /// Runs until `stop`.
    pub(in crate::agent) async fn run(
        mut self,
        mut calls: mpsc::Receiver<Call>,
        stop: CancellationToken,
    ) {
        // As many as can run, so that no probe ever waits to hand in what it found.
        let (sender, mut ended) = mpsc::channel(PROBES_RUNNING_MAX);
        let mut batch = Vec::new();
        let mut is_open = true;
        loop {
            self.start_probes(&sender, &stop);
            let next = self.next();
            tokio::select! {
                biased;
                // Results before calls: there are only as many as the schedule allows, while calls come
                // as fast as clients please. Time last: it waits for nobody.
                () = stop.cancelled() => break,
                _ = ended.recv_many(&mut batch, PROBES_RUNNING_MAX) => self.take_results(&mut batch),
                call = calls.recv(), if is_open => match call {
                    Some(Call { action, done }) => {
                        let result = self.act(action).await;
                        // Nobody listens if the caller gave up.
                        let _ = done.send(result);
                    }
                    None => is_open = false,
                },
                () = changed(&mut self.followed.1) => self.follow(),
                () = self.clock.reached(next) => {}
            }
            self.keep_time().await;
        }
        self.write_last_states().await;
    }

    /// When something is to be done next, if nothing happens.
    fn next(&self) -> Option<Now> {
        let fixed = [Some(self.reap_due), self.states_due, self.runs.next()];
        fixed.into_iter().flatten().min()
    }

    fn start_probes(&mut self, sender: &mpsc::Sender<Ended>, stop: &CancellationToken) {
        for (due, definition, cancel) in self.runs.poll(self.clock.now(), stop) {
            let output_bytes_max = self.output_bytes_max(&definition);
            let running = self.prober.run(definition, output_bytes_max);
            let sender = sender.clone();
            self.tasks.spawn(async move {
                let finding = tokio::select! {
                    biased;
                    () = cancel.cancelled() => None,
                    finding = running => finding,
                };
                // The task ends first only when everything ends.
                let _ = sender.send(Ended { due, finding }).await;
            });
        }
    }

    /// Does what the time demands.
    async fn keep_time(&mut self) {
        let now = self.clock.now();
        let change = self.expire(now);
        self.tell(change);
        if self.reap_due <= now {
            self.reap_due = now.after(REAP_INTERVAL);
            self.reap(now).await;
        }
        if self.states_due.is_some_and(|due| due <= now) {
            self.write_states(now);
        }
    }

    async fn reap(&mut self, now: Now) {
        let overdue = reap::overdue(&self.local, |id| self.runs.critical_since(id), now);
        for id in overdue {
            tracing::info!("service `{id}` was critical for too long and is deregistered");
            if let Err(fault) = self.act(Action::DeregisterService(id.clone())).await {
                tracing::error!("cannot deregister service `{id}`: {fault}");
            }
        }
    }

    /// Starts to write what checks say, unless it is being written already.
    fn write_states(&mut self, now: Now) {
        if self.states_write.as_ref().is_some_and(|write| !write.is_finished()) {
            self.states_due = Some(now.after(STATES_DELAY));
            return;
        }
        self.states_due = None;
        let Some(path) = self.keep.states_path() else { return };
        let (local, until) = (self.local.clone(), self.kept_until());
        self.states_write = Some(self.tasks.spawn(async move {
            let result = keep::write_states(path, local, until).await;
            if let Err(fault) = &result {
                tracing::error!("what checks say may be lost with this agent: {fault}");
            }
            result
        }));
    }

    async fn write_last_states(&mut self) {
        if let Some(write) = self.states_write.take() {
            // It said itself what went wrong.
            let _ = write.await;
        }
        let Some(path) = self.keep.states_path() else { return };
        let result = keep::write_states(path, self.local.clone(), self.kept_until()).await;
        if let Err(fault) = result {
            tracing::error!("what checks say is lost with this agent: {fault}");
        }
    }

    fn output_bytes_max(&self, definition: &CheckDefinition) -> usize {
        // As in Consul, a check may ask for less than the agent allows, never for more.
        let allowed = self.options.check_output_bytes_max.min(CHECK_OUTPUT_KEPT_BYTES_MAX);
        definition.output_bytes_max.map_or(allowed, |stated| stated.min(allowed))
    }
}

/// What files state and what was kept, as far as it is still allowed, with what checks said.
fn restore(
    files: FileDefinitions,
    kept: Kept,
    options: &AgentOptions,
    catalog: &View,
) -> Result<LocalView, AgentFault> {
    let mut view = LocalView::default();
    // Services before checks, whoever stated them: a check of a file may be about a service of the API.
    // Files first each time, so that what was kept never takes their room.
    local::put_file_services(&mut view, files.services, options.scripts)?;
    restore_services(&mut view, kept.services, options);
    warn_of(&local::put_file_checks(&mut view, files.checks, options.scripts)?);
    restore_checks(&mut view, kept.checks, options);
    for (id, state) in kept.states {
        local::set_word(&mut view, &id, state.status, state.output);
    }
    // A server's own catalog was told before the caller was, the file is written up to a second later: after
    // a crash the catalog knows better.
    let Some(entry) = catalog.node(options.node.folded()) else { return Ok(view) };
    for (id, told) in &entry.checks {
        if view.checks.get(id).is_some_and(|check| check.status != told.status) {
            local::set_word(&mut view, id, told.status, told.output.clone());
        }
    }
    Ok(view)
}

fn restore_services(
    view: &mut LocalView,
    services: Vec<ServiceDefinition>,
    options: &AgentOptions,
) {
    for service in services {
        let id = service.id.clone();
        if id.folded() == CONSUL_SERVICE {
            tracing::warn!("service `{id}` is dropped: the leader keeps the one of this id");
            continue;
        }
        if view.services.contains_key(&id) {
            tracing::info!(
                "service `{id}` is stated by a file now; what the API stated is dropped"
            );
            continue;
        }
        let put = local::put_service(view, service, Origin::Http, OldChecks::Keep, options.scripts);
        if let Err(fault) = put {
            tracing::warn!("service `{id}` is dropped: {fault}");
        }
    }
}

fn restore_checks(view: &mut LocalView, checks: Vec<CheckDefinition>, options: &AgentOptions) {
    for check in checks {
        let id = check.id.clone();
        if id.as_str().eq_ignore_ascii_case(SERF_HEALTH) {
            tracing::warn!("check `{id}` is dropped: the leader keeps the one of this id");
            continue;
        }
        if view.checks.contains_key(&id) {
            tracing::info!("check `{id}` is stated by a file now; what the API stated is dropped");
            continue;
        }
        if let Err(fault) = local::put_check(view, check, Origin::Http, options.scripts) {
            tracing::warn!("check `{id}` is dropped: {fault}");
        }
    }
}

/// Says which checks of files are left out.
fn warn_of(orphans: &[Orphan]) {
    for Orphan { check, service } in orphans {
        tracing::warn!(
            "check `{check}` of the configuration files is left out until the next reload: there is no \
             service `{service}` on this agent"
        );
    }
}

/// Waits for a followed node to change; for ever if there is none.
async fn changed(waiter: &mut Option<Waiter>) {
    match waiter {
        Some(waiter) => waiter.changed().await,
        None => std::future::pending().await,
    }
}

/// How long a change of status may wait before it is on disk: one write then serves many changes.
const STATES_DELAY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
