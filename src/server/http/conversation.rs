//! A connection → answers to its requests, one after another.
//!
//! hyper has two buffers of 8 KiB for each connection, and what it read of a head lives for as long as its request
//! does. Blocking queries wait for minutes, thousands of them at a time, so that hyper's connection is let go while
//! one waits, and only the stream is kept. A new one writes the answer: it reads a head that stands for the one that
//! was read already. Before the first request, and between two that wait, there is none either: thousands may ask at
//! once.
//!
//! Invariants
//! - Nothing is lost that hyper has not written: it is let go only when all of that has left.
//! - What a client sent ahead is served after the answer.

use std::convert::Infallible;
use std::future::{pending, poll_fn, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::server::conn::http1::{self, Connection};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::api::Client;
use crate::api::holding::hold;
use crate::model::limits::HTTP_HEAD_TIMEOUT;
use crate::model::lock::lock;
use crate::server::http::clients::{Admission, Whose};
use crate::server::http::patience::{Patient, Phase};
use crate::server::http::{Hall, Stream};

/// Serves one connection to its end, and gives its place to the next one then.
pub(super) async fn converse<S: Stream>(
    stream: S,
    whose: Whose,
    _admission: Admission,
    hall: Hall,
) {
    let conversation = Conversation::new(whose, &hall);
    let stream = Patient::new(stream, Arc::clone(&conversation.phase));
    let mut pause = Pause { stream, conversation, ahead: Vec::new(), reason: Reason::Idle };
    while let Some((stream, conversation)) = pause.end(&hall.stop).await {
        pause = match serve(stream, conversation, &hall).await {
            Ok(Some(pause)) => pause,
            Ok(None) => return,
            Err(fault) => {
                return tracing::debug!(%fault, ?whose, "a connection ended badly");
            }
        };
    }
}

/// Serves requests until the connection ends, or pauses.
async fn serve<S: Stream>(
    stream: Patient<S>,
    conversation: Conversation,
    hall: &Hall,
) -> hyper::Result<Option<Pause<S>>> {
    let (phase, place) = (Arc::clone(&conversation.phase), Arc::clone(&conversation.place));
    // In a box, so that a pause does not keep the room for it.
    let mut connection = Box::new(
        http1::Builder::new()
            .timer(TokioTimer::new())
            // Its clock runs between two requests too, hence the length of it.
            .header_read_timeout(HTTP_HEAD_TIMEOUT)
            .max_buf_size(hall.head_bytes_max)
            .serve_connection(TokioIo::new(stream), conversation),
    );
    let reason = tokio::select! {
        // The connection goes first: what it does anyway must not wait for a look at the stop.
        biased;
        reason = next_pause(&mut connection, &phase, &place) => reason?,
        () = hall.stop.cancelled() => {
            Pin::new(&mut *connection).graceful_shutdown();
            next_pause(&mut connection, &phase, &place).await?
        }
    };
    let Some(reason) = reason else { return Ok(None) };
    let parts = connection.into_parts();
    let (stream, conversation) = (parts.io.into_inner(), parts.service);
    // A copy, since it is part of a buffer.
    let ahead = parts.read_buf.to_vec();
    Ok(Some(Pause { stream, conversation, ahead, reason }))
}

/// Serves requests until there is a reason for a pause; nothing where the connection ends before.
async fn next_pause<S: Stream>(
    connection: &mut Connection<TokioIo<Patient<S>>, Conversation>,
    phase: &Phase,
    place: &Place,
) -> hyper::Result<Option<Reason>> {
    poll_fn(|context| match Pin::new(&mut *connection).poll(context) {
        Poll::Ready(result) => Poll::Ready(result.map(|()| None)),
        Poll::Pending if phase.is_stalled() => Poll::Pending,
        Poll::Pending => match place.take() {
            Some(waiting) => Poll::Ready(Ok(Some(Reason::Waits(waiting)))),
            None if phase.is_waiting() && place.was_told.swap(false, Ordering::Relaxed) => {
                Poll::Ready(Ok(Some(Reason::Idle)))
            }
            None => Poll::Pending,
        },
    })
    .await
}

/// What remains of a connection for as long as nothing is read or written.
struct Pause<S> {
    /// Its stream.
    stream: Patient<S>,
    /// What answers its requests.
    conversation: Conversation,
    /// What the client sent and nobody looked at yet.
    ahead: Vec<u8>,
    /// Why.
    reason: Reason,
}

/// Why a connection pauses.
enum Reason {
    /// Its request waits.
    Waits(Waiting),
    /// It asked nothing yet, or nothing since it has the answer to a request that waited.
    Idle,
}

impl<S: Stream> Pause<S> {
    /// Waits for what ends it; nothing where that is the connection's end.
    async fn end(self, stop: &CancellationToken) -> Option<(Patient<S>, Conversation)> {
        let Self { mut stream, mut conversation, mut ahead, reason } = self;
        match reason {
            Reason::Waits(mut waiting) => {
                let mut response = tokio::select! {
                    biased;
                    response = &mut waiting.answering => response,
                    () = gone(&mut stream, &mut ahead) => return None,
                };
                if stop.is_cancelled() {
                    // hyper would say so, had it known of the request.
                    response
                        .headers_mut()
                        .insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                conversation.answer = Mutex::new(Some(response));
                ahead.splice(0..0, waiting.stand_in);
            }
            Reason::Idle => {
                let heard = timeout(HTTP_HEAD_TIMEOUT, is_heard(&mut stream, &mut ahead));
                let is_heard = stop.run_until_cancelled(heard).await.is_some_and(|h| h == Ok(true));
                if !is_heard {
                    return None;
                }
            }
        }
        stream.put_back(ahead);
        Some((stream, conversation))
    }
}

/// Waits until the client goes. What it sends instead is kept, and no more is read then.
async fn gone<S: Stream>(stream: &mut Patient<S>, ahead: &mut Vec<u8>) {
    if is_heard(stream, ahead).await {
        pending::<()>().await;
    }
}

/// Waits until the client sends something; whether it does, and did not go.
async fn is_heard<S: Stream>(stream: &mut Patient<S>, ahead: &mut Vec<u8>) -> bool {
    if !ahead.is_empty() {
        return true;
    }
    let mut bytes = [0; HEARD_BYTES];
    let count = stream.read(&mut bytes).await.unwrap_or(0);
    ahead.extend(bytes.iter().take(count));
    0 < count
}

/// Answers the requests of one connection.
struct Conversation {
    /// The API.
    router: TowerToHyperService<Router>,
    /// Who asks.
    client: Client,
    /// Where the connection is.
    phase: Arc<Phase>,
    /// Where a request is that has to wait.
    place: Arc<Place>,
    /// The answer to a request whose connection was taken apart.
    answer: Mutex<Option<Response<Body>>>,
}

/// The place of the one request of a connection that waits. Its connection polls it there; whoever takes it does so
/// from then on.
#[derive(Default)]
struct Place {
    /// The request.
    waiting: Mutex<Option<Waiting>>,
    /// Whether the answer to one was written, and nothing was asked since.
    was_told: AtomicBool,
}

/// A request that has to wait.
struct Waiting {
    /// Makes its answer.
    answering: Answering,
    /// A head that is answered as its own would be.
    stand_in: Vec<u8>,
}

/// An answer that is being made.
type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

impl Conversation {
    fn new(whose: Whose, hall: &Hall) -> Self {
        let client = match whose {
            Whose::Address(address) => Client(address),
            Whose::Socket => Client(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        };
        Self {
            router: TowerToHyperService::new(hall.router.clone()),
            client,
            phase: Arc::default(),
            place: Arc::default(),
            answer: Mutex::default(),
        }
    }

    /// Answers a request that may have to wait.
    fn answer_later(
        &self,
        request: Request<Incoming>,
    ) -> <Self as Service<Request<Incoming>>>::Future {
        let stand_in = stand_in(&request);
        let answering = self.router.call(detach(request));
        let answering =
            Box::pin(async move { answering.await.unwrap_or_else(|never| match never {}) });
        let (phase, place) = (Arc::clone(&self.phase), Arc::clone(&self.place));
        place.put(Waiting { answering, stand_in });
        Box::pin(poll_fn(move |context| {
            let response = std::task::ready!(place.poll(context));
            phase.wait();
            Poll::Ready(Ok(response))
        }))
    }
}

impl Service<Request<Incoming>> for Conversation {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        // Of an answer before this one nobody needs to know any more.
        self.place.was_told.store(false, Ordering::Relaxed);
        if let Some(answer) = lock(&self.answer).take() {
            self.phase.wait();
            let told = Told(Arc::clone(&self.place));
            return Box::pin(ready(Ok(answer.map(|body| hold(body, told)))));
        }
        let phase = Arc::clone(&self.phase);
        phase.serve();
        if let Some(refusal) = check_host(&request) {
            phase.wait();
            return Box::pin(ready(Ok(refusal)));
        }
        request.extensions_mut().insert(self.client);
        if may_wait(&request) {
            return self.answer_later(request);
        }
        let answering = self.router.call(request);
        Box::pin(async move {
            let response = answering.await;
            phase.wait();
            response
        })
    }
}

impl Place {
    fn put(&self, waiting: Waiting) {
        *lock(&self.waiting) = Some(waiting);
    }

    fn take(&self) -> Option<Waiting> {
        lock(&self.waiting).take()
    }

    /// Goes on with the request that is there.
    fn poll(&self, context: &mut Context<'_>) -> Poll<Response<Body>> {
        // Out of its place meanwhile, so that a panic leaves nothing behind.
        let Some(mut waiting) = self.take() else { return Poll::Pending };
        let polled = waiting.answering.as_mut().poll(context);
        if polled.is_pending() {
            self.put(waiting);
        }
        polled
    }
}

/// Says that an answer was written, by its end.
struct Told(Arc<Place>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.was_told.store(true, Ordering::Relaxed);
    }
}

/// Whether a request may be a blocking query. Whether it is one, its endpoint knows.
fn may_wait(request: &Request<Incoming>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method() == Method::GET
        && request.body().is_end_stream()
        && query
            .split('&')
            .any(|piece| WAITING_PARAMETERS.iter().any(|name| piece.starts_with(name)))
}

/// A request that shares no bytes with the buffer that it was read into.
fn detach(request: Request<Incoming>) -> Request<Incoming> {
    let (mut head, body) = request.into_parts();
    if let Ok(uri) = head.uri.to_string().parse() {
        head.uri = uri;
    }
    for value in head.headers.values_mut() {
        if let Ok(copy) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = copy;
        }
    }
    Request::from_parts(head, body)
}

/// A head that leaves the connection open exactly where a request does (RFC 9112 §9.3).
fn stand_in(request: &Request<Incoming>) -> Vec<u8> {
    let mut head = match request.version() {
        Version::HTTP_10 => b"GET / HTTP/1.0\r\n".to_vec(),
        _ => b"GET / HTTP/1.1\r\n".to_vec(),
    };
    for value in request.headers().get_all(header::CONNECTION) {
        head.extend_from_slice(b"Connection: ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
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

/// Parameters of blocking queries.
const WAITING_PARAMETERS: [&str; 2] = ["index=", "hash="];

/// How much of what a client sends is read to find out that it does.
const HEARD_BYTES: usize = 64;
