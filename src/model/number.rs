//! Numbers that cross a function, each a type of its own.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::limits::WEIGHT_MAX;

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

/// Why two numbers are no weights; Display is Consul's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightsFault {
    /// A service that passes would get nothing.
    NoPassing,
    /// Less than nothing.
    NegativeWarning,
    /// More than [`WEIGHT_MAX`].
    TooLarge,
}

impl fmt::Display for WeightsFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPassing => out.write_str("Passing must be greater than 0"),
            Self::NegativeWarning => out.write_str("Warning must be greater or equal than 0"),
            Self::TooLarge => write!(out, "DNS Weight must be between 0 and {WEIGHT_MAX}"),
        }
    }
}

impl std::error::Error for WeightsFault {}

impl Weights {
    /// Parses what was stated.
    ///
    /// # Errors
    /// [`WeightsFault`], where it is out of range.
    pub fn new(passing: i64, warning: i64) -> Result<Self, WeightsFault> {
        if passing < 1 {
            return Err(WeightsFault::NoPassing);
        }
        if warning < 0 {
            return Err(WeightsFault::NegativeWarning);
        }
        match (u16::try_from(passing), u16::try_from(warning)) {
            (Ok(passing), Ok(warning)) => Ok(Self { passing, warning }),
            _ => Err(WeightsFault::TooLarge),
        }
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self { passing: 1, warning: 1 }
    }
}

/// A number that is no port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortFault(pub i64);

impl fmt::Display for PortFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "invalid port: {}", self.0)
    }
}

impl std::error::Error for PortFault {}

/// A port as it was stated; 0 for none.
///
/// # Errors
/// [`PortFault`], where it is not between 0 and 65535.
pub fn parse_port(number: i64) -> Result<u16, PortFault> {
    u16::try_from(number).map_err(|_| PortFault(number))
}
