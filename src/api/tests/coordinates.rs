//! What a real Consul answers otherwise, or not at all.

use axum::body::Body;
use axum::http::Request;
use expect_test::expect;

use super::fixture::{Server, check_on, refusals, server, show};
use crate::api::Client;

#[tokio::test]
async fn bad_coordinates_are_refused() {
    let lines = [
        "PUT /v1/coordinate/update {}",
        r#"PUT /v1/coordinate/update {"Node":"n"}"#,
        r#"PUT /v1/coordinate/update {"Coord":{"Vec":[0,0,0,0,0,0,0,0]}}"#,
        r#"PUT /v1/coordinate/update {"Node":"n","Coord":[]}"#,
        r#"PUT /v1/coordinate/update {"Node":"n","Coord":{"Vec":1}}"#,
        r#"PUT /v1/coordinate/update {"Node":"n","Coord":{"Height":"x"}}"#,
        r#"PUT /v1/coordinate/update {"Node":"n","Segment":"\u0001","Coord":{}}"#,
        r#"PUT /v1/coordinate/update {"Node":1,"Coord":{}}"#,
    ];
    refusals(
        &lines,
        expect![[r#"
            PUT /v1/coordinate/update {}
              400 Must provide coordinate
            PUT /v1/coordinate/update {"Node":"n"}
              400 Must provide coordinate
            PUT /v1/coordinate/update {"Coord":{"Vec":[0,0,0,0,0,0,0,0]}
              400 Must provide node
            PUT /v1/coordinate/update {"Node":"n","Coord":[]}
              400 Request decode failed: json: cannot unmarshal array into Go struct field CoordinateUpdateRequest.Coord of type Coordinate
            PUT /v1/coordinate/update {"Node":"n","Coord":{"Vec":1}}
              400 Request decode failed: json: cannot unmarshal number into Go struct field Coordinate.Vec of type []float64
            PUT /v1/coordinate/update {"Node":"n","Coord":{"Height":"x"}
              400 Request decode failed: json: cannot unmarshal string into Go struct field Coordinate.Height of type float64
            PUT /v1/coordinate/update {"Node":"n","Segment":"\u0001","Co
              400 Segment: a name of a segment has at most 255 bytes and no control characters
            PUT /v1/coordinate/update {"Node":1,"Coord":{}}
              400 Request decode failed: json: cannot unmarshal number into Go struct field CoordinateUpdateRequest.Node of type string
        "#]],
    )
    .await;
}

/// Registers nodes with `web` on each, and says where they are.
async fn place(server: &Server, nodes: &[(&str, &str, u8)]) {
    for (node, address, at) in nodes {
        let register = format!(
            r#"PUT /v1/catalog/register {{"Node":"{node}","Address":"{address}","Service":{{"Service":"web"}}}}"#
        );
        server.ask(&register).await;
        let update = format!(
            r#"PUT /v1/coordinate/update {{"Node":"{node}","Coord":{{"Vec":[0,0,0,0,0,0,0,{at}]}}}}"#
        );
        server.ask(&update).await;
    }
}

/// The first letters behind each place where a text has these.
fn first_letters(text: &str, before: &str) -> String {
    text.split(before).skip(1).filter_map(|rest| rest.chars().next()).collect()
}

#[tokio::test]
async fn a_prepared_query_tells_the_nearest_first() {
    let server = server(false, Some(1));
    let nodes = [
        ("a", "192.0.2.1", 9),
        ("b", "192.0.2.2", 1),
        ("c", "192.0.2.3", 2),
        ("d", "192.0.2.4", 5),
        ("n1", "192.0.2.5", 8),
    ];
    place(&server, &nodes).await;
    server.ask(r#"POST /v1/query {"Name":"q","Service":{"Service":"web","Near":"_agent"}}"#).await;
    let order = async |query: &str, ip: [u8; 4]| {
        let request = Request::builder().uri(format!("/v1/query/q/execute{query}"));
        let request = request.extension(Client(ip.into())).body(Body::empty()).unwrap();
        first_letters(&show(server.send(request).await).await, r#""Node":{"ID":"","Node":""#)
    };
    let elsewhere = [127, 0, 0, 1];
    assert_eq!(order("", elsewhere).await, "nadcb", "the query's own wish");
    assert_eq!(order("?limit=2", elsewhere).await, "na");
    assert_eq!(order("?near=_ip", [192, 0, 2, 3]).await, "cbdna");
    assert_eq!(order("?near=B", elsewhere).await, "bcdna");
    // Chance orders what is near to nobody.
    let shuffled = order("?near=_ip", elsewhere).await;
    let mut letters: Vec<char> = shuffled.chars().collect();
    letters.sort_unstable();
    assert_eq!(letters, ['a', 'b', 'c', 'd', 'n']);
}

#[tokio::test]
async fn the_client_itself_may_be_what_is_near() {
    let server = server(false, Some(1));
    place(&server, &[("a", "192.0.2.1", 9), ("b", "192.0.2.2", 1), ("c", "192.0.2.3", 2)]).await;
    let order = async |request: Request<Body>| {
        first_letters(&show(server.send(request).await).await, r#""Node":""#)
    };
    let request = || Request::builder().uri("/v1/catalog/nodes?near=_ip");
    let from = |address: [u8; 4]| Client(address.into());
    let plain = request().extension(from([192, 0, 2, 3])).body(Body::empty()).unwrap();
    assert_eq!(order(plain).await, "cba");
    let proxied = request()
        .header("X-Forwarded-For", "192.0.2.1, 10.0.0.1")
        .extension(from([192, 0, 2, 3]))
        .body(Body::empty())
        .unwrap();
    assert_eq!(order(proxied).await, "acb", "a proxy says who asks");
    let unknown = request().extension(from([127, 0, 0, 1])).body(Body::empty()).unwrap();
    assert_eq!(order(unknown).await, "abc");
    assert_eq!(order(request().body(Body::empty()).unwrap()).await, "abc");
    check_on(
        &server,
        &["GET /v1/coordinate/node/none"],
        expect![[r#"
        404
        x-consul-index: 1
        x-consul-knownleader: true
        x-consul-lastcontact: 0
    "#]],
    )
    .await;
}
