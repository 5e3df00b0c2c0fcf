//! A definition with one of everything, as the agent is told it.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::expect;

use crate::cli::services::json::service;
use crate::model::definition::{CheckDefinition, Probe, ServiceDefinition, Timing, Tls};
use crate::model::health::Status;
use crate::model::name::{CheckId, ServiceId, ServiceName, Tag};
use crate::model::number::Weights;

#[test]
fn a_definition_is_told_in_consuls_spelling() {
    let timing =
        Timing { interval: Duration::from_secs(90), timeout: Duration::from_millis(1_500) };
    let definition = ServiceDefinition {
        id: ServiceId::new("web1").expect("legal"),
        name: ServiceName::new("web").expect("legal"),
        tags: vec![Tag::new("v1").expect("legal")],
        address: None,
        tagged_addresses: BTreeMap::new(),
        meta: [("rack".to_owned(), "a".to_owned())].into_iter().collect(),
        port: 80,
        weights: Weights { passing: 3, warning: 0 },
        enable_tag_override: true,
        checks: vec![
            check(Probe::Ttl { ttl: Duration::from_secs(5) }),
            check(Probe::Tcp { address: "a:1".to_owned(), timing }),
            check(Probe::Script { args: vec!["true".to_owned()], timing }),
            check(Probe::Grpc {
                address: "a:1".to_owned(),
                service: "s".to_owned(),
                tls: Some(Tls { skip_verify: true, server_name: Some("b".to_owned()) }),
                timing,
            }),
            check(Probe::Grpc {
                address: "a:1".to_owned(),
                service: String::new(),
                tls: None,
                timing,
            }),
            check(Probe::H2Ping { address: "a:1".to_owned(), tls: None, timing }),
            check(Probe::Docker {
                container: "d".to_owned(),
                args: vec!["true".to_owned()],
                timing,
            }),
            check(Probe::OsService { name: "nginx".to_owned(), timing }),
            check(Probe::Alias { node: None, service: None }),
        ],
        token: String::new(),
    };
    let mut body = service(&definition);
    // What all checks have alike is looked at once.
    let checks = body["Checks"].as_array_mut().expect("it is a list");
    for check in checks.iter_mut().skip(1) {
        for key in ["CheckID", "Name", "Notes", "Status", "SuccessBeforePassing"] {
            check.as_object_mut().expect("it is an object").shift_remove(key);
        }
        for key in ["FailuresBeforeCritical", "DeregisterCriticalServiceAfter"] {
            check.as_object_mut().expect("it is an object").shift_remove(key);
        }
    }
    expect![[r#"{"ID":"web1","Name":"web","Tags":["v1"],"Address":"","TaggedAddresses":{},"Meta":{"rack":"a"},"Port":80,"Weights":{"Passing":3,"Warning":0},"EnableTagOverride":true,"Checks":[{"CheckID":"c","Name":"C","Notes":"","SuccessBeforePassing":0,"FailuresBeforeCritical":2,"TTL":"5s","Status":"passing","DeregisterCriticalServiceAfter":"1m0s"},{"TCP":"a:1","Interval":"1m30s","Timeout":"1.5s"},{"Args":["true"],"Interval":"1m30s","Timeout":"1.5s"},{"GRPC":"a:1/s","GRPCUseTLS":true,"TLSSkipVerify":true,"TLSServerName":"b","Interval":"1m30s","Timeout":"1.5s"},{"GRPC":"a:1","GRPCUseTLS":false,"Interval":"1m30s","Timeout":"1.5s"},{"H2PING":"a:1","H2PingUseTLS":false,"Interval":"1m30s","Timeout":"1.5s"},{"DockerContainerID":"d","Args":["true"],"Interval":"1m30s","Timeout":"1.5s"},{"OSService":"nginx","Interval":"1m30s","Timeout":"1.5s"},{"AliasNode":"","AliasService":""}],"Token":""}"#]].assert_eq(&body.to_string());
}

fn check(probe: Probe) -> CheckDefinition {
    CheckDefinition {
        id: CheckId::new("c").expect("legal"),
        name: "C".to_owned(),
        notes: String::new(),
        service_id: None,
        initial_status: Some(Status::Passing),
        probe,
        success_before_passing: 0,
        failures_before_warning: 0,
        failures_before_critical: 2,
        output_bytes_max: None,
        deregister_after: Some(Duration::from_secs(60)),
        token: String::new(),
    }
}
