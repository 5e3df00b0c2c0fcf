use futures_util::FutureExt as _;

use super::*;

/// Reads a body where there is so much room: one of the test's own, since tests run beside each other.
async fn read_all(room: &Semaphore, headers: &HeaderMap, body: Body) -> Result<Bytes, Fault> {
    read(room, headers, body, HTTP_BODY_BYTES_MAX, "").await
}

#[test]
fn large_bodies_wait_for_each_other_and_small_ones_for_nobody() {
    let room = Semaphore::new(1_000_000);
    let first = reserve(&room, 600_000).now_or_never().unwrap();
    assert!(reserve(&room, 600_000).now_or_never().is_none());
    assert!(reserve(&room, HTTP_BODY_HELD_BYTES_FEW).now_or_never().unwrap().is_none());
    drop(first);
    assert!(reserve(&room, 600_000).now_or_never().unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_not_waited_for() {
    let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
    let room = Semaphore::new(HTTP_BODIES_HELD_BYTES_MAX);
    let fault = read_all(&room, &HeaderMap::new(), body).await.unwrap_err();
    assert_eq!(fault.to_string(), "Request body did not arrive within 60 seconds");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_finds_no_room_is_refused_in_time() {
    let room = Semaphore::new(0);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_LENGTH, 100_000.into());
    let fault = read_all(&room, &headers, Body::empty()).await.unwrap_err();
    assert_eq!(fault.to_string(), "Request bodies of others left no room within 60 seconds");
    // One that holds little is read all the same.
    headers.insert(header::CONTENT_LENGTH, 2.into());
    assert_eq!(read_all(&room, &headers, Body::from("{}")).await.unwrap(), "{}");
}
