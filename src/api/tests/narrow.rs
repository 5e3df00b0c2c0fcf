//! Blocking queries whose answer shows a part of what they wait for: woken by what changes the answer, and by nothing
//! else.

use std::time::Duration;

use futures_util::poll;

use super::fixture::{server, show};

/// Waits for a query's answer to change: through what leaves it as it was, until something changes it.
async fn check(query: &str, quiet: &[&str], loud: &str) {
    let server = server(false, Some(1));
    for line in SETUP {
        assert_eq!(server.ask(line).await.status(), 200, "{line}");
    }
    let before = server.ask(&format!("GET {query}")).await;
    let index = before.headers()["x-consul-index"].to_str().unwrap().to_owned();
    let before = show(before).await;
    let separator = if query.contains('?') { '&' } else { '?' };
    let blocking = format!("GET {query}{separator}index={index}&wait=10m");
    let mut waiting = Box::pin(server.ask(&blocking));
    for line in quiet {
        assert!(poll!(&mut waiting).is_pending(), "{query} does not wait for {line}");
        assert_eq!(server.ask(line).await.status(), 200, "{line}");
        assert!(poll!(&mut waiting).is_pending(), "{query} is woken by {line}");
    }
    assert_eq!(server.reader.waiter_count(), 1);
    assert_eq!(server.ask(loud).await.status(), 200, "{loud}");
    let begin = tokio::time::Instant::now();
    let after = waiting.await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{query} is not woken by {loud}");
    let later = after.headers()["x-consul-index"].to_str().unwrap().parse::<u64>().unwrap();
    assert!(index.parse::<u64>().unwrap() < later);
    let body = |text: &str| text.lines().last().unwrap().to_owned();
    assert_ne!(body(&show(after).await), body(&before), "{query} answers the same");
}

#[tokio::test(start_paused = true)]
async fn passing_is_not_woken_by_outputs_of_what_fails() {
    check("/v1/health/service/web?passing", &[CRITICAL_AGAIN, WEB_4], PASSING).await;
}

#[tokio::test(start_paused = true)]
async fn tags_and_metadata_are_not_woken_by_others() {
    check("/v1/health/service/web?tag=v1", &[CRITICAL_AGAIN], WEB_1_PORT).await;
    check("/v1/catalog/service/web?tag=v1", &[PASSING, WEB_4], WEB_1_PORT).await;
    check("/v1/health/service/web?node-meta=rack:r1", &[PASSING], WEB_1_PORT).await;
    check("/v1/catalog/nodes?node-meta=rack:r1", &[NODE_2], NODE_1).await;
    check("/v1/health/state/any?node-meta=rack:r2", &[NODE_1, NODE_2], PASSING).await;
    check("/v1/health/state/critical", &[NODE_CHECK], PASSING).await;
}

#[tokio::test(start_paused = true)]
async fn filters_are_not_woken_by_what_they_drop() {
    check("/v1/health/service/web?filter=Service.Port==81", &[PASSING, WEB_4], WEB_1_PORT).await;
    check("/v1/catalog/nodes?filter=Node==n1", &[NODE_2], NODE_1).await;
    check("/v1/catalog/node/n2?filter=Port==83", &[PASSING, NODE_CHECK], WEB_4).await;
    check("/v1/catalog/services?filter=ServicePort==83", &[PASSING, WEB_1_PORT], WEB_4).await;
    check("/v1/health/state/any?filter=Status==passing", &[CRITICAL_AGAIN], PASSING).await;
    check("/v1/health/checks/web?filter=Status==passing", &[CRITICAL_AGAIN, WEB_4], PASSING).await;
}

#[tokio::test(start_paused = true)]
async fn what_an_answer_does_not_show_wakes_nobody() {
    check("/v1/catalog/service/web", &[PASSING, NODE_CHECK], WEB_4).await;
    check("/v1/catalog/services", &[WEB_4, WEB_1_PORT, PASSING], DATABASE).await;
    check("/v1/catalog/node/n2", &[PASSING, NODE_CHECK], WEB_4).await;
    check("/v1/catalog/node-services/n2", &[PASSING, NODE_CHECK], WEB_4).await;
    check("/v1/health/node/n2", &[DATABASE], NODE_CHECK).await;
    check("/v1/health/checks/web", &[NODE_CHECK, WEB_1_PORT], PASSING).await;
    check("/v1/kv/a/?keys", &["PUT /v1/kv/a/b 2"], "PUT /v1/kv/a/c 1").await;
    check("/v1/kv/a/?keys&separator=/", &["PUT /v1/kv/a/d/f 1"], "PUT /v1/kv/a/c 1").await;
}

#[tokio::test(start_paused = true)]
async fn what_a_client_has_not_seen_is_told_at_once() {
    let server = server(false, Some(1));
    for line in SETUP {
        server.ask(line).await;
    }
    server.ask(CRITICAL_AGAIN).await;
    let begin = tokio::time::Instant::now();
    // Nobody remembers what the answer was at that index, so that it may be another one.
    server.ask("GET /v1/health/service/web?passing&index=1&wait=10m").await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

const SETUP: &[&str] = &[
    r#"PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","NodeMeta":{"rack":"r1"},"Service":{"ID":"web1","Service":"web","Port":80,"Tags":["v1"]},"Check":{"CheckID":"c1","Name":"c","ServiceID":"web1","Status":"passing"}}"#,
    r#"PUT /v1/catalog/register {"Node":"n2","Address":"10.0.0.2","NodeMeta":{"rack":"r2"},"Service":{"ID":"web2","Service":"web","Port":82,"Tags":["v2"]},"Check":{"CheckID":"c2","Name":"c","ServiceID":"web2","Status":"critical"}}"#,
    "PUT /v1/kv/a/b 1",
    "PUT /v1/kv/a/d/e 1",
];

const CRITICAL_AGAIN: &str = r#"PUT /v1/catalog/register {"Node":"n2","SkipNodeUpdate":true,"Check":{"CheckID":"c2","Name":"c","ServiceID":"web2","Status":"critical","Output":"still"}}"#;

const PASSING: &str = r#"PUT /v1/catalog/register {"Node":"n2","SkipNodeUpdate":true,"Check":{"CheckID":"c2","Name":"c","ServiceID":"web2","Status":"passing"}}"#;

const NODE_CHECK: &str = r#"PUT /v1/catalog/register {"Node":"n2","SkipNodeUpdate":true,"Check":{"CheckID":"node","Name":"c","Status":"passing"}}"#;

const WEB_1_PORT: &str = r#"PUT /v1/catalog/register {"Node":"n1","SkipNodeUpdate":true,"Service":{"ID":"web1","Service":"web","Port":81,"Tags":["v1"]}}"#;

/// Another instance that fails: its check comes with it.
const WEB_4: &str = r#"PUT /v1/catalog/register {"Node":"n2","SkipNodeUpdate":true,"Service":{"ID":"web4","Service":"web","Port":83,"Tags":["v2"]},"Check":{"CheckID":"c4","Name":"c","ServiceID":"web4","Status":"critical"}}"#;

const DATABASE: &str = r#"PUT /v1/catalog/register {"Node":"n2","SkipNodeUpdate":true,"Service":{"ID":"db","Service":"db"}}"#;

const NODE_1: &str =
    r#"PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.11","NodeMeta":{"rack":"r1"}}"#;

const NODE_2: &str =
    r#"PUT /v1/catalog/register {"Node":"n2","Address":"10.0.0.12","NodeMeta":{"rack":"r2"}}"#;

#[tokio::test]
async fn another_clusters_services_are_not_ours() {
    let server = server(false, Some(1));
    for line in SETUP {
        server.ask(line).await;
    }
    let mut bodies = Vec::new();
    for path in [
        "/v1/catalog/nodes",
        "/v1/catalog/services",
        "/v1/catalog/service/web",
        "/v1/catalog/node/n1",
        "/v1/health/service/web",
        "/v1/health/node/n1",
        "/v1/health/checks/web",
        "/v1/health/state/any",
    ] {
        let shown = show(server.ask(&format!("GET {path}?peer=other")).await).await;
        bodies.push(shown.lines().last().unwrap().to_owned());
    }
    assert_eq!(bodies.join(" "), "[] {} [] null [] [] [] []");
}
