//! When which check runs. Polled: `poll(now)` says what is due, `next()` when to ask again.
//!
//! A check's first run falls somewhere in its first interval, by a hash of seed and id, and the later ones
//! keep that phase: a thousand checks of one interval are spread over all of it and stay so. A check that
//! still runs when it would be due again is left out that time.
//! Programs and the others run in lanes of their own, so that hung ones of one kind take no place from the
//! other. Limits: [`SCRIPTS_RUNNING_MAX`] programs, and of the others as many as the caller allows.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::time::Duration;

use crate::model::definition::Probe;
use crate::model::limits::{CHECK_INTERVAL_MIN_MS, SCRIPTS_RUNNING_MAX};
use crate::model::name::CheckId;
use crate::model::time::Now;

/// The schedule of all checks that run by the clock.
#[derive(Debug)]
pub(in crate::agent) struct Schedule {
    /// Spreads first runs.
    seed: u64,
    /// What is scheduled.
    turns: BTreeMap<CheckId, Turn>,
    /// Those that run a program.
    scripts: Queue,
    /// Those that talk to somebody.
    sockets: Queue,
    /// What runs, by the ticket of the run.
    running: BTreeMap<CheckId, (Ticket, Lane)>,
    /// The last ticket.
    ticket: Ticket,
}

/// The number of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::agent) struct Ticket(u64);

/// What a run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) enum Lane {
    /// A process.
    Script,
    /// A socket.
    Socket,
}

impl Lane {
    /// What runs of a probe take.
    pub(in crate::agent) fn of(probe: &Probe) -> Self {
        match probe {
            Probe::Script { .. } | Probe::OsService { .. } => Self::Script,
            Probe::Http { .. }
            | Probe::Tcp { .. }
            | Probe::Udp { .. }
            | Probe::Grpc { .. }
            | Probe::H2Ping { .. }
            | Probe::Docker { .. }
            | Probe::Ttl { .. }
            | Probe::Alias { .. }
            | Probe::Maintenance => Self::Socket,
        }
    }
}

/// The checks of one lane.
#[derive(Debug)]
struct Queue {
    /// By when they are due.
    due: BTreeSet<(Now, CheckId)>,
    /// How many run.
    running: usize,
    /// How many may.
    running_max: usize,
}

impl Queue {
    fn new(running_max: usize) -> Self {
        Self { due: BTreeSet::new(), running: 0, running_max }
    }

    fn has_room(&self) -> bool {
        self.running < self.running_max
    }

    /// When it is to be polled again, if that is known.
    fn next(&self) -> Option<Now> {
        self.due.first().map(|(due, _)| *due).filter(|_| self.has_room())
    }
}

/// One check's place.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// From one run to the next.
    interval: Duration,
    /// When it is due.
    due: Now,
    /// Where it waits.
    lane: Lane,
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
    /// An empty one that starts at most so many runs beside those of programs.
    pub(in crate::agent) fn new(seed: u64, sockets_running_max: usize) -> Self {
        Self {
            seed,
            turns: BTreeMap::new(),
            scripts: Queue::new(SCRIPTS_RUNNING_MAX),
            sockets: Queue::new(sockets_running_max),
            running: BTreeMap::new(),
            ticket: Ticket::default(),
        }
    }

    /// Schedules a check that is new or was defined anew. Its first run is within one interval.
    pub(in crate::agent) fn put(&mut self, id: &CheckId, interval: Duration, lane: Lane, now: Now) {
        self.remove(id);
        let interval = interval.max(Duration::from_millis(CHECK_INTERVAL_MIN_MS));
        let due = now.after(self.spread(id, interval));
        self.queue(lane).due.insert((due, id.clone()));
        self.turns.insert(id.clone(), Turn { interval, due, lane, stale: self.ticket });
    }

    /// Forgets a check. A run that is under way still has to be [finished](Self::finish).
    pub(in crate::agent) fn remove(&mut self, id: &CheckId) {
        if let Some(turn) = self.turns.remove(id) {
            self.queue(turn.lane).due.remove(&(turn.due, id.clone()));
        }
    }

    /// Takes what is due, longest overdue first, as long as there is room for another run.
    pub(in crate::agent) fn poll(&mut self, now: Now) -> Vec<Due> {
        let mut runs = Vec::new();
        for lane in [Lane::Script, Lane::Socket] {
            self.poll_lane(lane, now, &mut runs);
        }
        runs
    }

    fn poll_lane(&mut self, lane: Lane, now: Now, runs: &mut Vec<Due>) {
        while self.queue(lane).next().is_some_and(|due| due <= now) {
            let Some((due, id)) = self.queue(lane).due.pop_first() else { break };
            let Some(turn) = self.turns.get_mut(&id) else { continue };
            turn.due = next_in_phase(due, turn.interval, now);
            let next = (turn.due, id.clone());
            self.queue(lane).due.insert(next);
            if self.running.contains_key(&id) {
                continue;
            }
            self.ticket = Ticket(self.ticket.0 + 1);
            self.running.insert(id.clone(), (self.ticket, lane));
            self.queue(lane).running += 1;
            runs.push(Due { id, ticket: self.ticket });
        }
    }

    /// Notes that a run ended; whether its result still counts.
    pub(in crate::agent) fn finish(&mut self, run: &Due) -> bool {
        let Some((ticket, lane)) = self.running.get(&run.id).copied() else { return false };
        if ticket != run.ticket {
            return false;
        }
        self.running.remove(&run.id);
        let queue = self.queue(lane);
        queue.running = queue.running.saturating_sub(1);
        self.turns.get(&run.id).is_some_and(|turn| turn.stale < run.ticket)
    }

    /// When to poll again; `None` while that is known only when a run ends.
    pub(in crate::agent) fn next(&self) -> Option<Now> {
        [self.scripts.next(), self.sockets.next()].into_iter().flatten().min()
    }

    fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Script => &mut self.scripts,
            Lane::Socket => &mut self.sockets,
        }
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
