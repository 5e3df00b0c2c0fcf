//! When which check runs. Polled: `poll(now)` says what is due, `next()` when to ask again.
//!
//! A check's first run falls somewhere in its first interval, by a hash of seed and id, and the later ones
//! keep that phase: a thousand checks of one interval are spread over all of it and stay so. A check that
//! still runs when it would be due again is left out that time.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::time::Duration;

use crate::model::limits::{CHECK_INTERVAL_MIN_MS, PROBES_RUNNING_MAX};
use crate::model::name::CheckId;
use crate::model::time::Now;

/// The schedule of all checks that run by the clock.
#[derive(Debug)]
pub(in crate::agent) struct Schedule {
    /// Spreads first runs.
    seed: u64,
    /// What is scheduled.
    slots: BTreeMap<CheckId, Slot>,
    /// The same by when it is due.
    queue: BTreeSet<(Now, CheckId)>,
    /// What runs, by the ticket of the run.
    running: BTreeMap<CheckId, Ticket>,
    /// The last ticket.
    ticket: Ticket,
}

/// The number of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::agent) struct Ticket(u64);

/// One check's place.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// From one run to the next.
    interval: Duration,
    /// When it is due.
    due: Now,
    /// Runs up to this one were of another definition: their results count no more.
    stale: Ticket,
}

/// A run to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) struct Due {
    /// Of which check.
    pub(in crate::agent) id: CheckId,
    /// To be handed back when it ended.
    pub(in crate::agent) ticket: Ticket,
}

impl Schedule {
    pub(in crate::agent) fn new(seed: u64) -> Self {
        Self {
            seed,
            slots: BTreeMap::new(),
            queue: BTreeSet::new(),
            running: BTreeMap::new(),
            ticket: Ticket::default(),
        }
    }

    /// Schedules a check that is new or was defined anew. Its first run is within one interval.
    pub(in crate::agent) fn put(&mut self, id: &CheckId, interval: Duration, now: Now) {
        self.remove(id);
        let interval = interval.max(Duration::from_millis(CHECK_INTERVAL_MIN_MS));
        let due = now.after(self.spread(id, interval));
        self.queue.insert((due, id.clone()));
        self.slots.insert(id.clone(), Slot { interval, due, stale: self.ticket });
    }

    /// Forgets a check. A run that is under way still has to be [finished](Self::finish).
    pub(in crate::agent) fn remove(&mut self, id: &CheckId) {
        if let Some(slot) = self.slots.remove(id) {
            self.queue.remove(&(slot.due, id.clone()));
        }
    }

    /// Takes what is due, longest overdue first, as long as there is room for another run.
    pub(in crate::agent) fn poll(&mut self, now: Now) -> Vec<Due> {
        let mut runs = Vec::new();
        while self.running.len() < PROBES_RUNNING_MAX {
            let Some((due, _)) = self.queue.first().filter(|(due, _)| *due <= now) else { break };
            let due = *due;
            let Some((_, id)) = self.queue.pop_first() else { break };
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            slot.due = next_in_phase(due, slot.interval, now);
            self.queue.insert((slot.due, id.clone()));
            if self.running.contains_key(&id) {
                continue;
            }
            self.ticket = Ticket(self.ticket.0 + 1);
            self.running.insert(id.clone(), self.ticket);
            runs.push(Due { id, ticket: self.ticket });
        }
        runs
    }

    /// Notes that a run ended; whether its result still counts.
    pub(in crate::agent) fn finish(&mut self, run: &Due) -> bool {
        if self.running.get(&run.id) != Some(&run.ticket) {
            return false;
        }
        self.running.remove(&run.id);
        self.slots.get(&run.id).is_some_and(|slot| slot.stale < run.ticket)
    }

    /// When to poll again; `None` while that is known only when a run ends.
    pub(in crate::agent) fn next(&self) -> Option<Now> {
        if PROBES_RUNNING_MAX <= self.running.len() {
            return None;
        }
        self.queue.first().map(|(due, _)| *due)
    }

    /// Where in its interval a check runs.
    fn spread(&self, id: &CheckId, interval: Duration) -> Duration {
        // Not a security hash: FNV and a mixing step, the same on every machine and in every build.
        let mut hash = Fnv(0xcbf2_9ce4_8422_2325 ^ self.seed);
        hash.write(id.folded().as_bytes());
        let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1);
        Duration::from_millis(fastrand::Rng::with_seed(hash.finish()).u64(..interval_ms))
    }
}

/// The first moment after `now` that is whole intervals after `due`.
fn next_in_phase(due: Now, interval: Duration, now: Now) -> Now {
    let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1);
    let late_ms = now.0.saturating_sub(due.0);
    let beats = late_ms / interval_ms + 1;
    Now(due.0.saturating_add(beats.saturating_mul(interval_ms)))
}

/// FNV-1a, 64 bits.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests;
