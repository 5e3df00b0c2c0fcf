//! Outputs that changed without a change of status → when the catalog is told.
//!
//! A check that prints the time would otherwise be a write of the whole cluster every time it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::agent::sync::Scope;
use crate::model::name::CheckId;
use crate::model::time::Now;

/// What waits, and until when.
#[derive(Debug, Default)]
pub(super) struct Deferral {
    /// By check. Holds only what differs now.
    waiting: BTreeMap<CheckId, Now>,
    /// The same by when it is due.
    queue: BTreeSet<(Now, CheckId)>,
}

impl Deferral {
    /// The checks whose output is to be told now.
    pub(super) fn due(&self, now: Now) -> BTreeSet<CheckId> {
        let due = self.queue.iter().take_while(|(due, _)| *due <= now);
        due.map(|(_, id)| id.clone()).collect()
    }

    /// Notes which outputs differ, of the checks that were compared, after everything that was due was told.
    /// A new one waits for half the interval to one and a half, at random, as in Consul: agents that started
    /// together drift apart.
    pub(super) fn note(
        &mut self,
        compared: &Scope,
        outputs: &BTreeSet<CheckId>,
        now: Now,
        interval: Duration,
        rng: &mut fastrand::Rng,
    ) {
        for id in compared.checks().difference(outputs) {
            if let Some(due) = self.waiting.remove(id) {
                self.queue.remove(&(due, id.clone()));
            }
        }
        for id in outputs.iter().filter(|id| compared.checks().contains(*id)) {
            if !self.waiting.contains_key(id) {
                let due = now.after(interval.mul_f64(0.5 + rng.f64()));
                self.waiting.insert(id.clone(), due);
                self.queue.insert((due, id.clone()));
            }
        }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Now> {
        self.queue.first().map(|(due, _)| *due)
    }
}
