//! A stream that does not wait for ever: for the rest of a request's head, and for a client to take its answer.
//!
//! hyper bounds how long a connection is idle, with the same clock as a head; it does not bound how long a client
//! may leave an answer unread, which would be held for as long.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::model::limits::{HTTP_HEAD_REST_TIMEOUT, HTTP_WRITE_TIMEOUT};

/// Where a connection is between two requests. Whoever serves requests says when one begins and ends.
#[derive(Default)]
pub(super) struct Phase {
    /// How many requests were answered, and what the next one is at.
    step: AtomicU64,
    /// Whether the client has to take something before more can be written.
    is_stalled: AtomicBool,
}

/// A stream with a bound on every wait but the one for a new request.
pub(super) struct Patient<S> {
    /// The stream.
    stream: S,
    /// Where it is.
    phase: Arc<Phase>,
    /// When the head of a request has to be there that begins so, since when a part of it is.
    head: Option<(u64, Pin<Box<Sleep>>)>,
    /// When some of an answer has to be taken, since when nothing was.
    answer: Option<Pin<Box<Sleep>>>,
    /// What is read before anything of the stream.
    ahead: Bytes,
}

impl Phase {
    /// A head is whole, its request is served.
    pub(super) fn serve(&self) {
        self.step.store(self.request() * KINDS + SERVING, Ordering::Relaxed);
    }

    /// Its answer is made; what arrives next begins another request.
    pub(super) fn wait(&self) {
        self.step.store((self.request() + 1) * KINDS + WAITING, Ordering::Relaxed);
    }

    /// Whether nothing of the next request is there.
    pub(super) fn is_waiting(&self) -> bool {
        self.step.load(Ordering::Relaxed) % KINDS == WAITING
    }

    /// Whether something waits to be written.
    pub(super) fn is_stalled(&self) -> bool {
        self.is_stalled.load(Ordering::Relaxed)
    }

    /// Something arrived.
    fn receive(&self) {
        if self.is_waiting() {
            self.step.store(self.request() * KINDS + HEAD, Ordering::Relaxed);
        }
    }

    /// The request whose head is under way.
    fn head(&self) -> Option<u64> {
        let state = self.step.load(Ordering::Relaxed);
        (state % KINDS == HEAD).then_some(state / KINDS)
    }

    fn request(&self) -> u64 {
        self.step.load(Ordering::Relaxed) / KINDS
    }
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, phase: Arc<Phase>) -> Self {
        Self { stream, phase, head: None, answer: None, ahead: Bytes::new() }
    }

    /// Has bytes read before all others.
    pub(super) fn put_back(&mut self, mut bytes: Vec<u8>) {
        bytes.extend_from_slice(&self.ahead);
        self.ahead = bytes.into();
    }

    /// Bounds a wait for the rest of a head.
    fn wait_for_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(request) = self.phase.head() else {
            self.head = None;
            return Poll::Pending;
        };
        let (_, sleep) = match self.head.take().filter(|(of, _)| *of == request) {
            Some(head) => self.head.insert(head),
            None => self.head.insert((request, Box::pin(sleep(HTTP_HEAD_REST_TIMEOUT)))),
        };
        sleep.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Bounds a wait for a client to take some of its answer.
    fn wait_for_client<T>(
        &mut self,
        context: &mut Context<'_>,
        taken: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if taken.is_ready() {
            if self.answer.take().is_some() {
                self.phase.is_stalled.store(false, Ordering::Relaxed);
            }
            return taken;
        }
        let sleep = self.answer.get_or_insert_with(|| Box::pin(sleep(HTTP_WRITE_TIMEOUT)));
        self.phase.is_stalled.store(true, Ordering::Relaxed);
        sleep.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = if self.ahead.is_empty() {
            Pin::new(&mut self.stream).poll_read(context, buffer)
        } else {
            let count = self.ahead.len().min(buffer.remaining());
            buffer.put_slice(&self.ahead.split_to(count));
            Poll::Ready(Ok(()))
        };
        match polled {
            Poll::Pending => self.wait_for_head(context),
            Poll::Ready(result) => {
                if before < buffer.filled().len() {
                    self.phase.receive();
                }
                Poll::Ready(result)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wait_for_client(context, taken)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.wait_for_client(context, taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Nothing of a request is there.
const WAITING: u64 = 0;

/// A part of its head is.
const HEAD: u64 = 1;

/// Its head was whole.
const SERVING: u64 = 2;

/// How many of these there are.
const KINDS: u64 = 3;
