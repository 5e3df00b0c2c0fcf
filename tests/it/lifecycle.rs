//! Start, reload, stop, and the ways to lose a process: with the real program.

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};

use fs_err as fs;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Agent, http};

/// What `/v1/kv/KEY?raw` answers.
fn value(agent: &Agent, key: &str) -> Option<String> {
    let (status, body) = agent.http("GET", &format!("/v1/kv/{key}?raw"), b"");
    (status == 200).then(|| String::from_utf8_lossy(&body).into_owned())
}

/// The ids of this agent's services.
fn services(agent: &Agent) -> Vec<String> {
    let services: Value =
        serde_json::from_str(&agent.must("GET", "/v1/agent/services", "")).unwrap();
    services.as_object().unwrap().keys().cloned().collect()
}

fn write(dir: &Path, name: &str, text: &str) {
    fs::write(dir.join(name), text).unwrap();
}

#[test]
fn a_signal_ends_the_agent_in_order() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let agent = Agent::dev().start();
        agent.signal(signal);
        let (status, output) = agent.wait();
        assert_eq!(status.code(), Some(0), "{signal}: {output}");
    }
}

#[test]
fn a_killed_server_comes_back_with_everything_that_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Agent::server(dir.path()).start();
    let address = agent.http;
    // Eight writers until the process dies under them; each counts what was acknowledged.
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            std::thread::spawn(move || {
                let mut acknowledged = 0;
                while let Some(true) = put(address, &format!("w{writer}/{acknowledged}"), "x") {
                    acknowledged += 1;
                }
                acknowledged
            })
        })
        .collect();
    agent.must("PUT", "/v1/agent/service/register", r#"{"Name":"kept","Port":1}"#);
    while value(&agent, "w0/50").is_none() {}
    agent.kill();
    let counts: Vec<u32> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    let agent = Agent::server(dir.path()).start();
    for (writer, count) in counts.iter().enumerate() {
        let keys: Value =
            serde_json::from_str(&agent.must("GET", &format!("/v1/kv/w{writer}/?keys"), ""))
                .unwrap();
        let found = keys.as_array().unwrap().len();
        // The last write may have been stored without its answer having arrived.
        assert!(
            *count as usize <= found && found <= *count as usize + 1,
            "{writer}: {found} of {count}"
        );
    }
    assert_eq!(services(&agent), ["kept"]);
}

/// One write: whether it was acknowledged, or nothing where the server is gone.
fn put(address: std::net::SocketAddr, key: &str, value: &str) -> Option<bool> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(
        stream,
        "PUT /v1/kv/{key} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{value}",
        value.len()
    )
    .ok()?;
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).ok()?;
    Some(answer.starts_with("HTTP/1.1 200") && answer.ends_with("true"))
}

#[test]
fn a_reload_applies_the_difference_and_keeps_check_states() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "a.json",
        r#"{"service":{"name":"a","port":1,"check":{"id":"ttl-a","ttl":"1h"}}}"#,
    );
    write(dir.path(), "b.json", r#"{"service":{"name":"b","port":1}}"#);
    let agent = Agent::dev().args(["-config-dir"]).args([dir.path()]).start();
    assert_eq!(services(&agent), ["a", "b"]);
    agent.must("PUT", "/v1/agent/check/pass/ttl-a?note=fine", "");
    fs::remove_file(dir.path().join("b.json")).unwrap();
    write(dir.path(), "c.json", r#"{"service":{"name":"c","port":1}}"#);
    agent.signal(Signal::SIGHUP);
    agent.wait_for_line("configuration reloaded");
    assert_eq!(services(&agent), ["a", "c"]);
    let checks: Value = serde_json::from_str(&agent.must("GET", "/v1/agent/checks", "")).unwrap();
    assert_eq!(checks["ttl-a"]["Status"], "passing");
}

#[test]
fn a_reload_of_a_broken_file_changes_nothing_and_says_where() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.json", r#"{"service":{"name":"a","port":1}}"#);
    let agent = Agent::dev().args(["-config-dir"]).args([dir.path()]).start();
    write(dir.path(), "b.json", r#"{"service":{"name":"b","port":70000}}"#);
    agent.signal(Signal::SIGHUP);
    let line = agent.wait_for_line("b.json:1:");
    assert!(line.contains("70000"), "{line}");
    assert_eq!(services(&agent), ["a"]);
}

#[test]
fn a_reload_by_the_api_of_what_is_no_file_changes_nothing_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.json", r#"{"service":{"name":"a","port":1}}"#);
    let agent = Agent::dev().args(["-config-dir"]).args([dir.path()]).start();
    // Opening a pipe that nobody writes to would never return.
    let pipe = dir.path().join("b.json");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (status, body) = agent.http("PUT", "/v1/agent/reload", b"");
    let text = String::from_utf8_lossy(&body).into_owned();
    assert_eq!((status, text.contains("b.json: not a regular file")), (500, true), "{text}");
    fs::remove_file(&pipe).unwrap();
    write(dir.path(), "b.json", "{\n  \"service\": {");
    let (status, body) = agent.http("PUT", "/v1/agent/reload", b"");
    let text = String::from_utf8_lossy(&body).into_owned();
    assert_eq!((status, text.contains("b.json:2:")), (500, true), "{text}");
    assert_eq!(services(&agent), ["a"]);
}

#[test]
fn every_flag_is_taken_in_both_spellings_and_what_comes_later_is_said() {
    let (dir, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(dir.path(), "a.json", "{}");
    let own = |name: &str| own.path().join(name).display().to_string();
    // A stated format makes every file of a folder one that is read: what is written goes elsewhere.
    let (log_file, pid_file, zones) = (own("log"), own("pid"), own(""));
    let folder = dir.path().display().to_string();
    let file = dir.path().join("a.json").display().to_string();
    let flags = [
        ("server", "true"),
        ("config-file", &file),
        ("config-dir", &folder),
        ("config-format", "json"),
        ("hcl", "check_update_interval = \"1m\""),
        ("node", "flagged"),
        ("node-id", "aaaaaaaa-2222-3333-4444-555555555555"),
        ("node-meta", "k:v"),
        ("datacenter", "dc9"),
        ("domain", "flags."),
        ("alt-domain", "alt"),
        ("bind", "127.0.0.1"),
        ("client", "127.0.0.1"),
        ("advertise", "127.0.0.2"),
        ("https-port", "-1"),
        ("log-level", "debug"),
        ("log-json", "false"),
        ("log-file", &log_file),
        ("pid-file", &pid_file),
        ("enable-script-checks", "true"),
        ("enable-local-script-checks", "true"),
        ("recursor", "192.0.2.1"),
        ("ui", "true"),
        ("zones-dir", &zones),
    ];
    let is_switch = |name: &str| {
        ["server", "log-json", "enable-script-checks", "enable-local-script-checks", "ui"]
            .contains(&name)
    };
    let joined = flags.map(|(name, value)| vec![format!("--{name}={value}")]);
    // A switch takes its value only with `=`, as in Go.
    let apart = flags.map(|(name, value)| {
        if is_switch(name) {
            vec![format!("-{name}={value}")]
        } else {
            vec![format!("-{name}"), value.to_owned()]
        }
    });
    for spelling in [joined, apart] {
        let agent = Agent::dev().args(spelling.concat()).start();
        let own: Value = serde_json::from_str(&agent.must("GET", "/v1/agent/self", "")).unwrap();
        assert_eq!(own["Config"]["Datacenter"], "dc9");
        assert_eq!(own["Config"]["NodeName"], "flagged");
        assert_eq!(own["Config"]["NodeID"], "aaaaaaaa-2222-3333-4444-555555555555");
        assert_eq!(fs::read_to_string(&pid_file).unwrap().trim(), agent.pid().to_string());
        for later in ["`ui`", "`ports.serf_lan`", "`ports.server`"] {
            agent.wait_for_line(&format!("{later} is accepted but has no effect yet"));
        }
        agent.signal(Signal::SIGTERM);
        let (status, log) = agent.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(!Path::new(&pid_file).exists());
    }
}

#[test]
fn a_data_dir_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let first = Agent::server(dir.path()).start();
    let (status, output) = Agent::server(dir.path()).fail();
    assert_eq!(status.code(), Some(1));
    assert!(output.contains("owned by") && output.contains(&first.pid().to_string()), "{output}");
}

#[test]
fn a_second_start_leaves_the_files_of_the_first_alone() {
    let dir = tempfile::tempdir().unwrap();
    let pid_file = dir.path().join("pid");
    let start = |node_id| {
        Agent::server(dir.path()).args(["-node-id", node_id, "-pid-file"]).args([&pid_file])
    };
    let first_id = "11111111-1111-1111-1111-111111111111";
    let first = start(first_id).start();
    let (status, output) = start("22222222-2222-2222-2222-222222222222").fail();
    assert_eq!(status.code(), Some(1));
    assert!(output.contains("owned by"), "{output}");
    assert_eq!(fs::read_to_string(dir.path().join("node-id")).unwrap(), first_id);
    assert_eq!(fs::read_to_string(&pid_file).unwrap(), format!("{}\n", first.pid()));
}

#[test]
fn a_new_data_dir_is_the_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("new");
    let _agent = Agent::server(&data_dir).start();
    for (name, mode) in [("", 0o700), ("raft", 0o700), ("state", 0o700), ("node-id", 0o600)] {
        let found = fs::metadata(data_dir.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "`{name}` has {found:o}");
    }
}

#[test]
fn a_data_dir_of_a_newer_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Agent::server(dir.path()).start();
    agent.signal(Signal::SIGTERM);
    agent.wait();
    let format = find(dir.path(), "format");
    fs::write(&format, "lictor 999\n").unwrap();
    let (status, output) = Agent::server(dir.path()).fail();
    assert_eq!(status.code(), Some(1));
    assert!(output.contains("999") && output.contains("newer"), "{output}");
}

/// The file of that name somewhere below a folder.
fn find(dir: &Path, name: &str) -> std::path::PathBuf {
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|found| found == name) {
                return path;
            }
        }
    }
    panic!("no file {name} below {}", dir.display());
}

#[test]
fn a_port_in_use_is_named() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port().to_string();
    let (status, output) = Agent::dev().args(["-http-port", &port]).fail();
    assert_eq!(status.code(), Some(1));
    assert!(output.contains(&format!("127.0.0.1:{port}")) && output.contains("hint:"), "{output}");
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = udp.local_addr().unwrap().port().to_string();
    let (status, output) = Agent::dev().args(["-dns-port", &port]).fail();
    assert_eq!(status.code(), Some(1));
    assert!(output.contains(&format!("127.0.0.1:{port}")), "{output}");
}

#[test]
fn dev_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_lictor"))
        .args(["agent", "-dev", "-http-port", "0", "-dns-port", "0", "-server-port", "0"])
        .args(["-serf-lan-port", "0"])
        .current_dir(dir.path())
        .env("HOME", dir.path())
        .env("TMPDIR", dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = child;
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert!(lines.any(|line| line.unwrap().contains("==> ready:")));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn systemd_is_told_when_the_agent_is_ready() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_lictor"))
        .args(["agent", "-dev", "-http-port", "0", "-dns-port", "0", "-server-port", "0"])
        .args(["-serf-lan-port", "0"])
        .env("NOTIFY_SOCKET", &path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut message = [0; 64];
    let length = socket.recv(&mut message).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(String::from_utf8_lossy(&message[..length]).trim_end(), "READY=1");
}

#[test]
fn broken_connections_and_bodies_leave_others_alone() {
    let agent = Agent::dev().start();
    for bytes in
        [&b"GET"[..], b"\0\0\0\0", b"PUT /v1/kv/a HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf"]
    {
        let mut stream = TcpStream::connect(agent.http).unwrap();
        stream.write_all(bytes).unwrap();
    }
    let deep = "[".repeat(10_000);
    let (status, _) = agent.http("PUT", "/v1/agent/service/register", deep.as_bytes());
    assert_eq!(status, 400);
    let (status, _) = http(agent.http, "PUT", "/v1/kv/big", &vec![b'x'; 512 * 1024 + 1]);
    assert_eq!(status, 413);
    assert_eq!(value(&agent, "a"), None);
    agent.must("PUT", "/v1/kv/a", "b");
    assert_eq!(value(&agent, "a").as_deref(), Some("b"));
}

#[test]
fn an_agent_that_tells_no_coordinate_is_ready_without() {
    let agent = Agent::dev().args(["-hcl", "disable_coordinates = true"]).start();
    // Told as often as other things change, were it told at all.
    agent.must("PUT", "/v1/agent/service/register", r#"{"Name": "web"}"#);
    let own = serde_json::from_str::<Value>(&agent.must("GET", "/v1/agent/self", "")).unwrap();
    assert_eq!(own["Coord"], Value::Null);
    let nodes = agent.must("GET", "/v1/coordinate/nodes", "");
    assert_eq!(nodes.trim(), "[]");
}

#[test]
fn answers_say_that_addresses_may_be_translated() {
    let agent = Agent::dev().args(["-hcl", "translate_wan_addrs = true"]).start();
    let other = Agent::dev().start();
    for (method, path) in [
        ("GET", "/v1/catalog/nodes"),
        ("GET", "/v1/status/leader"),
        ("GET", "/v1/kv/nothing"),
        ("POST", "/v1/kv/nothing"),
    ] {
        let says = |agent: &Agent| {
            let mut stream = TcpStream::connect(agent.http).unwrap();
            let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            let answer = std::io::read_to_string(stream).unwrap().to_ascii_lowercase();
            answer.contains("\r\nx-consul-translate-addresses: true\r\n")
        };
        assert_eq!((says(&agent), says(&other)), (true, false), "{method} {path}");
    }
}
