//! The room's only clock. Only distances count, and those must not jump when somebody sets the time.

use tokio::time::Instant;

use crate::model::time::Now;

/// Moments since a start.
#[derive(Debug)]
pub(in crate::forward) enum Clock {
    /// Tokio's clock, and what counts as [`Now`] zero.
    Running(Instant),
    /// One that only a test turns, in milliseconds.
    #[cfg(test)]
    Turned(std::sync::atomic::AtomicU64),
}

impl Clock {
    pub(in crate::forward) fn start() -> Self {
        Self::Running(Instant::now())
    }

    pub(in crate::forward) fn now(&self) -> Now {
        match self {
            Self::Running(started) => Now::default().after(started.elapsed()),
            #[cfg(test)]
            Self::Turned(ms) => Now(ms.load(std::sync::atomic::Ordering::Relaxed)),
        }
    }
}
