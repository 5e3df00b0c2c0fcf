//! gRPC: passing if the health service (`grpc.health.v1.Health/Check`) says SERVING.
//!
//! The two messages have one field each, so they are read and written here (protobuf's wire format: a
//! varint of `field << 3 | type` before each value). Texts are those of Go's gRPC, which Consul shows.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use h2::client::SendRequest;
use hyper::{HeaderMap, Request, Response};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;

use crate::agent::probe::http2::{Peer, said, talk};
use crate::agent::probe::{Finding, cut_head};
use crate::model::health::Status;
use crate::model::limits::GRPC_ANSWER_BYTES_MAX;

/// Asks once. `service` is empty for the server as a whole.
pub(super) async fn run(
    peer: &Peer<'_>,
    service: &str,
    limit: Duration,
    output_bytes_max: usize,
) -> Finding {
    let mut finding = match timeout(limit, check(peer, service, limit)).await {
        Ok(Ok(SERVING)) => {
            let slash = if service.is_empty() { "" } else { "/" };
            let output = format!("gRPC check {}{slash}{service}: success", peer.address);
            Finding { status: Status::Passing, output }
        }
        Ok(Ok(state)) => {
            let state = STATES.get(state).copied().unwrap_or("an unknown one");
            Finding::critical(format!(
                "gRPC application didn't report service healthy: its state is {state}"
            ))
        }
        Ok(Err(fault)) => Finding::critical(fault),
        Err(_) => Finding::critical(error(4, "context deadline exceeded")),
    };
    finding.output = cut_head(finding.output, output_bytes_max);
    finding
}

/// The state that the health service tells.
async fn check(peer: &Peer<'_>, service: &str, limit: Duration) -> Result<usize, String> {
    let request = request(peer, limit)?;
    let message = framed(service);
    let answer = talk(peer, async |sender, _| exchange(sender, request, message).await).await;
    let answer = answer.map_err(|fault| error(14, &fault))?;
    read(&answer)
}

fn request(peer: &Peer<'_>, limit: Duration) -> Result<Request<()>, String> {
    let scheme = if peer.tls.is_some() { "https" } else { "http" };
    Request::post(format!("{scheme}://{}/grpc.health.v1.Health/Check", peer.address))
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .header("user-agent", "Consul Health Check")
        // At most eight digits; whoever waits longer than a day is not told.
        .header("grpc-timeout", format!("{}m", limit.as_millis().min(99_999_999)))
        .body(())
        .map_err(|fault| error(13, &format!("`{}` cannot be asked: {fault}", peer.address)))
}

/// What came back.
struct Answer {
    /// The code of HTTP.
    code: u16,
    /// What stands in the head or after the body: `grpc-status`, `grpc-message`.
    trailers: HeaderMap,
    /// The framed message.
    body: Bytes,
}

async fn exchange(
    sender: SendRequest<Bytes>,
    request: Request<()>,
    message: Bytes,
) -> Result<Answer, String> {
    let mut sender = sender.ready().await.map_err(|fault| said(&fault))?;
    let (response, mut stream) =
        sender.send_request(request, false).map_err(|fault| said(&fault))?;
    stream.send_data(message, true).map_err(|fault| said(&fault))?;
    let (head, mut body) = response.await.map(Response::into_parts).map_err(|f| said(&f))?;
    let bytes = read_body(&mut body).await?;
    let trailers = body.trailers().await.map_err(|fault| said(&fault))?;
    Ok(Answer {
        code: head.status.as_u16(),
        trailers: trailers.unwrap_or(head.headers),
        body: bytes,
    })
}

async fn read_body(body: &mut RecvStream) -> Result<Bytes, String> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(|fault| said(&fault))?;
        bytes.extend_from_slice(&piece);
        if GRPC_ANSWER_BYTES_MAX < bytes.len() {
            return Err(format!("an answer of more than {GRPC_ANSWER_BYTES_MAX} bytes"));
        }
    }
    Ok(bytes.freeze())
}

/// Answer → state, or an error as Go's client shows it.
fn read(answer: &Answer) -> Result<usize, String> {
    let trailer = |name| answer.trailers.get(name).and_then(|value| value.to_str().ok());
    let code = trailer("grpc-status").and_then(|code| code.parse().ok());
    match code {
        Some(0) => state(&answer.body)
            .ok_or_else(|| error(13, "the answer is no message of the health service")),
        Some(code) => {
            let text = trailer("grpc-message").unwrap_or_default();
            Err(error(code, &percent_decode_str(text).decode_utf8_lossy()))
        }
        None if answer.code != 200 => {
            let text = format!("unexpected HTTP status code received from server: {}", answer.code);
            Err(error(14, &text))
        }
        None => Err(error(13, "server closed the stream without sending trailers")),
    }
}

fn error(code: usize, text: &str) -> String {
    match CODES.get(code) {
        Some(name) => format!("rpc error: code = {name} desc = {text}"),
        None => format!("rpc error: code = Code({code}) desc = {text}"),
    }
}

/// A service's name → `HealthCheckRequest`, behind the five bytes that stand before each message.
fn framed(service: &str) -> Bytes {
    let mut message = Vec::new();
    if !service.is_empty() {
        // Field 1, of the type whose length is stated.
        message.push(1 << 3 | 2);
        let mut length = service.len();
        while 0x80 <= length {
            message.push(low_bits(length) | 0x80);
            length >>= 7;
        }
        message.push(low_bits(length));
        message.extend(service.as_bytes());
    }
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0][..], &length.to_be_bytes(), &message].concat().into()
}

fn low_bits(number: usize) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or_default()
}

/// A framed `HealthCheckResponse` → its state; `None` where it is none.
fn state(framed: &[u8]) -> Option<usize> {
    let (head, mut message) = framed.split_at_checked(5)?;
    // Nobody may compress here: we did not say that we could read it.
    let (0, length) = (*head.first()?, u32::from_be_bytes(head.get(1..)?.try_into().ok()?)) else {
        return None;
    };
    if usize::try_from(length).ok()? != message.len() {
        return None;
    }
    // A field that is not sent has its first value: UNKNOWN.
    let mut state = 0;
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        match (tag >> 3, tag & 7) {
            (1, 0) => state = usize::try_from(varint(&mut message)?).ok()?,
            // Fields that a newer version may have are skipped, by their type.
            (_, 0) => {
                varint(&mut message)?;
            }
            (_, 1) => message = message.get(8..)?,
            (_, 2) => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                message = message.get(length..)?;
            }
            (_, 5) => message = message.get(4..)?,
            _ => return None,
        }
    }
    Some(state)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// The state that passes.
const SERVING: usize = 1;

/// The states of `HealthCheckResponse.ServingStatus`, by their number.
const STATES: [&str; 4] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

/// The codes of gRPC, by their number, as Go calls them.
const CODES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];
