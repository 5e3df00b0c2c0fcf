//! gRPC and H2PING, against servers that speak HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use expect_test::{Expect, expect};
use h2::server::SendResponse;
use h2::{Reason, server};
use hyper::{HeaderMap, Request, Response};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::{LONG, SHORT, check, nobody, run, timing};
use crate::agent::probe::Finding;
use crate::model::definition::{Probe, Tls};

/// A server, and who came and left: `closed` when a connection ended in order.
struct Server {
    address: SocketAddr,
    heard: mpsc::UnboundedReceiver<String>,
}

async fn serve(acceptor: Option<TlsAcceptor>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, sender) = (acceptor.clone(), sender.clone());
            tokio::spawn(async move {
                match acceptor {
                    None => talk(stream, sender).await,
                    Some(acceptor) => match acceptor.accept(stream).await {
                        Ok(stream) => talk(stream, sender).await,
                        Err(fault) => drop(sender.send(fault.to_string())),
                    },
                }
            });
        }
    });
    Server { address, heard }
}

/// One connection.
async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin, heard: mpsc::UnboundedSender<String>) {
    let Ok(mut connection) = server::handshake(stream).await else { return };
    while let Some(request) = connection.accept().await {
        let Ok((request, respond)) = request else {
            let _ = heard.send("broken".to_owned());
            return;
        };
        tokio::spawn(health(request, respond, heard.clone()));
    }
    let _ = heard.send("closed".to_owned());
}

/// A health service that says of a service what its name says.
async fn health(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    heard: mpsc::UnboundedSender<String>,
) {
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    let kind = head.headers["content-type"].to_str().unwrap();
    let _ = heard.send(format!("{} {} {kind} {}", head.method, head.uri, bytes.escape_ascii()));
    let service = String::from_utf8_lossy(bytes.get(7..).unwrap_or_default()).into_owned();
    let say = |code: u16, end| {
        let head = Response::builder().status(code).header("content-type", "application/grpc");
        (head.body(()).unwrap(), end)
    };
    let mut refuse = |headers: &[(&'static str, &'static str)]| {
        let (mut head, end) = say(200, true);
        head.headers_mut().extend(header_map(headers));
        respond.send_response(head, end).unwrap();
    };
    match service.as_str() {
        "hang" => return std::future::pending().await,
        "missing" => return refuse(&[("grpc-status", "5"), ("grpc-message", "unknown%20service")]),
        "odd-code" => return refuse(&[("grpc-status", "99")]),
        "no-code" => return refuse(&[]),
        "reset" => return respond.send_reset(Reason::REFUSED_STREAM),
        "plain" => {
            let (head, end) = say(404, true);
            respond.send_response(head, end).unwrap();
            return;
        }
        _ => {}
    }
    let (head, end) = say(200, false);
    let mut stream = respond.send_response(head, end).unwrap();
    let message: &[u8] = match service.as_str() {
        "down" => b"\0\0\0\0\x02\x08\x02",
        "unknown" => b"\0\0\0\0\0",
        "unheard-of" => b"\0\0\0\0\x02\x08\x03",
        "newer" => b"\0\0\0\0\x02\x08\x07",
        // Fields of every type before the one that counts.
        "more-fields" => {
            b"\0\0\0\0\x17\x10\xff\x01\x19\0\0\0\0\0\0\0\0\x22\x02hi\x2d\0\0\0\0\x08\x01"
        }
        "cut" => b"\0\0\0\0\x09\x08\x01",
        "compressed" => b"\x01\0\0\0\x02\x08\x01",
        "garbage" => b"\0\0\0\0\x02\xff\xff",
        "endless" => &[0; 8 * 1024],
        _ => b"\0\0\0\0\x02\x08\x01",
    };
    let _ = stream.send_data(Bytes::from_static(message), false);
    let _ = stream.send_trailers(header_map(&[("grpc-status", "0")]));
}

fn header_map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
    headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn acceptor(protocols: &[&[u8]]) -> TlsAcceptor {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/probe.example");
    let certificate = CertificateDer::from_pem_file(format!("{folder}.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{folder}.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// A listener that says something to whoever comes, and hangs up.
async fn blurt(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
            let _ = stream.read(&mut [0; 1024]).await;
        }
    });
    address
}

fn grpc(address: SocketAddr, service: &str, tls: Option<Tls>) -> Probe {
    let timeout = if service == "hang" { SHORT } else { LONG };
    let (address, service) = (address.to_string(), service.to_owned());
    Probe::Grpc { address, service, tls, timing: timing(timeout) }
}

fn h2ping(address: SocketAddr, tls: Option<Tls>) -> Probe {
    Probe::H2Ping { address: address.to_string(), tls, timing: timing(LONG) }
}

fn tls(skip_verify: bool) -> Tls {
    Tls { skip_verify, server_name: None }
}

#[tokio::test]
async fn a_grpc_service_passes_if_it_says_that_it_serves() {
    let server = serve(None).await;
    let cases: [(&str, Expect); 16] = [
        ("", expect![[r#"passing "gRPC check TARGET: success""#]]),
        ("up", expect![[r#"passing "gRPC check TARGET/up: success""#]]),
        ("more-fields", expect![[r#"passing "gRPC check TARGET/more-fields: success""#]]),
        (
            "down",
            expect![[
                r#"critical "gRPC application didn't report service healthy: its state is NOT_SERVING""#
            ]],
        ),
        (
            "unknown",
            expect![[
                r#"critical "gRPC application didn't report service healthy: its state is UNKNOWN""#
            ]],
        ),
        (
            "unheard-of",
            expect![[
                r#"critical "gRPC application didn't report service healthy: its state is SERVICE_UNKNOWN""#
            ]],
        ),
        (
            "newer",
            expect![[
                r#"critical "gRPC application didn't report service healthy: its state is an unknown one""#
            ]],
        ),
        ("missing", expect![[r#"critical "rpc error: code = NotFound desc = unknown service""#]]),
        ("odd-code", expect![[r#"critical "rpc error: code = Code(99) desc = ""#]]),
        (
            "no-code",
            expect![[
                r#"critical "rpc error: code = Internal desc = server closed the stream without sending trailers""#
            ]],
        ),
        (
            "plain",
            expect![[
                r#"critical "rpc error: code = Unavailable desc = unexpected HTTP status code received from server: 404""#
            ]],
        ),
        (
            "reset",
            expect![[
                r#"critical "rpc error: code = Unavailable desc = stream error received: refused stream before processing any application logic""#
            ]],
        ),
        (
            "cut",
            expect![[
                r#"critical "rpc error: code = Internal desc = the answer is no message of the health service""#
            ]],
        ),
        (
            "compressed",
            expect![[
                r#"critical "rpc error: code = Internal desc = the answer is no message of the health service""#
            ]],
        ),
        (
            "garbage",
            expect![[
                r#"critical "rpc error: code = Internal desc = the answer is no message of the health service""#
            ]],
        ),
        (
            "hang",
            expect![[
                r#"critical "rpc error: code = DeadlineExceeded desc = context deadline exceeded""#
            ]],
        ),
    ];
    for (service, expected) in cases {
        let finding = run(grpc(server.address, service, None), 4096).await;
        check(&finding, Some(server.address), &expected);
    }
    let endless = run(grpc(server.address, "endless", None), 4096).await;
    check(
        &endless,
        Some(server.address),
        &expect![[
            r#"critical "rpc error: code = Unavailable desc = an answer of more than 4096 bytes""#
        ]],
    );
    let cut = run(grpc(server.address, "missing", None), 9).await;
    check(
        &cut,
        Some(server.address),
        &expect![[r#"critical "rpc error ... (captured 9 of 49 bytes)""#]],
    );
}

#[tokio::test]
async fn a_grpc_check_asks_the_health_service_and_closes_in_order() {
    let mut server = serve(None).await;
    run(grpc(server.address, "up", None), 4096).await;
    let heard = [server.heard.recv().await.unwrap(), server.heard.recv().await.unwrap()];
    expect![[r#"
        POST http://TARGET/grpc.health.v1.Health/Check application/grpc \x00\x00\x00\x00\x04\n\x02up
        closed"#]]
    .assert_eq(&heard.join("\n").replace(&server.address.to_string(), "TARGET"));
    let long = "x".repeat(300);
    run(grpc(server.address, &long, None), 4096).await;
    let asked = server.heard.recv().await.unwrap();
    // The length is a number of two bytes then: 0xac 0x02.
    let message = format!(r"\x00\x00\x00\x01/\n\xac\x02{long}");
    assert!(asked.ends_with(&message), "{asked}");
}

#[tokio::test]
async fn a_ping_that_comes_back_passes() {
    let mut server = serve(None).await;
    let finding = run(h2ping(server.address, None), 4096).await;
    check(
        &finding,
        Some(server.address),
        &expect![[r#"passing "HTTP2 ping of TARGET was successful""#]],
    );
    assert_eq!(server.heard.recv().await.unwrap(), "closed");
}

#[tokio::test]
async fn certificates_count_unless_that_was_said() {
    let server = serve(Some(acceptor(&[b"h2"]))).await;
    for probe in [h2ping, |address, tls| grpc(address, "up", tls)] {
        for skip_verify in [true, false] {
            let finding = run(probe(server.address, Some(tls(skip_verify))), 4096).await;
            let expected = if skip_verify { "passing" } else { "critical" };
            assert_eq!(finding.status.as_str(), expected, "{finding:?}");
            assert!(skip_verify || finding.output.contains("certificate"), "{finding:?}");
        }
    }
    // A name that can be no server's.
    let named = Some(Tls { skip_verify: true, server_name: Some("a b".to_owned()) });
    check(
        &run(h2ping(server.address, named), 4096).await,
        Some(server.address),
        &expect![[r#"critical "HTTP2 ping of TARGET failed: `a b` is no name of a TLS server""#]],
    );
}

#[tokio::test]
async fn servers_that_speak_something_else_are_critical() {
    let old = serve(Some(acceptor(&[b"http/1.1"]))).await;
    let ping = async |address: SocketAddr, tls: Option<Tls>| -> Finding {
        run(h2ping(address, tls), 4096).await
    };
    check(
        &ping(old.address, Some(tls(true))).await,
        Some(old.address),
        &expect![[
            r#"critical "HTTP2 ping of TARGET failed: received fatal alert: NoApplicationProtocol""#
        ]],
    );
    let plain = serve(None).await;
    let finding = ping(plain.address, Some(tls(true))).await;
    assert_eq!(finding.status.as_str(), "critical", "{finding:?}");
    let http = blurt(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    check(
        &ping(http, None).await,
        Some(http),
        &expect![[
            r#"critical "HTTP2 ping of TARGET failed: connection error detected: frame with invalid size""#
        ]],
    );
    let closing = blurt(b"").await;
    let finding = ping(closing, None).await;
    assert_eq!(finding.status.as_str(), "critical", "{finding:?}");
    let refusing = nobody().await;
    check(
        &ping(refusing, None).await,
        Some(refusing),
        &expect![[
            r#"critical "HTTP2 ping of TARGET failed: dial tcp TARGET: Connection refused (os error 111)""#
        ]],
    );
    let finding = run(grpc(refusing, "up", None), 4096).await;
    check(
        &finding,
        Some(refusing),
        &expect![[
            r#"critical "rpc error: code = Unavailable desc = dial tcp TARGET: Connection refused (os error 111)""#
        ]],
    );
    let nonsense = Probe::Grpc {
        address: "a b:1".to_owned(),
        service: String::new(),
        tls: None,
        timing: timing(LONG),
    };
    check(
        &run(nonsense, 4096).await,
        None,
        &expect![[
            r#"critical "rpc error: code = Internal desc = `a b:1` cannot be asked: invalid uri character""#
        ]],
    );
}

#[tokio::test]
async fn an_answer_counts_though_the_connection_ends_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"up") {
            stream.read_buf(&mut request).await.unwrap();
        }
        // In one piece: SETTINGS, a head (`:status 200`), a message, trailers, and the end.
        let pieces: [&[u8]; 4] = [
            b"\0\0\0\x04\0\0\0\0\0",
            b"\0\0\x01\x01\x04\0\0\0\x01\x88",
            b"\0\0\x07\0\0\0\0\0\x01\0\0\0\0\x02\x08\x01",
            b"\0\0\x0f\x01\x05\0\0\0\x01\0\x0bgrpc-status\x010",
        ];
        stream.write_all(&pieces.concat()).await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read_to_end(&mut request).await;
    });
    let finding = run(grpc(address, "up", None), 4096).await;
    check(&finding, Some(address), &expect![[r#"passing "gRPC check TARGET/up: success""#]]);
}

#[tokio::test]
async fn a_ping_that_never_comes_back_is_critical_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (gone, is_gone) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // A server's first word, an empty SETTINGS; it acknowledges nothing after it.
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        let _ = gone.send(());
    });
    let address_text = address.to_string();
    let timing = timing(SHORT);
    let probe = Probe::H2Ping { address: address_text, tls: None, timing };
    check(
        &run(probe, 4096).await,
        Some(address),
        &expect![[r#"critical "HTTP2 ping of TARGET failed: no answer within 300ms""#]],
    );
    tokio::time::timeout(LONG, is_gone).await.expect("no connection is left").unwrap();
}
