//! A connection → answers to its requests, one after another.
//!
//! hyper has two buffers of 8 KiB for each connection, and what it read of a head lives for as long as its request
//! does. Blocking queries wait for minutes, thousands of them at a time, so that hyper's connection is let go while
//! one waits, and only the stream is kept. A new one writes the answer: it reads a head that stands for the one that
//! was read already. Where many wait for the same ([`mod@herd`]), one of them writes it to all, and there is no new one.
//! Before the first request, and between two that wait, there is none either: thousands may ask at once.
//!
//! Invariants
//! - Nothing is lost that hyper has not written: it is let go only when all of that has left.
//! - What a client sent ahead is served after the answer.

mod pause;

mod waiting;

mod line;

mod herd;

mod share;

use std::convert::Infallible;
use std::future::{poll_fn, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::server::conn::http1::{self, Connection};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;

use crate::api::Client;
use crate::api::holding::hold;
use crate::model::limits::HTTP_HEAD_TIMEOUT;
use crate::model::lock::lock;
use crate::server::http::clients::{Admission, Whose};
pub(super) use crate::server::http::conversation::herd::Herds;
use crate::server::http::conversation::pause::{Pause, Reason};
use crate::server::http::conversation::waiting::{Place, Waiting, may_wait};
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
    while let Some((stream, conversation)) = pause.end(&hall).await {
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
            None if phase.is_waiting() && place.note_told(false) => {
                Poll::Ready(Ok(Some(Reason::Idle)))
            }
            None => Poll::Pending,
        },
    })
    .await
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
        let (phase, place) = (Arc::clone(&self.phase), Arc::clone(&self.place));
        place.put(Waiting::new(&self.router, request));
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
        self.place.note_told(false);
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

/// Says that an answer was written, by its end.
struct Told(Arc<Place>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.note_told(true);
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

#[cfg(test)]
mod tests;
