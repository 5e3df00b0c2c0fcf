//! A long list → a body in pieces, each made when the client has read those before it.
//!
//! Made at once, the whole store would be held by every client that does not read it, and the thread that makes it
//! would serve nobody else.

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use tokio::task::yield_now;

use crate::api::answer::to_bytes;
use crate::api::fault::Fault;

/// Marks an answer that comes in pieces for its length alone: nobody waits for the single piece, so all of it may be
/// compressed.
#[derive(Clone, Copy)]
pub(in crate::api) struct Piecewise;

/// A list as JSON, as [`to_bytes`] would write it. `show` writes a list of one item.
pub(in crate::api) fn list<T: Send + 'static>(
    pretty: bool,
    items: Vec<T>,
    show: fn(bool, &T) -> Result<Vec<u8>, Fault>,
) -> Body {
    let closing: &[u8] = if pretty { b"\n]\n" } else { b"]" };
    let mut items = Some(items.into_iter());
    let mut separator = b'[';
    let pieces = std::iter::from_fn(move || {
        let rest = items.as_mut()?;
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        while piece.len() < PIECE_BYTES {
            let Some(item) = rest.next() else {
                piece.extend_from_slice(closing);
                items = None;
                break;
            };
            let shown = match show(pretty, &item) {
                Ok(shown) => shown,
                Err(fault) => return Some(Err(fault)),
            };
            piece.push(separator);
            piece.extend_from_slice(inside(&shown, closing));
            separator = b',';
        }
        Some(Ok(Bytes::from(piece)))
    });
    // Others have their turn after each.
    let pieces = stream::iter(pieces).then(|piece| async {
        yield_now().await;
        piece
    });
    Body::from_stream(pieces)
}

/// One item as a list, for [`list`].
pub(in crate::api) fn single<T: Serialize>(pretty: bool, item: T) -> Result<Vec<u8>, Fault> {
    to_bytes(pretty, &[item])
}

/// A list without its brackets.
fn inside<'a>(list: &'a [u8], closing: &[u8]) -> &'a [u8] {
    let list = list.strip_prefix(b"[").unwrap_or(list);
    list.strip_suffix(closing).unwrap_or(list)
}

/// A piece is full when it has as many bytes, so that it is at most one item longer.
const PIECE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
