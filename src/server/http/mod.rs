//! HTTP connections: accepted, bounded per client and in all, given to the API's router, and ended in order.
//!
//! Every wait of a connection is bounded: for a request ([`mod@conversation`]), for the rest of its head and for the
//! client to take its answer ([`mod@patience`]), for its body (the API), for a blocking query (the API).
//!
//! Suggested reading: [`mod@conversation`] (requests and answers), then [`mod@patience`], [`mod@clients`].

mod listen;

mod clients;

mod patience;

mod conversation;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::server::accept::{Accept, accept_all, drain};
pub(in crate::server) use crate::server::http::clients::Clients;
use crate::server::http::clients::Whose;
use crate::server::http::conversation::{Herds, converse};
pub(in crate::server) use crate::server::http::listen::{SocketListener, bind, bind_socket};

/// What all listeners serve.
#[derive(Clone)]
pub(in crate::server) struct Hall {
    /// The API.
    router: Router,
    /// Who is connected.
    clients: Arc<Clients>,
    /// Who waits for the same.
    herds: Arc<Herds>,
    /// Largest head of a request, in bytes.
    head_bytes_max: usize,
    /// Ends it.
    stop: CancellationToken,
}

impl Hall {
    /// A hall in which the router answers, with heads of up to so many bytes, until the stop.
    pub(in crate::server) fn new(
        router: Router,
        clients: &Arc<Clients>,
        head_bytes_max: usize,
        stop: &CancellationToken,
    ) -> Self {
        let (clients, stop) = (Arc::clone(clients), stop.clone());
        Self { router, clients, herds: Arc::default(), head_bytes_max, stop }
    }
}

/// Where HTTP listens.
pub(in crate::server) enum HttpListener {
    /// At an address.
    Tcp(TcpListener),
    /// In the file system.
    Socket(SocketListener),
}

impl HttpListener {
    /// Where it is: `127.0.0.1:8500` or `unix:///path`.
    pub(in crate::server) fn shown(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|a| a.to_string()).unwrap_or_default(),
            Self::Socket(listener) => format!("unix://{}", listener.path().display()),
        }
    }

    /// Serves until the stop, then waits for the open requests.
    pub(in crate::server) async fn serve(self, hall: Hall) {
        match self {
            Self::Tcp(listener) => serve(listener, hall).await,
            Self::Socket(listener) => serve(listener, hall).await,
        }
    }
}

/// A connection of HTTP.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Has what is written leave at once.
    fn hurry(&self) {}
}

impl Stream for TcpStream {
    fn hurry(&self) {
        let _ = self.set_nodelay(true);
    }
}

impl Stream for tokio::net::UnixStream {}

#[cfg(test)]
impl Stream for tokio::io::DuplexStream {}

/// Who is at the other end.
trait Peer {
    /// Whose connection it is.
    fn whose(&self) -> Whose;
}

impl Peer for SocketAddr {
    fn whose(&self) -> Whose {
        Whose::Address(self.ip())
    }
}

impl Peer for () {
    fn whose(&self) -> Whose {
        Whose::Socket
    }
}

async fn serve<L>(listener: L, hall: Hall)
where
    L: Accept<Stream: Stream, Peer: Peer>,
{
    // Dropped at the end, and with it whatever outlasts the drain.
    let mut connections = JoinSet::new();
    accept_all(&listener, "HTTP", &mut connections, &hall.stop, |connections, stream, peer| {
        let whose = peer.whose();
        let Some(admission) = hall.clients.enter(whose) else {
            connections.spawn(turn_away(stream));
            return;
        };
        stream.hurry();
        connections.spawn(converse(stream, whose, admission, hall.clone()));
    })
    .await;
    drop(listener);
    if !drain(&mut connections).await {
        tracing::info!("open HTTP requests were cut off");
    }
}

/// Tells a client that has too many connections so, and hangs up.
async fn turn_away<S: Stream>(mut stream: S) {
    let write = stream.write_all(TOO_MANY_CONNECTIONS.as_bytes());
    // Whether the client reads it is its own affair.
    let _ = tokio::time::timeout(TURN_AWAY_TIMEOUT, write).await;
}

/// How long a client that is turned away may take to be told so.
const TURN_AWAY_TIMEOUT: Duration = Duration::from_secs(10);

/// The answer to one connection too many.
const TOO_MANY_CONNECTIONS: &str = "HTTP/1.1 429 Too Many Requests\r\n\
    Content-Type: text/plain\r\nConnection: close\r\n\r\n\
    this address has too many open connections (limits.http_max_conns_per_client)\n";

#[cfg(test)]
mod tests;
