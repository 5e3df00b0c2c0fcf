//! HTTP: 2xx passes, 429 (Too Many Requests, RFC 6585 §4) warns, anything else is critical.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONNECTION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::agent::probe::Finding;
use crate::agent::probe::names::Names;
use crate::agent::probe::output::Tail;
use crate::model::health::Status;
use crate::model::limits::{CHECK_BODY_READ_BYTES_MAX, CHECK_REDIRECTS_MAX};
use crate::model::time::GoDuration;

/// The clients that all HTTP checks share. Each is made when it is first needed: reading the machine's
/// root certificates costs time and memory that an agent without HTTP checks does not owe.
#[derive(Debug)]
pub(super) struct HttpClients {
    /// Verifies certificates.
    verifying: OnceCell<Client>,
    /// Takes any certificate (`tls_skip_verify`).
    trusting: OnceCell<Client>,
    /// Where they find the addresses of hosts.
    names: Names,
}

/// What to ask.
pub(super) struct Request<'a> {
    /// Whom.
    pub(super) url: &'a str,
    /// How; GET where it is empty.
    pub(super) method: &'a str,
    /// Header lines.
    pub(super) header: &'a BTreeMap<String, Vec<String>>,
    /// Body.
    pub(super) body: &'a str,
    /// Whether any certificate will do.
    pub(super) tls_skip_verify: bool,
    /// How long it may take, body included.
    pub(super) timeout: Duration,
    /// How much of the body is kept.
    pub(super) output_bytes_max: usize,
}

/// Asks once.
pub(super) async fn run(request: &Request<'_>, clients: &HttpClients) -> Finding {
    let method = if request.method.is_empty() { "GET" } else { request.method };
    let url = request.url;
    match timeout(request.timeout, ask(request, method, clients)).await {
        Ok(Ok((code, body))) => {
            let reason = code.canonical_reason().unwrap_or_default();
            let number = code.as_u16();
            Finding {
                status: status_of(code),
                output: format!("HTTP {method} {url}: {number} {reason} Output: {body}"),
            }
        }
        Ok(Err(fault)) => Finding::critical(format!("HTTP {method} {url}: {fault}")),
        Err(_) => {
            let limit = GoDuration(request.timeout);
            Finding::critical(format!("HTTP {method} {url}: no complete answer within {limit}"))
        }
    }
}

fn status_of(code: StatusCode) -> Status {
    if code.is_success() {
        return Status::Passing;
    }
    if code == StatusCode::TOO_MANY_REQUESTS {
        return Status::Warning;
    }
    Status::Critical
}

async fn ask(
    request: &Request<'_>,
    method: &str,
    clients: &HttpClients,
) -> Result<(StatusCode, String), String> {
    let method = Method::from_bytes(method.as_bytes()).map_err(|fault| fault.to_string())?;
    let client = clients.client(request.tls_skip_verify).await?;
    let mut call = client.request(method, request.url).headers(headers(request)?);
    if !request.body.is_empty() {
        call = call.body(request.body.to_owned());
    }
    let response = call.send().await.map_err(|fault| chain(&fault))?;
    let code = response.status();
    let body = read_body(response, request.output_bytes_max).await?;
    Ok((code, body))
}

/// Reads as much of a body as counts; the rest is never fetched.
async fn read_body(mut response: Response, bytes_max: usize) -> Result<String, String> {
    let mut tail = Tail::new(bytes_max);
    while tail.total() < CHECK_BODY_READ_BYTES_MAX {
        let Some(chunk) = response.chunk().await.map_err(|fault| chain(&fault))? else { break };
        tail.push(&chunk);
    }
    Ok(tail.text())
}

fn headers(request: &Request<'_>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("text/plain, text/*, */*"));
    // A check has to find out whether a new connection works, so none is kept.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    for (name, values) in request.header {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{name}` is no name of a header"))?;
        headers.remove(&header);
        for value in values {
            let value = HeaderValue::from_str(value)
                .map_err(|_| format!("`{value}` is no value of the header `{name}`"))?;
            headers.append(header.clone(), value);
        }
    }
    Ok(headers)
}

impl HttpClients {
    /// None yet.
    pub(super) fn new(names: Names) -> Self {
        Self { verifying: OnceCell::new(), trusting: OnceCell::new(), names }
    }

    async fn client(&self, is_trusting: bool) -> Result<&Client, String> {
        let cell = if is_trusting { &self.trusting } else { &self.verifying };
        cell.get_or_try_init(|| async move {
            // Root certificates are read from disk: not on an async thread.
            let names = self.names.clone();
            let made = tokio::task::spawn_blocking(move || build(is_trusting, &names)).await;
            made.map_err(|fault| fault.to_string())?
        })
        .await
    }
}

fn build(is_trusting: bool, names: &Names) -> Result<Client, String> {
    install_provider();
    let builder = || {
        Client::builder()
            .user_agent("Consul Health Check")
            .pool_max_idle_per_host(0)
            .redirect(Policy::limited(CHECK_REDIRECTS_MAX))
            .dns_resolver(names.clone())
            // A check is about the target, not about a proxy on the way to it.
            .no_proxy()
    };
    if is_trusting {
        return builder().tls_danger_accept_invalid_certs(true).build().map_err(|f| chain(&f));
    }
    builder().build().or_else(|fault| {
        // A machine without root certificates (a bare container) can still check plain HTTP.
        tracing::warn!("HTTPS checks will fail, no root certificates: {}", chain(&fault));
        builder().tls_certs_only([]).build().map_err(|fault| chain(&fault))
    })
}

/// Has reqwest use the one crypto provider of this program.
pub(super) fn install_provider() {
    // Whoever installs it first wins, and everybody installs the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The last cause of a fault: what the system said, without the URL over and over.
pub(super) fn chain(fault: &dyn Error) -> String {
    let mut last = fault;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
