use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinSet;

use super::connection;

/// A client's end of a connection that answers `yes` to everything, for as long as `tasks` is there.
fn connect(tasks: &mut JoinSet<()>) -> DuplexStream {
    let (client, server) = tokio::io::duplex(4_096);
    let router = Router::new().route("/", get(|| async { "yes" }));
    tasks.spawn(async move {
        let _ = connection(server, router, IpAddr::from([127, 0, 0, 1])).await;
    });
    client
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
    let mut client = connect(&mut tasks);
    assert!(ask(&mut client).await);
    // Go's `DefaultTransport.IdleConnTimeout`.
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(ask(&mut client).await);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_not_waited_for() {
    let mut tasks = JoinSet::new();
    let mut client = connect(&mut tasks);
    client.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    let mut answer = Vec::new();
    // Ends when the connection does; the clock runs by itself as long as nothing else happens.
    let _ = client.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("200"));
}
