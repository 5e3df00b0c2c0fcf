//! HTTP connections: accepted, bounded per client, given to the API's router, and ended in order.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, Version, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1::{self, Connection};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::Client;
use crate::model::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEAD_TIMEOUT};

/// Binds a listener that a restart can take over at once.
pub(in crate::server) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Serves a listener until `stop`, then waits for the open requests.
pub(in crate::server) async fn serve(
    listener: TcpListener,
    router: Router,
    connections_per_client_max: u32,
    stop: CancellationToken,
) {
    let clients = Clients { open: Arc::default(), max: connections_per_client_max };
    let graceful = GracefulShutdown::new();
    let router = router.layer(from_fn(check_host));
    // Dropped at the end, and with it whatever outlasts the drain.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            // A stop goes first: a flood of connections must not put it off. What has ended is forgotten
            // before there is more.
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(fault) => {
                tracing::warn!(%fault, "a connection could not be accepted");
                // Out of file descriptors: trying again at once would only burn the processor.
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(admission) = clients.enter(client.ip()) else {
            connections.spawn(turn_away(stream));
            continue;
        };
        let _ = stream.set_nodelay(true);
        let connection = graceful.watch(connection(stream, router.clone(), client.ip()));
        connections.spawn(async move {
            if let Err(fault) = connection.await {
                tracing::debug!(%fault, %client, "a connection ended badly");
            }
            drop(admission);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::info!("open HTTP requests were cut off");
    }
}

/// What answers the requests of one connection.
fn connection<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    router: Router,
    client: IpAddr,
) -> Connection<TokioIo<S>, FromClient> {
    let service = FromClient { router: TowerToHyperService::new(router), client };
    http1::Builder::new()
        .timer(TokioTimer::new())
        // Its clock runs between two requests too, hence the length of it.
        .header_read_timeout(HTTP_HEAD_TIMEOUT)
        .max_buf_size(HTTP_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
}

/// The router, told with each request who is connected.
struct FromClient {
    /// It.
    router: TowerToHyperService<Router>,
    /// Who.
    client: IpAddr,
}

impl Service<hyper::Request<Incoming>> for FromClient {
    type Response = Response;
    type Error = Infallible;
    type Future = <TowerToHyperService<Router> as Service<hyper::Request<Incoming>>>::Future;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(Client(self.client));
        self.router.call(request)
    }
}

/// RFC 9112 §3.2: a request of HTTP/1.1 names its host, and once.
async fn check_host(request: Request, next: Next) -> Response {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    let fault = match (request.version(), hosts) {
        (Version::HTTP_11, 0) => "missing required Host header",
        (_, 0 | 1) => return next.run(request).await,
        (_, 2..) => "too many Host headers",
    };
    (StatusCode::BAD_REQUEST, format!("400 Bad Request: {fault}")).into_response()
}

/// Tells a client that has too many connections so, and hangs up.
async fn turn_away(mut stream: TcpStream) {
    let write = stream.write_all(TOO_MANY_CONNECTIONS.as_bytes());
    // Whether the client reads it is its own affair.
    let _ = tokio::time::timeout(TURN_AWAY_TIMEOUT, write).await;
}

/// How many connections each client has.
struct Clients {
    /// Open connections by address.
    open: Arc<Mutex<HashMap<IpAddr, u32>>>,
    /// How many one may have; 0 for any number.
    max: u32,
}

/// A connection that counts until it is dropped.
struct Admission {
    /// Where it counts.
    open: Arc<Mutex<HashMap<IpAddr, u32>>>,
    /// Whose it is.
    client: IpAddr,
}

impl Clients {
    fn enter(&self, client: IpAddr) -> Option<Admission> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(client).or_default();
        if 0 < self.max && self.max <= *count {
            return None;
        }
        *count += 1;
        Some(Admission { open: Arc::clone(&self.open), client })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
    }
}

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4_096;

/// How long a client that is turned away may take to be told so.
const TURN_AWAY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long open requests may take after a stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// How long to wait after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The answer to one connection too many.
const TOO_MANY_CONNECTIONS: &str = "HTTP/1.1 429 Too Many Requests\r\n\
    Content-Type: text/plain\r\nConnection: close\r\n\r\n\
    this address has too many open connections (limits.http_max_conns_per_client)\n";

#[cfg(test)]
mod tests;
