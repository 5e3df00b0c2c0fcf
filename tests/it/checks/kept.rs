//! What the agent keeps, over restarts and reloads, and what it makes the catalog keep.

use fs_err as fs;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{CRITICAL, PASSING, dig, register, until, until_check};
use crate::harness::Agent;

fn stop(agent: Agent) {
    agent.signal(Signal::SIGTERM);
    let (status, output) = agent.wait();
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(!output.contains("panicked"), "{output}");
}

/// What the agent states, and what DNS and the catalog say of it.
fn registered(agent: &Agent) -> (Value, Value, Value) {
    let read = |path| serde_json::from_str(&agent.must("GET", path, "")).unwrap();
    (
        read("/v1/agent/services"),
        read("/v1/agent/checks"),
        // Checks of the node, those of its services included.
        read("/v1/health/node/n1"),
    )
}

#[test]
fn maintenance_is_in_dns_at_once_and_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut agent = Agent::server(dir.path()).start();
    register(&agent, &json!({ "Name": "web", "Port": 1 }));
    register(&agent, &json!({ "Name": "db", "Port": 1 }));
    let both =
        |agent: &Agent| ["web", "db"].map(|name| dig(agent, &format!("{name}.service.consul")));
    assert_eq!(both(&agent), [PASSING, PASSING]);
    agent.must("PUT", "/v1/agent/service/maintenance/web?enable=true&reason=moving", "");
    assert_eq!(both(&agent), [CRITICAL, PASSING]);
    agent.kill();
    agent = Agent::server(dir.path()).start();
    assert_eq!(both(&agent), [CRITICAL, PASSING]);
    agent.must("PUT", "/v1/agent/maintenance?enable=true", "");
    agent.must("PUT", "/v1/agent/service/maintenance/web?enable=false", "");
    assert_eq!(both(&agent), [CRITICAL, CRITICAL]);
    // The node itself is there, whatever is said of its services.
    assert_eq!(dig(&agent, "n1.node.consul"), PASSING);
    stop(agent);
    agent = Agent::server(dir.path()).start();
    assert_eq!(both(&agent), [CRITICAL, CRITICAL]);
    agent.must("PUT", "/v1/agent/maintenance?enable=false", "");
    assert_eq!(both(&agent), [PASSING, PASSING]);
    stop(agent);
}

#[test]
fn a_restart_brings_back_what_was_registered_and_what_checks_said() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Agent::server(dir.path()).start();
    for (id, word) in [("a", "pass"), ("b", "warn"), ("c", "fail")] {
        let check = json!({ "CheckID": id, "TTL": "1h" });
        register(&agent, &json!({ "Name": id, "Port": 1, "Tags": ["x"], "Check": check }));
        agent.must("PUT", &format!("/v1/agent/check/{word}/{id}?note={word}ed"), "");
    }
    agent.must("PUT", "/v1/agent/check/register", r#"{"Name":"node","TTL":"1h"}"#);
    agent.must("PUT", "/v1/agent/check/pass/node", "");
    register(&agent, &json!({ "Name": "gone", "Port": 1 }));
    agent.must("PUT", "/v1/agent/service/deregister/gone", "");
    let before = registered(&agent);
    assert_eq!(dig(&agent, "a.service.consul"), PASSING);
    stop(agent);
    let agent = Agent::server(dir.path()).start();
    // Nothing was written anew: every revision is what it was.
    assert_eq!(registered(&agent), before);
    for (id, expected) in [("a", PASSING), ("b", PASSING), ("c", CRITICAL)] {
        assert_eq!(dig(&agent, &format!("{id}.service.consul")), expected);
    }
    stop(agent);
}

#[test]
fn a_reload_writes_only_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("services.json");
    let write = |services: Value| {
        fs::write(&path, json!({ "services": services }).to_string()).unwrap();
    };
    let same = json!({ "name": "same", "port": 1, "check": { "id": "same", "ttl": "1h" } });
    let before = json!({ "name": "other", "port": 1, "check": { "id": "other", "ttl": "1h" } });
    let after = json!({ "name": "other", "port": 2, "check": { "id": "other", "ttl": "2h" } });
    write(json!([same, before, { "name": "gone", "port": 1 }]));
    let agent = Agent::dev().args(["-config-dir"]).args([dir.path()]).start();
    register(&agent, &json!({ "Name": "http", "Port": 1 }));
    for id in ["same", "other"] {
        agent.must("PUT", &format!("/v1/agent/check/pass/{id}?note=up"), "");
    }
    let of = |name: &str| -> Value {
        let path = format!("/v1/health/service/{name}");
        serde_json::from_str(&agent.must("GET", &path, "")).unwrap()
    };
    let (kept, http) = (of("same"), of("http"));
    write(json!([same, after, { "name": "new", "port": 1 }]));
    agent.must("PUT", "/v1/agent/reload", "");
    assert_eq!((of("same"), of("http")), (kept, http));
    let other = &of("other")[0];
    assert_eq!(other["Service"]["Port"], 2);
    assert_eq!(other["Checks"][1]["Output"], "up", "{other}");
    for (name, expected) in [("same", PASSING), ("other", PASSING), ("new", PASSING)] {
        assert_eq!(dig(&agent, &format!("{name}.service.consul")), expected, "{name}");
    }
    assert_eq!(dig(&agent, "gone.service.consul"), "NXDOMAIN; ede 0 Other: no such service");
}

#[test]
fn the_agent_is_right_about_its_own_node() {
    let agent = Agent::dev().start();
    let check = json!({ "CheckID": "t", "TTL": "1h", "Status": "passing" });
    register(&agent, &json!({ "Name": "web", "Port": 1, "Check": check }));
    // Somebody takes what is ours, and puts what is not.
    let catalog = |path: &str, body: Value| {
        agent.must("PUT", &format!("/v1/catalog/{path}"), &body.to_string());
    };
    catalog("deregister", json!({ "Node": "n1", "ServiceID": "web" }));
    catalog(
        "register",
        json!({
            "Node": "n1", "Address": "127.0.0.1", "Service": { "Service": "foreign", "Port": 1 },
            "Check": { "CheckID": "foreign", "Name": "foreign", "Status": "critical" },
        }),
    );
    let no_such = "NXDOMAIN; ede 0 Other: no such service";
    assert_eq!(dig(&agent, "web.service.consul"), no_such);
    // Any change of what the agent states makes it look.
    register(&agent, &json!({ "Name": "next", "Port": 1 }));
    assert_eq!(dig(&agent, "web.service.consul"), PASSING);
    assert_eq!(dig(&agent, "foreign.service.consul"), no_such);
    // What is the leader's stays.
    assert_eq!(dig(&agent, "consul.service.consul"), PASSING);
    let checks = until(&agent, "/v1/health/node/n1", |_| true);
    let checks = checks.as_array().unwrap().iter().map(|check| check["CheckID"].as_str().unwrap());
    assert_eq!(checks.collect::<Vec<_>>(), ["serfHealth", "t"]);
    // So does a word that somebody changed behind its back.
    catalog(
        "register",
        json!({
            "Node": "n1", "SkipNodeUpdate": true,
            "Check": { "CheckID": "t", "Name": "t", "ServiceID": "web", "Status": "critical" },
        }),
    );
    assert_eq!(dig(&agent, "web.service.consul"), CRITICAL);
    agent.must("PUT", "/v1/agent/service/deregister/next", "");
    until_check(&agent, "web", "passing");
    assert_eq!(dig(&agent, "web.service.consul"), PASSING);
}
