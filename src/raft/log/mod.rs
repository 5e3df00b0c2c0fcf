//! The log: entries and votes → durable, then acknowledged; and back.
//!
//! `append` makes entries readable at once and queues them; a thread of its own writes all that waits as one
//! group with one sync, notes the watermark, and tells openraft in order. Votes go the same way and are awaited,
//! so a vote is durable before any entry of its term. A purge moves a durable mark and returns; the rows are
//! removed in small portions when nothing else is to do, because openraft waits inside its core for these calls.
//!
//! Without a data dir (`-dev`) the tail is the whole log and everything counts as durable at once.

pub(in crate::raft) mod entry;

pub(in crate::raft) mod journal;

pub(in crate::raft) mod shared;

pub(in crate::raft) mod writer;

pub(in crate::raft) mod disk;

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use futures_util::{Stream, stream};
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};
use tokio::sync::{Semaphore, oneshot};

use crate::model::limits::{PROPOSED_BYTES_MAX, RAFT_APPEND_BYTES_MAX};
use crate::model::lock::lock;
use crate::raft::health::Health;
use crate::raft::log::disk::{Disk, Extent, LogMeta};
use crate::raft::log::journal::Journal;
use crate::raft::log::shared::{LogContent, Shared};
use crate::raft::log::writer::{Done, Job, Writer, closed};
use crate::raft::types::{Entry, LogId, TypeConfig, Vote};

/// The log; clones are the same one.
#[derive(Clone)]
pub(in crate::raft) struct LogStore {
    /// The queue and the readable tail.
    shared: Arc<Shared>,
    /// Where entries are read that are not in the tail; nothing without a data dir and once closed.
    disk: Arc<Mutex<Option<Disk>>>,
    /// The bytes that may wait for the log thread.
    room: Arc<Semaphore>,
    /// The log thread, until it is joined.
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl LogStore {
    /// A log that forgets everything at the end of the process.
    pub(in crate::raft) fn in_memory() -> Self {
        let shared = Arc::new(Shared::default());
        shared.lock().is_memory = true;
        Self::with(shared, None, None)
    }

    /// A log on disk, with what was found there. Starts the log thread.
    ///
    /// # Errors
    /// The system's, where it gives no thread.
    pub(in crate::raft) fn on_disk(
        disk: Disk,
        (meta, extent): (LogMeta, Extent),
        journal: impl Journal,
        health: Arc<Health>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let swept = {
            let mut state = shared.lock();
            state.vote = meta.vote;
            state.committed = meta.committed;
            state.purged = meta.purged;
            state.last = extent.last;
            extent.first.or(meta.purged.map(|purged| purged.index + 1)).unwrap_or(0)
        };
        let writer = Writer::new(Arc::clone(&shared), journal, health, swept);
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(|| writer.run())?;
        Ok(Self::with(shared, Some(disk), Some(thread)))
    }

    fn with(shared: Arc<Shared>, disk: Option<Disk>, thread: Option<JoinHandle<()>>) -> Self {
        Self {
            shared,
            disk: Arc::new(Mutex::new(disk)),
            room: Arc::new(Semaphore::new(PROPOSED_BYTES_MAX)),
            thread: Arc::new(Mutex::new(thread)),
        }
    }

    /// Waits until all that was asked for is durable, then closes the files. Later calls fail.
    pub(in crate::raft) async fn close(&self) {
        let flushed = self.submit(Job::Flush).await;
        self.shared.lock().is_closed = true;
        self.shared.wake.notify_one();
        let thread = lock(&self.thread).take();
        let disk = Arc::clone(&self.disk);
        let join = move || {
            if let Some(thread) = thread {
                // A panic was noted by the thread's own end.
                let _ = thread.join();
            }
            drop(lock(&disk).take());
        };
        let _ = tokio::task::spawn_blocking(join).await;
        if let Err(error) = flushed {
            tracing::warn!(%error, "the log was closed without a last flush");
        }
    }

    /// The last entry.
    pub(in crate::raft) fn last(&self) -> Option<LogId> {
        self.shared.lock().last
    }

    /// The vote.
    fn vote(&self) -> Option<Vote> {
        self.shared.lock().vote
    }

    /// Hands a job to the log thread and waits until it is durable.
    async fn submit(&self, job: impl FnOnce(Done) -> Job) -> io::Result<()> {
        let (done, told) = oneshot::channel();
        {
            let mut state = self.shared.lock();
            if state.is_memory {
                return Ok(());
            }
            enqueue(&mut state, job(done))?;
        }
        self.shared.wake.notify_one();
        told.await.map_err(|_| closed())?
    }

    /// Reads all entries of a range, or the first of them that have `bytes_max` bytes together, but at least
    /// one.
    async fn read(&self, range: Range<u64>, bytes_max: usize) -> io::Result<Vec<Entry>> {
        let (missing, recent) = self.shared.lock().read(range);
        let mut entries = if missing.is_empty() {
            Vec::new()
        } else {
            let disk = lock(&self.disk).clone().ok_or_else(closed)?;
            let end = missing.end;
            let read = move || disk.read(missing, bytes_max);
            let entries = tokio::task::spawn_blocking(read).await.map_err(io::Error::other)??;
            if entries.last().is_none_or(|entry| entry.log_id.index + 1 < end) {
                return Ok(entries);
            }
            entries
        };
        let mut bytes: usize = entries.iter().map(size).sum();
        for entry in recent {
            bytes = bytes.saturating_add(size(&entry));
            if bytes_max < bytes && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        self.read(bounds(&range), usize::MAX).await
    }

    // Keeps replication within what one message may carry: openraft does not split what is too large.
    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read(start..end, RAFT_APPEND_BYTES_MAX).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.vote())
    }

    // Applying a long log must not hold all of it in memory.
    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let portions =
            stream::try_unfold((self.clone(), bounds(&range)), |(log, range)| async move {
                let entries = log.read(range.clone(), RAFT_APPEND_BYTES_MAX).await?;
                let Some(last) = entries.last() else { return Ok::<_, io::Error>(None) };
                let rest = last.log_id.index + 1..range.end;
                Ok(Some((stream::iter(entries.into_iter().map(Ok)), (log, rest))))
            });
        Box::pin(futures_util::TryStreamExt::try_flatten(portions))
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig>> {
        let state = self.shared.lock();
        Ok(LogState { last_purged_log_id: state.purged, last_log_id: state.last })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let vote = *vote;
        self.submit(|done| Job::Vote(vote, done)).await?;
        self.shared.lock().vote = Some(vote);
        Ok(())
    }

    // Goes to disk with the next group: an older one costs a start some more entries to apply, no truth.
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let mut state = self.shared.lock();
        state.committed = committed;
        state.committed_unsaved = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        let state = self.shared.lock();
        // What was lost with a log that is not durable cannot be applied.
        Ok(state.committed.min(state.last))
    }

    async fn append<I>(&mut self, entries: I, flushed: IOFlushed<TypeConfig>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let Some(last) = entries.last().map(|entry| entry.log_id) else {
            flushed.io_completed(Ok(()));
            return Ok(());
        };
        if self.shared.lock().is_memory {
            let mut state = self.shared.lock();
            for entry in entries {
                let bytes = size(&entry);
                state.push(entry, bytes);
            }
            drop(state);
            flushed.io_completed(Ok(()));
            return Ok(());
        }
        let rows: Vec<_> =
            entries.iter().map(|found| (found.log_id.index, entry::encode(found))).collect();
        let bytes: usize = rows.iter().map(|(_, bytes)| bytes.len()).sum();
        let share = u32::try_from(bytes.min(PROPOSED_BYTES_MAX)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room);
        let permit = room.acquire_many_owned(share).await.map_err(io::Error::other)?;
        {
            let mut state = self.shared.lock();
            for (entry, (_, bytes)) in entries.into_iter().zip(&rows) {
                state.push(entry, bytes.len());
            }
            enqueue(&mut state, Job::Append { rows, last, flushed, permit })?;
        }
        self.shared.wake.notify_one();
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let from = last.map_or(0, |last| last.index + 1);
        {
            let mut state = self.shared.lock();
            if state.last.is_none_or(|newest| newest.index < from) {
                return Ok(());
            }
            state.truncate(from, last);
        }
        self.submit(|done| Job::Truncate(from, last, done)).await
    }

    async fn purge(&mut self, purged: LogId) -> io::Result<()> {
        self.shared.lock().purge(purged);
        self.submit(|done| Job::Purge(purged, done)).await
    }
}

fn enqueue(state: &mut LogContent, job: Job) -> io::Result<()> {
    if state.is_closed {
        return Err(closed());
    }
    state.jobs.push_back(job);
    Ok(())
}

/// About what an entry takes, in bytes.
fn size(entry: &Entry) -> usize {
    let command = match &entry.payload {
        openraft::EntryPayload::Normal(proposal) => proposal.bytes().len(),
        openraft::EntryPayload::Blank | openraft::EntryPayload::Membership(_) => 0,
    };
    command + ENTRY_BYTES
}

fn bounds(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}

/// What an entry takes besides its command, in bytes.
const ENTRY_BYTES: usize = 64;

#[cfg(test)]
mod tests;
