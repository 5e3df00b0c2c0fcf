//! Many checks, and targets that hang: what arrives where, and what does not wait for what.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::target::Target;
use super::{dig, register, until_check};
use crate::harness::Agent;

#[test]
fn a_thousand_checks_do_not_run_at_one_instant() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let beat = Target::plain();
    let mut services: Vec<Value> = (0..1_000)
        .map(|id| {
            let check = json!({ "tcp": address, "interval": "5s" });
            json!({ "name": format!("s{id}"), "port": 1, "check": check })
        })
        .collect();
    let check = json!({ "http": format!("http://{}/", beat.address), "interval": "1s" });
    services.push(json!({ "name": "beat", "port": 1, "check": check }));
    let path = dir.path().join("services.json");
    fs_err::write(path, json!({ "services": services }).to_string()).unwrap();
    let agent = Agent::dev().args(["-config-dir"]).args([dir.path()]).start();
    // Each comes once before any comes twice: their phases are kept.
    listener.accept().unwrap();
    let before = beat.requests.try_iter().count();
    for _ in 1..1_000 {
        listener.accept().unwrap();
    }
    // They are spread over five seconds, in which one that runs every second comes again and again.
    let beats = beat.requests.try_iter().count();
    assert!(2 <= beats, "{beats} beats while a thousand came, {before} before");
    assert_eq!(dig(&agent, "s7.service.consul"), super::PASSING);
}

#[test]
fn targets_that_hang_delay_no_other() {
    let agent = Agent::dev().start();
    // The kernel accepts for it, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let hanging = format!("http://{}/", silent.local_addr().unwrap());
    let target = Target::plain();
    for id in 0..100 {
        let check = json!({ "HTTP": hanging, "Interval": "1s", "Timeout": "10m" });
        register(&agent, &json!({ "Name": format!("hang{id}"), "Port": 1, "Check": check }));
    }
    let open: Vec<_> = (0..100).map(|_| silent.accept().unwrap()).collect();
    let check = json!({ "HTTP": format!("http://{}/", target.address), "Interval": "1s" });
    register(&agent, &json!({ "Name": "good", "Port": 1, "Check": check }));
    for _ in 0..3 {
        target.requests.recv().unwrap();
    }
    until_check(&agent, "good", "passing");
    // All that time the hundred were waited for: none was given up, and none asked a second time.
    silent.set_nonblocking(true).unwrap();
    assert!(silent.accept().is_err(), "a check that runs is not run again");
    for (stream, _) in &open {
        stream.set_nonblocking(true).unwrap();
        let mut request = [0; 4_096];
        let length = stream.peek(&mut request).unwrap();
        assert!(request[..length].starts_with(b"GET / "), "the request is there, and no end");
    }
}
