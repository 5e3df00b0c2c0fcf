//! Response → the same compressed, where the client asks for it (RFC 9110 §12.5.3, RFC 1952).
//!
//! Answers that are whole are compressed, however small, as Consul does it; streams never are: what is said has to
//! arrive.

use std::io::Write as _;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

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

/// Compresses an answer that is whole and not empty.
pub(in crate::api) async fn compress(response: Response) -> Response {
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
    let headers = &mut parts.headers;
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    Response::from_parts(parts, Body::from(packed))
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
