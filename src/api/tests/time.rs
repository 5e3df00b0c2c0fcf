//! What takes time, by a clock that is turned by hand.

use axum::body::{Body, Bytes};
use axum::http::Request;
use expect_test::expect;
use futures_util::StreamExt as _;
use futures_util::stream;

use super::fixture::{server, show};

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up() {
    let server = server(false, Some(1));
    // A byte every ten seconds, so that no single wait is long.
    let drops = stream::unfold((), |()| async {
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
    });
    let endless = Body::from_stream(drops.boxed());
    let answer = server.send(Request::put("/v1/kv/slow").body(endless).unwrap()).await;
    expect![[r#"
        408
        connection: close
        content-type: text/plain; charset=utf-8
        Request body did not arrive within 60 seconds"#]]
    .assert_eq(&show(answer).await);
}

#[tokio::test(start_paused = true)]
async fn a_stop_answers_who_waits() {
    let server = server(false, Some(1));
    let begun = tokio::time::Instant::now();
    let waiting = server.ask("GET /v1/kv/a?index=1&wait=10m");
    let stop = async { server.stop.cancel() };
    let (answer, ()) = tokio::join!(biased; waiting, stop);
    assert_eq!(answer.status(), 404);
    assert_eq!(begun.elapsed(), std::time::Duration::ZERO);
    // And nobody begins to wait any more.
    assert_eq!(server.ask("GET /v1/kv/a?index=1&wait=10m").await.status(), 404);
    assert_eq!(begun.elapsed(), std::time::Duration::ZERO);
    assert_eq!(server.reader.waiter_count(), 0);
}
