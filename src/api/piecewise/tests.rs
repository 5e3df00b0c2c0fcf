use axum::body::to_bytes as read;

use super::*;

async fn check(pretty: bool, texts: Vec<String>) {
    let whole = to_bytes(pretty, &texts).unwrap();
    let body = list(pretty, texts, |pretty, text| single(pretty, text));
    assert_eq!(read(body, usize::MAX).await.unwrap(), whole);
}

#[tokio::test]
async fn pieces_make_what_would_be_written_at_once() {
    for pretty in [false, true] {
        check(pretty, vec!["a".to_owned()]).await;
        check(pretty, vec!["],[".to_owned(), "\n]\n".to_owned(), String::new()]).await;
        check(pretty, vec!["x".repeat(PIECE_BYTES / 3); 10]).await;
        check(pretty, vec!["x".repeat(PIECE_BYTES * 2); 3]).await;
    }
}

#[tokio::test]
async fn an_item_that_cannot_be_shown_cuts_the_body_short() {
    let show: fn(bool, &u8) -> _ = |_, _| Err(Fault::Bug("no".to_owned()));
    assert!(read(list(false, vec![1], show), usize::MAX).await.is_err());
}
