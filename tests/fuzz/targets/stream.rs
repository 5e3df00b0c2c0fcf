//! Bytes as what comes over one connection, in pieces: each message up to the first that is no query is answered, and
//! how the bytes are cut makes no difference.
//!
//! The first byte says where the pieces end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use lictor::server::serve_alone;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Serves a connection on which bytes come.
pub(crate) fn stream(bytes: &[u8]) {
    let Some((seed, sent)) = bytes.split_first() else { return };
    let rng = fastrand::Rng::with_seed(u64::from(*seed));
    let mut pipe = Pipe { sent, rng, was_busy: false, received: Vec::new() };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let end = runtime.block_on(serve_alone(&mut pipe, answer));
    let (replies, expected) = expect(sent);
    assert_eq!((pipe.received, end.as_str()), (replies, expected));
}

/// Answers with the same bytes backwards, but not what is shorter than a header, or a reply.
fn answer(message: &[u8]) -> Option<Vec<u8>> {
    let is_query = 12 <= message.len() && message[2] & 0x80 == 0;
    is_query.then(|| message.iter().rev().copied().collect())
}

/// The replies, and how the connection has to end.
fn expect(mut rest: &[u8]) -> (Vec<u8>, &'static str) {
    let mut replies = Vec::new();
    while let [high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((message, after)) = after.split_at_checked(length) else { break };
        let Some(reply) = answer(message) else { return (replies, MALFORMED) };
        replies.extend([*high, *low]);
        replies.extend(reply);
        rest = after;
    }
    (replies, if rest.is_empty() { "the client closed it" } else { MALFORMED })
}

/// A connection whose other side has sent all it has, of which a part at a time arrives.
struct Pipe<'a> {
    sent: &'a [u8],
    rng: fastrand::Rng,
    was_busy: bool,
    received: Vec<u8>,
}

impl Pipe<'_> {
    /// Whether the side at hand has to be asked again.
    fn is_busy(&mut self, context: &Context<'_>) -> bool {
        self.was_busy = !self.was_busy && self.rng.bool();
        if self.was_busy {
            context.waker().wake_by_ref();
        }
        self.was_busy
    }
}

impl AsyncRead for Pipe<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_busy(context) {
            return Poll::Pending;
        }
        let most = self.sent.len().min(buffer.remaining());
        let length = if most == 0 { 0 } else { self.rng.usize(1..=most) };
        let (piece, rest) = self.sent.split_at(length);
        buffer.put_slice(piece);
        self.sent = rest;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_busy(context) {
            return Poll::Pending;
        }
        let length = if bytes.is_empty() { 0 } else { self.rng.usize(1..=bytes.len()) };
        self.received.extend(&bytes[..length]);
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// How a connection ends on which something came that is no query, or the half of one.
const MALFORMED: &str = "what came was no query";
