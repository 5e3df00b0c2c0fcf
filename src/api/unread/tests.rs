use std::convert::Infallible;
use std::net::Ipv4Addr;

use axum::body::{Body, to_bytes};
use axum::http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

const MOST: u64 = HTTP_CLIENT_UNREAD_BYTES_MAX;

/// Zeros, which take no memory until somebody looks at them.
fn answer(bytes: u64) -> Response {
    Response::new(Body::from(vec![0; usize::try_from(bytes).unwrap()]))
}

/// A count of a test's own.
fn unread() -> &'static Unread {
    Box::leak(Box::default())
}

fn is_taken(unread: &'static Unread, client: IpAddr, bytes: u64) -> bool {
    count_in(unread, client, answer(bytes)).status() == StatusCode::OK
}

#[tokio::test]
async fn an_answer_counts_until_it_is_read() {
    let unread = unread();
    let first = count_in(unread, ONE, answer(MOST - 100_000));
    assert!(is_taken(unread, ONE, 100_000), "and is dropped");
    assert!(!is_taken(unread, ONE, 100_001));
    assert_eq!(to_bytes(first.into_body(), usize::MAX).await.unwrap().len() as u64, MOST - 100_000);
    assert!(is_taken(unread, ONE, MOST));
    assert!(unread.lock().by_client.is_empty() && unread.lock().all == 0);
}

#[test]
fn one_client_leaves_room_for_others_and_all_together_are_bounded() {
    let unread = unread();
    let client = |last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
    let mut held = Vec::new();
    for last in 1..=u8::try_from(HTTP_ANSWERS_UNREAD_BYTES_MAX / MOST).unwrap() {
        held.push(count_in(unread, client(last), answer(MOST)));
        assert!(!is_taken(unread, client(last), 100_000));
    }
    assert!(held.iter().all(|answer| answer.status() == StatusCode::OK));
    assert!(!is_taken(unread, client(100), 100_000), "others have all");
    held.pop();
    assert!(is_taken(unread, client(100), 100_000));
}

#[test]
fn small_answers_and_pieces_count_for_nothing() {
    let unread = unread();
    let few = HTTP_ANSWER_UNREAD_BYTES_FEW;
    let _all = count_in(unread, ONE, answer(MOST));
    assert!(is_taken(unread, ONE, few));
    assert!(!is_taken(unread, ONE, few + 1));
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(vec![0; 100_000])]);
    let pieces = Response::new(Body::from_stream(pieces));
    assert_eq!(count_in(unread, ONE, pieces).status(), StatusCode::OK);
}

#[test]
fn the_largest_answer_counts_as_all_that_a_client_may_have() {
    let unread = unread();
    let _largest = count_in(unread, ONE, answer(MOST * 2));
    assert_eq!(unread.lock().all, MOST);
    assert!(!is_taken(unread, ONE, 100_000));
}

#[tokio::test]
async fn an_answer_counts_while_it_lies_in_a_connection() {
    let unread = unread();
    let (mut client, server) = tokio::io::duplex(256);
    let serve = service_fn(move |_| async move {
        Ok::<_, Infallible>(count_in(unread, ONE, answer(1_000_000)))
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(server), serve);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    client.read_exact(&mut [0; 1_000]).await.unwrap();
    assert_eq!(unread.lock().all, 1_000_000);
    client.read_to_end(&mut Vec::new()).await.unwrap();
    tasks.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(unread.lock().all, 0);
}
