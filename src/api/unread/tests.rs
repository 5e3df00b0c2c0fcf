use axum::body::{Body, to_bytes};
use axum::http::StatusCode;

use super::*;

fn answer(bytes: usize) -> Response {
    Response::new(Body::from(vec![b'x'; bytes]))
}

/// Room of a test's own, with so many bytes left.
fn room(bytes: usize) -> &'static Semaphore {
    Box::leak(Box::new(Semaphore::new(bytes)))
}

#[tokio::test]
async fn an_answer_counts_until_it_is_read() {
    let room = room(300_000);
    let first = count_in(room, answer(200_000));
    assert_eq!(count_in(room, answer(200_000)).status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(count_in(room, answer(100_000)).status(), StatusCode::OK);
    assert_eq!(to_bytes(first.into_body(), usize::MAX).await.unwrap().len(), 200_000);
    assert_eq!(count_in(room, answer(300_000)).status(), StatusCode::OK);
}

#[tokio::test]
async fn an_answer_that_is_dropped_counts_no_more() {
    let room = room(300_000);
    drop(count_in(room, answer(300_000)));
    assert_eq!(room.available_permits(), 300_000);
}

#[test]
fn small_answers_and_pieces_count_for_nothing() {
    let room = room(0);
    let few = usize::try_from(HTTP_ANSWER_UNREAD_BYTES_FEW).unwrap();
    assert_eq!(count_in(room, answer(few)).status(), StatusCode::OK);
    assert_eq!(count_in(room, answer(few + 1)).status(), StatusCode::SERVICE_UNAVAILABLE);
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>("x".repeat(few + 1))]);
    let pieces = Response::new(Body::from_stream(pieces));
    assert_eq!(count_in(room, pieces).status(), StatusCode::OK);
}

#[test]
fn the_largest_answer_has_the_room_for_itself() {
    let room = room(HTTP_ANSWERS_UNREAD_BYTES_MAX);
    // Zeros, which take no memory until somebody looks at them.
    let larger = vec![0; HTTP_ANSWERS_UNREAD_BYTES_MAX + 1];
    let first = count_in(room, Response::new(Body::from(larger)));
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(room.available_permits(), 0);
}
