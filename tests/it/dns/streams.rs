//! Clients over TCP that are many, that do not read, or that do not leave: others are answered beside them.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use lictor::dns::{QueryOptions, query};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use socket2::{Domain, Socket, Type};

use super::robust::{
    HANG, assert_answers, connect, framed, is_good, question, read_message, start_with_many,
};
use crate::harness::{Agent, Builder};

/// Asks on a connection that stays open.
fn is_answered(stream: &mut TcpStream) -> bool {
    stream.write_all(&framed(&question())).is_ok() && is_good(&read_message(stream))
}

/// Connects from an address of this machine's, with little room for what comes back.
fn connect_from(source: [u8; 4], address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES).unwrap();
    socket.bind(&SocketAddr::new(IpAddr::from(source), 0).into()).unwrap();
    socket.connect(&address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(HANG)).unwrap();
    stream
}

/// An agent that may open so many files and no more.
fn with_files(count: usize) -> Builder {
    Agent::dev().under(["sh", "-c", &format!("ulimit -n {count}; exec \"$@\""), "sh"])
}

/// What a number of the agent's stands at.
fn metric(agent: &Agent, name: &str) -> usize {
    let text = agent.must("GET", "/v1/agent/metrics?format=prometheus", "");
    let value = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
    text.lines().find_map(value).unwrap_or_else(|| panic!("no {name} in:\n{text}"))
}

#[test]
fn idle_connections_delay_nobody() {
    // The agent's share of this process's limit, so that both may have as many.
    let (_, files) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, files, files).unwrap();
    let count = usize::try_from(files / 4).unwrap_or(usize::MAX).min(IDLE_CONNECTIONS + 1) - 1;
    let agent = Agent::dev().start();
    let mut idle: Vec<TcpStream> = (0..count).map(|_| connect(agent.dns)).collect();
    assert_answers(&agent);
    // The oldest was not thrown out for them.
    assert!(is_answered(&mut idle[0]));
    assert!(is_answered(&mut idle[count - 1]));
}

#[test]
fn who_connects_too_often_throws_out_only_oneself() {
    // DNS takes at most half, and one address at most half of that: 100.
    let agent = with_files(400).start();
    let mut others: Vec<TcpStream> =
        (0..20).map(|_| connect_from([127, 0, 0, 2], agent.dns)).collect();
    let mut own = Vec::new();
    for _ in 0..150 {
        let mut stream = connect(agent.dns);
        assert!(is_answered(&mut stream));
        own.push(stream);
    }
    assert_eq!(metric(&agent, "lictor_dns_tcp_accepted"), 170);
    assert_eq!(metric(&agent, "lictor_dns_tcp_gave_way"), 50);
    assert!(others.iter_mut().all(is_answered));
    assert!(is_answered(&mut own[149]));
    // What was thrown out counts no more.
    own[0].read_to_end(&mut Vec::new()).unwrap();
    assert!(metric(&agent, "lictor_dns_tcp_connections") <= 120);
}

#[test]
fn a_stop_closes_idle_connections_and_waits_for_none() {
    let agent = Agent::dev().start();
    let mut idle: Vec<TcpStream> = (0..10).map(|_| connect(agent.dns)).collect();
    assert!(idle.iter_mut().all(is_answered));
    idle[0].write_all(&framed(&question())[..9]).unwrap();
    agent.signal(Signal::SIGTERM);
    for stream in &mut idle {
        // Half a message is left unread, which the system tells its sender.
        let end = stream.read_to_end(&mut Vec::new());
        assert!(
            matches!(&end, Ok(0)) || end.is_err_and(|f| f.kind() == ErrorKind::ConnectionReset)
        );
    }
    let (status, log) = agent.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("cut off"), "{log}");
}

#[test]
fn who_does_not_read_delays_nobody() {
    let (agent, _dir) = start_with_many(200);
    let question = query("big.service.consul", "SRV", &QueryOptions::default(), 7).unwrap();
    let ask_until_full = |_| {
        let mut stream = connect_from([127, 0, 0, 1], agent.dns);
        stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        let questions = framed(&question).repeat(100);
        // Both sides' buffers are full when it waits.
        let fault = loop {
            if let Err(fault) = stream.write_all(&questions) {
                break fault;
            }
        };
        assert_eq!(fault.kind(), ErrorKind::WouldBlock, "{fault}");
        stream
    };
    let _slow: Vec<TcpStream> = (0..3).map(ask_until_full).collect();
    assert_answers(&agent);
}

#[test]
fn without_file_descriptors_others_are_served_and_who_comes_waits() {
    let agent = with_files(80).args(["-hcl", "limits { http_max_conns_per_client = 0 }"]).start();
    let mut early = connect(agent.dns);
    assert!(is_answered(&mut early));
    // HTTP alone leaves some files to others: five eighths are its own, and who comes then is told so.
    let mut http: Vec<TcpStream> = (0..60).map(|_| connect(agent.http)).collect();
    let mut told = [0; 12];
    http.last_mut().unwrap().read_exact(&mut told).unwrap();
    assert_eq!(told, *b"HTTP/1.1 429");
    let _idle: Vec<TcpStream> = (0..17).map(|_| connect(agent.dns)).collect();
    let mut late = connect(agent.dns);
    late.write_all(&framed(&question())).unwrap();
    agent.wait_for_line("DNS connections cannot be accepted");
    assert!(is_answered(&mut early));
    drop(http);
    assert!(is_good(&read_message(&mut late)));
    assert_answers(&agent);
}

/// Idle connections that an agent has to bear, where it may open four times as many files.
const IDLE_CONNECTIONS: usize = 5_000;

/// The least that a system grants is more.
const RECEIVE_BUFFER_BYTES: usize = 4_096;
