use expect_test::expect;

use super::fixture::{check, refusals};

pub(super) const WEB: &str = r#"PUT /v1/catalog/register {"node":"a","ADDRESS":"1.2.3.4","Node_Meta":{"k":"v"},"Service":{"Service":"web","Port":80,"Tags":["v1","v2"]},"Check":{"Name":"c","ServiceID":"web","Status":"warning"}}"#;

#[tokio::test]
async fn bad_registrations_are_refused() {
    let deep = format!("PUT /v1/catalog/register {}", "[".repeat(10_000));
    let lines = [
        "PUT /v1/catalog/register ",
        "PUT /v1/catalog/register {",
        "PUT /v1/catalog/register []",
        "PUT /v1/catalog/register null",
        r#"PUT /v1/catalog/register {"Node":"a"}"#,
        r#"PUT /v1/catalog/register {"Node":5}"#,
        r#"PUT /v1/catalog/register {"Node":"a","Address":"0.0.0.0"}"#,
        r#"PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","ID":"x"}"#,
        r#"PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Datacenter":"nope"}"#,
        r#"PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Service":{"ID":"x"}}"#,
        r#"PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Service":{"Service":"x","Port":70000}}"#,
        r#"PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Service":{"Service":"x","Weights":{"Passing":0}}}"#,
        r#"PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Check":{"Name":"c","ServiceID":"nope"}}"#,
        r#"PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Check":{"Name":"c","Status":"bogus"}}"#,
        r#"PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Check":{"Name":"c","Node":"b"}}"#,
        r#"PUT /v1/catalog/register {"Node":"zork","SkipNodeUpdate":true,"Service":{"Service":"x"}}"#,
        "PUT /v1/catalog/deregister {}",
        &deep,
    ];
    refusals(&lines, expect![[r#"
        PUT /v1/catalog/register 
          400 Request decode failed: EOF
        PUT /v1/catalog/register {
          400 Request decode failed: unexpected EOF
        PUT /v1/catalog/register []
          400 Request decode failed: json: cannot unmarshal array into Go value of type RegisterRequest
        PUT /v1/catalog/register null
          500 Must provide node
        PUT /v1/catalog/register {"Node":"a"}
          500 Must provide address if SkipNodeUpdate is not set
        PUT /v1/catalog/register {"Node":5}
          400 Request decode failed: json: cannot unmarshal number into Go struct field RegisterRequest.Node of type string
        PUT /v1/catalog/register {"Node":"a","Address":"0.0.0.0"}
          400 Invalid node address: `0.0.0.0` and `::` are no addresses that anybody could connect to
        PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","ID
          500 Bad node ID: uuid string is wrong length
        PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Da
          500 No path to datacenter
        PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Se
          500 Must provide service name with ID
        PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Se
          400 Invalid service port: 70000
        PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Se
          200 true
        PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Ch
          500 failed inserting check: Missing service registration on node "a" for service "nope"
        PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Ch
          400 Bad check status
        PUT /v1/catalog/register {"Node":"a","Address":"1.1.1.1","Ch
          500 check node "b" does not match node "a"
        PUT /v1/catalog/register {"Node":"zork","SkipNodeUpdate":tru
          500 failed inserting service: Missing node registration for "zork"
        PUT /v1/catalog/deregister {}
          500 Must provide node
        PUT /v1/catalog/register [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
          400 Request decode failed: recursion limit exceeded at line 1 column 128
    "#]]).await;
}

#[tokio::test]
async fn a_registered_instance_is_shown_with_node_and_checks() {
    check(&[WEB, "GET /v1/health/service/WEB?tag=v1&tag=V2&node-meta=k:v"], expect![[r#"
        200
        content-type: application/json
        x-consul-effective-consistency: leader
        x-consul-index: 1
        x-consul-knownleader: true
        x-consul-lastcontact: 0
        [{"Node":{"ID":"","Node":"a","Address":"1.2.3.4","Datacenter":"dc1","TaggedAddresses":null,"Meta":{"k":"v"},"CreateIndex":1,"ModifyIndex":1},"Service":{"ID":"web","Service":"web","Tags":["v1","v2"],"Address":"","Meta":{},"Port":80,"Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,"Proxy":{"MeshGateway":{},"Expose":{}},"Connect":{},"CreateIndex":1,"ModifyIndex":1},"Checks":[{"Node":"a","CheckID":"c","Name":"c","Status":"warning","Notes":"","Output":"","ServiceID":"web","ServiceName":"web","ServiceTags":["v1","v2"],"Type":"","Definition":{},"CreateIndex":1,"ModifyIndex":1}]}]"#]])
    .await;
}

#[tokio::test]
async fn instances_are_left_out_by_tag_health_and_metadata() {
    for query in ["tag=v1&tag=v3", "passing", "passing=1", "node-meta=k:w", "tag=nope"] {
        let line = format!("GET /v1/health/service/web?{query}");
        check(
            &[WEB, &line],
            expect![[r#"
            200
            content-type: application/json
            x-consul-effective-consistency: leader
            x-consul-index: 1
            x-consul-knownleader: true
            x-consul-lastcontact: 0
            []"#]],
        )
        .await;
    }
}
