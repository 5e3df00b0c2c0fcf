//! What is remembered of each check while it is there, beside its word: thresholds, deadlines, the run
//! that is under way.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::agent::LocalView;
use crate::agent::schedule::{Due, Schedule};
use crate::agent::threshold::Threshold;
use crate::model::definition::{CheckDefinition, Probe};
use crate::model::health::Status;
use crate::model::name::CheckId;
use crate::model::time::Now;

/// All checks that are there.
#[derive(Debug)]
pub(in crate::agent) struct Runs {
    /// By check.
    checks: BTreeMap<CheckId, Run>,
    /// When those that run by the clock run.
    schedule: Schedule,
}

/// One check.
#[derive(Debug)]
struct Run {
    /// What it was when this was set up.
    definition: Arc<CheckDefinition>,
    /// Counts runs in a row.
    threshold: Threshold,
    /// When a TTL check expires, unless somebody speaks.
    deadline: Option<Now>,
    /// Since when it is critical.
    critical_since: Option<Now>,
    /// Ends the run that is under way.
    cancel: Option<CancellationToken>,
}

impl Runs {
    pub(in crate::agent) fn new(seed: u64) -> Self {
        Self { checks: BTreeMap::new(), schedule: Schedule::new(seed) }
    }

    /// Brings this in line with what is stated: new and changed checks are scheduled, those that are gone
    /// are forgotten and their runs ended; the others are left alone.
    pub(in crate::agent) fn align(&mut self, local: &LocalView, now: Now) {
        let schedule = &mut self.schedule;
        self.checks.retain(|id, run| {
            let is_there = local.checks.contains_key(id);
            if !is_there {
                schedule.remove(id);
                run.end();
            }
            is_there
        });
        for (id, check) in &local.checks {
            let before = self.checks.get_mut(id);
            if let Some(run) = before {
                if Arc::ptr_eq(&run.definition, &check.definition) {
                    run.note_status(check.status, now);
                    continue;
                }
                run.end();
            }
            match check.definition.probe.timing() {
                Some(timing) => self.schedule.put(id, timing.interval, now),
                None => self.schedule.remove(id),
            }
            let mut run = Run {
                definition: Arc::clone(&check.definition),
                threshold: Threshold::new(&check.definition),
                deadline: deadline(&check.definition, now),
                critical_since: None,
                cancel: None,
            };
            run.note_status(check.status, now);
            self.checks.insert(id.clone(), run);
        }
    }

    /// The runs to start now, each with what ends it.
    pub(in crate::agent) fn poll(
        &mut self,
        now: Now,
        stop: &CancellationToken,
    ) -> Vec<(Due, Arc<CheckDefinition>, CancellationToken)> {
        let mut runs = Vec::new();
        for due in self.schedule.poll(now) {
            let Some(run) = self.checks.get_mut(&due.id) else {
                self.schedule.finish(&due);
                continue;
            };
            let cancel = stop.child_token();
            run.cancel = Some(cancel.clone());
            runs.push((due, Arc::clone(&run.definition), cancel));
        }
        runs
    }

    /// Notes a run's result; the word that counts now, if it does.
    pub(in crate::agent) fn finish(&mut self, due: &Due, status: Option<Status>) -> Option<Status> {
        if !self.schedule.finish(due) {
            return None;
        }
        let run = self.checks.get_mut(&due.id)?;
        run.cancel = None;
        run.threshold.count(status?)
    }

    /// Somebody spoke for a TTL check.
    pub(in crate::agent) fn renew(&mut self, id: &CheckId, now: Now) {
        if let Some(run) = self.checks.get_mut(id) {
            run.deadline = deadline(&run.definition, now);
        }
    }

    /// The TTL checks that nobody spoke for in time; each once.
    pub(in crate::agent) fn expire(&mut self, now: Now) -> Vec<CheckId> {
        let mut expired = Vec::new();
        for (id, run) in &mut self.checks {
            if run.deadline.is_some_and(|deadline| deadline <= now) {
                run.deadline = None;
                expired.push(id.clone());
            }
        }
        expired
    }

    pub(in crate::agent) fn note_status(&mut self, id: &CheckId, status: Status, now: Now) {
        if let Some(run) = self.checks.get_mut(id) {
            run.note_status(status, now);
        }
    }

    pub(in crate::agent) fn critical_since(&self, id: &CheckId) -> Option<Now> {
        self.checks.get(id).and_then(|run| run.critical_since)
    }

    /// When something is to be done next.
    pub(in crate::agent) fn next(&self) -> Option<Now> {
        let deadline = self.checks.values().filter_map(|run| run.deadline).min();
        [deadline, self.schedule.next()].into_iter().flatten().min()
    }
}

impl Run {
    fn note_status(&mut self, status: Status, now: Now) {
        match status {
            Status::Critical => self.critical_since = self.critical_since.or(Some(now)),
            Status::Passing | Status::Warning => self.critical_since = None,
        }
    }

    fn end(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            cancel.cancel();
        }
    }
}

/// When a check expires, if it is one that waits to be told.
fn deadline(definition: &CheckDefinition, now: Now) -> Option<Now> {
    match &definition.probe {
        Probe::Ttl { ttl } => Some(now.after(*ttl)),
        Probe::Http { .. }
        | Probe::Tcp { .. }
        | Probe::Udp { .. }
        | Probe::Script { .. }
        | Probe::Alias { .. }
        | Probe::Maintenance => None,
    }
}
