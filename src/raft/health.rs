//! Whether the disk can be written to: the first failure, kept for good, and the room that is left.
//!
//! After a failed write or sync nobody knows what is on disk (the kernel drops the dirty pages), so nothing is
//! tried again: the server goes on reading and refuses writes until it is restarted, which reads the log anew.
//! A full disk is noticed before it fails, and forgiven as soon as there is room.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;

use crate::publish::ProposeFault;

/// What is known of the disk.
pub(in crate::raft) struct Health {
    /// The first failure, and when it was.
    failure: OnceLock<(String, Instant)>,
    /// Where the room is counted; nowhere without a data dir.
    data_dir: Option<PathBuf>,
    /// The room that has to be left, in bytes.
    free_bytes_min: u64,
    /// When the room was last counted, and how much there was.
    counted: Mutex<Option<(Instant, u64)>>,
}

impl Health {
    pub(in crate::raft) fn new(data_dir: Option<PathBuf>, free_bytes_min: u64) -> Self {
        Self { failure: OnceLock::new(), data_dir, free_bytes_min, counted: Mutex::new(None) }
    }

    /// Notes a failure; only the first one counts, the others follow from it.
    pub(in crate::raft) fn fail(&self, reason: String) {
        if self.failure.set((reason, now())).is_ok()
            && let Some(reason) = self.failure()
        {
            tracing::error!(reason, "the disk failed: no writes until a restart, reads go on");
        }
    }

    /// The first failure.
    pub(in crate::raft) fn failure(&self) -> Option<&str> {
        self.failure.get().map(|(reason, _)| reason.as_str())
    }

    /// How long ago it was.
    pub(in crate::raft) fn failed_since(&self) -> Option<Duration> {
        self.failure.get().map(|(_, at)| at.elapsed())
    }

    /// Whether a write may be tried.
    ///
    /// # Errors
    /// [`ProposeFault::Storage`], where the disk failed or is full.
    pub(in crate::raft) fn check(&self) -> Result<(), ProposeFault> {
        if let Some(reason) = self.failure() {
            return Err(refusal(reason));
        }
        let Some(free_bytes) = self.free_bytes() else { return Ok(()) };
        if free_bytes < self.free_bytes_min {
            let (free, needed) = (free_bytes / MIB, self.free_bytes_min / MIB);
            let text = format!("disk is full: {free} MiB free, {needed} MiB needed");
            return Err(ProposeFault::Storage(text));
        }
        Ok(())
    }

    /// The room that is left, counted anew where the last count is old.
    fn free_bytes(&self) -> Option<u64> {
        let data_dir = self.data_dir.as_ref()?;
        let mut counted = lock(&self.counted);
        if let Some((at, free_bytes)) = *counted
            && at.elapsed() < RECOUNT_AFTER
        {
            return Some(free_bytes);
        }
        // A file system that cannot say lets the write try.
        let space = statvfs(data_dir).ok()?;
        let free_bytes = space.blocks_available().saturating_mul(space.fragment_size());
        *counted = Some((now(), free_bytes));
        Some(free_bytes)
    }
}

/// What a writer is told after a failure.
pub(in crate::raft) fn refusal(reason: &str) -> ProposeFault {
    ProposeFault::Storage(format!("{reason}; reads go on, writes only after a restart"))
}

/// This moment, for measuring how long something takes or lies back.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing that is replicated depends on it, and the server's clock is in a room below"
)]
pub(in crate::raft) fn now() -> Instant {
    Instant::now()
}

/// Takes a lock. No code under our locks panics half-way through a change.
pub(in crate::raft) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a count of the free room is good for: at 100 MB/s, the floor lasts longer than that.
const RECOUNT_AFTER: Duration = Duration::from_millis(250);

/// Bytes in one.
const MIB: u64 = 1024 * 1024;
