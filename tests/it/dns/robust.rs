//! What senders do that nobody should: the running program goes on answering good questions beside it.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use lictor::dns::query::EdnsOptions;
use lictor::dns::{QueryOptions, query, text};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::live::{ask_tcp, ask_udp};
use crate::harness::Agent;

pub(super) fn question() -> Vec<u8> {
    query("n1.node.consul", "A", &QueryOptions::default(), 0x1c70).unwrap()
}

/// Whether an answer is the one to [`question`].
pub(super) fn is_good(answer: &[u8]) -> bool {
    text::show(answer).contains("\nanswer n1.node.consul. 0 IN A 127.0.0.1\n")
}

pub(super) fn assert_answers(agent: &Agent) {
    assert!(is_good(&ask_udp(agent.dns, &question()).unwrap()));
    assert!(is_good(&ask_tcp(agent.dns, &question()).unwrap()));
}

pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A message as it stands on a stream.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap();
    [&length.to_be_bytes()[..], message].concat()
}

pub(super) fn read_message(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).unwrap();
    message
}

/// Longer than any answer takes; only a test that hangs waits for it.
pub(super) const HANG: Duration = Duration::from_secs(30);

#[test]
fn broken_streams_end_and_harm_nobody() {
    let agent = Agent::dev().start();
    let whole = framed(&question());
    let half = whole[..20].to_vec();
    let long = framed(&vec![0; 65_535]);
    for bytes in [&[0, 0][..], &[0, 1, 7], &[0], &long, &half, b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = connect(agent.dns);
        // It may hang up before it has read everything.
        let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.len() <= 2 + 12, "{rest:02x?}");
    }
    assert_answers(&agent);
}

#[test]
fn a_question_may_come_byte_by_byte() {
    let agent = Agent::dev().start();
    let mut stream = connect(agent.dns);
    for byte in framed(&question()) {
        stream.write_all(&[byte]).unwrap();
    }
    assert!(is_good(&read_message(&mut stream)));
}

#[test]
fn questions_may_come_before_answers_are_read() {
    let agent = Agent::dev().start();
    let mut stream = connect(agent.dns);
    let ids: Vec<u16> = (0..200).collect();
    let question =
        |id: &u16| framed(&query("n1.node.consul", "A", &QueryOptions::default(), *id).unwrap());
    stream.write_all(&ids.iter().flat_map(question).collect::<Vec<u8>>()).unwrap();
    let mut answered: Vec<u16> = Vec::new();
    for _ in &ids {
        let answer = read_message(&mut stream);
        assert!(is_good(&answer));
        answered.push(u16::from_be_bytes([answer[0], answer[1]]));
    }
    answered.sort_unstable();
    assert_eq!(answered, ids);
}

#[test]
fn replies_leave_from_the_address_that_was_asked() {
    let agent = Agent::dev().args(["-client", "0.0.0.0"]).start();
    for host in [[127, 0, 0, 1], [127, 0, 0, 2], [127, 9, 8, 7]] {
        // A connected socket takes only what comes from there.
        let address = SocketAddr::from((host, agent.dns.port()));
        assert!(is_good(&ask_udp(address, &question()).unwrap()), "{address}");
    }
    let Ok(socket) = UdpSocket::bind("[::1]:0") else { return };
    for client in ["::1", "::"] {
        let agent = Agent::dev().args(["-client", client]).start();
        let address = SocketAddr::new(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), agent.dns.port());
        socket.connect(address).unwrap();
        socket.send(&question()).unwrap();
        socket.set_read_timeout(Some(HANG)).unwrap();
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).unwrap();
        assert!(is_good(&answer[..length]), "{client}");
    }
}

#[test]
fn an_answer_that_comes_back_is_not_answered() {
    let agent = Agent::dev().start();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(agent.dns).unwrap();
    socket.set_read_timeout(Some(HANG)).unwrap();
    let mut buffer = [0; 4_096];
    let mut ask = |message: &[u8]| {
        socket.send(message).unwrap();
        let length = socket.recv(&mut buffer).unwrap();
        buffer[..length].to_vec()
    };
    let version = EdnsOptions { version: 1, ..EdnsOptions::default() };
    let version = QueryOptions { edns: Some(version), ..QueryOptions::default() };
    let shapes = [
        question(),
        query("www.example.org", "A", &QueryOptions::default(), 1).unwrap(),
        query("consul", "SOA", &version, 2).unwrap(),
        // An unknown opcode, and no question at all.
        vec![0, 3, 0x78, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    for shape in shapes {
        let answer = ask(&shape);
        assert_eq!(answer[..2], shape[..2]);
        // As an echo service would, or another server that takes the answer for a question.
        socket.send(&answer).unwrap();
        assert!(is_good(&ask(&question())), "{}", text::show(&answer));
    }
}

#[test]
fn a_large_answer_over_tcp_is_whole_and_says_so() {
    let (agent, _dir) = start_with_many(900);
    let question = query("big.service.consul", "SRV", &QueryOptions::default(), 7).unwrap();
    let shown = text::show(&ask_tcp(agent.dns, &question).unwrap());
    assert!(shown.starts_with("status NOERROR, flags qr aa rd, "), "{}", &shown[..200]);
    let count = |section: &str| shown.lines().filter(|line| line.starts_with(section)).count();
    assert_eq!((count("answer "), count("edns ")), (900, 1));
    assert!(200 < count("additional "), "{} additional records", count("additional "));
}

/// An agent with so many instances of the service `big`, and the folder that they stand in.
pub(super) fn start_with_many(count: usize) -> (Agent, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let service = |n: usize| {
        let (id, address) = (format!("big{n}"), format!("10.0.{}.{}", n / 200, n % 200));
        json!({ "id": id, "name": "big", "port": 80, "address": address })
    };
    let services: Vec<Value> = (0..count).map(service).collect();
    let text = json!({ "services": services }).to_string();
    fs_err::write(dir.path().join("big.json"), text).unwrap();
    (Agent::dev().args(["-config-dir"]).args([dir.path()]).start(), dir)
}

/// Well-formed questions of many shapes, to be damaged.
fn seeds() -> Vec<Vec<u8>> {
    let edns = EdnsOptions {
        dnssec_ok: true,
        options: vec![(10, vec![7; 8]), (3, Vec::new()), (8, vec![0, 1, 0, 0])],
        ..EdnsOptions::default()
    };
    let shapes = [
        QueryOptions::default(),
        QueryOptions { edns: None, ..QueryOptions::default() },
        QueryOptions { edns: Some(edns), ..QueryOptions::default() },
    ];
    let asked = [
        ("consul.service.consul", "SRV"),
        ("N1.Node.dc1.consul", "ANY"),
        ("_consul._tcp.service.consul", "A"),
        ("7f000001.addr.dc1.consul", "A"),
        ("1.0.0.127.in-addr.arpa", "PTR"),
        ("consul", "SOA"),
        ("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.service.consul", "TXT"),
    ];
    let seed = |shape| asked.map(|(name, kind)| query(name, kind, shape, 0x1c71).unwrap());
    shapes.iter().flat_map(seed).collect()
}

/// One of them with a few bytes changed, gone, doubled or added.
fn mangled(seeds: &[Vec<u8>], rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut packet = rng.choice(seeds).unwrap().clone();
    for _ in 0..=rng.usize(..4) {
        let at = rng.usize(..=packet.len());
        match rng.u8(..7) {
            0 => packet.truncate(at),
            1 => packet.insert(at, rng.u8(..)),
            2 => packet.extend_from_within(at..),
            3 => drop(packet.drain(at..(at + 3).min(packet.len()))),
            4 if at < packet.len() => packet[at] = [0, 1, 0x3f, 0x40, 0xc0, 0xff][rng.usize(..6)],
            5 if at < packet.len() => packet[at] ^= 1 << rng.u8(..8),
            _ => packet.push(0xc0),
        }
    }
    // The id of good questions stays theirs.
    packet.iter_mut().take(1).for_each(|byte| *byte = 0xdd);
    packet
}

#[test]
fn mangled_datagrams_take_nothing_from_good_ones() {
    let agent = Agent::dev().start();
    let seeds = seeds();
    let mut rng = fastrand::Rng::with_seed(2_026);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(agent.dns).unwrap();
    socket.set_read_timeout(Some(HANG)).unwrap();
    let good = question();
    let mut answer = [0; 4_096];
    for _ in 0..DATAGRAMS / DATAGRAMS_IN_FLIGHT {
        // Few enough to fit the kernel's buffers: every one of them is read.
        for _ in 0..DATAGRAMS_IN_FLIGHT {
            socket.send(&mangled(&seeds, &mut rng)).unwrap();
        }
        socket.send(&good).unwrap();
        loop {
            let length = socket.recv(&mut answer).expect("the good question is answered");
            if answer[..2] == good[..2] {
                assert!(is_good(&answer[..length]));
                break;
            }
            assert!(answer[2] & 0x80 != 0 && length <= 1_232);
        }
    }
    assert_answers(&agent);
}

#[test]
fn mangled_streams_take_nothing_from_good_ones() {
    let agent = Agent::dev().start();
    let seeds = seeds();
    let mut rng = fastrand::Rng::with_seed(2_027);
    for _ in 0..STREAM_MESSAGES / 1_000 {
        for _ in 0..1_000 / STREAM_BATCH {
            let mut bytes = Vec::new();
            for _ in 0..STREAM_BATCH {
                bytes.extend(framed(&mangled(&seeds, &mut rng)));
            }
            // Now and then the frame itself is wrong.
            if rng.u8(..4) == 0 {
                let at = rng.usize(..bytes.len());
                bytes[at] ^= 0x81;
            }
            let mut stream = connect(agent.dns);
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
        assert_answers(&agent);
    }
}

/// Damaged datagrams in all.
const DATAGRAMS: usize = 100_000;

/// Damaged datagrams before a good one is waited for.
const DATAGRAMS_IN_FLIGHT: usize = 100;

/// Damaged messages over TCP in all.
const STREAM_MESSAGES: usize = 10_000;

/// Damaged messages on one connection.
const STREAM_BATCH: usize = 50;

#[test]
fn a_log_that_nobody_reads_delays_nobody() {
    let agent = Agent::dev().args(["-log-level", "trace"]).start();
    agent.stop_reading();
    // A pipe holds 64 KiB; each connection leaves some lines of a hundred bytes.
    for _ in 0..2_000 {
        assert_answers(&agent);
    }
    let metrics = agent.must("GET", "/v1/agent/metrics?format=prometheus", "");
    assert!(metrics.contains("\nlictor_log_lines_dropped "), "{metrics}");
}
