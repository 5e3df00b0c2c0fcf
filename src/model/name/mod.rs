//! Text → names: parsed once, folded once, never a bare `String` afterwards.
//!
//! Consul keeps the spelling that was registered and compares without regard to case; so do these types.
//! `Eq`, `Ord` and `Hash` see only the folded form, and so does `Borrow<str>`: look a name up by folded
//! text. A [`Tag`] is the exception: it names nothing, and whoever spells it anew has changed it.

mod key;

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::limits::NAME_BYTES_MAX;
pub use crate::model::name::key::{Key, KeyPrefix};

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// Nothing was given.
    Empty,
    /// More than the bytes that are allowed.
    TooLong {
        /// What was given, in bytes.
        bytes: usize,
        /// What is allowed, in bytes.
        bytes_max: usize,
    },
    /// A control character, which no client could type or print.
    Control,
}

impl fmt::Display for NameFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("a name must not be empty"),
            Self::TooLong { bytes, bytes_max } => {
                write!(out, "a name of {bytes} bytes is too long, {bytes_max} are allowed")
            }
            Self::Control => out.write_str("a name must not hold control characters"),
        }
    }
}

impl std::error::Error for NameFault {}

/// The shared body of all names: the spelling to show and the form to compare.
#[derive(Clone)]
struct Folded {
    /// As it was registered.
    shown: Arc<str>,
    /// Lower case; the same allocation as `shown` where nothing had to be folded.
    folded: Arc<str>,
}

impl Folded {
    fn new(text: &str) -> Self {
        let shown: Arc<str> = Arc::from(text);
        let folded = if text.chars().any(char::is_uppercase) {
            Arc::from(text.to_lowercase())
        } else {
            Arc::clone(&shown)
        };
        Self { shown, folded }
    }
}

/// Checks what every name must be: not empty, not too long, printable.
fn check(text: &str) -> Result<(), NameFault> {
    if text.is_empty() {
        return Err(NameFault::Empty);
    }
    if NAME_BYTES_MAX < text.len() {
        return Err(NameFault::TooLong { bytes: text.len(), bytes_max: NAME_BYTES_MAX });
    }
    if text.chars().any(char::is_control) {
        return Err(NameFault::Control);
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Folded);

        impl $name {
            /// Parses a name.
            ///
            /// # Errors
            /// [`NameFault`], where the text is empty, longer than [`NAME_BYTES_MAX`] or holds control
            /// characters.
            pub fn new(text: &str) -> Result<Self, NameFault> {
                check(text)?;
                Ok(Self(Folded::new(text)))
            }

            /// The spelling that was registered.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0.shown
            }

            /// The form that names are compared by.
            #[must_use]
            pub fn folded(&self) -> &str {
                &self.0.folded
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameFault;
            fn try_from(text: String) -> Result<Self, NameFault> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{:?}", self.as_str())
            }
        }
    )*};
}

macro_rules! compared_folded {
    ($($name:ident)*) => {$(
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.folded()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.folded() == other.folded()
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.folded().cmp(other.folded())
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.folded().hash(state);
            }
        }
    )*};
}

names! {
    /// A machine's name in the catalog.
    NodeName;
    /// What is asked for: `web` in `web.service.consul`.
    ServiceName;
    /// One instance of a service, unique on its node; the service's name unless stated.
    ServiceId;
    /// One check, unique on its node.
    CheckId;
    /// A label of a service instance: `v1` in `v1.web.service.consul`. Asked for in any case of letters, but filters
    /// and clients see the spelling: equal is what is spelled alike.
    Tag;
    /// A datacenter: `dc1` in `web.service.dc1.consul`.
    Datacenter;
}

compared_folded! { NodeName ServiceName ServiceId CheckId Datacenter }

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Tag {}

impl ServiceName {
    /// Whether DNS can carry the name as one label of letters, digits and hyphens (RFC 1123 §2.1).
    #[must_use]
    pub fn is_host_label(&self) -> bool {
        is_host_label(self.as_str())
    }
}

impl NodeName {
    /// Whether DNS can carry the name as one label of letters, digits and hyphens (RFC 1123 §2.1).
    #[must_use]
    pub fn is_host_label(&self) -> bool {
        is_host_label(self.as_str())
    }
}

fn is_host_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests;
