//! Request body → bytes, read up to a limit, never buffered beyond it, and never waited for without end.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt as _;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::api::fault::Fault;
use crate::model::limits::{
    HTTP_BODIES_HELD_BYTES_MAX, HTTP_BODY_BYTES_MAX, HTTP_BODY_HELD_BYTES_FEW, HTTP_BODY_TIMEOUT,
};

/// Reads a JSON body.
///
/// # Errors
/// [`Fault::TooLarge`] beyond [`HTTP_BODY_BYTES_MAX`], [`Fault::Decode`] where it is cut short,
/// [`Fault::TooSlow`] where it has not arrived within [`HTTP_BODY_TIMEOUT`], [`Fault::Busy`] where others left it no
/// room for as long.
pub(in crate::api) async fn read_json(headers: &HeaderMap, body: Body) -> Result<Bytes, Fault> {
    read(&HELD, headers, body, HTTP_BODY_BYTES_MAX, "").await
}

/// Reads the body of a transaction.
///
/// # Errors
/// As [`read_json`], but [`Fault::TooLarge`] beyond `bytes_max`.
pub(in crate::api) async fn read_transaction(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Bytes, Fault> {
    let hint = " The limit is the configuration's `limits.txn_max_req_len`.";
    read(&HELD, headers, body, bytes_max, hint).await
}

/// Reads the value of a key. It owns its bytes and no more than these, since it will be kept.
///
/// # Errors
/// [`Fault::TooLarge`] beyond `bytes_max`, [`Fault::Decode`] where it is cut short,
/// [`Fault::TooSlow`] where it has not arrived within [`HTTP_BODY_TIMEOUT`], [`Fault::Busy`] where others left it no
/// room for as long.
pub(in crate::api) async fn read_value(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Bytes, Fault> {
    let hint = " The limit is the configuration's `limits.kv_max_value_size`.";
    let bytes = read(&HELD, headers, body, bytes_max, hint).await?;
    // What arrived in one piece is a part of the connection's read buffer: a kept value of twenty bytes would
    // hold the eight thousand around it.
    Ok(Bytes::copy_from_slice(&bytes))
}

async fn read(
    room: &Semaphore,
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    hint: &str,
) -> Result<Bytes, Fault> {
    let too_large = |bytes: u64| {
        let text =
            format!("Request body({bytes} bytes) too large, max size: {bytes_max} bytes.{hint}");
        Err(Fault::TooLarge(text))
    };
    let stated = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let stated: Option<u64> = stated.and_then(|text| text.parse().ok());
    if let Some(stated) = stated.filter(|stated| to_u64(bytes_max) < *stated) {
        return too_large(stated);
    }
    // One deadline for all of it: with one for each piece, a byte now and then would go on for ever.
    let deadline = tokio::time::Instant::now() + HTTP_BODY_TIMEOUT;
    let seconds = HTTP_BODY_TIMEOUT.as_secs();
    let bytes = stated.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(bytes_max);
    let Ok(_held) = tokio::time::timeout_at(deadline, reserve(room, bytes)).await else {
        let text = format!("Request bodies of others left no room within {seconds} seconds");
        return Err(Fault::Busy(text));
    };
    let mut stream = body.into_data_stream();
    let mut first: Option<Bytes> = None;
    let mut joined: Vec<u8> = Vec::new();
    loop {
        let Ok(chunk) = tokio::time::timeout_at(deadline, stream.next()).await else {
            let text = format!("Request body did not arrive within {seconds} seconds");
            return Err(Fault::TooSlow(text));
        };
        let Some(chunk) = chunk else { break };
        let chunk = chunk.map_err(|_| Fault::Decode("unexpected EOF".to_owned()))?;
        let bytes = first.as_ref().map_or(joined.len(), Bytes::len).saturating_add(chunk.len());
        if bytes_max < bytes {
            return too_large(to_u64(bytes));
        }
        // Most bodies arrive in one piece, which is then shared instead of copied.
        match first.take() {
            None if joined.is_empty() => first = Some(chunk),
            None => joined.extend_from_slice(&chunk),
            Some(before) => {
                joined.extend_from_slice(&before);
                joined.extend_from_slice(&chunk);
            }
        }
    }
    Ok(first.unwrap_or_else(|| Bytes::from(joined)))
}

fn to_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Waits until a body of so many bytes may be held. All of them at once, before the first is read: bodies that each
/// held a part and waited for more would wait for each other.
async fn reserve(room: &Semaphore, bytes: usize) -> Option<SemaphorePermit<'_>> {
    if bytes <= HTTP_BODY_HELD_BYTES_FEW {
        return None;
    }
    // Nobody closes it.
    room.acquire_many(u32::try_from(bytes).unwrap_or(u32::MAX)).await.ok()
}

/// What all bodies may hold together, until they are whole: from then on their commands count, which have a budget
/// of their own.
static HELD: Semaphore = Semaphore::const_new(HTTP_BODIES_HELD_BYTES_MAX);

#[cfg(test)]
mod tests;
