use expect_test::expect;

use super::fixture::{check, check_on, refusals, server};
use super::registrations::WEB;

#[tokio::test]
async fn leader_is_an_address() {
    check(
        &["GET /v1/status/leader"],
        expect![[r#"
        200
        content-type: application/json
        "127.0.0.1:8300""#]],
    )
    .await;
}

#[tokio::test]
async fn no_leader_is_an_empty_text() {
    check_on(
        &server(false, None),
        &["GET /v1/status/leader"],
        expect![[r#"
        200
        content-type: application/json
        """#]],
    )
    .await;
}

#[tokio::test]
async fn reads_and_writes_without_a_leader_are_refused() {
    let server = server(false, None);
    let refused = || {
        expect![[r#"
        500
        content-type: text/plain; charset=utf-8
        No cluster leader"#]]
    };
    for line in ["GET /v1/kv/a", "PUT /v1/kv/a x", "GET /v1/catalog/nodes?consistent", WEB] {
        check_on(&server, &[line], refused()).await;
    }
}

#[tokio::test]
async fn a_stale_read_needs_no_leader() {
    check_on(
        &server(false, None),
        &["GET /v1/catalog/nodes?stale"],
        expect![[r#"
        200
        content-type: application/json
        x-consul-effective-consistency: stale
        x-consul-index: 1
        x-consul-knownleader: false
        x-consul-lastcontact: 0
        []"#]],
    )
    .await;
}

#[tokio::test]
async fn pretty_answers_end_in_a_newline() {
    let expect = || {
        expect![[r#"
        200
        content-type: application/json
        [
            "dc1"
        ]⏎"#]]
    };
    check(&["GET /v1/catalog/datacenters?pretty"], expect()).await;
    check_on(&server(true, Some(1)), &["GET /v1/catalog/datacenters"], expect()).await;
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    check(
        &["POST /v1/kv/a"],
        expect![[r#"
        405
        allow: OPTIONS,GET,PUT,DELETE
        content-type: text/plain; charset=utf-8
        method POST not allowed"#]],
    )
    .await;
    check(
        &["HEAD /v1/status/leader"],
        expect![[r#"
        405
        allow: OPTIONS,GET
        content-type: text/plain; charset=utf-8
    "#]],
    )
    .await;
    check(
        &["OPTIONS /v1/catalog/register"],
        expect![[r#"
        200
        allow: OPTIONS,PUT
    "#]],
    )
    .await;
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    for line in ["GET /v1/nope", "OPTIONS /v1/", "GET /v1/catalog/nodes/"] {
        check(
            &[line],
            expect![[r#"
            404
        "#]],
        )
        .await;
    }
}

#[tokio::test]
async fn a_panic_is_a_500() {
    check(
        &["GET /v1/agent/members"],
        expect![[r#"
        500
        content-type: text/plain; charset=utf-8
        internal error: the handler of `/v1/agent/members` panicked"#]],
    )
    .await;
}

#[tokio::test]
async fn bad_parameters_are_refused() {
    let lines = [
        "GET /v1/catalog/nodes?stale&consistent",
        "GET /v1/catalog/nodes?cached&consistent",
        "GET /v1/catalog/nodes?index=abc",
        "GET /v1/catalog/nodes?wait=10",
        "GET /v1/catalog/nodes?max_stale=abc",
        "GET /v1/catalog/nodes?dc=nope",
        "GET /v1/catalog/nodes?filter=A==1",
        "GET /v1/health/service/x?passing=bad",
        "GET /v1/health/state/",
        "GET /v1/kv/",
        "GET /v1/catalog/service/%ff",
        "GET /v1/kv/a%00b",
        "PUT /v1/kv/a?flags=-1",
        "PUT /v1/kv/a?cas=+1",
        "PUT /v1/kv/a?cas=",
        "PUT /v1/kv/a?cas=1&acquire=x",
        "PUT /v1/kv/a?acquire=",
        "PUT /v1/kv/a?acquire=x",
        "PUT /v1/kv/a?acquire=876bacbc-fc10-d865-ab0c-9d369d5ce111",
        "PUT /v1/kv/a?release=876bacbc-fc10-d865-ab0c-9d369d5ce111",
        "PUT /v1/kv/a 12345678901234567",
        "DELETE /v1/kv/a?recurse&cas=1",
    ];
    refusals(&lines, expect![[r#"
        GET /v1/catalog/nodes?stale&consistent
          400 Cannot specify ?stale with ?consistent, conflicting semantics.
        GET /v1/catalog/nodes?cached&consistent
          400 Cannot specify ?cached with ?consistent, conflicting semantics.
        GET /v1/catalog/nodes?index=abc
          400 Invalid index
        GET /v1/catalog/nodes?wait=10
          400 Invalid wait time
        GET /v1/catalog/nodes?max_stale=abc
          400 Invalid max_stale value "abc"
        GET /v1/catalog/nodes?dc=nope
          500 No path to datacenter
        GET /v1/catalog/nodes?filter=A==1
          500 Failed to create boolean expression evaluator: Selector "A" is not valid
        GET /v1/health/service/x?passing=bad
          400 Invalid value for ?passing
        GET /v1/health/state/
          400 Missing check state
        GET /v1/kv/
          400 Missing key name
        GET /v1/catalog/service/%ff
          400 Invalid path: the decoded bytes are no UTF-8
        GET /v1/kv/a%00b
          400 Invalid path: it holds control characters
        PUT /v1/kv/a?flags=-1
          500 strconv.ParseUint: parsing "-1": invalid syntax
        PUT /v1/kv/a?cas=+1
          500 strconv.ParseUint: parsing " 1": invalid syntax
        PUT /v1/kv/a?cas=
          500 strconv.ParseUint: parsing "": invalid syntax
        PUT /v1/kv/a?cas=1&acquire=x
          400 Conflicting flags: acquire=x&cas=1
        PUT /v1/kv/a?acquire=
          500 missing session
        PUT /v1/kv/a?acquire=x
          500 failed session lookup: index error: UUID must be 36 characters
        PUT /v1/kv/a?acquire=876bacbc-fc10-d865-ab0c-9d369d5ce111
          500 invalid session "876bacbc-fc10-d865-ab0c-9d369d5ce111"
        PUT /v1/kv/a?release=876bacbc-fc10-d865-ab0c-9d369d5ce111
          200 false
        PUT /v1/kv/a 12345678901234567
          413 Request body(17 bytes) too large, max size: 16 bytes. The limit is the configuration's `limits.kv_max_value_size`.
        DELETE /v1/kv/a?recurse&cas=1
          400 Conflicting flags: cas=1&recurse=
    "#]]).await;
}
