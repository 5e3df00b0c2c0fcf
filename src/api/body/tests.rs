use futures_util::FutureExt as _;

use super::*;

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
    let fault = read_json(&HeaderMap::new(), body).await.unwrap_err();
    assert_eq!(fault.to_string(), "Request body did not arrive within 60 seconds");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_finds_no_room_is_refused_in_time() {
    let all = u32::try_from(HTTP_BODIES_HELD_BYTES_MAX).unwrap();
    let _held = HELD.acquire_many(all).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_LENGTH, 100_000.into());
    let fault = read_json(&headers, Body::empty()).await.unwrap_err();
    assert_eq!(fault.to_string(), "Request bodies of others left no room within 60 seconds");
    // One that holds little is read all the same.
    headers.insert(header::CONTENT_LENGTH, 2.into());
    assert_eq!(read_json(&headers, Body::from("{}")).await.unwrap(), "{}");
}
