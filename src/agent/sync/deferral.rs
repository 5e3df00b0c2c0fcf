//! Outputs that changed without a change of status → when the catalog is told.
//!
//! A check that prints the time would otherwise be a write of the whole cluster every time it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::name::CheckId;
use crate::model::time::Now;

/// What waits, and until when.
#[derive(Debug, Default)]
pub(super) struct Deferral {
    /// By check. Holds only what differs now.
    waiting: BTreeMap<CheckId, Now>,
}

impl Deferral {
    /// The checks whose output is to be told now.
    pub(super) fn due(&self, now: Now) -> BTreeSet<CheckId> {
        self.waiting.iter().filter(|(_, due)| **due <= now).map(|(id, _)| id.clone()).collect()
    }

    /// Notes which outputs differ after everything that was due was told. A new one waits for half the
    /// interval to one and a half, at random, as in Consul: agents that started together drift apart.
    pub(super) fn note(
        &mut self,
        outputs: &BTreeSet<CheckId>,
        now: Now,
        interval: Duration,
        rng: &mut fastrand::Rng,
    ) {
        self.waiting.retain(|id, _| outputs.contains(id));
        for id in outputs {
            let wait = interval.mul_f64(0.5 + rng.f64());
            self.waiting.entry(id.clone()).or_insert_with(|| now.after(wait));
        }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Now> {
        self.waiting.values().min().copied()
    }
}
