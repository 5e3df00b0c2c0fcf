//! The runner itself: what fits, and that everything else is a fault.

use std::io::{Read, Write};

use super::run_text;

/// Runs a file's text against a server that gives one answer, as often as it is asked.
fn against(text: &str, answer: &'static str) -> (String, Vec<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 1024];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    run_text(text, address)
}

const ANSWER: &str = "HTTP/1.1 200 OK\r\nX-Consul-Index: 7\r\nContent-Length: 5\r\n\r\ntrue\n";

#[test]
fn a_file_that_fits_has_no_faults() {
    let text = "# why\nGET /a\n----\n200\nx-consul-index: $i\nNewline: yes\n!Other\n\ntr*\n====\nGET /b?index=$i\n----\n200\nX-Consul-Index: $i\n\n*\n";
    let (rewritten, faults) = against(text, ANSWER);
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(rewritten, text);
}

#[test]
fn every_kind_of_difference_is_a_fault() {
    for wanted in [
        "201\n\ntrue",
        "200\n\nfalse",
        "200\n\ntrue\nmore",
        "200",
        "200\nX-Consul-Index: 8\n\ntrue",
        "200\n!X-Consul-Index\n\ntrue",
        "200\nMissing: 1\n\ntrue",
        "200\nNewline: no\n\ntrue",
        "200\nX-Consul-Index: $i\nX-Consul-Index: >$i\n\ntrue",
    ] {
        let (_, faults) = against(&format!("GET /a\n----\n{wanted}"), ANSWER);
        assert_eq!(faults.len(), 1, "{wanted}");
    }
}

#[test]
fn broken_steps_are_faults() {
    for text in ["GET /a", "wait\n----\n200", "raw\n\\q\n----\n200"] {
        let (_, faults) = against(text, ANSWER);
        assert_eq!(faults.len(), 1, "{text}");
    }
    let (_, faults) = against("GET /a\n----\n200", "no http");
    assert_eq!(faults.len(), 1);
}

#[test]
fn a_difference_is_rewritten_and_placeholders_stay() {
    let text = "# why\nGET /a\n----\n404\nX-Consul-Index: *\n\nfalse";
    let (rewritten, _) = against(text, ANSWER);
    assert_eq!(rewritten, "# why\nGET /a\n----\n200\nX-Consul-Index: *\n\ntrue");
    let (_, faults) = against(&rewritten, ANSWER);
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn chunks_are_joined() {
    let answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntru\r\n1\r\ne\r\n0\r\n\r\n";
    let (_, faults) = against("& GET /b\n====\nwait\n----\n200\n\ntrue", answer);
    assert_eq!(faults, Vec::<String>::new());
}
