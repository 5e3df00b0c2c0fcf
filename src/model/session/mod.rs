//! A session: what a client holds its locks by, for as long as a node, its checks and a TTL agree that it lives.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::name::{CheckId, NodeName};
use crate::model::number::Revision;
use crate::model::time::parse_duration;

/// A session as its client asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// What it is called by.
    pub id: SessionId,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// It ends with this node.
    pub node: NodeName,
    /// Checks of its node; it ends when one of them is critical or gone.
    #[serde(default)]
    pub node_checks: Vec<CheckId>,
    /// The same for checks of services on its node.
    #[serde(default)]
    pub service_checks: Vec<ServiceCheck>,
    /// The same, as clients of before node and service checks were told apart state them.
    #[serde(default)]
    pub checks: Vec<CheckId>,
    /// How long nobody gets a lock that it lost by ending, in nanoseconds; no more than
    /// [`crate::model::limits::LOCK_DELAY_MAX`] of it counts.
    #[serde(default)]
    pub lock_delay_ns: u64,
    /// What becomes of its keys when it ends.
    #[serde(default)]
    pub behavior: Behavior,
    /// How long it lives without being renewed, in Go's spelling, as it was stated; empty or zero for ever.
    #[serde(default)]
    pub ttl: String,
    /// When it was created.
    #[serde(default)]
    pub create_revision: Revision,
    /// The same: a session never changes.
    #[serde(default)]
    pub modify_revision: Revision,
}

/// A check of a service, as sessions name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceCheck {
    /// The check, unique on its node.
    pub id: CheckId,
    /// Consul Enterprise's namespace, kept and ignored.
    #[serde(default)]
    pub namespace: String,
}

/// What becomes of a session's keys when it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behavior {
    /// Their locks are released.
    #[default]
    Release,
    /// They are deleted.
    Delete,
}

impl Session {
    /// All checks that it depends on; the same one may come twice.
    pub fn check_ids(&self) -> impl Iterator<Item = &CheckId> {
        let of_services = self.service_checks.iter().map(|check| &check.id);
        self.checks.iter().chain(&self.node_checks).chain(of_services)
    }

    /// How long it lives without being renewed; nothing for ever.
    #[must_use]
    pub fn ttl(&self) -> Option<Duration> {
        parse_duration(&self.ttl).ok().filter(|ttl| !ttl.is_zero())
    }
}

impl Behavior {
    /// Consul's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Delete => "delete",
        }
    }

    /// Parses Consul's word; an empty one is the default.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "" | "release" => Some(Self::Release),
            "delete" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// The UUID of a session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(u128);

/// Why a text is no UUID. Display is Consul's text, which clients search for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionIdFault {
    /// Not 36 characters.
    Length,
    /// More hyphens than a UUID has.
    Hyphens(usize),
    /// An odd number of digits.
    Odd,
    /// A character that is no hexadecimal digit.
    Digit(char),
    /// Fewer hyphens than a UUID has, and more digits: Consul takes it for an id, which no session has.
    Nobodys,
}

impl fmt::Display for SessionIdFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => out.write_str("UUID must be 36 characters"),
            Self::Digit(found) => {
                let code = u32::from(*found);
                write!(out, "Invalid UUID: encoding/hex: invalid byte: U+{code:04X} {found:?}")
            }
            Self::Hyphens(count) => {
                write!(out, "UUID should have maximum of 4 \"-\"; got {count}")
            }
            Self::Odd => out.write_str("Input (without hyphens) must be even length"),
            Self::Nobodys => out.write_str("no session has this id"),
        }
    }
}

impl std::error::Error for SessionIdFault {}

impl SessionId {
    /// Sorts before every other one.
    pub const LEAST: Self = Self(0);

    /// Makes one of bits that were drawn.
    #[must_use]
    pub fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Parses a UUID (RFC 9562 §4), in either case and, as Consul does, with its hyphens anywhere.
    ///
    /// # Errors
    /// [`SessionIdFault`], where it is none.
    pub fn parse(text: &str) -> Result<Self, SessionIdFault> {
        if text.len() != UUID_CHARS {
            return Err(SessionIdFault::Length);
        }
        let hyphens = text.bytes().filter(|byte| *byte == b'-').count();
        if HYPHENS < hyphens {
            return Err(SessionIdFault::Hyphens(hyphens));
        }
        if !(UUID_CHARS - hyphens).is_multiple_of(2) {
            return Err(SessionIdFault::Odd);
        }
        if let Some(found) = text.chars().find(|found| *found != '-' && !found.is_ascii_hexdigit())
        {
            return Err(SessionIdFault::Digit(found));
        }
        if hyphens < HYPHENS {
            return Err(SessionIdFault::Nobodys);
        }
        let digits = text.chars().filter_map(|found| found.to_digit(16));
        Ok(Self(digits.fold(0, |bits, digit| (bits << 4) | u128::from(digit))))
    }
}

impl TryFrom<String> for SessionId {
    type Error = SessionIdFault;
    fn try_from(text: String) -> Result<Self, SessionIdFault> {
        Self::parse(&text)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |shift: u32, digits: u32| (self.0 >> shift) & ((1 << (4 * digits)) - 1);
        let (first, second, third) = (part(96, 8), part(80, 4), part(64, 4));
        write!(out, "{first:08x}-{second:04x}-{third:04x}-{:04x}-{:012x}", part(48, 4), part(0, 12))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// Characters of a UUID.
const UUID_CHARS: usize = 36;

/// Its hyphens.
const HYPHENS: usize = 4;

#[cfg(test)]
mod tests;
