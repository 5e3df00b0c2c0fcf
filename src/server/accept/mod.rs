//! Listener → connections, until a stop: the loop that all listeners of streams share.
//!
//! Invariants
//! - A stop takes no further connection, however many wait.
//! - Where the process or the system has no room for another one, the loop pauses and tries again: trying at once
//!   would only burn the processor. It says so at most once a minute.
//! - Connections that ended are forgotten before there are more.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use nix::errno::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// What connections come from.
pub(in crate::server) trait Accept {
    /// A connection.
    type Stream;
    /// Who is at its other end.
    type Peer;
    /// Waits for the next one.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, Self::Peer)>> + Send;
}

impl Accept for TcpListener {
    type Stream = TcpStream;
    type Peer = SocketAddr;

    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        TcpListener::accept(self)
    }
}

/// Hands every connection to `take`, which serves it in `connections` or drops it, until `stop`. `protocol` is what
/// the log calls them.
pub(in crate::server) async fn accept_all<L: Accept>(
    listener: &L,
    protocol: &str,
    connections: &mut JoinSet<()>,
    stop: &CancellationToken,
    mut take: impl FnMut(&mut JoinSet<()>, L::Stream, L::Peer),
) {
    let mut said: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            // A stop goes first: a flood of connections must not put it off. What has ended is forgotten before
            // there is more.
            biased;
            () = stop.cancelled() => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => take(connections, stream, peer),
            Err(fault) if is_out_of_resources(&fault) => {
                if said.is_none_or(|said| SAY_INTERVAL <= said.elapsed()) {
                    tracing::warn!(
                        %fault, "{protocol} connections cannot be accepted; trying again until they can"
                    );
                    said = Some(Instant::now());
                }
                stop.run_until_cancelled(sleep(ACCEPT_PAUSE)).await;
            }
            // accept(2): what befell the connection before it was taken says nothing about the next one.
            Err(fault) => {
                tracing::debug!(%fault, "a connection of {protocol} was gone before it was accepted");
            }
        }
    }
}

/// Waits for connections to end, for some time; returns whether all did.
pub(in crate::server) async fn drain(connections: &mut JoinSet<()>) -> bool {
    let ends = async { while connections.join_next().await.is_some() {} };
    tokio::time::timeout(DRAIN_TIMEOUT, ends).await.is_ok()
}

/// Whether the process or the system has no room for another connection.
fn is_out_of_resources(fault: &io::Error) -> bool {
    let errno = fault.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM))
}

/// How long to wait where a connection cannot be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long nothing is said of it again, however often it happens.
const SAY_INTERVAL: Duration = Duration::from_secs(60);

/// How long answers that are under way may take after a stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
