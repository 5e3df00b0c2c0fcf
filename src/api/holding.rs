//! A body that holds something for as long as it is not written: room that it takes, or who is told of its end.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// Has a body hold something until it is dropped: written, or given up.
pub(crate) fn hold<T: Unpin + Send + 'static>(body: Body, held: T) -> Body {
    Body::new(Holding { body, _held: held })
}

/// A body, and what goes when it goes.
struct Holding<T> {
    /// The body.
    body: Body,
    /// What it holds.
    _held: T,
}

impl<T: Unpin> HttpBody for Holding<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
