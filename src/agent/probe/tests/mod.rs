#![expect(clippy::disallowed_methods, reason = "what a test talks to ends with its runtime")]

mod names;

mod http2;

mod docker;

mod systemd;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use expect_test::{Expect, expect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::output::Tail;
use super::{Finding, Network, Prober, cut_head};
use crate::agent::fixture;
use crate::model::definition::{Probe, Timing};
use crate::model::health::Status;

/// Longer than anything here takes that is not meant to time out.
const LONG: Duration = Duration::from_secs(20);

/// What is meant to time out does so soon.
const SHORT: Duration = Duration::from_millis(300);

async fn run(probe: Probe, output_bytes_max: usize) -> Finding {
    run_in(&Network::new(""), probe, output_bytes_max).await
}

async fn run_in(network: &Network, probe: Probe, output_bytes_max: usize) -> Finding {
    let definition = std::sync::Arc::new(fixture::check("c", probe));
    network.run(definition, output_bytes_max).await.unwrap()
}

fn timing(timeout: Duration) -> Timing {
    Timing { interval: Duration::from_secs(60), timeout }
}

/// Shows a finding without what differs from run to run.
fn check(finding: &Finding, address: Option<SocketAddr>, expected: &Expect) {
    let output = match address {
        Some(address) => finding.output.replace(&address.to_string(), "TARGET"),
        None => finding.output.clone(),
    };
    expected.assert_eq(&format!("{} {output:?}", finding.status));
}

/// A listener that gives each connection to `serve`, once its request was read.
async fn listen<S, F>(serve: S) -> SocketAddr
where
    S: Fn(TcpStream, String) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            // A request with a body ends with it.
            let end = |request: &[u8]| {
                let end: &[u8] = if request.starts_with(b"PUT") { b"hello" } else { b"\r\n\r\n" };
                request.ends_with(end)
            };
            while !end(&request) {
                let count = stream.read(&mut buffer).await.unwrap_or(0);
                if count == 0 {
                    break;
                }
                request.extend(&buffer[..count]);
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            tokio::spawn(serve(stream, request));
        }
    });
    address
}

/// A listener that always says the same.
async fn answer(bytes: &'static [u8]) -> SocketAddr {
    listen(move |mut stream, _| async move {
        let _ = stream.write_all(bytes).await;
    })
    .await
}

/// An address where nobody listens.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn http(address: SocketAddr, timeout: Duration) -> Probe {
    Probe::Http {
        url: format!("http://{address}/x"),
        method: String::new(),
        header: BTreeMap::new(),
        body: String::new(),
        tls_skip_verify: false,
        timing: timing(timeout),
    }
}

#[tokio::test]
async fn http_codes_mean_what_they_mean_in_consul() {
    let cases: [(&[u8], Expect); 6] = [
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\xffb",
            expect![[r#"passing "HTTP GET http://TARGET/x: 200 OK Output: a�b""#]],
        ),
        (
            b"HTTP/1.1 204 No Content\r\n\r\n",
            expect![[r#"passing "HTTP GET http://TARGET/x: 204 No Content Output: ""#]],
        ),
        (
            b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n",
            expect![[r#"warning "HTTP GET http://TARGET/x: 429 Too Many Requests Output: ""#]],
        ),
        (
            b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nbody",
            expect![[
                r#"critical "HTTP GET http://TARGET/x: 500 Internal Server Error Output: body""#
            ]],
        ),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            expect![[r#"critical "HTTP GET http://TARGET/x: invalid HTTP version parsed""#]],
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ncut",
            expect![[
                r#"critical "HTTP GET http://TARGET/x: end of file before message length reached""#
            ]],
        ),
    ];
    for (bytes, expected) in cases {
        let address = answer(bytes).await;
        check(&run(http(address, LONG), 4096).await, Some(address), &expected);
    }
}

#[tokio::test]
async fn an_http_check_sends_what_was_stated_and_keeps_no_connection() {
    let address = listen(|mut stream, request| async move {
        let mut lines: Vec<&str> = request.lines().filter(|line| !line.is_empty()).collect();
        lines.sort_unstable();
        let body = lines.join("\n").to_lowercase();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    })
    .await;
    let Probe::Http { url, tls_skip_verify, timing, .. } = http(address, LONG) else { return };
    let header = [
        ("X-Two".to_owned(), vec!["1".to_owned(), "2".to_owned()]),
        ("Host".to_owned(), vec!["other.example".to_owned()]),
    ];
    let (method, body) = ("PUT".to_owned(), "hello".to_owned());
    let header = header.into();
    let probe = Probe::Http { url, method, header, body, tls_skip_verify, timing };
    check(
        &run(probe, 4096).await,
        Some(address),
        &expect![[
            r#"passing "HTTP PUT http://TARGET/x: 200 OK Output: put /x http/1.1\naccept: text/plain, text/*, */*\nconnection: close\ncontent-length: 5\nhello\nhost: other.example\nuser-agent: consul health check\nx-two: 1\nx-two: 2""#
        ]],
    );
}

#[tokio::test]
async fn a_redirect_is_followed_but_not_for_ever() {
    let address = listen(|mut stream, request| async move {
        let head = if request.starts_with("GET /x ") {
            "HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n"
        } else {
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        };
        let _ = stream.write_all(head.as_bytes()).await;
    })
    .await;
    assert_eq!(run(http(address, LONG), 4096).await.status, Status::Passing);
    let endless = answer(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n").await;
    check(
        &run(http(endless, LONG), 4096).await,
        Some(endless),
        &expect![[r#"critical "HTTP GET http://TARGET/x: too many redirects""#]],
    );
}

#[tokio::test]
async fn an_endless_body_is_read_only_so_far() {
    let address = listen(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    let finding = run(http(address, LONG), 10).await;
    check(
        &finding,
        Some(address),
        &expect![[r#"passing "HTTP GET http://TARGET/x: 200 OK Output: xxxxxxxxxx""#]],
    );
}

#[tokio::test]
async fn targets_that_hang_or_refuse_are_critical_in_time() {
    let silent = listen(|stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    check(
        &run(http(silent, SHORT), 4096).await,
        Some(silent),
        &expect![[r#"critical "HTTP GET http://TARGET/x: no complete answer within 300ms""#]],
    );
    let slow_body = listen(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx").await;
        std::future::pending::<()>().await;
    })
    .await;
    check(
        &run(http(slow_body, SHORT), 4096).await,
        Some(slow_body),
        &expect![[r#"critical "HTTP GET http://TARGET/x: no complete answer within 300ms""#]],
    );
    let refusing = nobody().await;
    check(
        &run(http(refusing, LONG), 4096).await,
        Some(refusing),
        &expect![[r#"critical "HTTP GET http://TARGET/x: Connection refused (os error 111)""#]],
    );
}

#[tokio::test]
async fn https_without_tls_is_critical_and_does_not_panic() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        // It says so without waiting for a request: no TLS client sends one.
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = stream.read(&mut [0; 1024]).await;
        }
    });
    for tls_skip_verify in [false, true] {
        let Probe::Http { method, header, body, timing, .. } = http(address, LONG) else { return };
        let url = format!("https://{address}/");
        let probe = Probe::Http { url, method, header, body, tls_skip_verify, timing };
        let finding = run(probe, 4096).await;
        assert_eq!(finding.status, Status::Critical, "{finding:?}");
    }
}

#[tokio::test]
async fn http_checks_that_make_no_sense_say_so() {
    for (url, method) in [("", "GET"), ("http://", "GET"), ("nonsense", "GET"), ("ftp://a/", "GET")]
    {
        let Probe::Http { header, body, tls_skip_verify, .. } = http(nobody().await, LONG) else {
            return;
        };
        let (url, method, timing) = (url.to_owned(), method.to_owned(), timing(LONG));
        let probe = Probe::Http { url, method, header, body, tls_skip_verify, timing };
        let finding = run(probe, 4096).await;
        assert_eq!(finding.status, Status::Critical, "{finding:?}");
    }
}

#[tokio::test]
async fn tcp_passes_if_somebody_accepts() {
    let address = answer(b"").await;
    let tcp = |address: String| Probe::Tcp { address, timing: timing(LONG) };
    check(
        &run(tcp(address.to_string()), 4096).await,
        Some(address),
        &expect![[r#"passing "TCP connect TARGET: Success""#]],
    );
    let refusing = nobody().await;
    check(
        &run(tcp(refusing.to_string()), 4096).await,
        Some(refusing),
        &expect![[r#"critical "dial tcp TARGET: Connection refused (os error 111)""#]],
    );
    check(
        &run(tcp("no port".to_owned()), 4096).await,
        None,
        &expect![[r#"critical "dial tcp no port: missing port in address, write `host:port`""#]],
    );
}

#[tokio::test]
async fn udp_is_critical_only_if_it_is_refused() {
    let udp = |address: SocketAddr, timeout| {
        let address = address.to_string();
        Probe::Udp { address, timing: timing(timeout) }
    };
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    check(
        &run(udp(address, SHORT), 4096).await,
        Some(address),
        &expect![[r#"passing "UDP connect TARGET: Success""#]],
    );
    drop(silent);
    check(
        &run(udp(address, LONG), 4096).await,
        Some(address),
        &expect![[r#"critical "dial udp TARGET: Connection refused (os error 111)""#]],
    );
}

fn script(text: &str, timeout: Duration) -> Probe {
    let args = ["/bin/sh", "-c", text].map(str::to_owned).to_vec();
    Probe::Script { args, timing: timing(timeout) }
}

#[tokio::test]
async fn exit_codes_mean_passing_warning_and_critical() {
    let cases = [
        ("echo out; echo err >&2; exit 0", expect![[r#"passing "out\nerr\n""#]]),
        ("exit 1", expect![[r#"warning """#]]),
        ("printf 'a\\377b'; exit 2", expect![[r#"critical "a�b""#]]),
        ("kill -9 $$", expect![[r#"critical """#]]),
    ];
    for (text, expected) in cases {
        check(&run(script(text, LONG), 4096).await, None, &expected);
    }
    let missing = Probe::Script { args: vec!["/bin/nonesuch".to_owned()], timing: timing(LONG) };
    check(
        &run(missing, 4096).await,
        None,
        &expect![[
            r#"critical "cannot run `/bin/nonesuch`: No such file or directory (os error 2)""#
        ]],
    );
    let nothing = Probe::Script { args: Vec::new(), timing: timing(LONG) };
    check(&run(nothing, 4096).await, None, &expect![[r#"critical "the check names no program""#]]);
}

#[tokio::test]
async fn a_script_that_prints_too_much_keeps_its_last_bytes() {
    check(
        &run(script("seq 1 3000", LONG), 11).await,
        None,
        &expect![[r#"passing "Captured 11 of 13893 bytes\n...\n\n2999\n3000\n""#]],
    );
    let finding = run(script("yes", SHORT), 100).await;
    assert!(finding.output.len() < 300, "{} bytes", finding.output.len());
    assert_eq!(finding.status, Status::Critical);
}

/// Whether a process is there and not only waiting to be collected.
fn is_running(pid: &str) -> bool {
    let stat = fs_err::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_script_that_forks_is_killed_whole_on_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    // A child, a grandchild that ignores signals, and one whose parent is gone.
    let text = format!(
        "sleep 300 & echo $! >>{0}; (trap '' TERM HUP INT; sleep 300 & echo $! >>{0}; wait) & \
         echo $! >>{0}; (sleep 300 & echo $! >>{0}); echo started; wait",
        pids.display()
    );
    let finding = run(script(&text, Duration::from_secs(1)), 4096).await;
    check(&finding, None, &expect![[r#"critical "Timed out (1s) running check\n\nstarted\n""#]]);
    let pids = fs_err::read_to_string(pids).unwrap();
    assert_eq!(pids.lines().count(), 4, "{pids}");
    wait_until_gone(&pids).await;
}

#[tokio::test]
async fn a_run_that_is_dropped_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let text = format!("sleep 300 & echo $! >{0}; echo $$ >>{0}; wait", pids.display());
    let definition = std::sync::Arc::new(fixture::check("c", script(&text, LONG)));
    let running = tokio::spawn(Network::new("").run(definition, 4096));
    let written = || fs_err::read_to_string(&pids).unwrap_or_default();
    while written().lines().count() < 2 {
        tokio::task::yield_now().await;
    }
    running.abort();
    assert!(running.await.is_err());
    wait_until_gone(&written()).await;
}

/// Waits until the system has done away with killed processes; fails after a while.
async fn wait_until_gone(pids: &str) {
    let gone = async {
        while pids.lines().any(is_running) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, gone).await.unwrap_or_else(|_| panic!("still there: {pids}"));
}

#[tokio::test]
async fn a_script_that_leaves_a_daemon_is_not_waited_for() {
    let finding = run(script("sleep 2 & echo done", LONG), 4096).await;
    check(&finding, None, &expect![[r#"passing "done\n""#]]);
}

#[test]
fn tails_and_heads_are_cut_as_consul_cuts_them() {
    let tail = |pieces: &[&[u8]], bytes_max| {
        let mut tail = Tail::new(bytes_max);
        for piece in pieces {
            tail.push(piece);
        }
        tail.text_with_note()
    };
    assert_eq!(tail(&[b"abc", b"def"], 6), "abcdef");
    assert_eq!(tail(&[b"abc", b"def", b"g"], 4), "Captured 4 of 7 bytes\n...\ndefg");
    assert_eq!(tail(&[b"abcdefghij"], 2), "Captured 2 of 10 bytes\n...\nij");
    assert_eq!(tail(&[b"abc"], 0), "Captured 0 of 3 bytes\n...\n");
    assert_eq!(cut_head("abc".into(), 3), "abc");
    assert_eq!(cut_head("abcd".into(), 3), "abc ... (captured 3 of 4 bytes)");
    assert_eq!(cut_head("aé".into(), 2), "a ... (captured 1 of 3 bytes)");
}

#[test]
fn more_open_files_give_room_for_more_probes() {
    let cases = [(0, 256), (1_024, 256), (4_096, 682), (65_536, 1_024), (u64::MAX, 1_024)];
    for (files_max, expected) in cases {
        assert_eq!(super::sockets_running_max(files_max), expected, "{files_max}");
    }
}
