use futures_util::stream;

use super::*;

/// What becomes of the connection when a handler reads so many pieces of a body.
async fn check(body: Body, pieces_read: usize, is_kept: bool) {
    let (request, leftover) = lend(Request::new(body));
    let mut stream = request.into_body().into_data_stream();
    for _ in 0..pieces_read {
        stream.next().await.unwrap().unwrap();
    }
    drop(stream);
    let mut response = Response::new(Body::empty());
    if let Some(leftover) = leftover {
        drain(leftover, &mut response).await;
    }
    assert_eq!(!response.headers().contains_key(header::CONNECTION), is_kept);
}

fn pieces(count: usize) -> Body {
    let piece = || Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 64 * 1024]));
    Body::from_stream(stream::iter((0..count).map(move |_| piece())))
}

#[tokio::test(start_paused = true)]
async fn a_short_rest_is_read() {
    check(Body::empty(), 0, true).await;
    check(Body::from("whole"), 0, true).await;
    check(Body::from("whole"), 1, true).await;
    check(pieces(4), 0, true).await;
    check(pieces(9), 5, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_long_or_late_rest_ends_the_connection_and_says_so() {
    check(pieces(5), 0, false).await;
    check(Body::from(vec![b'x'; 300_000]), 0, false).await;
    check(Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>()), 0, false).await;
    let broken = Err::<Bytes, _>(std::io::Error::other("gone"));
    check(Body::from_stream(stream::iter([broken])), 0, false).await;
}

#[test]
fn who_waits_to_be_told_to_go_on_is_not() {
    let request = Request::builder().header(header::EXPECT, "100-continue");
    assert!(lend(request.body(Body::from("later")).unwrap()).1.is_none());
}
