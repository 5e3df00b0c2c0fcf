//! Checks, maintenance and synchronisation of the real program, seen with the eyes of DNS.
//!
//! Nothing here sleeps: a blocking query waits for a check's word, and DNS is asked once it has changed.
//! No check runs more often than once a second, so each word takes up to one.

mod target;

mod kept;

mod spread;

mod kinds;

use std::net::{TcpListener, UdpSocket};

use fs_err as fs;
use lictor::dns::{QueryOptions, query, text};
use nix::sys::stat::Mode;
use serde_json::{Value, json};

use self::target::Target;
use crate::dns::ask_udp;
use crate::harness::{Agent, exchange};

/// Waits with blocking queries until a path's answer fits; that answer.
fn until(agent: &Agent, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let mut index = 0u64;
    loop {
        let (status, head, body) =
            exchange(agent.http, "GET", &format!("{path}?index={index}&wait=60s"), b"");
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        let answer: Value = serde_json::from_slice(&body).unwrap();
        if fits(&answer) {
            return answer;
        }
        let head = head.to_ascii_lowercase();
        let next = head.lines().find_map(|line| line.strip_prefix("x-consul-index: "));
        let next = next.unwrap().trim().parse().unwrap();
        assert!(index < next, "{path} goes on saying {answer}");
        index = next;
    }
}

/// Waits for the first check of a service to say a word; what it printed.
fn until_check(agent: &Agent, service: &str, status: &str) -> String {
    let path = format!("/v1/health/checks/{service}");
    let checks = until(agent, &path, |checks| checks[0]["Status"] == status);
    checks[0]["Output"].as_str().unwrap().to_owned()
}

/// The code, the addresses and the explanation of an A question.
fn dig(agent: &Agent, name: &str) -> String {
    let question = query(name, "A", &QueryOptions::default(), 7).unwrap();
    let shown = text::normalise(&text::show(&ask_udp(agent.dns, &question).unwrap()));
    let mut said = String::new();
    for line in shown.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["status", code, ..] => said.push_str(code.trim_end_matches(',')),
            ["answer", _, _, _, _, address] => said.extend([" ", address]),
            ["ede", ..] => said.extend(["; ", line]),
            _ => {}
        }
    }
    said
}

fn register(agent: &Agent, service: &Value) {
    agent.must("PUT", "/v1/agent/service/register", &service.to_string());
}

fn only_passing() -> Agent {
    Agent::dev().args(["-hcl", "dns_config { only_passing = true }"]).start()
}

/// Has the catalog told of an output that changed without its status.
const TELL_OUTPUTS: [&str; 2] = ["-hcl", "check_update_interval = \"0s\""];

/// What DNS says of a service with one instance, by its only check.
const PASSING: &str = "NOERROR 127.0.0.1";
const CRITICAL: &str = "NXDOMAIN; ede 0 Other: 0 of 1 instances passing";
const WARNING: &str = "NXDOMAIN; ede 0 Other: 0 of 1 instances passing, 1 warning";

#[test]
fn what_an_http_target_answers_decides_what_dns_answers() {
    let target = Target::plain();
    let (agent, strict) = (Agent::dev().start(), only_passing());
    let check = json!({
        "HTTP": format!("http://{}/health?x=1", target.address), "Method": "POST",
        "Header": { "X-Probe": ["one", "two"], "Host": ["probe.example"] }, "Body": "are you there",
        "Interval": "10ms", "Timeout": "9s",
    });
    for agent in [&agent, &strict] {
        register(agent, &json!({ "Name": "web", "Port": 80, "Check": check }));
        assert_eq!(dig(agent, "web.service.consul"), CRITICAL, "nobody looked yet");
    }
    let cases = [
        (200, "passing", PASSING, PASSING),
        (429, "warning", PASSING, WARNING),
        (503, "critical", CRITICAL, CRITICAL),
        (204, "passing", PASSING, PASSING),
    ];
    for (code, status, usual, with_only_passing) in cases {
        target.say(code);
        for (agent, expected) in [(&agent, usual), (&strict, with_only_passing)] {
            let output = until_check(agent, "web", status);
            assert!(output.contains(&format!("{code} ")), "{output}");
            assert_eq!(dig(agent, "web.service.consul"), expected, "{code}");
        }
    }
    let request = target.requests.recv().unwrap();
    let lower = request.to_ascii_lowercase();
    assert!(request.starts_with("POST /health?x=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nare you there"), "{request}");
    for line in ["x-probe: one\r\n", "x-probe: two\r\n", "host: probe.example\r\n"] {
        assert!(lower.contains(line), "{line} in {request}");
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_counts_only_where_that_was_said() {
    let target = Target::tls();
    let agent = Agent::dev().args(TELL_OUTPUTS).start();
    for (name, skip) in [("trusting", true), ("careful", false)] {
        let url = format!("https://{}/", target.address);
        let check = json!({ "HTTP": url, "Interval": "1s", "TLSSkipVerify": skip });
        register(&agent, &json!({ "Name": name, "Port": 443, "Check": check }));
    }
    until_check(&agent, "trusting", "passing");
    assert_eq!(dig(&agent, "trusting.service.consul"), PASSING);
    let path = "/v1/health/checks/careful";
    let checks = until(&agent, path, |checks| checks[0]["Output"] != "");
    assert_eq!(checks[0]["Status"], "critical");
    assert!(checks[0]["Output"].as_str().unwrap().contains("certificate"), "{checks}");
    assert_eq!(dig(&agent, "careful.service.consul"), CRITICAL);
}

#[test]
fn sockets_that_close_and_open_again_leave_dns_and_return() {
    let agent = Agent::dev().start();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (tcp_at, udp_at) = (tcp.local_addr().unwrap(), udp.local_addr().unwrap());
    let check = json!({ "TCP": tcp_at.to_string(), "Interval": "1s" });
    register(&agent, &json!({ "Name": "tcp", "Port": 1, "Check": check }));
    let check = json!({ "UDP": udp_at.to_string(), "Interval": "1s", "Timeout": "200ms" });
    register(&agent, &json!({ "Name": "udp", "Port": 1, "Check": check }));
    let both = |status: &str, expected: &str| {
        for name in ["tcp", "udp"] {
            until_check(&agent, name, status);
            assert_eq!(dig(&agent, &format!("{name}.service.consul")), expected);
        }
    };
    both("passing", PASSING);
    drop((tcp, udp));
    both("critical", CRITICAL);
    let _open = (TcpListener::bind(tcp_at).unwrap(), UdpSocket::bind(udp_at).unwrap());
    both("passing", PASSING);
}

#[test]
fn a_script_speaks_by_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let code = dir.path().join("code");
    fs::write(&code, "0").unwrap();
    let agent = Agent::dev().args(["-enable-script-checks"]).start();
    let script = format!("echo said; exit $(cat {})", code.display());
    let check = json!({ "Args": ["sh", "-c", script], "Interval": "1s" });
    register(&agent, &json!({ "Name": "web", "Port": 80, "Check": check }));
    let cases = [("0", "passing", PASSING), ("1", "warning", PASSING), ("7", "critical", CRITICAL)];
    for (exit, status, expected) in cases {
        // Moved into place, so that no run finds it half-written.
        let beside = dir.path().join("beside");
        fs::write(&beside, exit).unwrap();
        fs::rename(&beside, &code).unwrap();
        assert_eq!(until_check(&agent, "web", status), "said\n");
        assert_eq!(dig(&agent, "web.service.consul"), expected);
    }
}

#[test]
fn scripts_come_only_from_where_they_may() {
    let dir = tempfile::tempdir().unwrap();
    let check = json!({ "id": "s", "name": "s", "args": ["true"], "interval": "1s" });
    fs::write(dir.path().join("s.json"), json!({ "check": check }).to_string()).unwrap();
    let (status, output) = Agent::dev().args(["-config-dir"]).args([dir.path()]).fail();
    assert_eq!(status.code(), Some(1));
    assert!(output.contains("Scripts are disabled on this agent"), "{output}");
    let agent = Agent::dev()
        .args(["-enable-local-script-checks", "-config-dir"])
        .args([dir.path()])
        .start();
    until(&agent, "/v1/health/node/n1", |checks| {
        checks.as_array().unwrap().iter().any(|c| c["CheckID"] == "s" && c["Status"] == "passing")
    });
    let service = json!({ "Name": "web", "Check": { "Args": ["true"], "Interval": "1s" } });
    for (path, body) in [
        ("/v1/agent/check/register", json!({ "Name": "x", "Args": ["true"], "Interval": "1s" })),
        ("/v1/agent/service/register", service),
    ] {
        let (status, body) = agent.http("PUT", path, body.to_string().as_bytes());
        let body = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(status, 500, "{body}");
        let reason = "Scripts are disabled on this agent from remote calls; to enable, configure \
            'enable_script_checks' to true";
        assert!(body.contains(reason), "{body}");
    }
    assert!(dig(&agent, "web.service.consul").starts_with("NXDOMAIN"));
}

#[test]
fn a_script_that_hangs_is_ended_with_all_that_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let agent = Agent::dev().args(["-enable-script-checks"]).args(TELL_OUTPUTS).start();
    // Both processes hold the pipe's end: it is closed only when both are gone.
    let script = format!("exec 9>{}; sleep 1000 & sleep 1000", pipe.display());
    let check = json!({ "Args": ["sh", "-c", script], "Interval": "1s", "Timeout": "300ms" });
    register(&agent, &json!({ "Name": "web", "Port": 80, "Check": check }));
    assert_eq!(fs::read(&pipe).unwrap(), b"", "the end of the pipe is the end of the group");
    let path = "/v1/health/checks/web";
    let checks = until(&agent, path, |checks| checks[0]["Output"] != "");
    assert_eq!(checks[0]["Output"], "Timed out (300ms) running check\n\n");
    assert_eq!(dig(&agent, "web.service.consul"), CRITICAL);
}

#[test]
fn an_alias_says_what_the_checks_behind_it_say() {
    let agent = Agent::dev().start();
    let ttl = json!({ "CheckID": "db-ttl", "TTL": "1h" });
    register(&agent, &json!({ "Name": "db", "Port": 1, "Check": ttl }));
    register(&agent, &json!({ "Name": "web", "Port": 1, "Check": { "AliasService": "db" } }));
    register(&agent, &json!({ "Name": "top", "Port": 1, "Check": { "AliasService": "web" } }));
    let cases = [("pass", PASSING), ("fail", CRITICAL), ("warn", PASSING), ("fail", CRITICAL)];
    for (word, expected) in cases {
        agent.must("PUT", &format!("/v1/agent/check/{word}/db-ttl"), "");
        for name in ["db", "web", "top"] {
            assert_eq!(dig(&agent, &format!("{name}.service.consul")), expected, "{name} {word}");
        }
    }
}

#[test]
fn silence_makes_a_ttl_check_critical() {
    let agent = Agent::dev().start();
    let check = json!({ "CheckID": "t", "TTL": "1s", "Status": "passing" });
    register(&agent, &json!({ "Name": "web", "Port": 80, "Check": check }));
    assert_eq!(until_check(&agent, "web", "critical"), "TTL expired");
    assert_eq!(dig(&agent, "web.service.consul"), CRITICAL);
    agent.must("PUT", "/v1/agent/check/pass/t?note=back", "");
    assert_eq!(dig(&agent, "web.service.consul"), PASSING);
    let output = until_check(&agent, "web", "critical");
    assert_eq!(output, "TTL expired (last output before timeout follows): back");
}

#[test]
fn what_is_left_out_is_counted() {
    let agent = only_passing();
    for (id, address) in [("a", "192.0.2.1"), ("b", "192.0.2.2"), ("c", "192.0.2.3")] {
        let check = json!({ "CheckID": id, "TTL": "1h", "Status": "passing" });
        let service = json!({ "ID": id, "Name": "web", "Address": address, "Check": check });
        register(&agent, &service);
    }
    let say = |word: &str| {
        agent.must("PUT", &format!("/v1/agent/check/{word}"), "");
        dig(&agent, "web.service.consul")
    };
    assert_eq!(say("fail/a"), "NOERROR 192.0.2.2 192.0.2.3");
    assert_eq!(say("fail/b"), "NOERROR 192.0.2.3");
    assert_eq!(say("warn/c"), "NXDOMAIN; ede 0 Other: 0 of 3 instances passing, 1 warning");
    assert_eq!(say("fail/c"), "NXDOMAIN; ede 0 Other: 0 of 3 instances passing");
    assert_eq!(say("pass/b"), "NOERROR 192.0.2.2");
}
