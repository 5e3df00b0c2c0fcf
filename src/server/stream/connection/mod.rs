//! Bytes of one connection → messages → replies → bytes.
//!
//! The loop has three steps: answer all messages that are there, write what was answered, wait. While replies
//! cannot be written nothing is read, and while too many answers are under way neither: a client that asks
//! faster than it reads slows itself down, and nobody else.
//!
//! | what the client does | what ends the connection |
//! |---|---|
//! | nothing | [`DNS_TCP_IDLE_TIMEOUT`](crate::model::limits::DNS_TCP_IDLE_TIMEOUT), less where places run out (RFC 7766 §6.2.3) |
//! | sends a part of a message | [`DNS_TCP_MESSAGE_TIMEOUT`] after its first byte, however many follow |
//! | does not read | [`DNS_TCP_WRITE_TIMEOUT`] after a write began |
//! | sends what is no query: a reply, or less than a header | that message: where the length of one is wrong, so are all behind it |
//! | makes us hold many bytes | that all connections together hold more than [`DNS_TCP_HELD_BYTES_MAX`](crate::model::limits::DNS_TCP_HELD_BYTES_MAX) |
//! | closes its side | the end of its replies (RFC 7766 §6.2.4 lets clients close when they like) |
//!
//! The last two, and a stop, end reading; what was asked before is still answered.

use std::fmt::{self, Display};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};
use tokio_util::sync::CancellationToken;

use crate::model::limits::{
    DNS_TCP_ANSWERS_UNDER_WAY_MAX, DNS_TCP_MESSAGE_TIMEOUT, DNS_TCP_QUEUED_BYTES_MAX,
    DNS_TCP_WRITE_TIMEOUT,
};
use crate::server::stream::places::Seat;

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The client closed it, between two messages.
    Closed,
    /// What came was no query, or half a message.
    Malformed,
    /// The client let us wait too long.
    Late(Late),
    /// Its place was given to another connection.
    GaveWay,
    /// It held many bytes, and all connections together too many.
    Burden,
    /// The server stops.
    Stopped,
    /// The network failed, or the client hung up.
    Failed(io::Error),
}

/// What was waited for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// A query.
    Query,
    /// The rest of a message.
    Rest,
    /// The client to read.
    Reader,
}

/// Serves one connection until it ends.
///
/// `answer` is called for one message after the other; what it returns is polled once at once, and with
/// others later where that did not finish it. It gives the reply, or nothing for what is no query.
pub(super) async fn serve<S, A, F>(
    stream: S,
    answer: A,
    seat: &Seat,
    stop: &CancellationToken,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: FnMut(&[u8]) -> F,
    F: Future<Output = Option<Vec<u8>>> + Unpin,
{
    let codec = LengthDelimitedCodec::builder()
        .length_field_type::<u16>()
        .max_frame_length(usize::from(u16::MAX))
        .new_codec();
    let connection = Connection {
        stream,
        codec,
        received: BytesMut::new(),
        replies: BytesMut::new(),
        under_way: FuturesUnordered::new(),
        is_amid: false,
        since: Instant::now(),
        end: None,
    };
    connection.run(answer, seat, stop).await
}

/// One connection.
struct Connection<S, F> {
    /// The client.
    stream: S,
    /// Two bytes of length before each message (RFC 1035 §4.2.2).
    codec: LengthDelimitedCodec,
    /// What came and is no whole message yet.
    received: BytesMut,
    /// What is to be written.
    replies: BytesMut,
    /// Answers that take time.
    under_way: FuturesUnordered<F>,
    /// Whether a message has begun and not ended.
    is_amid: bool,
    /// When it began, or a message ended or was answered, whichever was last.
    since: Instant,
    /// Why nothing more is read.
    end: Option<End>,
}

/// What a wait brought.
enum Event {
    /// So many bytes; none where the client has closed its side.
    Received(usize),
    /// An answer.
    Answered(Option<Vec<u8>>),
    /// Another connection needs this one's place.
    GiveWay,
    /// The server stops.
    Stop,
}

impl<S, F> Connection<S, F>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = Option<Vec<u8>>> + Unpin,
{
    async fn run(
        mut self,
        mut answer: impl FnMut(&[u8]) -> F,
        seat: &Seat,
        stop: &CancellationToken,
    ) -> End {
        loop {
            if let Err(end) = self.turn(&mut answer, seat, stop).await {
                return end;
            }
        }
    }

    /// Answers what is there, and writes; where there was nothing, waits.
    async fn turn(
        &mut self,
        answer: &mut impl FnMut(&[u8]) -> F,
        seat: &Seat,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        self.answer_all(answer, seat).await?;
        if !seat.hold(self.received.len() + self.replies.len()) {
            return Err(End::Burden);
        }
        if !self.replies.is_empty() {
            // There may be further messages, which had to wait for the room that is now there.
            return self.write_all().await;
        }
        if self.under_way.is_empty()
            && let Some(end) = self.end.take()
        {
            // TLS ends with a word to the client.
            timeout(DNS_TCP_WRITE_TIMEOUT, self.stream.shutdown()).await.ok();
            return Err(end);
        }
        let event = self.wait(seat, stop).await?;
        self.take(event)
    }

    /// Answers the messages that are there, as far as there is room for their replies.
    async fn answer_all(
        &mut self,
        answer: &mut impl FnMut(&[u8]) -> F,
        seat: &Seat,
    ) -> Result<(), End> {
        while self.has_room() {
            let Some(message) = self.codec.decode(&mut self.received)? else { break };
            seat.work();
            self.is_amid = !self.received.is_empty();
            self.since = Instant::now();
            let mut answer = answer(&message);
            match (&mut answer).now_or_never() {
                Some(outgoing) => self.queue(outgoing)?,
                None => self.under_way.push(answer),
            }
            // Lets others run in between, however many messages came at once.
            consume_budget().await;
        }
        if !self.is_amid {
            // Thousands of connections wait without a buffer.
            self.received = BytesMut::new();
        }
        Ok(())
    }

    /// Whether another message may be answered.
    fn has_room(&self) -> bool {
        self.end.is_none()
            && self.replies.len() < DNS_TCP_QUEUED_BYTES_MAX
            && self.under_way.len() < DNS_TCP_ANSWERS_UNDER_WAY_MAX
    }

    fn queue(&mut self, reply: Option<Vec<u8>>) -> Result<(), End> {
        match reply {
            Some(reply) => self.codec.encode(Bytes::from(reply), &mut self.replies)?,
            None => {
                self.end.get_or_insert(End::Malformed);
            }
        }
        Ok(())
    }

    /// Writes all replies that there are.
    async fn write_all(&mut self) -> Result<(), End> {
        let replies = std::mem::take(&mut self.replies);
        let write = async {
            self.stream.write_all(&replies).await?;
            self.stream.flush().await
        };
        let late = |_| End::Late(Late::Reader);
        Ok(timeout(DNS_TCP_WRITE_TIMEOUT, write).await.map_err(late)??)
    }

    /// Waits until there is something to do.
    async fn wait(&mut self, seat: &Seat, stop: &CancellationToken) -> Result<Event, End> {
        if self.under_way.is_empty() {
            seat.rest();
        }
        let is_open = self.end.is_none();
        let is_reading = is_open && self.under_way.len() < DNS_TCP_ANSWERS_UNDER_WAY_MAX;
        let (deadline, late) = self.deadline(seat, is_reading);
        let Self { stream, received, under_way, .. } = self;
        let event = async {
            tokio::select! {
                // What ends the connection goes first, so that no stream of queries puts it off; then
                // answers, so that it does not put those off either.
                biased;
                () = stop.cancelled(), if is_open => Ok(Event::Stop),
                () = seat.wanted(), if is_open => Ok(Event::GiveWay),
                Some(outgoing) = under_way.next() => Ok(Event::Answered(outgoing)),
                count = receive(stream, received), if is_reading => {
                    Ok(Event::Received(count?))
                }
                // Nothing is read any more, and nothing is under way.
                else => Ok(Event::Stop),
            }
        };
        match deadline {
            Some(deadline) => timeout_at(deadline, event).await.unwrap_or(Err(End::Late(late))),
            None => event.await,
        }
    }

    /// Until when the client has time, and for what. Answers have limits of their own: nothing is asked of
    /// the client while it waits for them.
    fn deadline(&self, seat: &Seat, is_reading: bool) -> (Option<Instant>, Late) {
        if self.is_amid && is_reading {
            (Some(self.since + DNS_TCP_MESSAGE_TIMEOUT), Late::Rest)
        } else if self.under_way.is_empty() {
            (Some(self.since + seat.idle_timeout()), Late::Query)
        } else {
            (None, Late::Query)
        }
    }

    /// Takes note of what happened.
    fn take(&mut self, event: Event) -> Result<(), End> {
        let end = match event {
            Event::Received(0) if self.is_amid => End::Malformed,
            Event::Received(0) => End::Closed,
            Event::Received(_) => {
                if !self.is_amid {
                    (self.is_amid, self.since) = (true, Instant::now());
                }
                return Ok(());
            }
            Event::Answered(outgoing) => {
                self.since = Instant::now();
                return self.queue(outgoing);
            }
            Event::GiveWay => End::GaveWay,
            Event::Stop => End::Stopped,
        };
        self.end.get_or_insert(end);
        Ok(())
    }
}

/// Receives what is there, and says how much.
async fn receive<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut BytesMut,
) -> io::Result<usize> {
    std::future::poll_fn(|context| poll_receive(stream, received, context)).await
}

/// The space that bytes come into lasts for one poll only: who waits holds none.
fn poll_receive<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut BytesMut,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut space = [const { MaybeUninit::uninit() }; RECEIVED_BYTES_MAX];
    let mut buffer = ReadBuf::uninit(&mut space);
    ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
    received.extend_from_slice(buffer.filled());
    Poll::Ready(Ok(buffer.filled().len()))
}

impl From<io::Error> for End {
    fn from(fault: io::Error) -> Self {
        Self::Failed(fault)
    }
}

impl Late {
    /// What was waited for, as metrics and the log call it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Rest => "rest",
            Self::Reader => "reader",
        }
    }
}

impl Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the client closed it"),
            Self::Malformed => f.write_str("what came was no query"),
            Self::Late(Late::Query) => f.write_str("no query came"),
            Self::Late(Late::Rest) => f.write_str("the rest of a message did not come in time"),
            Self::Late(Late::Reader) => f.write_str("replies were not read"),
            Self::GaveWay => f.write_str("another connection needed its place"),
            Self::Burden => f.write_str("all connections together hold too many bytes"),
            Self::Stopped => f.write_str("the server stops"),
            Self::Failed(fault) => write!(f, "{fault}"),
        }
    }
}

/// Bytes that are received at one time: some 300 usual queries.
const RECEIVED_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests;
