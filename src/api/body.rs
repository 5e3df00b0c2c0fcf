//! Request body → bytes, read up to a limit, never buffered beyond it, and never waited for without end.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt as _;

use crate::api::fault::Fault;
use crate::model::limits::{HTTP_BODY_BYTES_MAX, HTTP_BODY_TIMEOUT};

/// Reads a JSON body.
///
/// # Errors
/// [`Fault::TooLarge`] beyond [`HTTP_BODY_BYTES_MAX`], [`Fault::Decode`] where it is cut short,
/// [`Fault::TooSlow`] where it has not arrived within [`HTTP_BODY_TIMEOUT`].
pub(in crate::api) async fn read_json(headers: &HeaderMap, body: Body) -> Result<Bytes, Fault> {
    read(headers, body, HTTP_BODY_BYTES_MAX, "").await
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
    read(headers, body, bytes_max, hint).await
}

/// Reads the value of a key. It owns its bytes and no more than these, since it will be kept.
///
/// # Errors
/// [`Fault::TooLarge`] beyond `bytes_max`, [`Fault::Decode`] where it is cut short,
/// [`Fault::TooSlow`] where it has not arrived within [`HTTP_BODY_TIMEOUT`].
pub(in crate::api) async fn read_value(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Bytes, Fault> {
    let hint = " The limit is the configuration's `limits.kv_max_value_size`.";
    let bytes = read(headers, body, bytes_max, hint).await?;
    // What arrived in one piece is a part of the connection's read buffer: a kept value of twenty bytes would
    // hold the eight thousand around it.
    Ok(Bytes::copy_from_slice(&bytes))
}

async fn read(
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
    let stated: u64 = stated.and_then(|text| text.parse().ok()).unwrap_or(0);
    let bytes_max_u64 = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    if bytes_max_u64 < stated {
        return too_large(stated);
    }
    let mut stream = body.into_data_stream();
    let mut first: Option<Bytes> = None;
    let mut joined: Vec<u8> = Vec::new();
    let deadline = tokio::time::Instant::now() + HTTP_BODY_TIMEOUT;
    loop {
        // One deadline for all of it: with one for each piece, a byte now and then would go on for ever.
        let Ok(chunk) = tokio::time::timeout_at(deadline, stream.next()).await else {
            let seconds = HTTP_BODY_TIMEOUT.as_secs();
            let text = format!("Request body did not arrive within {seconds} seconds");
            return Err(Fault::TooSlow(text));
        };
        let Some(chunk) = chunk else { break };
        let chunk = chunk.map_err(|_| Fault::Decode("unexpected EOF".to_owned()))?;
        let held = first.as_ref().map_or(joined.len(), Bytes::len);
        if bytes_max < held.saturating_add(chunk.len()) {
            return too_large(u64::try_from(held + chunk.len()).unwrap_or(u64::MAX));
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
