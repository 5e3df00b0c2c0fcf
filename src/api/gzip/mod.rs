//! Response → the same compressed, where the client asks for it (RFC 9110 §12.5.3, RFC 1952).
//!
//! Answers that are whole are compressed, however small, as Consul does it, and so are those that come in pieces for
//! their length; other streams never are: what is said has to arrive.

use std::io::Write as _;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody as _, to_bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt as _, stream};

use crate::api::piecewise::Piecewise;

/// Whether a client takes gzip: it names it, or all codings, and not with a weight of nothing.
pub(in crate::api) fn is_asked_for(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut rest = None;
    for item in texts.flat_map(|text| text.split(',')) {
        let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight.trim().strip_prefix("q=").map(str::trim);
        let is_wanted = weight.is_none_or(|weight| weight.parse().is_ok_and(|q: f32| 0.0 < q));
        match coding.trim() {
            coding if coding.eq_ignore_ascii_case("gzip") => return is_wanted,
            "*" => rest = Some(is_wanted),
            _ => {}
        }
    }
    rest.unwrap_or(false)
}

/// Compresses an answer that is whole and not empty, or comes in pieces for its length.
pub(in crate::api) async fn compress(response: Response) -> Response {
    if response.extensions().get::<Piecewise>().is_some() {
        return compress_pieces(response);
    }
    let is_whole = response.body().size_hint().exact().is_some_and(|bytes| 0 < bytes);
    if !is_whole || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // It is in memory already, so its size needs no limit.
    let Ok(plain) = to_bytes(body, usize::MAX).await else { return parts_only(parts) };
    let packed = if plain.len() < PACKED_AT_ONCE_BYTES_MAX {
        pack(&plain)
    } else {
        // Others' requests must not wait for it.
        let plain = plain.clone();
        tokio::task::spawn_blocking(move || pack(&plain)).await.unwrap_or(None)
    };
    let Some(packed) = packed else { return Response::from_parts(parts, Body::from(plain)) };
    say_packed(&mut parts.headers);
    Response::from_parts(parts, Body::from(packed))
}

fn say_packed(headers: &mut HeaderMap) {
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
}

/// Compresses each piece when it is asked for.
fn compress_pieces(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    say_packed(&mut parts.headers);
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = stream::try_unfold(Some((body.into_data_stream(), encoder)), next_packed);
    Response::from_parts(parts, Body::from_stream(packed))
}

/// What is left to compress, and what it goes through; nothing after the last piece.
type Rest = Option<(BodyDataStream, GzEncoder<Vec<u8>>)>;

async fn next_packed(rest: Rest) -> Result<Option<(Bytes, Rest)>, axum::Error> {
    let Some((mut plain, mut encoder)) = rest else { return Ok(None) };
    while let Some(piece) = plain.next().await {
        encoder.write_all(&piece?).map_err(axum::Error::new)?;
        let packed = std::mem::take(encoder.get_mut());
        if !packed.is_empty() {
            return Ok(Some((Bytes::from(packed), Some((plain, encoder)))));
        }
    }
    let packed = encoder.finish().map_err(axum::Error::new)?;
    Ok(Some((Bytes::from(packed), None)))
}

/// A head without its body, which could not be read.
fn parts_only(parts: axum::http::response::Parts) -> Response {
    Response::from_parts(parts, Body::empty())
}

fn pack(plain: &[u8]) -> Option<Vec<u8>> {
    let room = Vec::with_capacity(plain.len() / 4 + 32);
    let mut encoder = GzEncoder::new(room, Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}

/// Answers of fewer bytes are compressed where they are made: it takes a fraction of a millisecond.
const PACKED_AT_ONCE_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
