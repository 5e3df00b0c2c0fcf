//! HTTP/2 for the probes that need more of it than an HTTP client shows: `host:port` → a connection, and
//! H2PING, which passes if a PING (RFC 9113 §6.7) comes back.
//!
//! A connection is driven by whoever talks over it and is never given to a task, so that it ends with the
//! probe.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::agent::probe::Finding;
use crate::agent::probe::names::{self, Names};
use crate::agent::probe::tcp;
use crate::agent::probe::tls::TlsClients;
use crate::model::definition::Tls;
use crate::model::health::Status;
use crate::model::limits::CHECK_HEADERS_BYTES_MAX;
use crate::model::time::GoDuration;

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Whom to talk to.
pub(super) struct Peer<'a> {
    /// `host:port`.
    pub(super) address: &'a str,
    /// Encrypted, if so.
    pub(super) tls: Option<&'a Tls>,
    /// Finds the host's addresses.
    pub(super) names: &'a Names,
    /// Encrypts.
    pub(super) clients: &'a TlsClients,
}

/// Sends a PING and waits for it to come back.
pub(super) async fn ping(peer: &Peer<'_>, limit: Duration) -> Finding {
    let address = peer.address;
    match timeout(limit, talk(peer, async |_, mut pings| echo(&mut pings).await)).await {
        Ok(Ok(())) => {
            let output = format!("HTTP2 ping of {address} was successful");
            Finding { status: Status::Passing, output }
        }
        Ok(Err(fault)) => Finding::critical(format!("HTTP2 ping of {address} failed: {fault}")),
        Err(_) => {
            let limit = GoDuration(limit);
            Finding::critical(format!("HTTP2 ping of {address} failed: no answer within {limit}"))
        }
    }
}

async fn echo(pings: &mut PingPong) -> Result<(), String> {
    pings.ping(Ping::opaque()).await.map(|_| ()).map_err(|fault| said(&fault))
}

/// Connects, has `say` talk over the connection, and closes it in order.
pub(super) async fn talk<T>(
    peer: &Peer<'_>,
    say: impl AsyncFnOnce(SendRequest<Bytes>, PingPong) -> Result<T, String>,
) -> Result<T, String> {
    let (sender, mut connection) = handshake(connect(peer).await?).await?;
    let pings = connection.ping_pong().ok_or("the connection has no PING to give")?;
    let mut connection = pin!(connection);
    let mut saying = pin!(say(sender, pings));
    tokio::select! {
        biased;
        // The answer first: it counts even if the connection broke with it.
        answer = &mut saying => {
            // With nobody left to talk, this says goodbye (GOAWAY) and closes: no server has to log a
            // broken peer. A fault here is no news.
            let _ = timeout(CLOSE_WAIT_MAX, connection).await;
            answer
        }
        // An answer and the end may have come in one piece; both are read then before anybody is woken.
        ended = &mut connection => saying.now_or_never().unwrap_or_else(|| {
            Err(match ended {
                Ok(()) => "the connection was closed".to_owned(),
                Err(fault) => said(&fault),
            })
        }),
    }
}

async fn connect(peer: &Peer<'_>) -> Result<Box<dyn Stream>, String> {
    let address = peer.address;
    let dial = |fault: &dyn std::fmt::Display| format!("dial tcp {address}: {fault}");
    let stream = tcp::connect(address, peer.names).await.map_err(|fault| dial(&fault))?;
    let Some(tls) = peer.tls else { return Ok(Box::new(stream)) };
    let (host, _) = names::split(address).map_err(|fault| dial(&fault))?;
    Ok(Box::new(peer.clients.connect(tls, host, stream).await?))
}

async fn handshake(
    stream: Box<dyn Stream>,
) -> Result<(SendRequest<Bytes>, Connection<Box<dyn Stream>, Bytes>), String> {
    Builder::new()
        .enable_push(false)
        .max_header_list_size(CHECK_HEADERS_BYTES_MAX)
        .handshake(stream)
        .await
        .map_err(|fault| said(&fault))
}

/// What went wrong with a connection.
pub(super) fn said(fault: &h2::Error) -> String {
    match fault.get_io() {
        Some(fault) => fault.to_string(),
        None => fault.to_string(),
    }
}

/// How long a connection may take to close. It waits for nothing but the system's send buffer.
const CLOSE_WAIT_MAX: Duration = Duration::from_millis(100);
