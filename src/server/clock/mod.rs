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
    let seconds = now.0 / 1_000;
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} +0000 UTC")
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. Years are counted from
/// March here, so that a leap day is a year's last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_0000_03_01_TO_1970_01_01;
    let era = days / DAYS_PER_ERA;
    let day_of_era = days % DAYS_PER_ERA;
    let leap_days = |day: u64| day / 1_460 + day / 146_096;
    let year_of_era = (day_of_era + day_of_era / 36_524 - leap_days(day_of_era)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// Days from the calendar's March 1 of year 0 to 1970-01-01.
const DAYS_0000_03_01_TO_1970_01_01: u64 = 719_468;

/// Days in 400 years.
const DAYS_PER_ERA: u64 = 146_097;

#[cfg(test)]
mod tests;
