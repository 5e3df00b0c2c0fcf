//! A request that may have to wait → its answer, whoever makes it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::{HeaderValue, Method, Request, Response, Version, header};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use crate::api::vigil::Vigil;
use crate::model::lock::lock;
use crate::server::http::conversation::herd::{Herds, Inquiry, Member, Membership, Resting};
use crate::server::http::conversation::line::Line;
use crate::server::http::conversation::share::{Shared, share};
use crate::server::http::patience::Patient;
use crate::server::http::{Hall, Stream};

/// The place of the one request of a connection that waits. Its connection polls it there; whoever takes it does so
/// from then on.
#[derive(Default)]
pub(super) struct Place {
    /// The request.
    waiting: Mutex<Option<Waiting>>,
    /// Whether the answer to one was written, and nothing was asked since.
    was_told: AtomicBool,
}

/// A request that has to wait.
pub(super) struct Waiting {
    /// Makes its answer.
    answering: Answering,
    /// A head that is answered as its own would be.
    pub(super) stand_in: Vec<u8>,
    /// What it asks, until it waits with others that ask the same.
    inquiry: Option<Inquiry>,
    /// How it says that it waits.
    vigil: Arc<Vigil>,
}

/// An answer that is being made.
type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// How a wait ends.
pub(super) enum Ending {
    /// With its answer.
    Answered(Response<Body>),
    /// With one that was told to all that ask the same. This remains to be written of it; and the one that told it has
    /// to let the others go.
    Told(Bytes, Option<Resting>),
}

impl Place {
    pub(super) fn put(&self, waiting: Waiting) {
        *lock(&self.waiting) = Some(waiting);
    }

    pub(super) fn take(&self) -> Option<Waiting> {
        lock(&self.waiting).take()
    }

    /// Goes on with the request that is there.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<Response<Body>> {
        // Out of its place meanwhile, so that a panic leaves nothing behind.
        let Some(mut waiting) = self.take() else { return Poll::Pending };
        let polled = waiting.answering.as_mut().poll(context);
        if polled.is_pending() {
            self.put(waiting);
        }
        polled
    }

    /// Notes whether the answer to a request was written and nothing was asked since; whether that was so before.
    pub(super) fn note_told(&self, was_told: bool) -> bool {
        self.was_told.swap(was_told, Ordering::Relaxed)
    }
}

impl Waiting {
    /// Begins to answer a request.
    pub(super) fn new(router: &TowerToHyperService<Router>, request: Request<Incoming>) -> Self {
        let (stand_in, inquiry) = (stand_in(&request), Inquiry::of(&request));
        let vigil = Arc::<Vigil>::default();
        let mut request = detach(request);
        request.extensions_mut().insert(Arc::clone(&vigil));
        let answering = router.call(request);
        let answering =
            Box::pin(async move { answering.await.unwrap_or_else(|never| match never {}) });
        Self { answering, stand_in, inquiry, vigil }
    }

    /// Waits until it ends; nothing where the client goes before. What that sends instead is kept, and no more is read
    /// then.
    pub(super) async fn end<S: Stream>(
        &mut self,
        stream: Patient<S>,
        ahead: &mut Vec<u8>,
        hall: &Hall,
    ) -> Option<(Patient<S>, Ending)> {
        let line = Arc::new(Line::new(stream));
        let mut membership: Option<Membership> = None;
        let response = poll_fn(|context| {
            loop {
                if line.poll_told(context).is_ready() {
                    return Poll::Ready(None);
                }
                if let Poll::Ready(response) = self.answering.as_mut().poll(context) {
                    return Poll::Ready(Some(response));
                }
                let Some(joined) = self.join(&hall.herds, &line) else { break };
                // Once more from the start: it may sleep now, and has to find out.
                membership = Some(joined);
            }
            match line.poll_heard(ahead, context) {
                Poll::Ready(false) => Poll::Ready(None),
                Poll::Ready(true) | Poll::Pending => Poll::Pending,
            }
        })
        .await;
        // At a stop each answers for itself, since each connection ends with its answer.
        let finding = self.vigil.finding().filter(|_| !hall.stop.is_cancelled());
        let (response, others) = match (response, membership, finding) {
            (Some(response), Some(membership), Some(finding)) => {
                // In a box, so that those who wait do not keep the room for it.
                match Box::pin(share(response, membership, &finding, &*line)).await {
                    Shared::Told(others) => (None, Some(others)),
                    Shared::Kept(response) => (Some(response), None),
                }
            }
            (response, _, _) => (response, None),
        };
        let (stream, told) = line.hang_up()?;
        // It may have been told in the moment in which it had an answer itself.
        let told = told.map(|unwritten| Ending::Told(unwritten, others));
        Some((stream, told.or(response.map(Ending::Answered))?))
    }

    /// Has it wait with others, as soon as it waits.
    fn join<S: Stream>(&mut self, herds: &Arc<Herds>, line: &Arc<Line<S>>) -> Option<Membership> {
        let expected = self.vigil.expected()?;
        let line = Arc::clone(line);
        Some(herds.join(
            self.inquiry.take()?,
            expected,
            Member { vigil: Arc::clone(&self.vigil), line },
        ))
    }
}

/// Whether a request may be a blocking query. Whether it is one, its endpoint knows.
pub(super) fn may_wait(request: &Request<Incoming>) -> bool {
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

/// Parameters of blocking queries.
const WAITING_PARAMETERS: [&str; 2] = ["index=", "hash="];
