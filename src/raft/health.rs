//! Whether the disk can be written to: the first failure, kept for good, and the room that is left.
//!
//! After a failed write or sync nobody knows what is on disk (the kernel drops the dirty pages), so nothing is
//! tried again: the server goes on reading and refuses writes until it is restarted, which reads the log anew.
//! A full disk is noticed before it fails, and forgiven as soon as there is room. The room is counted now and
//! then; in between, what writers were let through with is taken off, and where that comes near the floor, the
//! room is counted anew.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;

use crate::model::limits::PROPOSED_BYTES_MAX;
use crate::model::lock::lock;
use crate::publish::ProposeFault;

/// What is known of the disk.
pub(in crate::raft) struct Health {
    /// The first failure, and when it was.
    failure: OnceLock<(String, Instant)>,
    /// Counts the room, in bytes; nothing where it cannot be told.
    count: Box<dyn Fn() -> Option<u64> + Send + Sync>,
    /// The room that has to be left, in bytes.
    free_bytes_min: u64,
    /// When the room was last counted, and how much of it is not promised to a writer since.
    counted: Mutex<Option<(Instant, u64)>>,
}

impl Health {
    pub(in crate::raft) fn new(data_dir: Option<PathBuf>, free_bytes_min: u64) -> Self {
        Self::counting(free_bytes_min, move || {
            // A file system that cannot say lets the write try.
            let space = statvfs(data_dir.as_ref()?).ok()?;
            Some(space.blocks_available().saturating_mul(space.fragment_size()))
        })
    }

    fn counting(
        free_bytes_min: u64,
        count: impl Fn() -> Option<u64> + Send + Sync + 'static,
    ) -> Self {
        let (failure, counted) = (OnceLock::new(), Mutex::new(None));
        Self { failure, count: Box::new(count), free_bytes_min, counted }
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

    /// Whether the disk can be written to at all.
    ///
    /// # Errors
    /// [`ProposeFault::Storage`], where it failed.
    pub(in crate::raft) fn check(&self) -> Result<(), ProposeFault> {
        self.failure().map_or(Ok(()), |reason| Err(refusal(reason)))
    }

    /// Lets a command of so many bytes through.
    ///
    /// # Errors
    /// [`ProposeFault::Storage`], where the disk failed or is full.
    pub(in crate::raft) fn admit(&self, bytes: usize) -> Result<(), ProposeFault> {
        self.check()?;
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(WRITE_FACTOR);
        let mut counted = lock(&self.counted);
        let fresh = counted.filter(|(at, free_bytes)| {
            at.elapsed() < RECOUNT_AFTER && self.free_bytes_min <= free_bytes.saturating_sub(bytes)
        });
        let Some((at, free_bytes)) = fresh.or_else(|| Some((now(), (self.count)()?))) else {
            return Ok(());
        };
        let left = free_bytes.saturating_sub(bytes);
        if left < self.free_bytes_min {
            let (free, needed) = (free_bytes / MIB, self.free_bytes_min / MIB);
            let text = format!("disk is full: {free} MiB free, {needed} MiB needed");
            return Err(ProposeFault::Storage(text));
        }
        *counted = Some((at, left));
        Ok(())
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

/// How often a byte of a command is written before all older copies of it are gone: to the journal and to a table,
/// both of the log and of the state.
const WRITE_FACTOR: u64 = 4;

/// The room below which writes are refused, in bytes: a count does not see what writers before it were let through
/// with, and they may have as much in flight as may be proposed at one time.
pub(in crate::raft) const FREE_BYTES_MIN: u64 = WRITE_FACTOR * PROPOSED_BYTES_MAX as u64;

/// How long a count of the free room is good for, as far as others fill the disk.
const RECOUNT_AFTER: Duration = Duration::from_millis(250);

/// Bytes in one.
const MIB: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A disk of which so many MiB are free, and who sets that.
    fn disk(free: u64) -> (Health, Arc<AtomicU64>) {
        let free = Arc::new(AtomicU64::new(free * MIB));
        let counted = Arc::clone(&free);
        (Health::counting(100 * MIB, move || Some(counted.load(Ordering::Relaxed))), free)
    }

    #[test]
    fn a_disk_that_fills_between_two_counts_is_refused() {
        let mib = 1024 * 1024;
        let (health, free) = disk(150);
        assert_eq!(health.admit(10 * mib), Ok(()));
        free.store(101 * MIB, Ordering::Relaxed);
        let text = "disk is full: 101 MiB free, 100 MiB needed".to_owned();
        assert_eq!(health.admit(10 * mib), Err(ProposeFault::Storage(text)));
    }

    #[test]
    fn a_full_disk_is_forgiven_as_soon_as_there_is_room() {
        let (health, free) = disk(99);
        assert!(health.admit(1).is_err());
        free.store(101 * MIB, Ordering::Relaxed);
        assert_eq!(health.admit(1), Ok(()));
    }
}
