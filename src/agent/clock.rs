//! The agent's only clock: Tokio's, so that tests can pause and advance it.

use tokio::time::{Instant, sleep_until};

use crate::model::time::Now;

/// Moments since a start. Wall time is of no use here: only distances count, and those must not jump when
/// somebody sets the time.
#[derive(Clone, Copy, Debug)]
pub(in crate::agent) struct Clock {
    /// What counts as [`Now`] zero.
    started: Instant,
}

impl Clock {
    pub(in crate::agent) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(in crate::agent) fn now(self) -> Now {
        Now::default().after(self.started.elapsed())
    }

    /// Waits until a moment; for ever without one.
    pub(in crate::agent) async fn reached(self, moment: Option<Now>) {
        match moment {
            // A millisecond more, since `now` rounds down and must not find itself too early.
            Some(moment) => {
                let distance = moment.since(Now::default()) + std::time::Duration::from_millis(1);
                sleep_until(self.started + distance).await;
            }
            None => std::future::pending().await,
        }
    }
}
