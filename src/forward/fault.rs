//! What can be wrong with forwarding itself; that nobody answers is no fault but a
//! [`Failure`](crate::dns::outside::Failure).

use std::net::SocketAddr;

use thiserror::Error;

/// Why forwarding cannot be set up.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// A recursor is one of our own listeners: each question would come back.
    #[error("recursor `{0}` is this agent itself")]
    Own(SocketAddr),
}
