//! A connection that pauses → the same, when there is something to do for it.

use std::future::poll_fn;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use crate::model::limits::HTTP_HEAD_TIMEOUT;
use crate::server::http::conversation::Conversation;
use crate::server::http::conversation::line::poll_heard;
use crate::server::http::conversation::waiting::{Ending, Waiting};
use crate::server::http::patience::Patient;
use crate::server::http::{Hall, Stream};

/// What remains of a connection for as long as hyper has nothing to read or write.
pub(super) struct Pause<S> {
    /// Its stream.
    pub(super) stream: Patient<S>,
    /// What answers its requests.
    pub(super) conversation: Conversation,
    /// What the client sent and nobody looked at yet.
    pub(super) ahead: Vec<u8>,
    /// Why.
    pub(super) reason: Reason,
}

/// Why a connection pauses.
pub(super) enum Reason {
    /// Its request waits.
    Waits(Waiting),
    /// It asked nothing yet, or nothing since it has the answer to a request that waited.
    Idle,
}

impl<S: Stream> Pause<S> {
    /// Waits for what ends it; nothing where that is the connection's end.
    pub(super) async fn end(self, hall: &Hall) -> Option<(Patient<S>, Conversation)> {
        let Self { mut stream, mut conversation, mut ahead, reason } = self;
        let mut told = None;
        if let Reason::Waits(mut waiting) = reason {
            let ending;
            (stream, ending) = waiting.end(stream, &mut ahead, hall).await?;
            match ending {
                Ending::Answered(mut response) => {
                    if hall.stop.is_cancelled() {
                        // hyper would say so, had it known of the request.
                        let close = HeaderValue::from_static("close");
                        response.headers_mut().insert(header::CONNECTION, close);
                    }
                    conversation.answer = Mutex::new(Some(response));
                    ahead.splice(0..0, waiting.stand_in);
                    stream.put_back(ahead);
                    return Some((stream, conversation));
                }
                Ending::Told(unwritten, others) => {
                    conversation.phase.wait();
                    drop(waiting);
                    // Nobody rests for as long as this client takes to read.
                    told = others.filter(|_| unwritten.is_empty());
                    stream.write_all(&unwritten).await.ok()?;
                }
            }
        }
        let heard = async {
            let mut heard = poll_fn(|context| poll_heard(&mut stream, &mut ahead, context));
            if let Some(told) = told {
                // Clients that read what they were told need the processor first.
                let heard = timeout(RESTING_TIME, &mut heard).await;
                drop(told);
                if let Ok(is_heard) = heard {
                    return is_heard;
                }
            }
            heard.await
        };
        let heard = timeout(HTTP_HEAD_TIMEOUT, heard);
        let is_heard = hall.stop.run_until_cancelled(heard).await.is_some_and(|h| h == Ok(true));
        if !is_heard {
            return None;
        }
        stream.put_back(ahead);
        Some((stream, conversation))
    }
}

/// How long those that were told rest before they are woken to clear away what they need no more.
const RESTING_TIME: Duration = Duration::from_millis(5);
