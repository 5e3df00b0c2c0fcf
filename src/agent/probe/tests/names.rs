use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};

use expect_test::expect;
use tokio::task::JoinSet;

use super::super::names::{Hosts, Names, split};
use super::{LONG, SHORT, answer, check, http, nobody, run_in, timing};
use crate::agent::probe::{Finding, Network};
use crate::model::definition::Probe;
use crate::model::health::Status;
use crate::model::limits::LOOKUPS_RUNNING_MAX;

/// Servers that are silent until they are told to speak.
#[derive(Clone, Default)]
struct Silent(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    is_speaking: bool,
    /// How many wait for an answer.
    waiting: usize,
    waiting_most: usize,
    /// Who was asked about.
    asked: Vec<String>,
}

impl Silent {
    fn speak(&self) {
        self.0.0.lock().unwrap().is_speaking = true;
        self.0.1.notify_all();
    }
}

impl Hosts for Silent {
    fn addresses(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        let mut state = self.0.0.lock().unwrap();
        state.asked.push(host.to_owned());
        state.waiting += 1;
        state.waiting_most = state.waiting_most.max(state.waiting);
        state = self.0.1.wait_while(state, |state| !state.is_speaking).unwrap();
        state.waiting -= 1;
        match host {
            "homeless.example" => Ok(Vec::new()),
            _ => Ok(vec![([127, 0, 0, 1], 0).into()]),
        }
    }
}

fn tcp(address: String, timeout: std::time::Duration) -> Probe {
    Probe::Tcp { address, timing: timing(timeout) }
}

fn http_at(host: &str, port: u16, timeout: std::time::Duration) -> Probe {
    let Probe::Http { method, header, body, tls_skip_verify, timing, .. } =
        http(([127, 0, 0, 1], port).into(), timeout)
    else {
        panic!("it is HTTP");
    };
    let url = format!("http://{host}:{port}/");
    Probe::Http { url, method, header, body, tls_skip_verify, timing }
}

fn all_by_name(host: &str, port: u16) -> [Probe; 5] {
    let (address, timing) = (format!("{host}:{port}"), timing(SHORT));
    [
        tcp(address.clone(), SHORT),
        Probe::Udp { address: address.clone(), timing },
        Probe::H2Ping { address: address.clone(), tls: None, timing },
        Probe::Grpc { address, service: String::new(), tls: None, timing },
        http_at(host, port, SHORT),
    ]
}

#[test]
fn silent_name_servers_delay_only_checks_by_name() {
    // One thread for all that the program does on the runtime's pool, as the log's reads.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().max_blocking_threads(1).build().unwrap();
    let silent = Silent::default();
    let network = Network::with("", "systemctl", Names::of(silent.clone()));
    runtime.block_on(async {
        let target = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let port = target.port();
        let mut by_name = JoinSet::new();
        for number in 0..=LOOKUPS_RUNNING_MAX / 2 {
            for probe in all_by_name(&format!("h{number}.example"), port) {
                let network = network.clone();
                by_name.spawn(async move { run_in(&network, probe, 4096).await });
            }
        }
        let full = tokio::time::timeout(LONG, async {
            while silent.0.0.lock().unwrap().waiting < LOOKUPS_RUNNING_MAX {
                tokio::task::yield_now().await;
            }
        });
        full.await.expect("all threads wait for an answer");
        for probe in [
            tcp(target.to_string(), LONG),
            tcp(format!("localhost:{port}"), LONG),
            tcp(format!("me.Localhost.:{port}"), LONG),
            Probe::Udp { address: target.to_string(), timing: timing(SHORT) },
            http(target, LONG),
            http_at("localhost", port, LONG),
        ] {
            let shown = format!("{probe:?}");
            let finding = run_in(&network, probe, 4096).await;
            // Nobody need listen for UDP there; what counts is that the probe got so far.
            if !shown.starts_with("Udp") {
                assert_eq!(finding.status, Status::Passing, "{shown}: {finding:?}");
            }
        }
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        let findings: Vec<Finding> = by_name.join_all().await;
        for finding in findings {
            assert_eq!(finding.status, Status::Critical, "{finding:?}");
            let words = ["300ms", "DeadlineExceeded"];
            assert!(words.iter().any(|word| finding.output.contains(word)), "{finding:?}");
        }
        assert_eq!(silent.0.0.lock().unwrap().waiting_most, LOOKUPS_RUNNING_MAX);
        silent.speak();
        for probe in
            [tcp(format!("back.example:{port}"), LONG), http_at("back.example", port, LONG)]
        {
            let finding = run_in(&network, probe, 4096).await;
            assert_eq!(finding.status, Status::Passing, "{finding:?}");
        }
        check(
            &run_in(&network, tcp("homeless.example:1".to_owned(), LONG), 4096).await,
            None,
            &expect![[r#"critical "dial tcp homeless.example:1: the host has no address""#]],
        );
    });
    // Whoever timed out in the line was never asked about.
    let asked = silent.0.0.lock().unwrap().asked.len();
    assert_eq!(asked, LOOKUPS_RUNNING_MAX + 3);
}

#[tokio::test]
async fn an_address_may_be_refused_whatever_its_form() {
    let port = nobody().await.port();
    let network = Network::new("");
    for address in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        let finding = run_in(&network, tcp(address, LONG), 4096).await;
        assert_eq!(finding.status, Status::Critical);
    }
}

#[test]
fn addresses_are_split_at_their_last_colon() {
    let split = |address| match split(address) {
        Ok((host, port)) => format!("{host} {port}"),
        Err(fault) => fault.to_string(),
    };
    assert_eq!(split("web.example:80"), "web.example 80");
    assert_eq!(split("[::1]:80"), "::1 80");
    assert_eq!(split("::1:80"), "::1 80");
    assert_eq!(split("[fe80::1%eth0]:80"), "fe80::1%eth0 80");
    assert_eq!(split("web"), "missing port in address, write `host:port`");
    assert_eq!(split("web:http"), "the port is no number from 0 to 65535");
    assert_eq!(split("web:65536"), "the port is no number from 0 to 65535");
    assert_eq!(split(":80"), "missing host in address, write `host:port`");
    assert_eq!(split(""), "missing port in address, write `host:port`");
}
