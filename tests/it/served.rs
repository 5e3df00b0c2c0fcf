//! How HTTP is served: `http_config`, compression, sockets of the file system, and caps that a reload changes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::harness::{Agent, exchange, http};

/// An agent with a configuration file, and the folder of that.
fn agent(settings: &str) -> (TempDir, Agent) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.json");
    fs_err::write(&file, settings.replace("FOLDER", &folder.path().display().to_string())).unwrap();
    let agent = Agent::dev().args(["-config-file"]).args([file]).start();
    (folder, agent)
}

/// Sends a request over a stream and reads all that comes back.
fn ask(mut stream: impl Read + Write, line: &str) -> String {
    let head = format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    // Who is turned away may be so before it has asked.
    let _ = stream.write_all(head.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn blocked_endpoints_and_foreign_writers_are_refused() {
    let (_folder, agent) = agent(
        r#"{"http_config": {
            "block_endpoints": ["/v1/agent/self", "/v1/kv/secret"],
            "allow_write_http_from": ["10.0.0.0/8"],
            "response_headers": {"X-Operator": "me"}
        }}"#,
    );
    let blocked = "Endpoint is blocked by agent configuration";
    for (method, path, status, body) in [
        ("GET", "/v1/agent/self", 403, blocked),
        ("OPTIONS", "/v1/agent/self", 403, blocked),
        ("PUT", "/v1/kv/secret/x", 403, blocked),
        ("PUT", "/v1/kv/open", 403, "Access is restricted"),
        ("POST", "/v1/status/leader", 403, "Access is restricted"),
        ("GET", "/v1/kv/open", 404, ""),
        ("OPTIONS", "/v1/kv/open", 200, ""),
    ] {
        let (found, head, text) = exchange(agent.http, method, path, b"");
        assert_eq!((found, &*String::from_utf8_lossy(&text)), (status, body), "{method} {path}");
        assert!(head.contains("x-operator: me"), "{method} {path}: {head}");
    }
    // What is no endpoint is nobody's to forbid or to label.
    let (status, head, _) = exchange(agent.http, "PUT", "/nowhere", b"");
    assert_eq!(status, 404);
    assert!(!head.contains("x-operator"), "{head}");
}

#[test]
fn a_reload_changes_the_rules_and_how_many_one_client_may_have() {
    let (folder, agent) = agent(r#"{"limits": {"http_max_conns_per_client": 2}}"#);
    let open = || TcpStream::connect(agent.http).unwrap();
    let (first, second) = (open(), open());
    assert!(ask(open(), "GET /v1/status/leader").starts_with("HTTP/1.1 429 "));
    let settings = r#"{"limits": {"http_max_conns_per_client": 3}, "http_config": {"block_endpoints": ["/v1/kv"]}}"#;
    fs_err::write(folder.path().join("settings.json"), settings).unwrap();
    agent.signal(Signal::SIGHUP);
    agent.wait_for_line("configuration reloaded");
    assert!(ask(open(), "GET /v1/status/leader").starts_with("HTTP/1.1 200 "));
    assert!(ask(first, "GET /v1/kv/a").starts_with("HTTP/1.1 403 "));
    drop(second);
}

#[test]
fn prometheus_is_answered_unless_it_is_switched_off() {
    let path = "/v1/agent/metrics?format=prometheus";
    for (settings, status) in [
        ("{}", 200),
        (r#"{"telemetry": {"prometheus_retention_time": "1m"}}"#, 200),
        (r#"{"telemetry": {"prometheus_retention_time": "0s"}}"#, 415),
        (r#"{"telemetry": {"prometheus_retention_time": "-1s"}}"#, 415),
    ] {
        let (_folder, agent) = agent(settings);
        let (found, _) = http(agent.http, "GET", path, b"");
        assert_eq!(found, status, "{settings}");
    }
}

#[test]
fn cached_answers_can_be_switched_off() {
    let says_so = |settings| {
        let (_folder, agent) = agent(settings);
        let (_, head, _) = exchange(agent.http, "GET", "/v1/health/state/any?cached", b"");
        head.contains("x-cache: ")
    };
    assert!(says_so("{}"));
    assert!(!says_so(r#"{"http_config": {"use_cache": false}}"#));
}

#[test]
fn answers_are_compressed_where_that_is_asked_for() {
    let (_folder, agent) = agent("{}");
    let value = "a value that is said again and again, ".repeat(100);
    agent.must("PUT", "/v1/kv/long", &value);
    let mut stream = TcpStream::connect(agent.http).unwrap();
    let head = "GET /v1/kv/long?raw HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    assert!(
        head.contains("content-encoding: gzip") && head.contains("vary: accept-encoding"),
        "{head}"
    );
    assert!(answer.len() - end < value.len() / 10, "{} bytes", answer.len() - end);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&answer[end..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, value);
}

#[test]
fn a_socket_of_the_file_system_is_served_and_goes_with_the_agent() {
    let settings = r#"{"addresses": {"http": "127.0.0.1 unix://FOLDER/http.sock"},
        "unix_sockets": {"mode": "0600"}, "limits": {"http_max_conns_per_client": 1}}"#;
    let (folder, agent) = agent(settings);
    let path = folder.path().join("http.sock");
    let mode = fs_err::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let open = || UnixStream::connect(&path).unwrap();
    // All who come this way are one client, and another than those of an address.
    let held = hold(open);
    assert!(ask(open(), "GET /v1/status/leader").starts_with("HTTP/1.1 429 "));
    assert_eq!(http(agent.http, "GET", "/v1/status/leader", b"").0, 200);
    drop(held);
    drop(hold(open));
    for arguments in [&["kv", "put", "greeting", "salve"][..], &["kv", "get", "greeting"]] {
        // The connection before may still count.
        let mut said = (0..TRIES_MAX).map(|_| command_line(&path, arguments));
        let said = said.find(|said| !said.contains("429")).unwrap();
        assert!(said.contains("greeting") || said.contains("salve"), "{said}");
    }
    agent.signal(Signal::SIGTERM);
    agent.wait();
    assert!(!path.exists());
}

/// A connection that was answered and stays open. One that was closed before may still count, so this tries again.
fn hold(open: impl Fn() -> UnixStream) -> UnixStream {
    for _ in 0..TRIES_MAX {
        let mut stream = open();
        let _ = stream.write_all(b"GET /v1/status/leader HTTP/1.1\r\nHost: x\r\n\r\n");
        let mut begin = [0; 12];
        if stream.read_exact(&mut begin).is_ok() && begin == *b"HTTP/1.1 200" {
            return stream;
        }
    }
    panic!("no connection is taken");
}

/// What the command line says, told by its environment where the agent is.
fn command_line(socket: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lictor"))
        .args(arguments)
        .env("CONSUL_HTTP_ADDR", format!("unix://{}", socket.display()))
        .output()
        .unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn a_socket_that_somebody_listens_on_is_not_taken() {
    let settings = r#"{"addresses": {"http": "127.0.0.1 unix://FOLDER/http.sock"}}"#;
    let (folder, _agent) = agent(settings);
    let file = folder.path().join("settings.json");
    let (status, output) = Agent::dev().args(["-config-file"]).args([file]).fail();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("cannot listen on unix://") && output.contains("hint:"), "{output}");
}

/// How often something is tried that another connection may still be in the way of.
const TRIES_MAX: u32 = 1_000;
