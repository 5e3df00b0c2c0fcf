//! Flags and environment → a connection to an agent → its answers, or faults in Consul's words.

use std::time::Duration;

use clap::Args;
use reqwest::Method;

use crate::cli::fault::Fault;
use crate::cli::output::Output;
use crate::model::limits;

pub(super) mod endpoint;

mod tls;

/// The flags of every command that asks an agent.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "HTTP API Options")]
pub(super) struct ClientFlags {
    /// Agent to ask: `host:port`, `http(s)://…` or `unix:///path` [env: CONSUL_HTTP_ADDR]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) http_addr: Option<String>,
    /// ACL token [env: CONSUL_HTTP_TOKEN]
    #[arg(long)]
    pub(super) token: Option<String>,
    /// File with the ACL token [env: CONSUL_HTTP_TOKEN_FILE]
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<String>,
    /// Datacenter to ask about; the agent's own by default
    #[arg(long)]
    pub(super) datacenter: Option<String>,
    /// Lets any server answer, leader or not
    #[arg(long)]
    pub(super) stale: bool,
    /// Certificate of the authority that the agent's is checked with [env: CONSUL_CACERT]
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<String>,
    /// Folder of such certificates [env: CONSUL_CAPATH]
    #[arg(long, value_name = "DIR")]
    pub(super) ca_path: Option<String>,
    /// Our certificate, where the agent wants one [env: CONSUL_CLIENT_CERT]
    #[arg(long, value_name = "FILE")]
    pub(super) client_cert: Option<String>,
    /// Its key [env: CONSUL_CLIENT_KEY]
    #[arg(long, value_name = "FILE")]
    pub(super) client_key: Option<String>,
    /// Name to expect in the agent's certificate [env: CONSUL_TLS_SERVER_NAME]
    #[arg(long, value_name = "NAME")]
    pub(super) tls_server_name: Option<String>,
    /// Ignored: there is no RPC port since Consul 0.8
    #[arg(long, hide = true)]
    pub(super) rpc_addr: Option<String>,
}

/// What is asked of an agent.
pub(super) struct Request<'a> {
    /// Consul's words for it, with which an error begins: `Error retrieving members`.
    pub(super) doing: &'a str,
    /// The method.
    pub(super) method: Method,
    /// The path, percent-encoded.
    pub(super) path: String,
    /// Parameters, not encoded; a flag has no value.
    pub(super) query: Vec<(&'a str, Option<String>)>,
    /// The body.
    pub(super) body: Vec<u8>,
}

impl<'a> Request<'a> {
    /// A question without parameters.
    pub(super) fn get(doing: &'a str, path: impl Into<String>) -> Self {
        Self { doing, method: Method::GET, path: path.into(), query: vec![], body: vec![] }
    }

    /// An order without parameters.
    pub(super) fn put(doing: &'a str, path: impl Into<String>, body: Vec<u8>) -> Self {
        Self { doing, method: Method::PUT, path: path.into(), query: vec![], body }
    }

    /// The same with another parameter.
    pub(super) fn with(mut self, name: &'a str, value: Option<String>) -> Self {
        self.query.push((name, value));
        self
    }
}

/// An agent that can be asked.
pub(super) struct Client {
    /// One thread is enough for one question at a time.
    runtime: tokio::runtime::Runtime,
    /// Connections.
    http: reqwest::Client,
    /// Where and as whom.
    endpoint: endpoint::Endpoint,
    /// Asked of every request that reads.
    stale: bool,
    /// Asked about.
    datacenter: Option<String>,
}

impl Client {
    /// Prepares to ask; nothing is sent yet.
    pub(super) fn open(flags: &ClientFlags, output: &mut Output) -> Result<Self, Fault> {
        Self::open_with(flags, output, |builder| builder.read_timeout(READ_TIMEOUT))
    }

    /// Prepares to ask for something that may say nothing for as long as it likes.
    pub(super) fn open_patient(flags: &ClientFlags, output: &mut Output) -> Result<Self, Fault> {
        Self::open_with(flags, output, |builder| builder)
    }

    fn open_with(
        flags: &ClientFlags,
        output: &mut Output,
        set_timeout: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Result<Self, Fault> {
        if flags.rpc_addr.is_some() {
            output.note("warning: -rpc-addr is ignored: agents are asked over HTTP (-http-addr)");
        }
        let endpoint = endpoint::find(flags, &|name| std::env::var(name).ok())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| Fault::System { doing: "start the HTTP client", source })?;
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT);
        let http = tls::connector(set_timeout(builder), &endpoint)?;
        let datacenter = flags.datacenter.clone();
        Ok(Self { runtime, http, endpoint, stale: flags.stale, datacenter })
    }

    /// Asks; anything but 200 is a fault.
    pub(super) fn ask(&self, request: &Request<'_>) -> Result<Vec<u8>, Fault> {
        match self.ask_for(request)? {
            (200, body) => Ok(body),
            (code, body) => Err(answered(request.doing, code, &body)),
        }
    }

    /// Asks for something that may not be there: `None` for 404.
    pub(super) fn ask_maybe(&self, request: &Request<'_>) -> Result<Option<Vec<u8>>, Fault> {
        match self.ask_for(request)? {
            (200, body) => Ok(Some(body)),
            (404, body) if body.is_empty() => Ok(None),
            (code, body) => Err(answered(request.doing, code, &body)),
        }
    }

    /// Asks for JSON.
    pub(super) fn ask_json<T: serde::de::DeserializeOwned>(
        &self,
        request: &Request<'_>,
    ) -> Result<T, Fault> {
        decode(request.doing, &self.ask(request)?)
    }

    /// Hands on what an agent says, piece by piece as it comes, until it ends.
    pub(super) fn follow(
        &self,
        request: &Request<'_>,
        mut hand_on: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let unreachable = |fault: reqwest::Error| self.unreachable(request.doing, &fault);
        self.runtime.block_on(async {
            let mut answer = self.prepare(request).send().await.map_err(unreachable)?;
            let code = answer.status().as_u16();
            if code != 200 {
                let body = answer.bytes().await.map_err(unreachable)?;
                return Err(answered(request.doing, code, &body));
            }
            while let Some(piece) = answer.chunk().await.map_err(unreachable)? {
                hand_on(&piece)?;
            }
            Ok(())
        })
    }

    /// Asks with a file as the body, which is read while it is sent.
    pub(super) fn upload(
        &self,
        request: &Request<'_>,
        file: fs_err::File,
    ) -> Result<Vec<u8>, Fault> {
        let body = tokio::fs::File::from_std(file.into_parts().0);
        match self.gather(request, self.prepare_with(request, body.into()))? {
            (200, body) => Ok(body),
            (code, body) => Err(answered(request.doing, code, &body)),
        }
    }

    fn prepare(&self, request: &Request<'_>) -> reqwest::RequestBuilder {
        self.prepare_with(request, request.body.clone().into())
    }

    fn prepare_with(&self, request: &Request<'_>, body: reqwest::Body) -> reqwest::RequestBuilder {
        let url = format!("{}{}{}", self.endpoint.base, request.path, self.query_of(request));
        let mut http = self.http.request(request.method.clone(), url).body(body);
        if let Some(token) = &self.endpoint.token {
            http = http.header("X-Consul-Token", token);
        }
        if let Some((user, password)) = &self.endpoint.auth {
            http = http.basic_auth(user, Some(password));
        }
        http
    }

    fn ask_for(&self, request: &Request<'_>) -> Result<(u16, Vec<u8>), Fault> {
        self.gather(request, self.prepare(request))
    }

    fn gather(
        &self,
        request: &Request<'_>,
        http: reqwest::RequestBuilder,
    ) -> Result<(u16, Vec<u8>), Fault> {
        let answer = async {
            let mut answer = http.send().await?;
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                if limits::CLIENT_BODY_BYTES_MAX < body.len().saturating_add(chunk.len()) {
                    return Ok((answer.status().as_u16(), None));
                }
                body.extend_from_slice(&chunk);
            }
            Ok((answer.status().as_u16(), Some(body)))
        };
        match self.runtime.block_on(answer) {
            Ok((code, Some(body))) => Ok((code, body)),
            Ok((_, None)) => Err(Fault::Garbled {
                doing: request.doing.to_owned(),
                reason: format!("it is longer than {} bytes", limits::CLIENT_BODY_BYTES_MAX),
            }),
            Err(error) => Err(self.unreachable(request.doing, &error)),
        }
    }

    fn query_of(&self, request: &Request<'_>) -> String {
        let stale = self.stale && request.method == Method::GET;
        let asked = request.query.iter().map(|(name, value)| (*name, value.as_deref()));
        let common = [
            self.datacenter.as_deref().map(|datacenter| ("dc", Some(datacenter))),
            stale.then_some(("stale", None)),
        ];
        let pairs = asked.chain(common.into_iter().flatten()).map(|(name, value)| {
            let value = value.map(|value| format!("={}", endpoint::encode(value)));
            format!("{name}{}", value.unwrap_or_default())
        });
        let pairs: Vec<String> = pairs.collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    fn unreachable(&self, doing: &str, error: &reqwest::Error) -> Fault {
        let (doing, address) = (doing.to_owned(), self.endpoint.shown.clone());
        if error.is_builder() {
            let text = format!("{doing}: {address} is no address of an agent");
            return Fault::Advised { text, hint: endpoint::FORMS.to_owned() };
        }
        let reason =
            if error.is_timeout() { "no answer in time".to_owned() } else { innermost(error) };
        let hint = if tls::is_to_blame(error) {
            "say which authority to trust with -ca-file or CONSUL_CACERT, or set CONSUL_HTTP_SSL_VERIFY=false"
        } else {
            "is the agent running? start one with `lictor agent -dev`, or say where it is with `-http-addr` or CONSUL_HTTP_ADDR"
        };
        Fault::Unreachable { doing, address, reason, hint }
    }
}

/// Reads JSON from an answer.
pub(super) fn decode<T: serde::de::DeserializeOwned>(doing: &str, body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body)
        .map_err(|error| Fault::Garbled { doing: doing.to_owned(), reason: error.to_string() })
}

fn answered(doing: &str, code: u16, body: &[u8]) -> Fault {
    let body = String::from_utf8_lossy(body).trim_end().to_owned();
    Fault::Answered { doing: doing.to_owned(), code, body }
}

/// The last cause: those before it only say that something could not be sent.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an agent may be silent: longer than any election and any timeout of its own.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
