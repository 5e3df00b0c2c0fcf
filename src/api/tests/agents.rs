use std::sync::Arc;

use expect_test::expect;

use super::fixture::{check, check_on, server_in, snapshot};
use crate::acl::AclsDisabled;
use crate::api::metrics;
use crate::publish::Cluster;

#[tokio::test]
async fn an_agents_service_is_registered_checked_and_gone() {
    let register = r#"PUT /v1/agent/service/register {"Name":"web","Check":{"TTL":"10m"}}"#;
    check(&[register, "GET /v1/agent/services"], expect![[r#"
        200
        content-type: application/json
        {"web":{"ID":"web","Service":"web","Tags":[],"Meta":{},"Port":0,"Address":"","Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,"Datacenter":"dc1"}}"#]]).await;
    let health = "GET /v1/agent/health/service/name/web?format=text";
    check(
        &[register, health],
        expect![[r#"
        503
        content-type: text/plain
        x-consul-reason: critical
        critical"#]],
    )
    .await;
    check(
        &[register, "PUT /v1/agent/check/warn/service:web", health],
        expect![[r#"
        429
        content-type: text/plain
        x-consul-reason: warning
        warning"#]],
    )
    .await;
    let enter = "PUT /v1/agent/maintenance?enable=true";
    check(
        &[register, enter, health],
        expect![[r#"
        503
        content-type: text/plain
        x-consul-reason: maintenance
        maintenance"#]],
    )
    .await;
    let leave = "PUT /v1/agent/service/deregister/web";
    check(
        &[register, leave, health],
        expect![[r#"
        404
        content-type: text/plain
        x-consul-reason: ServiceName web Not Found
        ServiceName web Not Found"#]],
    )
    .await;
}

#[test]
fn metrics_are_read_by_prometheus() {
    expect![[r##"
        # HELP consul_dns_stale_queries consul_dns_stale_queries
        # TYPE consul_dns_stale_queries counter
        consul_dns_stale_queries 3
        # HELP consul_http_GET consul_http_GET
        # TYPE consul_http_GET summary
        consul_http_GET{path="a\"b",quantile="0.5"} 1
        consul_http_GET{path="a\"b",quantile="0.99"} NaN
        consul_http_GET_sum{path="a\"b"} 3
        consul_http_GET_count{path="a\"b"} 2
        # HELP consul_runtime_alloc_bytes consul_runtime_alloc_bytes
        # TYPE consul_runtime_alloc_bytes gauge
        consul_runtime_alloc_bytes 1.5
    "##]]
    .assert_eq(&metrics::to_prometheus(&snapshot()));
}

#[tokio::test]
async fn prometheus_is_refused_where_the_operator_wants_it_to_be() {
    let server = server_in(&Cluster::default(), Arc::new(AclsDisabled), &[], |options| {
        options.answers_prometheus = false;
    });
    check_on(
        &server,
        &["GET /v1/agent/metrics?format=prometheus"],
        expect![[r#"
        415
        content-type: text/plain; charset=utf-8
        Prometheus is not enabled since its retention time is not positive"#]],
    )
    .await;
    let answer = server.ask("GET /v1/agent/metrics").await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn metrics_have_consuls_form() {
    check(&["GET /v1/agent/metrics"], expect![[r#"
        200
        content-type: application/json
        {"Timestamp":"2026-11-23 16:17:10 +0000 UTC","Gauges":[{"Name":"consul.runtime.alloc_bytes","Value":1.5,"Labels":{}}],"Points":[],"Counters":[{"Name":"consul.dns.stale-queries","Count":3,"Rate":0.3,"Sum":3,"Min":1,"Max":1,"Mean":1,"Stddev":0,"Labels":{}}],"Samples":[{"Name":"consul.http.GET","Count":2,"Rate":0.3,"Sum":3,"Min":1,"Max":2,"Mean":1.5,"Stddev":0.5,"Labels":{"path":"a\"b"}}]}"#]]).await;
}
