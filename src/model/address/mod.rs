//! Where something is reached: an IP address, or a host name that DNS answers with a CNAME.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A node's or a service's address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// An IPv4 or IPv6 address: an A or AAAA record.
    Ip(IpAddr),
    /// A host name: a CNAME record.
    Host(Arc<str>),
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressFault {
    /// Nothing was given.
    Empty,
    /// `0.0.0.0` or `::`, which nobody can connect to.
    Unspecified,
    /// Neither an IP address nor a host name of letters, digits, hyphens, underscores and dots.
    NoHost(String),
}

impl fmt::Display for AddressFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("an address must not be empty"),
            Self::Unspecified => {
                out.write_str("`0.0.0.0` and `::` are no addresses that anybody could connect to")
            }
            Self::NoHost(text) => write!(out, "`{text}` is neither an IP address nor a host name"),
        }
    }
}

impl std::error::Error for AddressFault {}

impl Address {
    /// Parses an address. An IPv6 address may stand in brackets.
    ///
    /// # Errors
    /// [`AddressFault`], where the text is empty, an unspecified address or no host name.
    pub fn new(text: &str) -> Result<Self, AddressFault> {
        if text.is_empty() {
            return Err(AddressFault::Empty);
        }
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return if ip.is_unspecified() {
                Err(AddressFault::Unspecified)
            } else {
                Ok(Self::Ip(ip))
            };
        }
        let is_host = text.len() <= 253
            && text.trim_end_matches('.').split('.').all(|label| {
                !label.is_empty() && label.len() <= 63 && label.bytes().all(is_host_byte)
            });
        if is_host {
            Ok(Self::Host(Arc::from(text)))
        } else {
            Err(AddressFault::NoHost(text.to_owned()))
        }
    }

    /// Parses an address that need not be stated: an empty text is none.
    ///
    /// # Errors
    /// As [`Address::new`].
    pub fn stated(text: &str) -> Result<Option<Self>, AddressFault> {
        if text.is_empty() { Ok(None) } else { Self::new(text).map(Some) }
    }

    /// The IP address, unless it is a host name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Host(_) => None,
        }
    }
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

impl TryFrom<String> for Address {
    type Error = AddressFault;
    fn try_from(text: String) -> Result<Self, AddressFault> {
        Self::new(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(out),
            Self::Host(host) => out.write_str(host),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

#[cfg(test)]
mod tests;
