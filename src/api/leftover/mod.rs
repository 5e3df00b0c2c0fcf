//! Request bodies that handlers answer without reading: what is left of them is read all the same, so that the
//! connection can carry the next request.
//!
//! A refusal often comes before the body does. Hyper then closes the connection, and a client that keeps it for its
//! next request finds out by an error.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::{Stream, StreamExt as _};

use crate::model::lock::lock;

/// Where a body comes back to when its handler is done with it.
#[derive(Clone, Default)]
pub(in crate::api) struct Leftover(Arc<Mutex<Option<BodyDataStream>>>);

/// A body that comes back.
struct Lent {
    /// The body, until it is given back.
    body: Option<BodyDataStream>,
    /// Where to.
    leftover: Leftover,
}

/// Lends a request's body to its handler; nothing where there is none, or none that the client has sent already.
pub(in crate::api) fn lend(request: Request) -> (Request, Option<Leftover>) {
    // Who waits to be told to go on has sent nothing, and reading would tell it.
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return (request, None);
    }
    let leftover = Leftover::default();
    let lent = leftover.clone();
    let lend = |body: Body| Lent { body: Some(body.into_data_stream()), leftover: lent };
    let request = request.map(|body| Body::from_stream(lend(body)));
    (request, Some(leftover))
}

/// Reads what a handler left, if it is little and there; else says in the answer that the connection ends.
pub(in crate::api) async fn drain(leftover: Leftover, response: &mut Response) {
    let body = lock(&leftover.0).take();
    let Some(body) = body.filter(|body| !body.is_end_stream()) else { return };
    let is_short = HttpBody::size_hint(&body).lower() <= DRAINED_BYTES_MAX;
    let is_read = is_short && tokio::time::timeout(DRAIN_TIMEOUT, read(body)).await == Ok(true);
    if !is_read {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Whether a body ends before it is long.
async fn read(mut pieces: BodyDataStream) -> bool {
    let mut bytes: u64 = 0;
    while let Some(piece) = pieces.next().await {
        let Ok(piece) = piece else { return false };
        bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if DRAINED_BYTES_MAX < bytes {
            return false;
        }
    }
    true
}

impl Stream for Lent {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, axum::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_next(context),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *lock(&self.leftover.0) = self.body.take();
    }
}

/// Of longer bodies the rest is not read: to connect anew is cheaper. Go's number.
const DRAINED_BYTES_MAX: u64 = 256 * 1024;

/// What was sent along is there by then.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
