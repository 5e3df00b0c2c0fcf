//! The one place of this room that reads the clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::model::time::Now;

/// The moment of the call.
#[expect(clippy::disallowed_methods, reason = "this is where moments come from")]
pub(in crate::server) fn now() -> Now {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A reading of the clock that never goes back, to measure how long something takes.
#[expect(clippy::disallowed_methods, reason = "this is where moments come from")]
pub(in crate::server) fn monotonic() -> Instant {
    Instant::now()
}

/// A moment as `2026-11-23 16:12:50 +0000 UTC`, which is how Go prints it and Consul's metrics state it.
pub(in crate::server) fn show(now: Now) -> String {
    let (date, time) = now.date_and_time();
    format!("{date} {time} +0000 UTC")
}

#[cfg(test)]
mod tests;
