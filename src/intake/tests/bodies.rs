//! Bodies of the HTTP API.

use expect_test::{expect, expect_file};

use crate::intake::tests::brief;
use crate::intake::{DecodeFault, check_from_json, service_from_json};
use crate::model::definition::ServiceDefinition;

fn show_service(result: Result<ServiceDefinition, DecodeFault>) -> String {
    match result {
        Ok(service) => brief(&service),
        Err(fault) => fault.to_string(),
    }
}

/// Each body, and what is said of it, against a file.
fn check(file: &str, bodies: &[&str], decode: impl Fn(&[u8]) -> String) {
    let shown = bodies.iter().map(|body| format!("{body}\n    {}\n", decode(body.as_bytes())));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config/");
    expect_file![format!("{path}{file}")].assert_eq(&shown.collect::<String>());
}

// Each body was put to Consul 1.8.7; where it accepts what cannot work (a port of 70000, the
// ids `consul` and `serfHealth`, which are the leader's), this does not.
#[test]
fn service_bodies_are_taken_and_refused_as_by_consul() {
    check("service_bodies.txt", SERVICE_BODIES, |body| show_service(service_from_json(body)));
}

#[test]
fn check_bodies_are_taken_and_refused_as_by_consul() {
    check("check_bodies.txt", CHECK_BODIES, |body| match check_from_json(body) {
        Ok(definition) => brief(&definition),
        Err(fault) => fault.to_string(),
    });
}

#[test]
fn deep_and_damaged_bodies_are_refused() {
    let deep = format!("{{\"Name\":{}", "[".repeat(10_000));
    expect!["Request decode failed: recursion limit exceeded"]
        .assert_eq(&show_service(service_from_json(deep.as_bytes())));
    expect!["Request decode failed: invalid unicode code point"]
        .assert_eq(&show_service(service_from_json(b"{\"Name\":\"\xff\"}")));
    let many = (0..5_000).map(|n| format!("\"k{n}\":\"v\"")).collect::<Vec<_>>().join(",");
    let many = format!("{{\"Name\":\"x\",\"Meta\":{{{many}}}}}");
    expect![[r#"Request decode failed: json: field "Meta" has 5000 entries"#]]
        .assert_eq(&show_service(service_from_json(many.as_bytes())));
}

#[test]
fn a_check_with_more_to_say_than_a_command_takes_is_refused() {
    let notes = |bytes| {
        let body = format!(r#"{{"Name":"zz","TTL":"1s","Notes":"{}"}}"#, "x".repeat(bytes));
        check_from_json(body.as_bytes()).map_err(|fault| fault.to_string())
    };
    assert!(notes(65_536).is_ok());
    let expected = "Invalid check: `notes` has 65537 bytes, 65536 are allowed";
    assert_eq!(notes(65_537), Err(expected.to_owned()));
}

/// Bodies of `/v1/agent/service/register`.
const SERVICE_BODIES: &[&str] = &[
    r#""#,
    r#"{"#,
    r#"[]"#,
    r#"null"#,
    r#""x""#,
    r#"{"bogus":1}"#,
    r#"{"Name":""}"#,
    r#"{}"#,
    r#"{"Name":5}"#,
    r#"{"name":"zz","port":"80"}"#,
    r#"{"NAME":"zz","pOrt":1.5}"#,
    r#"{"Name":"zz","Port":1e2}"#,
    r#"{"Name":"zz","Port":70000}"#,
    r#"{"Name":"zz","Port":-1}"#,
    r#"{"Name":"zz","Address":"0.0.0.0"}"#,
    r#"{"Name":"zz","Address":"[::]"}"#,
    r#"{"Name":"zz","Tags":"x"}"#,
    r#"{"Name":"zz","Tags":[1]}"#,
    r#"{"Name":"zz","Tags":null,"Check":null,"Checks":null,"Port":null,"Weights":null}"#,
    r#"{"Name":"zz","Meta":{"a":1}}"#,
    r#"{"Name":"zz","Meta":{"a b":"1"}}"#,
    r#"{"Name":"zz","Meta":{"consul-x":"1"}}"#,
    r#"{"Name":"zz","Weights":{"Passing":-1}}"#,
    r#"{"Name":"zz","Weights":{"Passing":0}}"#,
    r#"{"Name":"zz","Weights":{"Passing":1,"Warning":70000}}"#,
    r#"{"Name":"zz","Weights":{"Passing":10}}"#,
    r#"{"Name":"zz","Check":{"HTTP":"http://x"}}"#,
    r#"{"Name":"zz","Check":{}}"#,
    r#"{"Name":"zz","Checks":[{"TTL":"5"}]}"#,
    r#"{"Name":"zz","Checks":[{"TTL":5}]}"#,
    r#"{"Name":"zz","Check":{"TTL":"10s","Interval":"10s"}}"#,
    r#"{"Name":"zz","Check":{"Bogus":1}}"#,
    r#"{"Name":"zz","Check":{"Status":"foo","TTL":"10s"}}"#,
    r#"{"Name":"zz","ID":"zz"} x"#,
    r#"{"Name":"zz","ID":"zy","enable_tag_override":true,"tagged_addresses":{"lan":{"address":"1.2.3.4","port":5}}}"#,
    r#"{"Name":"zz","TaggedAddresses":{"lan":{"Address":"0.0.0.0"}}}"#,
    r#"{"Name":"zz","Name":"zy"}"#,
    r#"{"Name":"zz","Check":{"Args":"true","Interval":"10s"}}"#,
    r#"{"Name":"zz","Check":{"TTL":"10s","DeregisterCriticalServiceAfter":"10s"}}"#,
    r#"{"Name":"zz","Check":{"TTL":"-10s"}}"#,
    r#"{"Name":"zz","Check":{"TCP":"a:1","Interval":"1ms"}}"#,
    r#"{"Name":"zz","Check":{"GRPC":"a:1/b","GRPCUseTLS":true,"TLSServerName":"c","Interval":"1s"}}"#,
    r#"{"Name":"zz","Check":{"GRPC":"a:1"}}"#,
    r#"{"Name":"zz","Check":{"H2PING":"a:1","TLSSkipVerify":true,"Interval":"1s"}}"#,
    r#"{"Name":"zz","Check":{"H2PING":"a:1","H2PingUseTLS":false,"TLSSkipVerify":true,"Interval":"1s"}}"#,
    r#"{"Name":"zz","Check":{"DockerContainerID":"a","Args":["b"],"Interval":"1s"}}"#,
    r#"{"Name":"zz","Check":{"DockerContainerID":"a","Interval":"1s"}}"#,
    r#"{"Name":"zz","Check":{"OSService":"nginx","Interval":"1s"}}"#,
    r#"{"Name":"zz","Check":{"OSService":"-x;","Interval":"1s"}}"#,
    r#"{"Name":"zz","Check":{"TTL":"10s","OutputMaxSize":-1}}"#,
    r#"{"Name":"zz","Kind":"connect-proxy","Connect":{}}"#,
    r#"{"Name":"zz","EnableTagOverride":"yes"}"#,
    r#"{"Name":["zz"]}"#,
    r#"{"Name":"zz\ud83d\ude00"}"#,
    r#"{"Name":"zz","Check":{"HTTP":"http://x","Header":{"a":["b"]},"Interval":10000000000}}"#,
    r#"{"Name":"zz","Check":{"HTTP":"http://x","Interval":"1"}}"#,
    r#"{"Name":"zz","Check":{"TTL":"10s","Timeout":"x"}}"#,
    r#"{"Name":"zz","Checks":{"TTL":"10s"}}"#,
    r#"{"Name":"zz","Checks":[{"TTL":"1s"},{"TTL":"2s"}]}"#,
    r#"{"Name":"zz" "ID":1}"#,
    r#"{"Name":"zz",}"#,
    r#"{Name:1}"#,
    r#"tru"#,
    r#"{"Name":"zz","Check":{"Notes":"x"}}"#,
    r#"{"Name":"zz","Check":{"Script":"true","Interval":"10s"}}"#,
    r#"{"Name":"consul"}"#,
    r#"{"Name":"zz","ID":"Consul"}"#,
    r#"{"Name":"consul","ID":"mine"}"#,
    r#"{"Name":"zz","Check":{"CheckID":"serfhealth","TTL":"10s"}}"#,
];

/// Bodies of `/v1/agent/check/register`.
const CHECK_BODIES: &[&str] = &[
    r#""#,
    r#"{}"#,
    r#"{"Name":""}"#,
    r#"{"Name":"zz"}"#,
    r#"{"Name":"zz","Status":"foo","TTL":"10s"}"#,
    r#"{"Name":"zz","Status":"foo"}"#,
    r#"{"Name":"zz","Status":"passing","TTL":"10s","ServiceID":"web"}"#,
    r#"{"Name":"zz","TTL":"x"}"#,
    r#"{"Name":"zz","HTTP":"http://x"}"#,
    r#"{"Name":"zz","bogus":1}"#,
    r#"{"Name":"zz","http":"h","interval":"1s","tls_skip_verify":"x"}"#,
    r#"{"ID":"zz","TTL":"10s"}"#,
    r#"{"ID":"zy","Name":"zz","TTL":"10s"}"#,
    r#"{"Name":"zz","AliasService":"foo"}"#,
    r#"{"Name":"zz","AliasNode":"n1","TTL":"5s"}"#,
    r#"{"Name":"zz","TTL":"10s","Interval":"5s"}"#,
    r#"{"Name":"zz","UDP":"a:1","Interval":"5s","success_before_passing":2,"FailuresBeforeCritical":3}"#,
    r#"[]"#,
    r#"{"Name":"serfHealth","TTL":"10s"}"#,
    r#"{"Name":"serfHealth","ID":"mine","TTL":"10s"}"#,
];
