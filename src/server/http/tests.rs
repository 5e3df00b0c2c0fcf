use axum::http::{StatusCode, header};
use axum::routing::{get, put};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, DuplexStream};

use super::*;
use crate::model::limits::{
    HTTP_HEAD_BYTES_MAX, HTTP_HEAD_REST_TIMEOUT, HTTP_HEAD_TIMEOUT, HTTP_WRITE_TIMEOUT,
};

/// A client's end of a connection that answers `yes` to everything, for as long as `tasks` is there.
fn open(tasks: &mut JoinSet<()>) -> DuplexStream {
    open_in(&hall(), tasks)
}

fn open_in(hall: &Hall, tasks: &mut JoinSet<()>) -> DuplexStream {
    open_wide(hall, tasks, 256)
}

/// The same, with so many bytes on their way at one time.
fn open_wide(hall: &Hall, tasks: &mut JoinSet<()>, bytes: usize) -> DuplexStream {
    let (client, server) = tokio::io::duplex(bytes);
    let admission = hall.clients.enter(Whose::Socket).unwrap();
    tasks.spawn(converse(server, Whose::Socket, admission, hall.clone()));
    client
}

fn hall() -> Hall {
    let large = || async { "no".repeat(1_000_000) };
    let wait = || async {
        tokio::time::sleep(WAIT).await;
        "yes"
    };
    let slow = || async {
        let (first, last) = (futures_util::stream::iter(["no"]), async {
            tokio::time::sleep(WAIT).await;
            "yes"
        });
        let pieces = first.chain(futures_util::stream::once(last));
        axum::body::Body::from_stream(pieces.map(Ok::<_, std::io::Error>))
    };
    let refuse =
        || async { (StatusCode::PAYLOAD_TOO_LARGE, [(header::CONNECTION, "close")], "yes") };
    let router = Router::new().route("/", get(|| async { "yes" })).route("/large", get(large));
    let router = router.route("/wait", get(wait)).route("/slow", get(slow));
    let router = router.route("/refuse", put(refuse));
    let clients = Arc::new(Clients::new(10, 10));
    Hall::new(router, &clients, HTTP_HEAD_BYTES_MAX, &CancellationToken::new())
}

/// How long `/wait` waits.
const WAIT: Duration = Duration::from_secs(300);

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

/// Sends requests, and reads answers until the connection ends: their statuses, and the end of it all.
async fn check_all(requests: &str, expected: &[&str]) -> Duration {
    let mut tasks = JoinSet::new();
    let mut client = open_wide(&hall(), &mut tasks, 1_000_000);
    let begun = tokio::time::Instant::now();
    client.write_all(requests.as_bytes()).await.unwrap();
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    let found: Vec<&str> =
        answers.split("HTTP/1.").skip(1).map(|answer| answer.split_at(5).0).collect();
    assert_eq!(found, expected, "{answers}");
    assert!(answers.ends_with("yes"), "{answers}");
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_leaves_its_connection_as_others_do() {
    let last = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (waiting, expected) in [
        ("GET /wait?index=1 HTTP/1.1\r\nHost: x\r\n\r\n", &["1 200", "1 200"][..]),
        ("GET /wait?index=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &["1 200"]),
        ("GET /wait?index=1 HTTP/1.0\r\n\r\n", &["0 200"]),
        ("GET /wait?hash=1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &["0 200", "1 200"]),
    ] {
        let time = check_all(&format!("{waiting}{last}"), expected).await;
        assert!(WAIT <= time && time < WAIT * 2, "{time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_are_answered_one_after_another() {
    let one = "GET /wait?wait=5m&index=1 HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let time = check_all(&format!("{one}{one}{one}{last}"), &["1 200"; 4]).await;
    assert!(WAIT * 3 <= time && time < WAIT * 4, "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn who_goes_is_not_waited_for() {
    let mut tasks = JoinSet::new();
    let mut client = open(&mut tasks);
    client.write_all(b"GET /wait?index=1 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(WAIT / 2).await;
    let begun = tokio::time::Instant::now();
    drop(client);
    tasks.join_next().await.unwrap().unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_taken_yet_is_not_lost_to_a_request_that_waits() {
    let mut tasks = JoinSet::new();
    let mut client = open(&mut tasks);
    let two = "GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET /wait?index=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    client.write_all(two.as_bytes()).await.unwrap();
    tokio::time::sleep(HTTP_WRITE_TIMEOUT / 2).await;
    let mut answers = Vec::new();
    client.read_to_end(&mut answers).await.unwrap();
    assert!(2_000_000 < answers.len(), "{} bytes", answers.len());
    assert!(answers.ends_with(b"yes"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_who_waits_have_an_answer() {
    let mut tasks = JoinSet::new();
    let hall = hall();
    let mut client = open_in(&hall, &mut tasks);
    client.write_all(b"GET /wait?index=1 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(WAIT / 2).await;
    hall.stop.cancel();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("yes"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn however_much_is_sent_ahead_is_answered() {
    let waits = "GET /wait?index=1 HTTP/1.1\r\nHost: x\r\n\r\n";
    let at_once = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    check_all(&format!("{}{last}", waits.repeat(999)), &["1 200"; 1_000]).await;
    check_all(&format!("{waits}{}{last}", at_once.repeat(998)), &["1 200"; 1_000]).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_follows_one_that_waited_is_whole() {
    let waits = "GET /wait?index=1 HTTP/1.1\r\nHost: x\r\n\r\n";
    let slow = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let time = check_all(&format!("{waits}{slow}{last}"), &["1 200"; 3]).await;
    assert!(WAIT * 2 <= time && time < WAIT * 3, "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_refused_behind_a_request_that_waits_is_no_request() {
    let waits = "GET /wait?index=1 HTTP/1.1\r\nHost: x\r\n\r\n";
    let body = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    let refused =
        format!("PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len() + 1);
    check_all(&format!("{waits}{refused}{body}"), &["1 200", "1 413"]).await;
}

#[test]
fn a_request_that_waits_holds_few_bytes() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    let head = "GET /wait?index=1 HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\n";
    let (hall, mut tasks) = (hall(), JoinSet::new());
    let mut clients = Vec::with_capacity(2);
    let mut wait = || {
        runtime.block_on(async {
            let mut client = open_in(&hall, &mut tasks);
            client.write_all(head.as_bytes()).await.unwrap();
            tokio::time::sleep(WAIT / 8).await;
            clients.push(client);
        });
    };
    // What is made once for all of them.
    wait();
    let held = allocation_counter::measure(wait).bytes_current;
    assert!(held < 4 * 1024, "{held} bytes");
}
