//! Numbers that cross a function, each a type of its own.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number that Consul calls index: the log position of the last change to something. Zero means
/// "never".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Seconds that a resolver may keep a record (RFC 2181 §8: at most 2^31 − 1).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Ttl(pub u32);

/// How much of the traffic an instance takes, by its health: SRV weights (RFC 2782).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// Weight while all checks pass, 1 to 65535.
    pub passing: u16,
    /// Weight while a check warns, 0 to 65535.
    pub warning: u16,
}

impl Default for Weights {
    fn default() -> Self {
        Self { passing: 1, warning: 1 }
    }
}
