//! Keeper: applied changes → the mirror, some time after the writers got their answers.
//!
//! The log is what makes a write durable; the mirror only saves a start from applying all of it. So changes are
//! gathered, and a row that changed a hundred times is written once. The mirror is synced before openraft is told
//! that a state is saved, which is what allows the log to be purged up to there.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use crate::catalog::row::RowKey;
use crate::model::lock::lock;
use crate::raft::health::Health;
use crate::raft::machine::mirror::Mirror;
use crate::raft::machine::state::Replica;
use crate::raft::types::Raft;

/// What stands between machine and mirror; shared by both.
pub(in crate::raft) struct Keeper {
    /// What is not in the mirror yet.
    pending: Mutex<Pending>,
    /// Wakes the task: something is pending.
    changed: Notify,
    /// Wakes the task: so much is pending that it should not wait.
    is_due: Notify,
    /// The mirror; nothing without a data dir and once closed. Held while it is written to.
    mirror: Mutex<Option<Mirror>>,
    /// Who is told that the disk failed.
    health: Arc<Health>,
    /// How many applied entries stay in the log before it is purged.
    purge_entries: u64,
    /// How many bytes of applied commands stay in the log before it is purged.
    purge_bytes: usize,
}

/// What is not in the mirror yet.
#[derive(Default)]
struct Pending {
    /// The newest state.
    state: Replica,
    /// The rows that changed since the last write. Bounded by [`ROWS_MAX`]: the machine waits then.
    rows: BTreeSet<RowKey>,
    /// Entries applied since the last write.
    entries: u64,
    /// Entries applied since the log was last purged.
    entries_in_log: u64,
    /// Bytes of commands applied since the log was last purged.
    bytes_in_log: usize,
}

impl Keeper {
    pub(in crate::raft) fn new(
        mirror: Option<Mirror>,
        state: Replica,
        health: Arc<Health>,
    ) -> Self {
        // A log in memory is kept small; nobody starts from it.
        let (purge_entries, purge_bytes) =
            if mirror.is_some() { PURGE_ON_DISK } else { PURGE_IN_MEMORY };
        Self {
            pending: Mutex::new(Pending { state, ..Pending::default() }),
            changed: Notify::new(),
            is_due: Notify::new(),
            mirror: Mutex::new(mirror),
            health,
            purge_entries,
            purge_bytes,
        }
    }

    /// The newest applied state.
    pub(in crate::raft) fn state(&self) -> Replica {
        lock(&self.pending).state.clone()
    }

    /// Takes note of applied entries. Returns whether the caller should [`Keeper::flush`] before it goes on.
    #[must_use = "what is pending is bounded only if this is obeyed"]
    pub(in crate::raft) fn note(
        &self,
        state: Replica,
        rows: BTreeSet<RowKey>,
        entries: u64,
        bytes: usize,
    ) -> bool {
        let mut pending = lock(&self.pending);
        pending.state = state;
        pending.rows.extend(rows);
        pending.entries += entries;
        pending.entries_in_log += entries;
        pending.bytes_in_log += bytes;
        let is_due = FLUSH_ENTRIES <= pending.entries || self.should_purge(&pending);
        let is_too_much = ROWS_MAX < pending.rows.len();
        drop(pending);
        self.changed.notify_one();
        if is_due {
            self.is_due.notify_one();
        }
        is_too_much
    }

    /// Writes what is pending to the mirror.
    pub(in crate::raft) async fn flush(self: &Arc<Self>) -> io::Result<()> {
        self.with_mirror(Self::write_pending).await
    }

    /// Writes what is pending to the mirror and makes it survive a power loss.
    pub(in crate::raft) async fn persist(self: &Arc<Self>) -> io::Result<()> {
        self.with_mirror(|keeper, mirror| {
            keeper.write_pending(mirror)?;
            mirror.sync()
        })
        .await
    }

    /// Counts entries that [`Keeper::replace`] brings to the mirror.
    pub(in crate::raft) fn count(&self, entries: u64, bytes: usize) {
        let mut pending = lock(&self.pending);
        pending.entries_in_log += entries;
        pending.bytes_in_log += bytes;
        drop(pending);
        self.changed.notify_one();
    }

    /// Replaces what the mirror holds, durably.
    pub(in crate::raft) async fn replace(self: &Arc<Self>, state: Replica) -> io::Result<()> {
        let written = state.clone();
        self.with_mirror(move |keeper, mirror| {
            mirror.replace(&written)?;
            // Under the mirror's lock: nothing of before, its position least of all, may be written after this.
            let mut pending = lock(&keeper.pending);
            pending.clear();
            pending.state = written;
            Ok(())
        })
        .await?;
        // Without a mirror nobody did.
        lock(&self.pending).state = state;
        Ok(())
    }

    /// Closes the mirror with all that is pending in it.
    pub(in crate::raft) async fn close(self: &Arc<Self>) -> io::Result<()> {
        let result = if self.health.failure().is_none() { self.persist().await } else { Ok(()) };
        let keeper = Arc::clone(self);
        let close = move || drop(lock(&keeper.mirror).take());
        tokio::task::spawn_blocking(close).await.map_err(io::Error::other)?;
        result
    }

    /// Works for as long as it is polled: flushes, and has the log purged.
    pub(in crate::raft) async fn run(self: Arc<Self>, raft: Raft) {
        loop {
            self.changed.notified().await;
            // Gathers for a while; an error here is the elapsed time.
            let _ = tokio::time::timeout(FLUSH_AFTER, self.is_due.notified()).await;
            if self.flush().await.is_err() {
                return;
            }
            if self.take_purge() && raft.trigger().snapshot().await.is_err() {
                return;
            }
        }
    }

    fn should_purge(&self, pending: &Pending) -> bool {
        self.purge_entries <= pending.entries_in_log || self.purge_bytes <= pending.bytes_in_log
    }

    fn take_purge(&self) -> bool {
        let mut pending = lock(&self.pending);
        let should_purge = self.should_purge(&pending);
        if should_purge {
            pending.entries_in_log = 0;
            pending.bytes_in_log = 0;
        }
        should_purge
    }

    /// Runs `work` on a thread that may block; nothing to do without a mirror.
    async fn with_mirror<F>(self: &Arc<Self>, work: F) -> io::Result<()>
    where
        F: FnOnce(&Self, &Mirror) -> io::Result<()> + Send + 'static,
    {
        let keeper = Arc::clone(self);
        let locked = move || {
            if let Some(reason) = keeper.health.failure() {
                return Err(io::Error::other(reason.to_owned()));
            }
            let mirror = lock(&keeper.mirror);
            let Some(mirror) = &*mirror else {
                lock(&keeper.pending).clear();
                return Ok(());
            };
            work(&keeper, mirror).inspect_err(|error| {
                // The log would go on, but could never be purged again and would fill the disk.
                keeper.health.fail(format!("a write to the state failed: {error}"));
            })
        };
        tokio::task::spawn_blocking(locked).await.unwrap_or_else(|fault| {
            if fault.is_panic() {
                // fjall panics on some damage; without the mirror the log would grow for ever.
                self.health.fail(format!("a write to the state failed: {fault}"));
            }
            Err(io::Error::other(fault))
        })
    }

    fn write_pending(&self, mirror: &Mirror) -> io::Result<()> {
        let (state, rows) = {
            let mut pending = lock(&self.pending);
            let rows = std::mem::take(&mut pending.rows);
            pending.entries = 0;
            (pending.state.clone(), rows)
        };
        mirror.write(&state, &rows)
    }
}

impl Pending {
    fn clear(&mut self) {
        self.rows.clear();
        self.entries = 0;
    }
}

/// How long changes gather before they are written.
const FLUSH_AFTER: Duration = Duration::from_millis(500);

/// How many entries gather before they are written.
const FLUSH_ENTRIES: u64 = 2_000;

/// How many changed rows may be pending before the machine waits for the mirror.
const ROWS_MAX: usize = 100_000;

/// How many applied entries, and bytes of their commands, stay in a log on disk before it is purged.
const PURGE_ON_DISK: (u64, usize) = (8_192, 32 * 1024 * 1024);

/// The same for a log in memory.
const PURGE_IN_MEMORY: (u64, usize) = (2_048, 4 * 1024 * 1024);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_database_is_a_failed_disk() {
        let dir = tempfile::tempdir().unwrap();
        let (mirror, state) = Mirror::open(&dir.path().join("state")).unwrap();
        let health = Arc::new(Health::new(None, 0));
        let keeper = Arc::new(Keeper::new(Some(mirror), state, Arc::clone(&health)));
        keeper.with_mirror(|_, _| panic!("a table that makes no sense")).await.unwrap_err();
        let reason = health.failure().unwrap();
        assert!(reason.contains("a table that makes no sense"), "{reason}");
        keeper.close().await.unwrap();
    }
}
