//! Answer → the same, counted until the client has read it: answers that nobody reads must not take all memory, nor one
//! client all the room for them.
//!
//! An answer that comes in pieces is not made before it is read, and does not count.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{LazyLock, Mutex};

use axum::body::HttpBody as _;
use axum::response::{IntoResponse as _, Response};

use crate::api::fault::Fault;
use crate::api::holding::hold;
use crate::model::limits::{
    HTTP_ANSWER_UNREAD_BYTES_FEW, HTTP_ANSWERS_UNREAD_BYTES_MAX, HTTP_CLIENT_UNREAD_BYTES_MAX,
};
use crate::model::lock::lock;

/// Counts an answer, or refuses it where those that were not read left no room.
pub(in crate::api) fn count(client: IpAddr, response: Response) -> Response {
    count_in(&UNREAD, client, response)
}

fn count_in(unread: &'static Unread, client: IpAddr, response: Response) -> Response {
    let bytes = response.body().size_hint().exact().unwrap_or(0);
    if bytes <= HTTP_ANSWER_UNREAD_BYTES_FEW {
        return response;
    }
    match unread.begin(client, bytes) {
        Ok(share) => response.map(|body| hold(body, share)),
        Err(fault) => fault.into_response(),
    }
}

/// What was answered and not read yet.
#[derive(Default)]
struct Unread(Mutex<Held>);

/// Its bytes.
#[derive(Default)]
struct Held {
    /// Of all clients together.
    all: u64,
    /// Of each that has some.
    by_client: HashMap<IpAddr, u64>,
}

/// The part of one answer; it counts until it is dropped.
struct Share {
    /// Where it counts.
    unread: &'static Unread,
    /// Whose answer it is.
    client: IpAddr,
    /// How much.
    bytes: u64,
}

impl Unread {
    fn begin(&'static self, client: IpAddr, bytes: u64) -> Result<Share, Fault> {
        // One that is larger than all that a client may have has that for itself.
        let bytes = bytes.min(HTTP_CLIENT_UNREAD_BYTES_MAX);
        let mut held = self.lock();
        let own = held.by_client.get(&client).copied().unwrap_or(0);
        if HTTP_CLIENT_UNREAD_BYTES_MAX < own + bytes {
            return Err(Fault::Busy(
                "Read the answers before this one first: they left no room".to_owned(),
            ));
        }
        if HTTP_ANSWERS_UNREAD_BYTES_MAX < held.all + bytes {
            let text = "Answers that other clients have not read yet left no room for this one";
            return Err(Fault::Busy(text.to_owned()));
        }
        held.all += bytes;
        held.by_client.insert(client, own + bytes);
        Ok(Share { unread: self, client, bytes })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        lock(&self.0)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.unread.lock();
        held.all = held.all.saturating_sub(self.bytes);
        let own = held.by_client.get(&self.client).copied().unwrap_or(0);
        match own.saturating_sub(self.bytes) {
            0 => held.by_client.remove(&self.client),
            rest => held.by_client.insert(self.client, rest),
        };
    }
}

/// Of this program.
static UNREAD: LazyLock<Unread> = LazyLock::new(Unread::default);

#[cfg(test)]
mod tests;
