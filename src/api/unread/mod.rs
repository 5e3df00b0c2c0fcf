//! Answer → the same, counted until the client has read it: answers that nobody reads must not take all memory.
//!
//! An answer that comes in pieces is not made before it is read, and does not count.

use axum::body::HttpBody as _;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;

use crate::api::fault::Fault;
use crate::api::holding::hold;
use crate::model::limits::{HTTP_ANSWER_UNREAD_BYTES_FEW, HTTP_ANSWERS_UNREAD_BYTES_MAX};

/// Counts an answer, or refuses it where those that others have not read left no room.
pub(in crate::api) fn count(response: Response) -> Response {
    count_in(&UNREAD, response)
}

fn count_in(room: &'static Semaphore, response: Response) -> Response {
    let bytes = response.body().size_hint().exact().unwrap_or(0);
    if bytes <= HTTP_ANSWER_UNREAD_BYTES_FEW {
        return response;
    }
    let all = u32::try_from(HTTP_ANSWERS_UNREAD_BYTES_MAX).unwrap_or(u32::MAX);
    // One that is larger than all that may be has the room for itself.
    let share = u32::try_from(bytes).map_or(all, |bytes| bytes.min(all));
    let Ok(share) = room.try_acquire_many(share) else {
        let text = "Answers that other clients have not read yet left no room for this one";
        return Fault::Busy(text.to_owned()).into_response();
    };
    response.map(|body| hold(body, share))
}

/// What all answers may take together until they are read.
static UNREAD: Semaphore = Semaphore::const_new(HTTP_ANSWERS_UNREAD_BYTES_MAX);

#[cfg(test)]
mod tests;
