//! The stream of a connection whose request waits: its own task listens, and whoever waits in its place may answer.

use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use axum::body::Bytes;
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use crate::model::lock::lock;
use crate::server::http::Stream;
use crate::server::http::patience::Patient;

/// A stream that two tasks know.
pub(super) struct Line<S> {
    /// What they share.
    state: Mutex<State<S>>,
    /// Wakes the task that listens.
    waker: AtomicWaker,
}

/// What two tasks share.
struct State<S> {
    /// The stream, until its own task takes it back.
    stream: Option<Patient<S>>,
    /// What remains to be written of the answer that it was told.
    told: Option<Bytes>,
}

/// Somebody who can be told an answer, whatever the stream is.
pub(super) trait Tell: Send + Sync {
    /// Writes an answer, as far as the client takes it at once; its own task is woken for the rest. Nothing happens where
    /// the wait has ended, or there was one before.
    fn tell(&self, answer: &Bytes);

    /// Wakes its own task, for it to find out that it was told.
    fn wake(&self);
}

impl<S: Stream> Line<S> {
    pub(super) fn new(stream: Patient<S>) -> Self {
        let state = Mutex::new(State { stream: Some(stream), told: None });
        Self { state, waker: AtomicWaker::new() }
    }

    /// Waits until an answer was told.
    pub(super) fn poll_told(&self, context: &Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        if lock(&self.state).told.is_some() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits until the client sends something, which is kept; whether it does, and did not go.
    pub(super) fn poll_heard(&self, ahead: &mut Vec<u8>, context: &mut Context<'_>) -> Poll<bool> {
        match &mut lock(&self.state).stream {
            Some(stream) => poll_heard(stream, ahead, context),
            None => Poll::Pending,
        }
    }

    /// Takes the stream back: nothing is told any more. What is left to be written of an answer, if one was told.
    pub(super) fn hang_up(&self) -> Option<(Patient<S>, Option<Bytes>)> {
        let State { stream, told } = &mut *lock(&self.state);
        Some((stream.take()?, told.take()))
    }
}

impl<S: Stream> Tell for Line<S> {
    fn tell(&self, answer: &Bytes) {
        let State { stream, told } = &mut *lock(&self.state);
        let (Some(stream), None) = (stream, &told) else { return };
        // Its own task waits for the client, where that is necessary, and finds out what went wrong.
        let mut context = Context::from_waker(Waker::noop());
        let written = match Pin::new(stream).poll_write(&mut context, answer) {
            Poll::Ready(Ok(written)) => written,
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        };
        *told = Some(answer.slice(written..));
        if written < answer.len() {
            self.wake();
        }
    }

    fn wake(&self) {
        self.waker.wake();
    }
}

/// Waits until a client sends something, which is kept; whether it does, and did not go. Nothing is read where something
/// is kept already.
pub(super) fn poll_heard<S: Stream>(
    stream: &mut Patient<S>,
    ahead: &mut Vec<u8>,
    context: &mut Context<'_>,
) -> Poll<bool> {
    if !ahead.is_empty() {
        return Poll::Ready(true);
    }
    let mut bytes = [0; HEARD_BYTES];
    let mut heard = ReadBuf::new(&mut bytes);
    Pin::new(stream).poll_read(context, &mut heard).map(|_| {
        ahead.extend_from_slice(heard.filled());
        !ahead.is_empty()
    })
}

/// How much of what a client sends is read to find out that it does.
const HEARD_BYTES: usize = 64;
