//! What checks look at: listeners that say what a test tells them to, and tell it who came.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// An HTTP service.
pub(super) struct Target {
    /// Where.
    pub(super) address: SocketAddr,
    /// The code that it answers with.
    code: Arc<AtomicU16>,
    /// What it was asked: first line, header lines and body.
    pub(super) requests: Receiver<String>,
}

impl Target {
    /// One that speaks plainly.
    pub(super) fn plain() -> Self {
        Self::serve(|stream, code, seen| answer(stream, code, &seen))
    }

    /// One that speaks TLS, with a certificate that nobody vouches for.
    pub(super) fn tls() -> Self {
        let decode = |text| STANDARD.decode(text).unwrap();
        let certificate = CertificateDer::from(decode(CERTIFICATE));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(decode(KEY)));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let config = Arc::new(config);
        Self::serve(move |stream, code, seen| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            answer(StreamOwned::new(connection, stream), code, &seen);
        })
    }

    fn serve(one: impl Fn(TcpStream, u16, Sender<String>) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let code = Arc::new(AtomicU16::new(200));
        let (seen, requests) = channel();
        let now = Arc::clone(&code);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                one(stream, now.load(Ordering::SeqCst), seen.clone());
            }
        });
        Self { address, code, requests }
    }

    /// Has it answer with another code.
    pub(super) fn say(&self, code: u16) {
        self.code.store(code, Ordering::SeqCst);
    }
}

/// Reads a request and answers it. A client that goes away meanwhile is its own test's business.
fn answer(stream: impl Read + Write, code: u16, seen: &Sender<String>) {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        match stream.read_line(&mut request) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let length = request.to_ascii_lowercase();
    let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).is_err() {
        return;
    }
    request.push_str(&String::from_utf8_lossy(&body));
    let _ = seen.send(request);
    let stream = stream.get_mut();
    let head = format!("HTTP/1.1 {code} So\r\nConnection: close\r\nContent-Length: 4\r\n\r\nsaid");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.flush());
}

/// Self-signed for `probe.example`, valid until 2126; made for this test and of no worth elsewhere.
const CERTIFICATE: &str = "\
    MIIBoDCCAUegAwIBAgIUOOBFgSxT2wZkfGsa7m/rHiko0nswCgYIKoZIzj0EAwIwGDEWMBQGA1UEAwwNcHJvYmUuZXhhbXBs\
    ZTAgFw0yNjExMjMxNzExNTlaGA8yMTI2MTAzMDE3MTE1OVowGDEWMBQGA1UEAwwNcHJvYmUuZXhhbXBsZTBZMBMGByqGSM49\
    AgEGCCqGSM49AwEHA0IABAUBGJpN+BRuuxJYz8HbtgUBoxX3DUHsQBArWlKwTjE5PZQ0Hknmd8v8uEUUh8fxKmJZ2ks/aEaM\
    k02DUSC3QO6jbTBrMB0GA1UdDgQWBBTvADRBAWLI2XbXbkxK3FxDCnAnjDAfBgNVHSMEGDAWgBTvADRBAWLI2XbXbkxK3FxD\
    CnAnjDAPBgNVHRMBAf8EBTADAQH/MBgGA1UdEQQRMA+CDXByb2JlLmV4YW1wbGUwCgYIKoZIzj0EAwIDRwAwRAIgd8FruAuQ\
    oHAFmFNmx6enyJ7+Rw/nwjuTCYAdnP0gRXgCICgDw63KfuyWMhYCiIHiIpDkwe6LdXxK5XDovER+p1ZZ";

/// The certificate's key.
const KEY: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmi9UL+MSfqiME+/c5XiRWHWEE79lKbH+H6rZwq5GbQKhRANC\
    AAQFARiaTfgUbrsSWM/B27YFAaMV9w1B7EAQK1pSsE4xOT2UNB5J5nfL/LhFFIfH8SpiWdpLP2hGjJNNg1Egt0Du";
