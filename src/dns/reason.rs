//! Why an answer is what it is, in numbers and words: extended errors (RFC 8914), and what `explain` shows.

use std::fmt;
use std::time::Duration;

use crate::dns::outside::Failure;
use crate::dns::target::Absence;

/// What an answer says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The catalog is not known yet.
    NotReady,
    /// The name is in no domain of ours, and nobody is there to ask.
    Outside,
    /// The name is in no domain of ours, and the client did not want others to be asked (RD).
    NotAsked,
    /// The client may not ask.
    Prohibited,
    /// Nobody of those who were asked answered.
    Failed(Failure),
    /// The name does not exist.
    Reason(Reason),
    /// It was last known to be true so long ago (RFC 8767).
    Stale(Duration),
    /// The template that answers the name cannot be rendered with it.
    Unrendered,
    /// The token that the prepared query brings itself opens nothing.
    TokenRefused,
    /// What is known was last known to be true so long ago that it is not told.
    TooOld(Duration),
}

impl Why {
    /// The instances whose checks are the reason.
    pub(super) fn unhealthy(self) -> Option<Unhealthy> {
        match self {
            Self::Reason(Reason::Unhealthy(unhealthy)) => Some(unhealthy),
            _ => None,
        }
    }

    /// The registered number (RFC 8914 §4).
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Reason(Reason::Hidden) => 17,
            Self::Reason(_) | Self::Unrendered | Self::TokenRefused => 0,
            Self::Stale(_) => 3,
            Self::NotReady | Self::TooOld(_) => 14,
            Self::Prohibited => 18,
            Self::Outside | Self::NotAsked => 20,
            Self::Failed(Failure::Useless | Failure::Loop) => 22,
            Self::Failed(Failure::Unreachable | Failure::Overloaded) => 23,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady => out.write_str("this agent does not know the catalog yet"),
            Self::Outside => out.write_str("the name is in no domain of this agent"),
            Self::NotAsked => out.write_str("recursion was not asked for"),
            Self::Failed(failure) => failure.fmt(out),
            Self::Prohibited => out.write_str("this client may not ask"),
            Self::Reason(reason) => reason.fmt(out),
            Self::Unrendered => {
                out.write_str("the prepared query's template cannot be rendered with this name")
            }
            Self::TokenRefused => out.write_str("the prepared query's own token opens nothing"),
            Self::Stale(age) => write!(out, "this was true {} s ago", age.as_secs()),
            Self::TooOld(age) => {
                write!(out, "the catalog was last current {} s ago", age.as_secs())
            }
        }
    }
}

/// Why a name does not exist: told to the client as an extended error (RFC 8914). Holds no text of the
/// client's, so that its length is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The name cannot exist.
    Absent(Absence),
    /// No such service is registered.
    UnknownService,
    /// The service has no instance with the tag.
    UnknownTag {
        /// Its instances.
        instances: usize,
    },
    /// All instances are left out because of their checks.
    Unhealthy(Unhealthy),
    /// There is no such prepared query.
    UnknownQuery,
    /// The prepared query means none of the service's instances.
    Unfit {
        /// Its instances.
        instances: usize,
    },
    /// No such machine is registered.
    UnknownNode,
    /// Nobody is registered at the address.
    UnknownAddress,
    /// The agent's token may not see such a name, whether it is there or not.
    Hidden,
}

/// A service of which nobody may be told, by its checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unhealthy {
    /// Instances that were asked for.
    pub instances: usize,
    /// Those that warn, which `only_passing` leaves out.
    pub warning: usize,
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instances, warning } = self;
        write!(out, "0 of {instances} instances passing")?;
        if 0 < *warning { write!(out, ", {warning} warning") } else { Ok(()) }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(Absence::Form) => out.write_str("no name has this form"),
            Self::Absent(Absence::Datacenter) => out.write_str("no such datacenter"),
            Self::Absent(Absence::Address) => out.write_str("the name spells no address"),
            Self::Absent(Absence::Mesh) => out.write_str("there is no service mesh"),
            Self::UnknownService => out.write_str("no such service"),
            Self::UnknownTag { instances } => {
                write!(out, "0 of {instances} instances carry the tag")
            }
            Self::Unhealthy(unhealthy) => unhealthy.fmt(out),
            Self::UnknownQuery => out.write_str("no such prepared query"),
            Self::Unfit { instances } => {
                write!(out, "0 of {instances} instances fit the prepared query")
            }
            Self::UnknownNode => out.write_str("no such node"),
            Self::UnknownAddress => out.write_str("nobody is registered at this address"),
            Self::Hidden => out.write_str("the token of this agent may not see this"),
        }
    }
}
