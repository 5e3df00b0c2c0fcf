//! What is remembered of each check while it is there, beside its word: thresholds, deadlines, the run
//! that is under way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use tokio_util::sync::CancellationToken;

use crate::agent::schedule::{Due, Lane, Schedule};
use crate::agent::threshold::Threshold;
use crate::agent::{LocalCheck, LocalView};
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
    /// When TTL checks expire.
    deadlines: BTreeSet<(Now, CheckId)>,
    /// What this was brought in line with last.
    aligned: OrdMap<CheckId, Arc<LocalCheck>>,
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
    /// No checks yet; at most so many run at one time beside programs.
    pub(in crate::agent) fn new(seed: u64, sockets_running_max: usize) -> Self {
        Self {
            checks: BTreeMap::new(),
            schedule: Schedule::new(seed, sockets_running_max),
            deadlines: BTreeSet::new(),
            aligned: OrdMap::new(),
        }
    }

    /// Brings this in line with what is stated: new and changed checks are scheduled, those that are gone
    /// are forgotten and their runs ended; the others are left alone.
    pub(in crate::agent) fn align(&mut self, local: &LocalView, now: Now) {
        let before = std::mem::replace(&mut self.aligned, local.checks.clone());
        for difference in before.diff(&local.checks) {
            match difference {
                DiffItem::Add(id, check) | DiffItem::Update { new: (id, check), .. } => {
                    self.put(id, check, now);
                }
                DiffItem::Remove(id, _) => {
                    self.schedule.remove(id);
                    self.forget(id);
                }
            }
        }
    }

    fn put(&mut self, id: &CheckId, check: &LocalCheck, now: Now) {
        if let Some(run) = self.checks.get_mut(id)
            && Arc::ptr_eq(&run.definition, &check.definition)
        {
            return run.note_status(check.status, now);
        }
        self.forget(id);
        match check.definition.probe.timing() {
            Some(timing) => {
                let lane = Lane::of(&check.definition.probe);
                self.schedule.put(id, timing.interval, lane, now);
            }
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
        self.deadlines.extend(run.deadline.map(|deadline| (deadline, id.clone())));
        self.checks.insert(id.clone(), run);
    }

    /// Ends a run that is under way, and forgets what was known of its check.
    fn forget(&mut self, id: &CheckId) {
        let Some(mut run) = self.checks.remove(id) else { return };
        run.end();
        if let Some(deadline) = run.deadline {
            self.deadlines.remove(&(deadline, id.clone()));
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
        let Some(run) = self.checks.get(id) else { return };
        let whole = deadline(&run.definition, now);
        self.expect_by(id, whole);
    }

    /// Waits for a word about a TTL check until another moment, or no more.
    fn expect_by(&mut self, id: &CheckId, moment: Option<Now>) {
        let Some(run) = self.checks.get_mut(id) else { return };
        if let Some(before) = std::mem::replace(&mut run.deadline, moment) {
            self.deadlines.remove(&(before, id.clone()));
        }
        self.deadlines.extend(moment.map(|moment| (moment, id.clone())));
    }

    /// Goes on with a TTL check that an earlier process was spoken to about: its word counts for what is
    /// left of its time, at most for a whole TTL; with nothing left to wait for where it expired before.
    pub(in crate::agent) fn resume(&mut self, id: &CheckId, left: Option<Duration>, now: Now) {
        let Some(whole) = self.checks.get(id).and_then(|run| run.deadline) else { return };
        // The clock may have been set back, or the TTL made shorter.
        self.expect_by(id, left.map(|left| now.after(left).min(whole)));
    }

    /// When TTL checks expire that did not yet, the next one first.
    pub(in crate::agent) fn deadlines(&self) -> impl Iterator<Item = &(Now, CheckId)> {
        self.deadlines.iter()
    }

    /// The TTL checks that nobody spoke for in time; each once.
    pub(in crate::agent) fn expire(&mut self, now: Now) -> Vec<CheckId> {
        let mut expired = Vec::new();
        while self.deadlines.first().is_some_and(|(deadline, _)| *deadline <= now) {
            let Some((_, id)) = self.deadlines.pop_first() else { break };
            if let Some(run) = self.checks.get_mut(&id) {
                run.deadline = None;
            }
            expired.push(id);
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
        let deadline = self.deadlines.first().map(|(deadline, _)| *deadline);
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
        | Probe::Grpc { .. }
        | Probe::H2Ping { .. }
        | Probe::Script { .. }
        | Probe::Docker { .. }
        | Probe::OsService { .. }
        | Probe::Alias { .. }
        | Probe::Maintenance => None,
    }
}
