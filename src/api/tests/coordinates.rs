//! What a real Consul answers otherwise, or not at all.

use axum::body::Body;
use axum::http::Request;
use expect_test::expect;

use super::fixture::{check_on, refusals, server, show};
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

#[tokio::test]
async fn the_client_itself_may_be_what_is_near() {
    let server = server(false, Some(1));
    for (node, address, at) in [("a", "192.0.2.1", 9), ("b", "192.0.2.2", 1), ("c", "192.0.2.3", 2)]
    {
        let register =
            format!(r#"PUT /v1/catalog/register {{"Node":"{node}","Address":"{address}"}}"#);
        server.ask(&register).await;
        let update = format!(
            r#"PUT /v1/coordinate/update {{"Node":"{node}","Coord":{{"Vec":[0,0,0,0,0,0,0,{at}]}}}}"#
        );
        server.ask(&update).await;
    }
    let order = async |request: Request<Body>| {
        let shown = show(server.send(request).await).await;
        let names = shown.split(r#""Node":""#).skip(1).map(|rest| rest[..1].to_owned());
        names.collect::<String>()
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
