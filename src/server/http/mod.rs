//! HTTP connections: accepted, bounded per client and in all, given to the API's router, and ended in order.
//!
//! Every wait of a connection is bounded: for a request ([`HTTP_HEAD_TIMEOUT`]), for the rest of its head and for
//! the client to take its answer ([`mod@patience`]), for its body (the API), for a blocking query (the API).

mod listen;

mod clients;

mod patience;

use std::convert::Infallible;
use std::future::ready;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::server::conn::http1::{self, Connection};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::Client;
use crate::model::limits::HTTP_HEAD_TIMEOUT;
use crate::server::accept::{Accept, accept_all, drain};
pub(in crate::server) use crate::server::http::clients::Clients;
use crate::server::http::clients::Whose;
pub(in crate::server) use crate::server::http::listen::{SocketListener, bind, bind_socket};
use crate::server::http::patience::{Patient, Phase};

/// What all listeners serve.
#[derive(Clone)]
pub(in crate::server) struct Hall {
    /// The API.
    pub(in crate::server) router: Router,
    /// Who is connected.
    pub(in crate::server) clients: Arc<Clients>,
    /// Largest head of a request, in bytes.
    pub(in crate::server) head_bytes_max: usize,
    /// Ends it.
    pub(in crate::server) stop: CancellationToken,
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
        let conversation = converse(stream, whose, hall.clone());
        connections.spawn(async move {
            conversation.await;
            drop(admission);
        });
    })
    .await;
    drop(listener);
    if !drain(&mut connections).await {
        tracing::info!("open HTTP requests were cut off");
    }
}

/// Serves one connection to its end.
async fn converse<S: Stream>(stream: S, whose: Whose, hall: Hall) {
    let mut connection = std::pin::pin!(connect(stream, whose, &hall));
    let result = tokio::select! {
        // The connection goes first: what it does anyway must not wait for a look at the stop.
        biased;
        result = &mut connection => result,
        () = hall.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(fault) = result {
        tracing::debug!(%fault, ?whose, "a connection ended badly");
    }
}

/// What answers the requests of one connection.
fn connect<S: Stream>(
    stream: S,
    whose: Whose,
    hall: &Hall,
) -> Connection<TokioIo<Patient<S>>, Conversation> {
    let phase = Arc::new(Phase::default());
    let client = match whose {
        Whose::Address(address) => Client(address),
        Whose::Socket => Client(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    };
    let router = TowerToHyperService::new(hall.router.clone());
    let conversation = Conversation { router, client, phase: Arc::clone(&phase) };
    http1::Builder::new()
        .timer(TokioTimer::new())
        // Its clock runs between two requests too, hence the length of it.
        .header_read_timeout(HTTP_HEAD_TIMEOUT)
        .max_buf_size(hall.head_bytes_max)
        .serve_connection(TokioIo::new(Patient::new(stream, phase)), conversation)
}

/// Answers the requests of one connection.
struct Conversation {
    /// The API.
    router: TowerToHyperService<Router>,
    /// Who asks.
    client: Client,
    /// Where the connection is.
    phase: Arc<Phase>,
}

impl Service<Request<Incoming>> for Conversation {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let phase = Arc::clone(&self.phase);
        phase.serve();
        if let Some(refusal) = check_host(&request) {
            phase.wait();
            return Box::pin(ready(Ok(refusal)));
        }
        request.extensions_mut().insert(self.client);
        let answering = self.router.call(request);
        Box::pin(async move {
            let response = answering.await;
            phase.wait();
            response
        })
    }
}

/// RFC 9112 §3.2: a request of HTTP/1.1 names its host, and once.
fn check_host<B>(request: &Request<B>) -> Option<Response<Body>> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    let fault = match (request.version(), hosts) {
        (Version::HTTP_11, 0) => "missing required Host header",
        (_, 0 | 1) => return None,
        (_, 2..) => "too many Host headers",
    };
    Some((StatusCode::BAD_REQUEST, format!("400 Bad Request: {fault}")).into_response())
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
