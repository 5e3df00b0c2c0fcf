//! The agent's only clock: Tokio's, so that tests can pause and advance it; and the wall's, for what has to
//! outlive this process.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep_until};

use crate::model::time::Now;

/// Moments since a start. While the agent runs, wall time is of no use: only distances count, and those
/// must not jump when somebody sets the time.
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

    /// The wall's clock, for moments that are kept on disk. Never to be mixed with [`now`](Self::now).
    #[expect(clippy::disallowed_methods, reason = "this is where the agent's moments come from")]
    pub(in crate::agent) fn wall() -> Now {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now::default().after(since)
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
