use std::time::Duration;

use expect_test::expect;

use super::fixture::{check, server, show};

#[tokio::test]
async fn keys_are_cut_at_the_separator() {
    let puts = ["PUT /v1/kv/d/ x", "PUT /v1/kv/d/x 1", "PUT /v1/kv/d/y/z 2", "PUT /v1/kv/e 3"];
    let ask = |line| [&puts[..], &[line]].concat();
    check(
        &ask("GET /v1/kv/?keys&separator=/"),
        expect![[r#"
        200
        content-type: application/json
        x-consul-index: 4
        x-consul-knownleader: true
        x-consul-lastcontact: 0
        ["d/","e"]"#]],
    )
    .await;
    check(
        &ask("GET /v1/kv/d/?keys&seperator=/"),
        expect![[r#"
        200
        content-type: application/json
        x-consul-index: 3
        x-consul-knownleader: true
        x-consul-lastcontact: 0
        ["d/","d/x","d/y/"]"#]],
    )
    .await;
    check(
        &ask("GET /v1/kv/nope?keys"),
        expect![[r#"
        404
        x-consul-index: 1
        x-consul-knownleader: true
        x-consul-lastcontact: 0
    "#]],
    )
    .await;
}

#[tokio::test]
async fn keys_may_hold_slashes_and_any_letters() {
    check(
        &["PUT /v1/kv//a%2Fb%20c+%C3%A9/../x v", "GET /v1/kv//a/b%20c+%C3%A9/../x"],
        expect![[r#"
            200
            content-type: application/json
            x-consul-index: 1
            x-consul-knownleader: true
            x-consul-lastcontact: 0
            [{"LockIndex":0,"Key":"/a/b c+é/../x","Flags":0,"Value":"dg==","CreateIndex":1,"ModifyIndex":1}]"#]],
    )
    .await;
}

#[tokio::test]
async fn a_raw_value_cannot_be_a_page() {
    check(
        &["PUT /v1/kv/a <b>hi</b>", "GET /v1/kv/a?raw"],
        expect![[r#"
        200
        content-security-policy: sandbox
        content-type: text/plain
        x-consul-index: 1
        x-consul-knownleader: true
        x-consul-lastcontact: 0
        x-content-type-options: nosniff
        <b>hi</b>"#]],
    )
    .await;
}

#[tokio::test]
async fn check_and_set_needs_the_revision() {
    check(
        &["PUT /v1/kv/a?cas=0 x", "PUT /v1/kv/a?cas=0 y"],
        expect![[r#"
        200
        content-type: application/json
        false"#]],
    )
    .await;
    check(
        &["PUT /v1/kv/a?cas=0 x", "PUT /v1/kv/a?cas=1 y"],
        expect![[r#"
        200
        content-type: application/json
        true"#]],
    )
    .await;
    check(
        &["DELETE /v1/kv/nope?cas=7"],
        expect![[r#"
        200
        content-type: application/json
        true"#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_blocking_query_is_woken_by_its_key_only() {
    let server = server(false, Some(1));
    server.ask("PUT /v1/kv/a 1").await;
    let waiting = server.ask("GET /v1/kv/a?index=1&wait=10m&raw");
    let writing = async {
        while server.reader.waiter_count() == 0 {
            tokio::task::yield_now().await;
        }
        server.ask("PUT /v1/kv/b 2").await;
        server.ask("PUT /v1/kv/a 3").await;
        tokio::time::Instant::now()
    };
    let begin = tokio::time::Instant::now();
    let (answer, _) = tokio::join!(waiting, writing);
    assert_eq!(begin, tokio::time::Instant::now(), "the wait was not run out");
    expect![[r#"
        200
        content-security-policy: sandbox
        content-type: text/plain
        x-consul-index: 3
        x-consul-knownleader: true
        x-consul-lastcontact: 0
        x-content-type-options: nosniff
        3"#]]
    .assert_eq(&show(answer).await);
    assert_eq!(server.reader.waiter_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_in_vain_ends_with_the_current_data() {
    let server = server(false, Some(1));
    server.ask("PUT /v1/kv/a 1").await;
    let begin = tokio::time::Instant::now();
    let answer = server.ask("GET /v1/kv/a?index=7&wait=16s&raw").await;
    let waited = begin.elapsed();
    assert!(Duration::from_secs(16) <= waited && waited <= Duration::from_millis(17_010));
    expect![[r#"
        200
        content-security-policy: sandbox
        content-type: text/plain
        x-consul-index: 1
        x-consul-knownleader: true
        x-consul-lastcontact: 0
        x-content-type-options: nosniff
        1"#]]
    .assert_eq(&show(answer).await);
}
