//! Sessions and locks of the real program: by the clock, and after a restart.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Agent, Connection};

/// Creates a session.
fn create(agent: &Agent, body: &str) -> String {
    let created: Value =
        serde_json::from_str(&agent.must("PUT", "/v1/session/create", body)).unwrap();
    created["ID"].as_str().unwrap().to_owned()
}

/// Takes or gives back a lock; whether that was granted.
fn lock(agent: &Agent, action: &str, session: &str) -> bool {
    agent.must("PUT", &format!("/v1/kv/lock?{action}={session}"), "x").trim() == "true"
}

/// Who holds the lock.
fn holder(agent: &Agent) -> Option<String> {
    let entries: Value = serde_json::from_str(&agent.must("GET", "/v1/kv/lock", "")).unwrap();
    entries[0]["Session"].as_str().map(str::to_owned)
}

#[test]
fn a_lock_that_somebody_waits_for_is_released_when_the_ttl_passes() {
    let agent = Agent::dev().args(["-hcl", "session_ttl_min = \"100ms\""]).start();
    let owner = create(&agent, r#"{"TTL": "300ms", "LockDelay": 0}"#);
    #[expect(clippy::disallowed_methods, reason = "it measures what a client would")]
    let begun = std::time::Instant::now();
    assert!(lock(&agent, "acquire", &owner));
    let other = create(&agent, r#"{"LockDelay": 0}"#);
    assert!(!lock(&agent, "acquire", &other));
    let mut waiting = Connection::open(agent.http).unwrap();
    let index = waiting.exchange("GET", "/v1/kv/lock", "").unwrap().index.unwrap();
    let freed = waiting.exchange("GET", &format!("/v1/kv/lock?index={index}&wait=30s"), "");
    let held = begun.elapsed();
    assert!(freed.unwrap().index.unwrap() > index);
    assert!(Duration::from_millis(300) <= held, "not before the TTL: {held:?}");
    assert!(held < Duration::from_secs(20), "not at the end of the wait: {held:?}");
    assert_eq!(holder(&agent), None);
    assert!(lock(&agent, "acquire", &other));
    assert_eq!(holder(&agent), Some(other));
}

#[test]
fn a_session_that_is_renewed_outlives_one_that_is_not() {
    let agent = Agent::dev().args(["-hcl", "session_ttl_min = \"100ms\""]).start();
    let renewed = create(&agent, r#"{"TTL": "2s"}"#);
    let forgotten = create(&agent, r#"{"TTL": "500ms"}"#);
    let mut waiting = Connection::open(agent.http).unwrap();
    let is_there = |id: &str| agent.must("GET", &format!("/v1/session/info/{id}"), "").contains(id);
    let path = format!("/v1/session/info/{forgotten}");
    let mut index = waiting.exchange("GET", &path, "").unwrap().index.unwrap();
    while is_there(&forgotten) {
        agent.must("PUT", &format!("/v1/session/renew/{renewed}"), "");
        let path = format!("{path}?index={index}&wait=300ms");
        index = waiting.exchange("GET", &path, "").unwrap().index.unwrap();
    }
    assert!(is_there(&renewed));
}

#[test]
fn sessions_and_locks_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Agent::server(dir.path()).start();
    let owner = create(&agent, r#"{"TTL": "24h", "Name": "owner"}"#);
    let gone = create(&agent, r#"{"LockDelay": "1m"}"#);
    assert!(lock(&agent, "acquire", &owner));
    assert_eq!(agent.must("PUT", &format!("/v1/kv/delayed?acquire={gone}"), "x").trim(), "true");
    agent.must("PUT", &format!("/v1/session/destroy/{gone}"), "");
    let before = agent.must("GET", "/v1/session/list", "");
    agent.kill();

    let agent = Agent::server(dir.path()).start();
    assert_eq!(agent.must("GET", "/v1/session/list", ""), before);
    assert_eq!(holder(&agent), Some(owner.clone()));
    let other = create(&agent, "{}");
    assert!(!lock(&agent, "acquire", &other));
    let delayed = agent.must("PUT", &format!("/v1/kv/delayed?acquire={other}"), "x");
    assert_eq!(delayed.trim(), "false", "the lock delay is not over");
    assert!(lock(&agent, "release", &owner));
}
