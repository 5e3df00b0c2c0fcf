use axum::routing::get;
use tokio::io::{AsyncReadExt as _, DuplexStream};

use super::*;
use crate::model::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEAD_REST_TIMEOUT, HTTP_WRITE_TIMEOUT};

/// A client's end of a connection that answers `yes` to everything, for as long as `tasks` is there.
fn open(tasks: &mut JoinSet<()>) -> DuplexStream {
    let (client, server) = tokio::io::duplex(4_096);
    let large = || async { "no".repeat(1_000_000) };
    let hall = Hall {
        router: Router::new().route("/", get(|| async { "yes" })).route("/large", get(large)),
        clients: Arc::new(Clients::new(1, 1)),
        head_bytes_max: HTTP_HEAD_BYTES_MAX,
        stop: CancellationToken::new(),
    };
    tasks.spawn(converse(server, Whose::Socket, hall));
    client
}

/// How long it takes until a connection is closed to which nothing more is sent.
async fn closes_after(client: &mut DuplexStream) -> Duration {
    let begun = tokio::time::Instant::now();
    // Ends when the connection does; the clock runs by itself as long as nothing else happens.
    let _ = client.read_to_end(&mut Vec::new()).await;
    begun.elapsed()
}

/// Asks, and reads until the answer is whole: whether there was one.
async fn ask(client: &mut DuplexStream) -> bool {
    if client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.is_err() {
        return false;
    }
    let mut answer = Vec::new();
    while !answer.ends_with(b"yes") {
        if !matches!(client.read_buf(&mut answer).await, Ok(1..)) {
            return false;
        }
    }
    true
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_longer_than_clients_keep_it() {
    let mut tasks = JoinSet::new();
    let mut client = open(&mut tasks);
    assert!(ask(&mut client).await);
    // Go's `DefaultTransport.IdleConnTimeout`.
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(ask(&mut client).await);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_is_closed_in_the_end() {
    let mut tasks = JoinSet::new();
    let mut client = open(&mut tasks);
    assert!(ask(&mut client).await);
    let time = closes_after(&mut client).await;
    assert!(HTTP_HEAD_TIMEOUT <= time && time < HTTP_HEAD_TIMEOUT * 2, "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_not_waited_for() {
    let mut tasks = JoinSet::new();
    for requests_before in [0, 1] {
        let mut client = open(&mut tasks);
        for _ in 0..requests_before {
            assert!(ask(&mut client).await);
        }
        client.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
        let time = closes_after(&mut client).await;
        assert!(HTTP_HEAD_REST_TIMEOUT <= time && time < HTTP_HEAD_TIMEOUT, "{time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_a_byte_at_a_time_gets_no_longer() {
    let mut tasks = JoinSet::new();
    let mut client = open(&mut tasks);
    let begun = tokio::time::Instant::now();
    while client.write_all(b"G").await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(begun.elapsed() < HTTP_HEAD_REST_TIMEOUT * 2, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_takes_is_not_held_for_ever() {
    let mut tasks = JoinSet::new();
    let mut client = open(&mut tasks);
    client.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(HTTP_WRITE_TIMEOUT * 2).await;
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    assert!(answer.len() < 1_000_000, "{} bytes", answer.len());
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_sent_ahead_are_answered_in_order() {
    let mut tasks = JoinSet::new();
    let mut client = open(&mut tasks);
    let two = "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    client.write_all(two.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    let statuses: Vec<&str> =
        answer.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "404"], "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_client_of_http_1_0_is_hung_up_on_unless_it_asks_otherwise() {
    let mut tasks = JoinSet::new();
    let mut client = open(&mut tasks);
    client.write_all(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"yes") {
        assert!(0 < client.read_buf(&mut answer).await.unwrap());
    }
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 200") && answer.ends_with("yes"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_large_is_refused() {
    let mut tasks = JoinSet::new();
    let mut client = open(&mut tasks);
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n", "x".repeat(HTTP_HEAD_BYTES_MAX));
    // It is not read to its end.
    let _ = client.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}
