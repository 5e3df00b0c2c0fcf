//! Clients that wait, vanish, dawdle or never end, seen from outside: they cost themselves, and nobody else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Agent, Connection};

/// How many wait for the catalog: blocking queries, and the agent itself.
fn waiting(agent: &Agent) -> usize {
    let own: Value = serde_json::from_str(&agent.must("GET", "/v1/agent/self", "")).unwrap();
    own["Stats"]["catalog"]["blocking_queries"].as_str().unwrap().parse().unwrap()
}

/// Asks until so many wait.
fn wait_for(agent: &Agent, count: usize) {
    let mut last = 0;
    for _ in 0..TRIES_MAX {
        last = waiting(agent);
        if last == count {
            return;
        }
    }
    panic!("{last} wait, not {count}");
}

/// Sends a request and leaves the answer for later.
fn send(agent: &Agent, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(agent.http).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    stream.write_all(request.replace('\n', "\r\n").as_bytes()).unwrap();
    stream
}

/// Blocking queries about as many keys.
fn block(agent: &Agent, count: usize) -> Vec<TcpStream> {
    let block =
        |n| send(agent, &format!("GET /v1/kv/k{n}?index=1000&wait=10m HTTP/1.1\nHost: x\n\n"));
    (0..count).map(block).collect()
}

/// Everything until the connection ends.
fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_stop_answers_blocked_queries_and_cuts_none_off() {
    let agent = Agent::dev().start();
    let streams = block(&agent, 50);
    wait_for(&agent, 50 + AGENT_WAITS);
    agent.signal(Signal::SIGTERM);
    for stream in streams {
        let answer = rest(stream);
        assert!(
            answer.starts_with("HTTP/1.1 404") && answer.contains("x-consul-index"),
            "{answer}"
        );
    }
    let (status, log) = agent.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("cut off"), "{log}");
}

#[test]
fn a_client_that_hangs_up_waits_no_more() {
    let agent = Agent::dev().args(["-hcl", "limits { http_max_conns_per_client = 0 }"]).start();
    let streams = block(&agent, 300);
    wait_for(&agent, 300 + AGENT_WAITS);
    drop(streams);
    wait_for(&agent, AGENT_WAITS);
}

/// How many requests for keys were answered, or given up.
fn counted(agent: &Agent) -> usize {
    let text = agent.must("GET", "/v1/agent/metrics?format=prometheus", "");
    let count = text.lines().find_map(|line| line.strip_prefix("consul_http_GET_v1_kv___count "));
    count.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn many_who_wait_for_the_same_hear_the_same() {
    let agent = Agent::dev().args(["-hcl", "limits { http_max_conns_per_client = 0 }"]).start();
    agent.must("PUT", "/v1/kv/same", "1");
    let mut first = Connection::open(agent.http).unwrap();
    let index = first.exchange("GET", "/v1/kv/same", "").unwrap().index.unwrap();
    let path = |index: u64| format!("/v1/kv/same?raw&wait=10m&index={index}");
    let mut crowd: Vec<_> = (0..300).map(|_| Connection::open(agent.http).unwrap()).collect();
    for one in &mut crowd {
        one.ask("GET", &path(index), "").unwrap();
    }
    wait_for(&agent, 300 + AGENT_WAITS);
    // Whoever looked for all of them may be the one that goes, twice.
    drop(crowd.drain(..50));
    wait_for(&agent, 250 + AGENT_WAITS);
    drop(crowd.drain(..50));
    agent.must("PUT", "/v1/kv/same", "2");
    let answers: Vec<_> = crowd.iter_mut().map(|one| one.answer().unwrap()).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!((answers[0].status, &*answers[0].body), (200, &b"2"[..]));
    let newer = answers[0].index.unwrap();
    assert!(index < newer, "{index} {newer}");
    // They go on as they are, and each of the requests counts, whoever answered it.
    for one in &mut crowd {
        one.ask("GET", &path(newer), "").unwrap();
    }
    wait_for(&agent, 200 + AGENT_WAITS);
    assert_eq!(counted(&agent), 1 + 300);
    drop(crowd);
    wait_for(&agent, AGENT_WAITS);
    assert_eq!(counted(&agent), 1 + 300 + 200);
}

#[test]
fn slow_senders_delay_nobody() {
    let agent = Agent::dev().start();
    let starts = [
        "PUT /v1/kv/slow HTTP/1.1\nHost: x\nContent-Length: 100\n\nhalf",
        "PUT /v1/kv/slow HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n3\nabc\n",
        "PUT /v1/catalog/register HTTP/1.1\nHost: x\nContent-Length: 100\n\n{",
        "GET /v1/status/lea",
    ];
    let slow: Vec<_> = (0..20).flat_map(|_| starts.map(|start| send(&agent, start))).collect();
    for n in 0..20 {
        agent.must("PUT", &format!("/v1/kv/quick{n}"), "x");
    }
    assert_eq!(agent.http("GET", "/v1/kv/slow", b"").0, 404);
    drop(slow);
}

#[test]
fn a_body_without_end_is_refused_at_the_limit() {
    let agent = Agent::dev().start();
    let mut stream =
        send(&agent, "PUT /v1/kv/big HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n");
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x1_0000], b"\r\n"].concat();
    // The server hangs up while this goes on; how far it came does not matter.
    while stream.write_all(&chunk).is_ok() {}
    agent.must("PUT", "/v1/kv/big", "small");
}

#[test]
fn odd_but_legal_requests_are_answered() {
    let agent = Agent::dev().start();
    let leader = "/v1/status/leader";
    for request in [
        format!("GET {leader} HTTP/1.0\n\n"),
        format!("GET http://elsewhere:1{leader} HTTP/1.1\nHost: x\nConnection: close\n\n"),
        format!("GET {leader}?{} HTTP/1.1\nHost: x\nConnection: close\n\n", "a=b&".repeat(10_000)),
        format!("GET {leader} HTTP/1.1\nHost: x\nX: {}\nConnection: close\n\n", "x".repeat(60_000)),
    ] {
        let answer = rest(send(&agent, &request));
        assert!(answer.split(' ').nth(1) == Some("200"), "{}: {answer}", &request[..60]);
    }
}

#[test]
fn requests_that_are_sent_ahead_are_answered_in_order() {
    let agent = Agent::dev().start();
    let one = |n| format!("GET /v1/kv/?keys&separator=x{n} HTTP/1.1\nHost: x\n\n");
    let last = "GET /v1/agent/nothing HTTP/1.1\nHost: x\nConnection: close\n\n";
    let all: String = (0..50).map(one).collect::<String>() + last;
    let answer = rest(send(&agent, &all));
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 50, "{answer}");
    let (_, end) = answer.rsplit_once("HTTP/1.1 ").unwrap();
    assert!(end.starts_with("404"), "{end}");
}

#[test]
fn who_asks_first_whether_to_send_is_told() {
    let agent = Agent::dev().start();
    let head = |length| {
        format!(
            "PUT /v1/kv/e HTTP/1.1\nHost: x\nExpect: 100-continue\nConnection: close\nContent-Length: {length}\n\n"
        )
    };
    let mut stream = send(&agent, &head(3));
    let mut word = [0; 25];
    stream.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").unwrap();
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("true\n"), "{answer}");
    // Refused before a byte of it was sent.
    let answer = rest(send(&agent, &head(3_000_000)));
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

/// How long an answer may take. No test depends on it but a hanging one.
const HANG: Duration = Duration::from_secs(30);

/// Questions before `wait_for` gives up: some ten seconds of them.
const TRIES_MAX: u32 = 5_000;

/// The agent's own tasks wait four times for the catalog too, soon after its start: what a leader does about nodes and
/// about sessions, who tells where this node is, and who states its services anew after a restore.
const AGENT_WAITS: usize = 4;
