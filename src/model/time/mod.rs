//! Time as an argument: the moment that a shell took from the clock, and durations in Go's spelling.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since 1970-01-01T00:00:00Z. Only the shells read clocks; everything else
/// is handed one of these.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Now(pub u64);

impl Now {
    /// The moment `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(ms))
    }

    /// How long ago `earlier` was; zero if it is still to come.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Its date and its time of day, in UTC and whole seconds: `2026-11-23` and `16:12:50`.
    #[must_use]
    pub fn date_and_time(self) -> (String, String) {
        let seconds = self.0 / 1_000;
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        (format!("{year:04}-{month:02}-{day:02}"), format!("{hour:02}:{minute:02}:{second:02}"))
    }
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

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DurationFault {
    /// Nothing was given.
    Empty,
    /// Something that is no number stands where a number must.
    Number(String),
    /// A number without a unit.
    NoUnit(String),
    /// A unit other than `ns us ms s m h`.
    Unit(String),
    /// A minus sign.
    Negative,
    /// More than 2^64 nanoseconds.
    TooLong,
}

impl fmt::Display for DurationFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("a duration must not be empty; write `10s` or `1m30s`"),
            Self::Number(text) => write!(out, "`{text}` is no duration; write `10s` or `1m30s`"),
            Self::NoUnit(text) => {
                write!(out, "missing unit in duration `{text}`; write `{text}s` for seconds")
            }
            Self::Unit(unit) => {
                write!(out, "unknown unit `{unit}` in duration; known are ns, us, ms, s, m, h")
            }
            Self::Negative => out.write_str("a duration must not be negative"),
            Self::TooLong => out.write_str("the duration is too long"),
        }
    }
}

impl std::error::Error for DurationFault {}

/// Parses a duration in Go's spelling: `300ms`, `1.5h`, `2h45m`, `0`.
///
/// # Errors
/// [`DurationFault`], which names the part that is wrong.
pub fn parse_duration(text: &str) -> Result<Duration, DurationFault> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(DurationFault::Empty);
    }
    if rest.starts_with('-') {
        return Err(DurationFault::Negative);
    }
    rest = rest.strip_prefix('+').unwrap_or(rest);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        nanos = nanos
            .checked_add(scale(text, number, unit)?)
            .filter(|sum| *sum <= u128::from(u64::MAX))
            .ok_or(DurationFault::TooLong)?;
        rest = tail;
    }
    Ok(Duration::from_nanos(u64::try_from(nanos).map_err(|_| DurationFault::TooLong)?))
}

/// One `number unit` pair in nanoseconds.
fn scale(text: &str, number: &str, unit: &str) -> Result<u128, DurationFault> {
    let no_number = || DurationFault::Number(text.to_owned());
    let unit_nanos: u128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "" if number.is_empty() => return Err(no_number()),
        "" => return Err(DurationFault::NoUnit(text.to_owned())),
        _ if number.is_empty() => return Err(no_number()),
        _ => return Err(DurationFault::Unit(unit.to_owned())),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(no_number());
    }
    let parse = |digits: &str| -> Result<u128, DurationFault> {
        if digits.is_empty() {
            return Ok(0);
        }
        digits.parse::<u64>().map(u128::from).map_err(|_| no_number())
    };
    // Digits beyond the twelfth are below a nanosecond of an hour.
    let fraction = fraction.get(..fraction.len().min(12)).unwrap_or_default();
    let divisor = 10u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    let whole_nanos = parse(whole)?.checked_mul(unit_nanos).ok_or(DurationFault::TooLong)?;
    let fraction_nanos = parse(fraction)? * unit_nanos / divisor;
    Ok(whole_nanos + fraction_nanos)
}

/// A duration shown as Go shows it: `1m30s`, `1.5s`, `0s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoDuration(pub Duration);

impl fmt::Display for GoDuration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return out.write_str("0s");
        }
        for (unit, unit_nanos) in [("ns", 1u128), ("µs", 1_000), ("ms", 1_000_000)] {
            if nanos < unit_nanos * 1_000 {
                return write_decimal(out, nanos, unit_nanos, unit);
            }
        }
        let seconds = self.0.as_secs();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        if 0 < hours {
            write!(out, "{hours}h")?;
        }
        if 0 < hours || 0 < minutes {
            write!(out, "{minutes}m")?;
        }
        write_decimal(out, nanos % 60_000_000_000, 1_000_000_000, "s")
    }
}

/// Writes `nanos / unit_nanos` without trailing zeros.
fn write_decimal(
    out: &mut fmt::Formatter<'_>,
    nanos: u128,
    unit_nanos: u128,
    unit: &str,
) -> fmt::Result {
    let (whole, rest) = (nanos / unit_nanos, nanos % unit_nanos);
    if rest == 0 {
        return write!(out, "{whole}{unit}");
    }
    let width = unit_nanos.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    write!(out, "{whole}.{}{unit}", fraction.trim_end_matches('0'))
}

/// Days from the calendar's March 1 of year 0 to 1970-01-01.
const DAYS_0000_03_01_TO_1970_01_01: u64 = 719_468;

/// Days in 400 years.
const DAYS_PER_ERA: u64 = 146_097;

#[cfg(test)]
mod tests;
