//! Checks of the rarer kinds, by the real program: gRPC, H2PING, Docker, OS services.

use fs_err as fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use hyper::Response;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{CRITICAL, PASSING, dig, register, until_check};
use crate::harness::Agent;

/// A gRPC server with a health service, encrypted or not.
struct Health {
    address: SocketAddr,
    /// The state that it tells, as protobuf numbers it.
    state: Arc<AtomicU8>,
    /// Where it runs.
    _runtime: Runtime,
}

const SERVING: u8 = 1;
const NOT_SERVING: u8 = 2;

impl Health {
    fn start(acceptor: Option<TlsAcceptor>) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(AtomicU8::new(SERVING));
        let told = Arc::clone(&state);
        runtime.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, told) = (acceptor.clone(), Arc::clone(&told));
                connections.spawn(async move {
                    match acceptor {
                        None => answer(stream, &told).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                answer(stream, &told).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, state, _runtime: runtime }
    }
}

async fn answer(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    told: &AtomicU8,
) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
        let head = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
        let mut stream = respond.send_response(head, false).unwrap();
        let message = [0, 0, 0, 0, 2, 0x08, told.load(Ordering::SeqCst)];
        stream.send_data(Bytes::copy_from_slice(&message), false).unwrap();
        let trailers = [("grpc-status".parse().unwrap(), "0".parse().unwrap())];
        stream.send_trailers(trailers.into_iter().collect()).unwrap();
    }
}

const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/probe.example.pem");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/probe.example.key");

/// Says of a unit what its name says.
const SYSTEMCTL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemctl");

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(CERTIFICATE).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::from_pem_file(KEY).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

#[test]
fn a_grpc_service_leaves_dns_when_it_stops_serving_and_returns() {
    let health = Health::start(None);
    let agent = Agent::dev().start();
    let target = format!("{}/pkg.Web", health.address);
    let check = json!({ "GRPC": target, "Interval": "1s" });
    register(&agent, &json!({ "Name": "web", "Port": 80, "Check": check }));
    let cases = [
        (SERVING, "passing", PASSING),
        (NOT_SERVING, "critical", CRITICAL),
        (SERVING, "passing", PASSING),
    ];
    for (state, status, expected) in cases {
        health.state.store(state, Ordering::SeqCst);
        until_check(&agent, "web", status);
        assert_eq!(dig(&agent, "web.service.consul"), expected);
    }
}

#[test]
fn a_certificate_counts_for_the_name_that_was_said() {
    let health = Health::start(Some(acceptor()));
    // Whom the machine trusts, here the server itself alone.
    let agent = Agent::dev().under(["env", &format!("SSL_CERT_FILE={CERTIFICATE}")]).start();
    let address = health.address.to_string();
    let name = "probe.example";
    let cases = [
        ("ping", json!({ "H2PING": address, "TLSServerName": name }), "passing"),
        ("grpc", json!({ "GRPC": address, "GRPCUseTLS": true, "TLSServerName": name }), "passing"),
        ("trusting", json!({ "H2PING": address, "TLSSkipVerify": true }), "passing"),
        ("plain", json!({ "GRPC": address }), "critical"),
        ("address", json!({ "H2PING": address, "Status": "passing" }), "critical"),
        (
            "other",
            json!({ "H2PING": address, "TLSServerName": "b.example", "Status": "passing" }),
            "critical",
        ),
    ];
    for (name, mut check, status) in cases {
        check["Interval"] = json!("1s");
        check["Timeout"] = json!("5s");
        if name == "plain" {
            check["Status"] = json!("passing");
        }
        register(&agent, &json!({ "Name": name, "Port": 80, "Check": check }));
        let output = until_check(&agent, name, status);
        let is_about = |word| output.contains(word);
        assert!(status == "passing" || name == "plain" || is_about("certificate"), "{output}");
    }
}

#[test]
fn a_unit_of_systemd_speaks_by_its_state() {
    let path = format!("PATH={SYSTEMCTL}:/usr/bin:/bin");
    let agent = Agent::dev().under(["env", &path]).start();
    let cases = [("active", "passing"), ("reloading", "warning"), ("failed", "critical")];
    for (state, status) in cases {
        let unit = format!("{state}.service");
        // Something else than what it is to become.
        let before = if status == "critical" { "passing" } else { "critical" };
        let check = json!({ "OSService": unit, "Interval": "1s", "Status": before });
        register(&agent, &json!({ "Name": state, "Port": 80, "Check": check }));
        let output = until_check(&agent, state, status);
        assert_eq!(output, format!("Service \"{unit}\" is {state}"));
    }
    assert_eq!(dig(&agent, "active.service.consul"), PASSING);
    assert_eq!(dig(&agent, "failed.service.consul"), CRITICAL);
}

/// A Docker at a socket, whose programs end as the number in a file says.
fn docker(socket: &Path, code: &Path) {
    let (listener, code) = (UnixListener::bind(socket).unwrap(), code.to_owned());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            // Each body is one object, and only the last call has none.
            let is_whole = |request: &[u8]| {
                let end: &[u8] = if request.starts_with(b"POST ") { b"}" } else { b"\r\n\r\n" };
                request.ends_with(end)
            };
            while !is_whole(&request) {
                match stream.read(&mut buffer).unwrap_or(0) {
                    0 => break,
                    count => request.extend_from_slice(&buffer[..count]),
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let answer = if request.contains("/start ") {
                "HTTP/1.1 200 OK\r\n\r\n\x01\0\0\0\0\0\0\x05said\n".to_owned()
            } else {
                let code = fs::read_to_string(&code).unwrap();
                let body = format!(r#"{{"Id":"e1","ExitCode":{code},"Running":false}}"#);
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
}

#[test]
fn a_program_in_a_container_speaks_by_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, code) = (dir.path().join("docker.sock"), dir.path().join("code"));
    fs::write(&code, "0").unwrap();
    docker(&socket, &code);
    let host = format!("DOCKER_HOST=unix://{}", socket.display());
    let agent = Agent::dev().under(["env", &host]).args(["-enable-script-checks"]).start();
    let check = json!({ "DockerContainerID": "web", "Args": ["check"], "Interval": "1s" });
    register(&agent, &json!({ "Name": "web", "Port": 80, "Check": check }));
    let cases = [("0", "passing", PASSING), ("1", "warning", PASSING), ("7", "critical", CRITICAL)];
    for (exit, status, expected) in cases {
        // Moved into place, so that nobody finds it half-written.
        let beside = dir.path().join("beside");
        fs::write(&beside, exit).unwrap();
        fs::rename(&beside, &code).unwrap();
        assert_eq!(until_check(&agent, "web", status), "said\n");
        assert_eq!(dig(&agent, "web.service.consul"), expected);
    }
}

#[test]
fn programs_in_containers_come_only_from_where_scripts_may() {
    let dir = tempfile::tempdir().unwrap();
    let check = json!({ "name": "s", "docker_container_id": "c", "args": ["a"], "interval": "1s" });
    fs::write(dir.path().join("s.json"), json!({ "check": check }).to_string()).unwrap();
    let (status, output) = Agent::dev().args(["-config-dir"]).args([dir.path()]).fail();
    assert_eq!(status.code(), Some(1));
    assert!(output.contains("Scripts are disabled on this agent"), "{output}");
    let local = Agent::dev().args(["-enable-local-script-checks"]).start();
    let check = json!({ "Name": "x", "DockerContainerID": "c", "Args": ["a"], "Interval": "1s" });
    let (status, body) =
        local.http("PUT", "/v1/agent/check/register", check.to_string().as_bytes());
    let body = String::from_utf8_lossy(&body).into_owned();
    assert_eq!(status, 500, "{body}");
    assert!(body.contains("Scripts are disabled on this agent from remote calls"), "{body}");
}
