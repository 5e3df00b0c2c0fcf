//! A body that holds something for as long as it is not written: room that it takes, or who is told of its end.
//!
//! hyper lets go of a body as soon as it has its last bytes, however long the client takes to read them. So the bytes
//! hold it too.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// Has a body hold something until it is written, or given up.
pub(crate) fn hold<T: Send + Sync + 'static>(body: Body, held: T) -> Body {
    Body::new(Holding { body, held: Arc::new(held) })
}

/// A body, and what goes when it and its bytes go.
struct Holding<T> {
    /// The body.
    body: Body,
    /// What it holds.
    held: Arc<T>,
}

/// Some bytes of such a body.
struct Piece<T> {
    /// The bytes.
    bytes: Bytes,
    /// What they hold.
    _held: Arc<T>,
}

impl<T> AsRef<[u8]> for Piece<T> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T: Send + Sync + 'static> HttpBody for Holding<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let hold = |bytes| Bytes::from_owner(Piece { bytes, _held: Arc::clone(&self.held) });
        polled.map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(hold))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
