//! The state saved and put back, with the real program: what comes back, what readers are told, what a crash leaves.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Agent, Connection, exchange};

/// What people read, with the catalog's own numbers in it.
const READS: [&str; 8] = [
    "/v1/kv/?recurse",
    "/v1/catalog/service/web",
    "/v1/catalog/node/away",
    "/v1/health/service/web",
    "/v1/health/node/away",
    "/v1/operator/autopilot/configuration",
    "/v1/query",
    "/v1/query/near-web/explain",
];

/// What people wait for.
const WATCHES: [&str; 8] = [
    "/v1/kv/k0007",
    "/v1/kv/never",
    "/v1/kv/k00?recurse",
    "/v1/catalog/nodes",
    "/v1/catalog/services",
    "/v1/health/service/web",
    "/v1/health/state/any",
    "/v1/query",
];

fn read_all(agent: &Agent) -> Vec<Value> {
    READS.iter().map(|path| serde_json::from_str(&agent.must("GET", path, "")).unwrap()).collect()
}

/// The index of everything that somebody may wait for.
fn indexes(agent: &Agent) -> BTreeMap<&'static str, u64> {
    let mut connection = Connection::open(agent.http).unwrap();
    WATCHES
        .iter()
        .map(|path| (*path, connection.exchange("GET", path, "").unwrap().index.unwrap()))
        .collect()
}

fn put_keys(agent: &Agent, value: &str) {
    let mut connection = Connection::open(agent.http).unwrap();
    for number in 0..1_000 {
        let path = format!("/v1/kv/k{number:04}");
        let answer = connection.exchange("PUT", &path, &format!("{value}{number}")).unwrap();
        assert_eq!(answer.status, 200);
    }
}

fn save(agent: &Agent) -> Vec<u8> {
    let (status, head, body) = exchange(agent.http, "GET", "/v1/snapshot", b"");
    assert_eq!(status, 200, "{head}");
    body
}

fn restore(agent: &Agent, snapshot: &[u8]) {
    let (status, body) = agent.http("PUT", "/v1/snapshot", snapshot);
    assert_eq!((status, &*String::from_utf8_lossy(&body)), (200, ""));
}

#[test]
fn a_restore_brings_everything_back_under_higher_indexes() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Agent::server(dir.path()).start();
    put_keys(&agent, "old");
    for id in ["web-1", "web-2"] {
        let body = format!(
            r#"{{"Node":"away","Address":"10.0.0.9","Service":{{"ID":"{id}","Service":"web","Port":80}},
                "Check":{{"CheckID":"{id}-alive","Status":"warning","ServiceID":"{id}"}}}}"#
        );
        agent.must("PUT", "/v1/catalog/register", &body);
    }
    let template = r#"{"Name":"near-","Template":{"Type":"name_prefix_match"},
        "Service":{"Service":"${name.suffix}","Near":"_agent"}}"#;
    agent.must("POST", "/v1/query", template);
    let saved = read_all(&agent);
    let snapshot = save(&agent);

    put_keys(&agent, "new");
    agent.must("DELETE", "/v1/kv/k09?recurse", "");
    agent.must("PUT", "/v1/kv/other", "new");
    agent.must("PUT", "/v1/catalog/deregister", r#"{"Node":"away"}"#);
    agent.must("PUT", "/v1/operator/autopilot/configuration", r#"{"MinQuorum":7}"#);
    agent.must("PUT", "/v1/agent/service/register", r#"{"Name":"late","Port":1}"#);
    agent.must("POST", "/v1/query", r#"{"Name":"near-web","Service":{"Service":"late"}}"#);
    let before = indexes(&agent);

    let watchers: Vec<_> = before
        .iter()
        .map(|(path, index)| {
            let mut connection = Connection::open(agent.http).unwrap();
            let sign = if path.contains('?') { '&' } else { '?' };
            connection.ask("GET", &format!("{path}{sign}index={index}&wait=10m"), "").unwrap();
            (path, index, connection)
        })
        .collect();
    restore(&agent, &snapshot);
    for (path, index, mut connection) in watchers {
        let told = connection.answer().unwrap().index.unwrap();
        assert!(*index < told, "{path}: {index}, then {told}");
    }
    assert_eq!(read_all(&agent), saved);
    let after = indexes(&agent);
    for (path, index) in &before {
        assert!(index < &after[path], "{path}: {index}, then {}", after[path]);
    }
    // This machine knows better than the file what runs on it.
    let index = agent_service(&agent, "late");
    assert!(before.values().all(|before| *before < index));

    let last = indexes(&agent);
    agent.kill();
    let agent = Agent::server(dir.path()).start();
    assert_eq!(read_all(&agent), saved);
    for (path, index) in indexes(&agent) {
        assert!(last[path] <= index, "{path}: {}, then {index}", last[path]);
    }
    agent.must("PUT", "/v1/kv/other", "newer");
    let written: Value = serde_json::from_str(&agent.must("GET", "/v1/kv/other", "")).unwrap();
    assert!(last.values().all(|last| *last < written[0]["ModifyIndex"].as_u64().unwrap()));
}

/// Waits until the catalog has a service; its index.
fn agent_service(agent: &Agent, name: &str) -> u64 {
    let mut connection = Connection::open(agent.http).unwrap();
    let mut index = 0;
    loop {
        let path = format!("/v1/catalog/service/{name}?index={index}&wait=10s");
        let answer = connection.exchange("GET", &path, "").unwrap();
        index = answer.index.unwrap();
        if answer.body.starts_with(b"[{") {
            return index;
        }
    }
}

/// A cluster of its own, with a shorter log, takes a snapshot over: its indexes go on from those in it.
#[test]
fn a_snapshot_moves_to_another_server() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let agent = Agent::server(old.path()).start();
    put_keys(&agent, "x");
    let saved: Value = serde_json::from_str(&agent.must("GET", "/v1/kv/?recurse", "")).unwrap();
    let last = indexes(&agent)["/v1/kv/k00?recurse"];
    let snapshot = save(&agent);
    drop(agent);
    let agent = Agent::server(new.path()).start();
    restore(&agent, &snapshot);
    let found: Value = serde_json::from_str(&agent.must("GET", "/v1/kv/?recurse", "")).unwrap();
    assert_eq!(found, saved);
    assert!(indexes(&agent).values().all(|index| last < *index));
    agent.signal(Signal::SIGTERM);
    agent.wait();
    let agent = Agent::server(new.path()).start();
    assert!(indexes(&agent).values().all(|index| last < *index));
}

/// Values that do not shrink when they are packed, so that a restore takes many parts.
fn put_large(agent: &Agent, name: &str, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    for number in 0..12 {
        let value: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(500_000).collect();
        let (status, _) = agent.http("PUT", &format!("/v1/kv/{name}/{number}"), &value);
        assert_eq!(status, 200);
    }
}

fn keys(agent: &Agent) -> Vec<String> {
    serde_json::from_str(&agent.must("GET", "/v1/kv/?keys", "")).unwrap()
}

#[test]
fn a_kill_in_the_middle_of_a_restore_leaves_the_old_state_or_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let names = |name: &str| -> Vec<String> {
        let mut names: Vec<_> = (0..12).map(|number| format!("{name}/{number}")).collect();
        names.sort();
        names
    };
    let agent = Agent::server(dir.path()).start();
    put_large(&agent, "saved", 1);
    let snapshot = save(&agent);
    agent.must("DELETE", "/v1/kv/?recurse", "");
    put_large(&agent, "current", 2);
    drop(agent);
    let mut told = 0;
    for reads in [0, 20, 60, 120, 200, 400] {
        let agent = Agent::server(dir.path()).start();
        let address = agent.http;
        let snapshot = snapshot.clone();
        let restoring = thread::spawn(move || {
            let mut connection = Connection::open(address)?;
            connection.ask_bytes("PUT", "/v1/snapshot", &snapshot)?;
            connection.answer()
        });
        agent.wait_for_line("restoring a snapshot");
        // Time passes in reads: so many later is somewhere in the middle, or behind it.
        let mut connection = Connection::open(address).unwrap();
        for _ in 0..reads {
            let index = connection.exchange("GET", "/v1/kv/?keys", "").unwrap().index.unwrap();
            assert!(told <= index, "the index went from {told} back to {index}");
            told = index;
        }
        agent.kill();
        let is_told = restoring.join().unwrap().is_ok_and(|answer| answer.status == 200);
        let agent = Agent::server(dir.path()).start();
        let found = keys(&agent);
        let is_new = found == names("saved");
        assert!(is_new || (found == names("current") && !is_told), "a mixture: {found:?}");
        let mut connection = Connection::open(agent.http).unwrap();
        let index = connection.exchange("GET", "/v1/kv/?keys", "").unwrap().index.unwrap();
        assert!(told <= index, "the index went from {told} back to {index}");
        if is_new {
            agent.must("DELETE", "/v1/kv/?recurse", "");
            put_large(&agent, "current", 2);
        }
        // What a restore left behind does not keep the next one from being done.
        drop(agent);
    }
    let agent = Agent::server(dir.path()).start();
    restore(&agent, &snapshot);
    assert_eq!(keys(&agent), names("saved"));
}

#[test]
fn what_is_refused_changes_nothing() {
    let agent = Agent::dev().start();
    agent.must("PUT", "/v1/kv/a", "old");
    let snapshot = save(&agent);
    agent.must("PUT", "/v1/kv/a", "new");
    let before = agent.must("GET", "/v1/kv/?recurse", "");
    let mut rng = fastrand::Rng::with_seed(3);
    for _ in 0..60 {
        let mut damaged = snapshot.clone();
        let at = rng.usize(..damaged.len());
        if rng.bool() {
            damaged.truncate(at);
        } else {
            damaged[at] ^= 1 << rng.u8(..8);
        }
        let (status, text) = agent.http("PUT", "/v1/snapshot", &damaged);
        assert_eq!(status, 500, "{at}: {}", String::from_utf8_lossy(&text));
    }
    // A body that ends before it said it would.
    let mut connection = Connection::open(agent.http).unwrap();
    connection.ask_cut("PUT", "/v1/snapshot", &snapshot).unwrap();
    assert_eq!(agent.must("GET", "/v1/kv/?recurse", ""), before);
    restore(&agent, &snapshot);
    assert_eq!(agent.must("GET", "/v1/kv/a?raw", ""), "old");
}

/// Many at a time, and slow clients, keep nobody from reading and writing.
#[test]
fn snapshots_that_nobody_takes_hold_nothing_up() {
    let agent = Agent::dev().start();
    put_large(&agent, "a", 1);
    let mut idle: Vec<Connection> = Vec::new();
    for _ in 0..8 {
        let mut connection = Connection::open(agent.http).unwrap();
        connection.ask("GET", "/v1/snapshot", "").unwrap();
        idle.push(connection);
    }
    agent.must("PUT", "/v1/kv/b", "x");
    assert_eq!(agent.must("GET", "/v1/kv/b?raw", ""), "x");
    drop(idle);
    assert!(1_000 < save(&agent).len());
}

/// Consul's own file, made by hand as it writes it: gzip, tar, sums, and a state that is not ours.
#[test]
fn a_file_of_another_make_is_called_so() {
    let dir = tempfile::tempdir().unwrap();
    let script = r#"printf '{"Version":1,"ID":"2-12-1","Index":12,"Term":2,"Size":9}' > meta.json
        printf 'not-lictor' > state.bin
        sha256sum meta.json state.bin > SHA256SUMS
        tar czf x.snap meta.json state.bin SHA256SUMS"#;
    let status = std::process::Command::new("sh")
        .args(["-c", script])
        .current_dir(dir.path())
        .status()
        .unwrap();
    assert!(status.success());
    let bytes = fs_err::read(Path::new(dir.path()).join("x.snap")).unwrap();
    let agent = Agent::dev().start();
    let (status, text) = agent.http("PUT", "/v1/snapshot", &bytes);
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(status == 500 && text.starts_with("this is a snapshot of Consul"), "{text}");
}
