//! `Cache-Control` of a request → how old an answer may be that was not asked of the leader.
//!
//! An agent's View is itself the cache, kept up to date all the time; so there is one age for all answers: for how long
//! the leader was not heard. A HIT was answered from what is here, a MISS after the leader was asked.

use std::time::Duration;

use axum::http::HeaderValue;

/// How old a cached answer may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::api) struct CacheControl {
    /// The oldest that will do; any, where nothing was said. Zero is what `must-revalidate` says: the leader is asked.
    pub age_max: Option<Duration>,
    /// How much older it may be if the leader cannot be asked.
    pub stale_if_error: Duration,
}

/// Whether the leader was asked for an answer with `?cached`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum CacheUse {
    /// It was.
    Miss,
    /// What is here was taken, which is this old.
    Hit {
        /// For how long the leader was not heard.
        age: Duration,
    },
}

impl CacheControl {
    /// Reads the header; directives that say nothing about ages are left alone. Nothing where a number is none.
    pub(in crate::api) fn parse(header: Option<&HeaderValue>) -> Option<Self> {
        let mut parsed = Self::default();
        let Some(header) = header else { return Some(parsed) };
        let text = header.to_str().ok()?.to_ascii_lowercase();
        for directive in text.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match (name.trim(), value.trim()) {
                ("must-revalidate", _) => parsed.age_max = Some(Duration::ZERO),
                ("max-age" | "stale-if-error", "") => {}
                ("max-age", value) => {
                    let age = seconds(value)?;
                    parsed.age_max = Some(parsed.age_max.map_or(age, |before| before.min(age)));
                }
                ("stale-if-error", value) => parsed.stale_if_error = seconds(value)?,
                _ => {}
            }
        }
        Some(parsed)
    }

    /// Whether an answer of this age will do without asking the leader.
    pub(in crate::api) fn admits(&self, age: Duration) -> bool {
        // What must be younger than nothing has to be asked for, also on the leader itself.
        self.age_max.is_none_or(|age_max| !age_max.is_zero() && age <= age_max)
    }

    /// Whether it will do after the leader was asked in vain.
    pub(in crate::api) fn admits_after_error(&self, age: Duration) -> bool {
        let age_max = self.age_max.unwrap_or(Duration::MAX);
        !self.stale_if_error.is_zero() && age <= age_max.saturating_add(self.stale_if_error)
    }
}

/// Whole seconds; less than none is none (Go reads negative ones, and Consul takes them).
fn seconds(text: &str) -> Option<Duration> {
    let seconds: i64 = text.parse().ok()?;
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests;
