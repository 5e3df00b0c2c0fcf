//! An answer that all of a herd wait for → its bytes, written to each of them.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Waker};

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::http::Response;
use futures_util::future::Either;
use futures_util::{StreamExt as _, stream};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio_util::io::StreamReader;

use crate::api::vigil::Finding;
use crate::model::limits::HTTP_ANSWER_UNREAD_BYTES_FEW;
use crate::model::lock::lock;
use crate::server::http::conversation::herd::{Membership, Resting};
use crate::server::http::conversation::line::Tell;

/// What became of an answer that a herd may wait for.
pub(super) enum Shared {
    /// It was told to all of them.
    Told(Resting),
    /// It was not, and is the finder's alone: nobody else waits for it, it cannot be written at once on a connection that
    /// stays open, it is so large that each has to have room for its own, or it tells of a fault, which others need not
    /// meet.
    Kept(Response<Body>),
}

/// Tells an answer to all of a herd; to the one that has it, whose line is given, first.
pub(super) async fn share(
    response: Response<Body>,
    membership: Membership,
    finding: &Finding,
    line: &dyn Tell,
) -> Shared {
    let others = membership.end_herd();
    let bytes = response.body().size_hint().exact();
    let is_small = bytes.is_some_and(|bytes| bytes <= HTTP_ANSWER_UNREAD_BYTES_FEW);
    if others.is_empty() || !is_small || response.status().is_server_error() {
        return Shared::Kept(response);
    }
    let (head, body) = response.into_parts();
    let body = match to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(fault) => {
            let broken = stream::iter([Err::<Bytes, _>(fault)]);
            return Shared::Kept(Response::from_parts(head, Body::from_stream(broken)));
        }
    };
    let answer = || Response::from_parts(head.clone(), Body::from(body.clone()));
    let Some(written) = write(answer()) else { return Shared::Kept(answer()) };
    line.tell(&written);
    Shared::Told(others.tell(&written, finding).await)
}

/// What hyper writes of an answer whose connection stays open; nothing, where it would close it.
fn write(response: Response<Body>) -> Option<Bytes> {
    let response = Mutex::new(Some(response));
    let answer = service_fn(|_| match lock(&response).take() {
        Some(response) => Either::Left(ready(Ok::<_, Infallible>(response))),
        None => Either::Right(pending()),
    });
    // A connection to nobody: its client asked, and says no more.
    let asked = stream::iter([Ok::<_, io::Error>(REQUEST)]).chain(stream::pending());
    let page = TokioIo::new(tokio::io::join(StreamReader::new(asked), Vec::new()));
    let mut connection = http1::Builder::new().serve_connection(page, answer);
    // All that it needs is there: what it has not done at once, it never will.
    let polled = Pin::new(&mut connection).poll(&mut Context::from_waker(Waker::noop()));
    let (_, written) = connection.into_parts().io.into_inner().into_inner();
    (polled.is_pending() && !written.is_empty()).then(|| written.into())
}

/// A request that is answered as those of a herd are: their connections stay open.
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
