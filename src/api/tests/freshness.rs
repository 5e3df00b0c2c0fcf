//! How fresh answers are on a server that has not heard its leader for a while: what is taken from here, and what the
//! leader is asked for.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use expect_test::{Expect, expect};

use super::fixture::server_in;
use crate::acl::AclsDisabled;
use crate::publish::Cluster;

/// Asks a follower that heard its leader seven seconds ago, or that has lost it since; shows what is said of freshness.
async fn check(
    leader: Option<u64>,
    discovery_stale_max: Option<Duration>,
    asked: &[(&str, &str)],
    expect: Expect,
) {
    let cluster = Cluster { leader, last_contact: Duration::from_secs(7), ..Cluster::default() };
    let server = server_in(&cluster, Arc::new(AclsDisabled), &[], |options| {
        options.discovery_stale_max = discovery_stale_max;
    });
    let mut shown = String::new();
    for (path, cache_control) in asked {
        let request = Request::get(*path).header("cache-control", *cache_control);
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        write!(shown, "{path} {cache_control}: {}", answer.status().as_u16()).unwrap();
        for name in ["x-consul-effective-consistency", "x-cache", "age", "x-consul-lastcontact"] {
            if let Some(value) = answer.headers().get(name) {
                write!(shown, " {name}={}", value.to_str().unwrap()).unwrap();
            }
        }
        shown.push('\n');
    }
    expect.assert_eq(&shown);
}

const CACHED: &[(&str, &str)] = &[
    ("/v1/health/service/web?cached", ""),
    ("/v1/health/service/web?cached&stale", ""),
    ("/v1/catalog/nodes?cached", "max-age=10"),
    ("/v1/catalog/services?cached", "max-age=5"),
    ("/v1/catalog/services?cached", "max-age=5, stale-if-error=5"),
    ("/v1/catalog/services?cached", "max-age=5, stale-if-error=1"),
    ("/v1/catalog/service/web?cached", "must-revalidate"),
    ("/v1/catalog/service/web", "max-age=10"),
    ("/v1/kv/a?cached", "max-age=10"),
];

#[tokio::test]
async fn what_is_young_enough_is_taken_from_here() {
    check(Some(2), None, CACHED, expect![[r#"
        /v1/health/service/web?cached : 200 x-consul-effective-consistency=stale x-cache=HIT age=7 x-consul-lastcontact=7000
        /v1/health/service/web?cached&stale : 200 x-consul-effective-consistency=stale x-cache=HIT age=7 x-consul-lastcontact=7000
        /v1/catalog/nodes?cached max-age=10: 200 x-consul-effective-consistency=stale x-cache=HIT age=7 x-consul-lastcontact=7000
        /v1/catalog/services?cached max-age=5: 200 x-consul-effective-consistency=leader x-cache=MISS x-consul-lastcontact=7000
        /v1/catalog/services?cached max-age=5, stale-if-error=5: 200 x-consul-effective-consistency=leader x-cache=MISS x-consul-lastcontact=7000
        /v1/catalog/services?cached max-age=5, stale-if-error=1: 200 x-consul-effective-consistency=leader x-cache=MISS x-consul-lastcontact=7000
        /v1/catalog/service/web?cached must-revalidate: 200 x-consul-effective-consistency=leader x-cache=MISS x-consul-lastcontact=7000
        /v1/catalog/service/web max-age=10: 200 x-consul-effective-consistency=leader x-consul-lastcontact=7000
        /v1/kv/a?cached max-age=10: 404 x-consul-lastcontact=7000
    "#]]).await;
}

#[tokio::test]
async fn without_a_leader_what_is_older_will_do_if_the_client_says_so() {
    check(None, None, CACHED, expect![[r#"
        /v1/health/service/web?cached : 200 x-consul-effective-consistency=stale x-cache=HIT age=7 x-consul-lastcontact=7000
        /v1/health/service/web?cached&stale : 200 x-consul-effective-consistency=stale x-cache=HIT age=7 x-consul-lastcontact=7000
        /v1/catalog/nodes?cached max-age=10: 200 x-consul-effective-consistency=stale x-cache=HIT age=7 x-consul-lastcontact=7000
        /v1/catalog/services?cached max-age=5: 500
        /v1/catalog/services?cached max-age=5, stale-if-error=5: 200 x-consul-effective-consistency=stale x-cache=HIT age=7 x-consul-lastcontact=7000
        /v1/catalog/services?cached max-age=5, stale-if-error=1: 500
        /v1/catalog/service/web?cached must-revalidate: 500
        /v1/catalog/service/web max-age=10: 500
        /v1/kv/a?cached max-age=10: 500
    "#]]).await;
}

#[tokio::test]
async fn reads_of_the_catalog_are_stale_where_an_operator_says_so() {
    let asked = [
        ("/v1/health/service/web", ""),
        ("/v1/catalog/nodes?leader", ""),
        ("/v1/catalog/nodes?consistent", ""),
        ("/v1/catalog/nodes?max_stale=5s", ""),
        ("/v1/kv/a", ""),
        ("/v1/status/leader", ""),
    ];
    check(Some(2), Some(Duration::from_secs(10)), &asked, expect![[r#"
        /v1/health/service/web : 200 x-consul-effective-consistency=stale x-consul-lastcontact=7000
        /v1/catalog/nodes?leader : 200 x-consul-effective-consistency=leader x-consul-lastcontact=7000
        /v1/catalog/nodes?consistent : 200 x-consul-effective-consistency=consistent x-consul-lastcontact=7000
        /v1/catalog/nodes?max_stale=5s : 200 x-consul-effective-consistency=leader x-consul-lastcontact=7000
        /v1/kv/a : 404 x-consul-lastcontact=7000
        /v1/status/leader : 200
    "#]]).await;
    check(
        Some(2),
        Some(Duration::from_secs(5)),
        &asked[..1],
        expect![[r#"
        /v1/health/service/web : 200 x-consul-effective-consistency=leader x-consul-lastcontact=7000
    "#]],
    )
    .await;
}

#[tokio::test]
async fn max_stale_asks_the_leader_for_what_is_older() {
    let asked = [
        ("/v1/catalog/nodes?max_stale=10s", ""),
        ("/v1/catalog/nodes?max_stale=5s", ""),
        ("/v1/kv/a?max_stale=10s", ""),
    ];
    check(Some(2), None, &asked, expect![[r#"
        /v1/catalog/nodes?max_stale=10s : 200 x-consul-effective-consistency=stale x-consul-lastcontact=7000
        /v1/catalog/nodes?max_stale=5s : 200 x-consul-effective-consistency=leader x-consul-lastcontact=7000
        /v1/kv/a?max_stale=10s : 404 x-consul-lastcontact=7000
    "#]]).await;
    check(None, None, &asked, expect![[r#"
        /v1/catalog/nodes?max_stale=10s : 200 x-consul-effective-consistency=stale x-consul-lastcontact=7000
        /v1/catalog/nodes?max_stale=5s : 500
        /v1/kv/a?max_stale=10s : 404 x-consul-lastcontact=7000
    "#]]).await;
}
