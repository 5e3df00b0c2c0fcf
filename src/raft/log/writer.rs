//! The log thread: jobs → groups, each durable with one sync, then acknowledged in order.
//!
//! While one sync runs the next group gathers, so the throughput is the group's size over the time of a sync.

use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use openraft::storage::IOFlushed;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::raft::fault::describe;
use crate::raft::health::{Health, now};
use crate::raft::log::journal::{CommitGroup, Journal};
use crate::raft::log::shared::Shared;
use crate::raft::types::{LogId, TypeConfig, Vote};

/// Something to be made durable, in the order of asking.
pub(in crate::raft) enum Job {
    /// Entries, and whom to tell.
    Append {
        /// Encoded entries by index.
        rows: Vec<(u64, bytes::Bytes)>,
        /// The last of them.
        last: LogId,
        /// Whom to tell.
        flushed: IOFlushed<TypeConfig>,
        /// The bytes' share of what may wait.
        permit: OwnedSemaphorePermit,
    },
    /// A vote.
    Vote(Vote, Done),
    /// Everything from an index on goes; the entry before it is now the last.
    Truncate(u64, Option<LogId>, Done),
    /// Everything up to an entry is not needed any more.
    Purge(LogId, Done),
    /// Everything before this is durable, the watermark included.
    Flush(Done),
}

/// Told when a job is durable.
pub(in crate::raft) type Done = oneshot::Sender<io::Result<()>>;

/// The thread's state.
pub(in crate::raft) struct Writer<J: Journal> {
    /// Where the jobs are.
    shared: Arc<Shared>,
    /// Where they go.
    journal: J,
    /// Who is told that the disk failed.
    health: Arc<Health>,
    /// When the first note was written that is not synced yet.
    unsynced_since: Option<Instant>,
    /// The first index that may still have a row of a purged entry.
    swept: u64,
}

/// What to do next.
enum Work {
    /// These, as one group.
    Group(Vec<Job>, Option<LogId>),
    /// Sync the watermark.
    Sync,
    /// Remove purged entries below this index.
    Sweep(u64),
    /// Nothing comes any more.
    Stop,
}

impl<J: Journal> Writer<J> {
    pub(in crate::raft) fn new(
        shared: Arc<Shared>,
        journal: J,
        health: Arc<Health>,
        swept: u64,
    ) -> Self {
        Self { shared, journal, health, unsynced_since: None, swept }
    }

    /// Works until the log is closed.
    pub(in crate::raft) fn run(mut self) {
        loop {
            let result = match self.next() {
                Work::Stop => return,
                Work::Sync => guarded(|| self.sync_notes()),
                Work::Sweep(end) => guarded(|| self.sweep(end)),
                Work::Group(jobs, committed) => {
                    self.write(jobs, committed);
                    continue;
                }
            };
            if let Err(error) = result {
                self.health.fail(reason(&error));
            }
        }
    }

    /// Waits for work; jobs come before house-keeping.
    fn next(&self) -> Work {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        loop {
            if !state.jobs.is_empty() {
                drop(state);
                // Whoever is about to add to the group does so first: a larger one costs the same sync.
                thread::yield_now();
                state = shared.lock();
                return Work::Group(state.take_group(), state.committed_unsaved.take());
            }
            if state.is_closed {
                return Work::Stop;
            }
            let is_healthy = self.health.failure().is_none();
            let purged_end = state.purged.map_or(0, |purged| purged.index + 1);
            if is_healthy && self.swept < purged_end {
                return Work::Sweep(purged_end.min(self.swept.saturating_add(SWEEP_MAX)));
            }
            let due = self.unsynced_since.filter(|_| is_healthy);
            let Some(since) = due else {
                state = shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let wait = SYNC_NOTES_AFTER.saturating_sub(since.elapsed());
            if wait.is_zero() {
                return Work::Sync;
            }
            let waited = shared.wake.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn write(&mut self, mut jobs: Vec<Job>, committed: Option<LogId>) {
        let result = match self.health.failure() {
            Some(reason) => Err(io::Error::other(reason.to_owned())),
            None => guarded(|| self.write_group(&mut jobs, committed)),
        };
        match &result {
            Ok(()) => self.shared.lock().advance(self.journal.marks().last),
            // Known before anybody is told, so that whoever is told finds the reason.
            Err(error) => self.health.fail(reason(error)),
        }
        for job in jobs {
            job.complete(again(&result));
        }
    }

    fn write_group(&mut self, jobs: &mut [Job], committed: Option<LogId>) -> io::Result<()> {
        let mut group = CommitGroup { committed, ..CommitGroup::default() };
        let mut is_urgent = false;
        for job in &mut *jobs {
            match job {
                Job::Append { rows, last, .. } => {
                    group.rows.append(rows);
                    group.last = Some(*last);
                }
                Job::Vote(vote, _) => {
                    group.vote = Some(*vote);
                    is_urgent = true;
                }
                Job::Purge(purged, _) => {
                    group.purged = Some(*purged);
                    is_urgent = true;
                }
                Job::Flush(_) => is_urgent = true,
                // `take_group` hands out a truncation by itself.
                Job::Truncate(from, last, _) => return self.truncate(*from, *last),
            }
        }
        self.journal.write(&group)?;
        let mut marks = self.journal.marks();
        marks.last = group.last.or(marks.last);
        marks.vote = group.vote.or(marks.vote);
        marks.purged = group.purged.or(marks.purged);
        // A snapshot from the leader may reach beyond the log.
        if marks.last.map(|last| last.index) < marks.purged.map(|purged| purged.index) {
            marks.last = marks.purged;
        }
        self.journal.note(marks)?;
        self.unsynced_since = self.unsynced_since.or_else(|| Some(now()));
        // A sync for each group would double the cost of a write. What it would add: a power loss that at the
        // same moment damages synced journal bytes of the last second. A vote is rare and gets it.
        let is_due = self.unsynced_since.is_some_and(|since| SYNC_NOTES_AFTER <= since.elapsed());
        if is_urgent || is_due { self.sync_notes() } else { Ok(()) }
    }

    /// Lowers the watermark first: a crash between the two leaves too many entries, which openraft truncates
    /// again, and not a log that looks damaged.
    fn truncate(&mut self, from: u64, last: Option<LogId>) -> io::Result<()> {
        let mut marks = self.journal.marks();
        marks.last = last;
        self.journal.note(marks)?;
        self.sync_notes()?;
        self.journal.truncate(from)
    }

    fn sweep(&mut self, end: u64) -> io::Result<()> {
        self.journal.sweep(self.swept..end)?;
        self.swept = end;
        Ok(())
    }

    fn sync_notes(&mut self) -> io::Result<()> {
        self.unsynced_since = None;
        self.journal.sync_notes()
    }
}

impl<J: Journal> Drop for Writer<J> {
    /// Nobody may wait for a thread that is gone, however it went.
    fn drop(&mut self) {
        let jobs = {
            let mut state = self.shared.lock();
            if !state.is_closed {
                self.health.fail("the log thread stopped".to_owned());
            }
            state.is_closed = true;
            mem::take(&mut state.jobs)
        };
        for job in jobs {
            job.complete(Err(closed()));
        }
        self.sync_notes()
            .unwrap_or_else(|error| tracing::warn!(%error, "cannot sync the watermark"));
    }
}

impl Job {
    /// What it counts towards a group's size.
    pub(in crate::raft) fn bytes(&self) -> usize {
        match self {
            Self::Append { rows, .. } => rows.iter().map(|(_, bytes)| bytes.len()).sum(),
            Self::Vote(..) | Self::Truncate(..) | Self::Purge(..) | Self::Flush(_) => 0,
        }
    }

    fn complete(self, result: io::Result<()>) {
        match self {
            Self::Append { flushed, permit, .. } => {
                drop(permit);
                flushed.io_completed(result);
            }
            Self::Vote(_, done)
            | Self::Truncate(_, _, done)
            | Self::Purge(_, done)
            | Self::Flush(done) => {
                // Who asked may have gone.
                let _ = done.send(result);
            }
        }
    }
}

/// Works with the disk. fjall panics on some damage: for those who wait that is a failure like any other, and
/// what the panic left half-done is not used again, because nothing is written after a failure.
fn guarded(work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(io::Error::other(describe(&*panic))))
}

fn reason(error: &io::Error) -> String {
    format!("a write to the log failed: {error}")
}

/// What is said to who comes after the end.
pub(in crate::raft) fn closed() -> io::Error {
    io::Error::other("the log is closed")
}

/// The same result for each job of a group.
fn again(result: &io::Result<()>) -> io::Result<()> {
    match result {
        Ok(()) => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
    }
}

/// How long notes may be in the kernel only.
const SYNC_NOTES_AFTER: Duration = Duration::from_secs(1);

/// Purged entries that are removed at a time: a vote waits no longer than for that.
const SWEEP_MAX: u64 = 1_000;
