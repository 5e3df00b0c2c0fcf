//! What an operator may set about forwarding: who is asked for names that are not ours, and how.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// `recursors`, `dns_config.recursor_timeout` and `dns_config.recursor_strategy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardConfig {
    /// Who is asked, in the order stated, each once; none switches forwarding off.
    pub recursors: Vec<Recursor>,
    /// Who of them is asked first.
    pub strategy: Strategy,
    /// How long one of them has to answer before the next is asked.
    pub timeout: Duration,
}

/// Somebody who answers what we cannot, or where to read who does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recursor {
    /// An address and port.
    At(SocketAddr),
    /// The name servers of this machine's `/etc/resolv.conf`.
    System,
}

/// Who of several recursors is asked first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The first that is stated; the others are there for when it fails.
    #[default]
    Sequential,
    /// Any, so that all share the load.
    Random,
}

impl Strategy {
    /// The strategy's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Random => "random",
        }
    }

    /// The strategy that a word names, in Consul's spelling.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "sequential" => Some(Self::Sequential),
            "random" => Some(Self::Random),
            _ => None,
        }
    }
}

impl fmt::Display for Recursor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(address) if address.port() == DNS_PORT => write!(out, "{}", address.ip()),
            Self::At(address) => write!(out, "{address}"),
            Self::System => out.write_str(SYSTEM),
        }
    }
}

impl Default for ForwardConfig {
    fn default() -> Self {
        let timeout = Duration::from_secs(2);
        Self { recursors: Vec::new(), strategy: Strategy::default(), timeout }
    }
}

/// The port of a recursor that names none.
pub const DNS_PORT: u16 = 53;

/// The word for [`Recursor::System`].
pub const SYSTEM: &str = "system";
