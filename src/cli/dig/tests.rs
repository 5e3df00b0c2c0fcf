//! Against a server of our own: what is passed over, asked again and followed to TCP.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread::JoinHandle;

use crate::cli::dig::{ask_tcp, ask_udp, is_reply, is_truncated};

#[test]
fn answers_to_other_questions_are_passed_over() {
    let (server, thread) = serve_udp(|query| {
        let stray = [&[!query[0], query[1], 0x80][..], &query[3..]].concat();
        vec![stray, query.to_vec(), reply(query, 0x80)]
    });
    let answer = ask_udp(server, QUERY).expect("it answers");
    assert_eq!(answer, reply(QUERY, 0x80));
    thread.join().expect("the server is well");
}

#[test]
fn a_truncated_answer_is_seen_as_one() {
    let (server, thread) = serve_udp(|query| vec![reply(query, 0x82)]);
    let answer = ask_udp(server, QUERY).expect("it answers");
    assert!(is_truncated(&answer));
    assert!(!is_truncated(&reply(QUERY, 0x80)));
    thread.join().expect("the server is well");
}

#[test]
fn tcp_has_the_length_before_the_message() {
    let (server, thread) = serve_tcp(|query| framed(&reply(query, 0x80)));
    assert_eq!(ask_tcp(server, QUERY).expect("it answers"), reply(QUERY, 0x80));
    thread.join().expect("the server is well");
}

#[test]
fn an_answer_that_ends_too_early_is_none() {
    let (server, thread) = serve_tcp(|query| {
        let mut bytes = framed(&reply(query, 0x80));
        bytes.pop();
        bytes
    });
    let fault = ask_tcp(server, QUERY).expect_err("it is cut");
    assert_eq!(fault.kind(), ErrorKind::UnexpectedEof);
    thread.join().expect("the server is well");
}

#[test]
fn an_answer_to_another_question_over_tcp_is_none() {
    let (server, thread) = serve_tcp(framed);
    let fault = ask_tcp(server, QUERY).expect_err("it is the query itself");
    assert_eq!(fault.kind(), ErrorKind::InvalidData);
    thread.join().expect("the server is well");
}

#[test]
fn few_bytes_are_no_reply() {
    assert!(!is_reply(b"", QUERY));
    assert!(!is_reply(&QUERY[..2], QUERY));
}

/// A header and nothing behind it.
const QUERY: &[u8] = &[0x12, 0x34, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// The query as a reply, with these flags.
fn reply(query: &[u8], flags: u8) -> Vec<u8> {
    [&query[..2], &[flags], &query[3..]].concat()
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).expect("it is short");
    [&length.to_be_bytes(), message].concat()
}

/// Takes one datagram and sends back what `answers` makes of it.
fn serve_udp(answers: fn(&[u8]) -> Vec<Vec<u8>>) -> (SocketAddr, JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("it is bound");
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 512];
        let (count, client) = socket.recv_from(&mut buffer).expect("a query");
        for answer in answers(&buffer[..count]) {
            socket.send_to(&answer, client).expect("the client listens");
        }
    });
    (address, thread)
}

/// Takes one connection and one message and sends back what `answer` makes of it.
fn serve_tcp(answer: fn(&[u8]) -> Vec<u8>) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("a length");
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query).expect("a query");
        stream.write_all(&answer(&query)).expect("the client listens");
    });
    (address, thread)
}
