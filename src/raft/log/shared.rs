//! What the log thread and its users share: the queue, the readable tail, the marks.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard};

use crate::model::lock::lock;
use crate::raft::log::writer::Job;
use crate::raft::types::{Entry, LogId, Vote};

/// Shared between the log thread and its users.
#[derive(Default)]
pub(in crate::raft) struct Shared {
    /// All of it, held for moments only.
    state: Mutex<LogContent>,
    /// Wakes the log thread.
    pub(in crate::raft) wake: Condvar,
}

impl Shared {
    pub(in crate::raft) fn lock(&self) -> MutexGuard<'_, LogContent> {
        lock(&self.state)
    }
}

/// What is shared.
#[derive(Default)]
pub(in crate::raft) struct LogContent {
    /// What waits for the log thread. Bounded: appends by their bytes, the others are awaited one at a time.
    pub(in crate::raft) jobs: VecDeque<Job>,
    /// Whether nothing may be added.
    pub(in crate::raft) is_closed: bool,
    /// Whether there is no disk: the tail is all there is and nothing is taken out of it.
    pub(in crate::raft) is_memory: bool,
    /// The newest entries by index, with their encoded size: all that are not durable yet, and some that are.
    tail: BTreeMap<u64, (Entry, usize)>,
    /// The size of all of them.
    tail_bytes: usize,
    /// The vote.
    pub(in crate::raft) vote: Option<Vote>,
    /// The last entry that is known to be agreed on.
    pub(in crate::raft) committed: Option<LogId>,
    /// The same, until it is on its way to the disk.
    pub(in crate::raft) committed_unsaved: Option<LogId>,
    /// The first entry's index, if there are entries.
    first: u64,
    /// The last entry.
    pub(in crate::raft) last: Option<LogId>,
    /// The last purged entry.
    pub(in crate::raft) purged: Option<LogId>,
}

impl LogContent {
    /// Takes what is written together: everything up to a truncation or a size; a truncation comes by itself.
    pub(in crate::raft) fn take_group(&mut self) -> Vec<Job> {
        let mut bytes = 0;
        let mut count = 0;
        for job in &self.jobs {
            let is_alone = matches!(job, Job::Truncate(..));
            if 0 < count && (is_alone || GROUP_BYTES_MAX < bytes) {
                break;
            }
            count += 1;
            bytes += job.bytes();
            if is_alone {
                break;
            }
        }
        self.jobs.drain(..count).collect()
    }

    /// Makes an entry readable.
    pub(in crate::raft) fn push(&mut self, entry: Entry, bytes: usize) {
        if self.last == self.purged {
            self.first = entry.log_id.index;
        }
        self.last = Some(entry.log_id);
        self.tail_bytes += bytes;
        if let Some((_, bytes)) = self.tail.insert(entry.log_id.index, (entry, bytes)) {
            self.tail_bytes -= bytes;
        }
    }

    /// Everything up to `durable` can be read from the disk: keeps only the newest in memory.
    pub(in crate::raft) fn advance(&mut self, durable: Option<LogId>) {
        let Some(durable) = durable else { return };
        while TAIL_BYTES_MAX < self.tail_bytes && !self.is_memory {
            let Some(first) = self.tail.first_entry() else { return };
            if durable.index < *first.key() {
                return;
            }
            self.tail_bytes -= first.remove().1;
        }
    }

    /// Takes everything from an index on out of the tail.
    pub(in crate::raft) fn truncate(&mut self, from: u64, last: Option<LogId>) {
        let gone = self.tail.split_off(&from);
        self.tail_bytes -= gone.values().map(|(_, bytes)| bytes).sum::<usize>();
        self.last = last;
    }

    /// Takes everything up to an entry out of the tail.
    pub(in crate::raft) fn purge(&mut self, purged: LogId) {
        let kept = self.tail.split_off(&(purged.index + 1));
        self.tail = kept;
        self.tail_bytes = self.tail.values().map(|(_, bytes)| bytes).sum();
        self.purged = self.purged.max(Some(purged));
        self.last = self.last.max(self.purged);
    }

    /// The entries of a range that are in the tail, and the range before them that is not.
    pub(in crate::raft) fn read(&self, range: Range<u64>) -> (Range<u64>, Vec<Entry>) {
        let purged_end = self.purged.map_or(0, |purged| purged.index + 1);
        let start = range.start.max(self.first).max(purged_end);
        let end = range.end.min(self.last.map_or(0, |last| last.index + 1));
        if end <= start {
            return (start..start, Vec::new());
        }
        let entries: Vec<_> = self.tail.range(start..end).map(|(_, (entry, _))| entry).collect();
        let tail_start = entries.first().map_or(end, |entry| entry.log_id.index);
        (start..tail_start, entries.into_iter().cloned().collect())
    }
}

/// One group, in bytes: bounds the time that a vote behind it waits.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Durable entries that are kept readable in memory, in bytes: what is applied next is among them.
const TAIL_BYTES_MAX: usize = 1024 * 1024;
