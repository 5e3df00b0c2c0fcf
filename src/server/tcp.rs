//! DNS over TCP: hickory-server's listener around the same `respond` (RFC 7766).
//!
//! hickory wants a message of its own types from its handler, so the reply is read back and handed over
//! section by section. It writes names anew and finds fewer of them again than `dns::fit` does, so that a
//! large reply grows: what would not fit any more is left out here, before hickory cuts it and sets TC.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_proto::op::{Header, HeaderCounts, Message, MessageType, Metadata, ResponseCode};
use hickory_proto::rr::Record;
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::TcpListener;

use crate::dns::{Incoming, Outgoing, Transport, Worker};
use crate::server::front::Front;

/// Starts to answer on listeners. Dropping the result ends it.
pub(in crate::server) fn start(listeners: Vec<TcpListener>, front: &Arc<Front>) -> TcpServer {
    let worker = Mutex::new(front.worker());
    let mut server = Server::new(Handler { front: Arc::clone(front), worker });
    for listener in listeners {
        server.register_listener(listener, IDLE_TIMEOUT, REPLIES_QUEUED_MAX);
    }
    TcpServer { server }
}

/// Listeners that answer.
#[must_use = "listeners answer until `stop`"]
pub(in crate::server) struct TcpServer {
    /// hickory's side.
    server: Server<Handler>,
}

impl TcpServer {
    /// Takes no more connections and waits for the open ones' answers.
    pub(in crate::server) async fn stop(mut self) {
        if let Err(fault) = self.server.shutdown_gracefully().await {
            tracing::debug!(%fault, "the DNS listener did not end in order");
        }
    }
}

/// hickory's way to ask us.
struct Handler {
    /// What answers.
    front: Arc<Front>,
    /// What the listeners keep; held for the few microseconds of one answer.
    worker: Mutex<Worker>,
}

#[async_trait::async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut reply: R,
    ) -> ResponseInfo {
        let Some(message) = self.respond(request.as_slice(), request.src()) else {
            return nothing(request);
        };
        let mut builder = MessageResponseBuilder::from_message_request(request);
        if let Some(edns) = &message.edns {
            builder.edns(edns);
        }
        let response = builder.build(
            message.metadata,
            &message.answers,
            &message.authorities,
            std::iter::empty(),
            &message.additionals,
        );
        match reply.send_response(response).await {
            Ok(info) => info,
            Err(fault) => {
                tracing::debug!(%fault, source = %request.src(), "a reply could not be sent");
                nothing(request)
            }
        }
    }
}

impl Handler {
    /// The reply as hickory's message; nothing where none is due.
    fn respond(&self, bytes: &[u8], source: SocketAddr) -> Option<Message> {
        let incoming = Incoming { bytes, transport: Transport::Tcp, source };
        let mut reply = Vec::new();
        let outgoing = {
            let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
            self.front.respond(&self.front.moment(), &incoming, &mut worker, &mut reply)
        };
        let Outgoing::Reply(_) = outgoing else { return None };
        let mut message = Message::from_vec(&reply)
            .inspect_err(|fault| tracing::error!(%fault, "our own reply does not parse"))
            .ok()?;
        if usize::from(u16::MAX) < reply.len() * REWRITTEN_GROWTH_MAX {
            drop_additionals(&mut message);
        }
        Some(message)
    }
}

/// Leaves out additional records, each set whole, until the message fits as hickory writes it. Answers do
/// not grow: their owner is the question's name, which it always finds again.
fn drop_additionals(message: &mut Message) {
    let is_truncated = std::mem::replace(&mut message.metadata.truncation, false);
    while !message.additionals.is_empty() && !is_whole(message) {
        let kept = message.additionals.len() * 7 / 8;
        let set = |record: &Record| (record.name.clone(), record.record_type());
        let cut = message.additionals.get(kept).map(set);
        message.additionals.truncate(kept);
        while message.additionals.last().is_some_and(|last| Some(set(last)) == cut) {
            message.additionals.pop();
        }
    }
    message.metadata.truncation = is_truncated;
}

/// Whether nothing of a message is cut where hickory writes it.
fn is_whole(message: &Message) -> bool {
    let Ok(bytes) = message.to_vec() else { return false };
    let is_cut = bytes.get(2).is_some_and(|flags| flags & FLAG_TC != 0);
    // The OPT record stands last, and is dropped without a word.
    !is_cut && u16::try_from(bytes.len() + OPT_BYTES_MAX).is_ok()
}

/// What hickory is told where nothing was sent.
fn nothing(request: &Request) -> ResponseInfo {
    let mut metadata =
        Metadata::new(request.metadata.id, MessageType::Response, request.metadata.op_code);
    metadata.response_code = ResponseCode::ServFail;
    ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() })
}

/// The bit of a header's third byte that says that something was cut (RFC 1035 §4.1.1).
const FLAG_TC: u8 = 0x02;

/// Bytes that the OPT record of a large reply takes at most; only short ones explain themselves.
const OPT_BYTES_MAX: usize = 64;

/// How many times longer hickory may write a reply: a pointer of two bytes can become a name of 255, in
/// records of at least 16.
const REWRITTEN_GROWTH_MAX: usize = 17;

/// How long a connection may say nothing (RFC 7766 §6.2.3 asks for "a few seconds").
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Replies that may wait for a slow reader of one connection; hickory drops what is beyond.
const REPLIES_QUEUED_MAX: usize = 256;
