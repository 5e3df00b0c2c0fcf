//! Docker: runs a program in a container; exit 0 passes, 1 warns, anything else is critical.
//!
//! Three calls of Docker's HTTP API: make an exec, start it and read what it prints, ask how it ended. The
//! API has no call that ends an exec, so what times out goes on in its container until it ends by itself;
//! until then the check starts no other one beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::agent::probe::Finding;
use crate::agent::probe::http::{chain, install_provider};
use crate::agent::probe::names::Names;
use crate::agent::probe::output::Tail;
use crate::agent::probe::script::timed_out;
use crate::model::health::Status;
use crate::model::limits::{AGENT_DEFINITIONS_MAX, CHECK_BODY_READ_BYTES_MAX};
use crate::model::lock::lock;
use crate::model::name::CheckId;

/// The Docker that this machine's checks use.
#[derive(Debug)]
pub(super) struct Docker {
    /// Where it is, as the environment said.
    host: String,
    /// Finds its address.
    names: Names,
    /// Made when it is first needed.
    client: OnceCell<(Client, Url)>,
    /// What was started and not seen to end, by who started it.
    started: Mutex<BTreeMap<Job, String>>,
}

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Job {
    /// For which check.
    pub(super) check: CheckId,
    /// In which container.
    pub(super) container: String,
    /// Program and arguments.
    pub(super) args: Vec<String>,
}

/// Where Docker listens.
enum Place {
    /// At a socket in the file system.
    Unix(PathBuf),
    /// At `host:port`.
    Tcp(String),
}

impl Docker {
    /// The one at `host`, a `DOCKER_HOST`; at its usual socket where that is empty.
    pub(super) fn at(host: &str, names: Names) -> Self {
        let host = if host.is_empty() { USUAL_HOST } else { host };
        Self { host: host.to_owned(), names, client: OnceCell::new(), started: Mutex::default() }
    }

    /// Runs a program in a container once.
    pub(super) async fn run(&self, job: Job, limit: Duration, output_bytes_max: usize) -> Finding {
        let mut tail = Tail::new(output_bytes_max);
        match timeout(limit, self.exec(&job, &mut tail)).await {
            Ok(Ok(code)) => Finding { status: status_of(code), output: tail.text_with_note() },
            Ok(Err(fault)) => {
                Finding::critical(format!("docker exec in `{}`: {fault}", job.container))
            }
            Err(_) => timed_out(limit, &tail),
        }
    }

    /// The exit code of a program; what it printed is in `tail`.
    async fn exec(&self, job: &Job, tail: &mut Tail) -> Result<i64, String> {
        self.check_earlier(job).await?;
        let exec = json!({
            "AttachStdin": false,
            "AttachStdout": true,
            "AttachStderr": true,
            "Tty": false,
            "Cmd": job.args,
        });
        let created = self.post(&["containers", &job.container, "exec"], &exec).await?;
        let Created { id } = self.parse(created).await?;
        self.note(job, Some(id.clone()));
        let start = json!({ "Detach": false, "Tty": false });
        let mut printed = self.post(&["exec", &id, "start"], &start).await?;
        let mut frames = Frames::default();
        while let Some(piece) = printed.chunk().await.map_err(|fault| self.said(&fault))? {
            frames.push(&piece, tail);
        }
        let ended: Ended = self.parse(self.inspect(&id).await?).await?;
        let code = ended.code().ok_or("its output ended before the program did")?;
        self.note(job, None);
        Ok(code)
    }

    /// Refuses to start a program beside one that an earlier run of the same check left behind.
    async fn check_earlier(&self, job: &Job) -> Result<(), String> {
        let Some(id) = self.note(job, None) else { return Ok(()) };
        // Where Docker knows it no more, or does not answer, it is no reason to wait.
        let Ok(answer) = self.inspect(&id).await else { return Ok(()) };
        let ended: Ended = self.parse(answer).await?;
        if !ended.running {
            return Ok(());
        }
        self.note(job, Some(id));
        Err("the program of an earlier run has not ended yet".to_owned())
    }

    /// Remembers what was started for a job, or that nothing is any more; what was until now.
    fn note(&self, job: &Job, started: Option<String>) -> Option<String> {
        let mut all = lock(&self.started);
        let Some(id) = started else { return all.remove(job) };
        // Checks that are gone leave theirs behind.
        if AGENT_DEFINITIONS_MAX <= all.len() {
            all.pop_first();
        }
        all.insert(job.clone(), id)
    }

    async fn inspect(&self, id: &str) -> Result<Response, String> {
        self.send(self.call(&["exec", id, "json"], Client::get).await?).await
    }

    async fn post(&self, path: &[&str], body: &serde_json::Value) -> Result<Response, String> {
        let call = self.call(path, Client::post).await?;
        let call = call.header("content-type", "application/json").body(body.to_string());
        self.send(call).await
    }

    async fn call(
        &self,
        path: &[&str],
        method: fn(&Client, Url) -> RequestBuilder,
    ) -> Result<RequestBuilder, String> {
        let (client, root) =
            self.client.get_or_try_init(async || build(&self.host, &self.names)).await?;
        let mut url = root.clone();
        // Only such URLs as `mailto:` have no segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        Ok(method(client, url))
    }

    /// Sends a call; what Docker does not like is a fault, in Docker's words.
    async fn send(&self, call: RequestBuilder) -> Result<Response, String> {
        let response = call.send().await.map_err(|fault| self.said(&fault))?;
        let code = response.status();
        if code.is_success() {
            return Ok(response);
        }
        let refused: Refused = self.parse(response).await.unwrap_or_default();
        Err(refusal(code, &refused.message))
    }

    /// Reads a whole answer.
    async fn parse<T: DeserializeOwned>(&self, mut response: Response) -> Result<T, String> {
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|fault| self.said(&fault))? {
            bytes.extend_from_slice(&piece);
            if CHECK_BODY_READ_BYTES_MAX < bytes.len() {
                return Err("an answer that is too long to be Docker's".to_owned());
            }
        }
        serde_json::from_slice(&bytes).map_err(|_| "an answer that is not Docker's".to_owned())
    }

    fn said(&self, fault: &reqwest::Error) -> String {
        format!("cannot reach Docker at {}: {}", self.host, chain(fault))
    }
}

fn status_of(code: i64) -> Status {
    match code {
        0 => Status::Passing,
        1 => Status::Warning,
        _ => Status::Critical,
    }
}

fn refusal(code: StatusCode, message: &str) -> String {
    if message.is_empty() {
        return format!("Docker answered {code}");
    }
    format!("Docker answered {}: {message}", code.as_u16())
}

fn build(host: &str, names: &Names) -> Result<(Client, Url), String> {
    install_provider();
    let builder = Client::builder()
        .pool_max_idle_per_host(0)
        .no_proxy()
        .dns_resolver(names.clone())
        // No TLS is spoken here, so no root certificates need to be read.
        .tls_certs_only([]);
    let (builder, root) = match place(host)? {
        // The name is only what stands in the Host line.
        Place::Unix(path) => (builder.unix_socket(path), "http://docker/".to_owned()),
        Place::Tcp(address) => (builder, format!("http://{address}/")),
    };
    let root = Url::parse(&root).map_err(|fault| format!("DOCKER_HOST `{host}`: {fault}"))?;
    Ok((builder.build().map_err(|fault| chain(&fault))?, root))
}

fn place(host: &str) -> Result<Place, String> {
    if let Some(path) = host.strip_prefix("unix://") {
        return Ok(Place::Unix(path.into()));
    }
    let tcp = ["tcp://", "http://"].into_iter().find_map(|scheme| host.strip_prefix(scheme));
    tcp.map(|address| Place::Tcp(address.trim_end_matches('/').to_owned())).ok_or_else(|| {
        format!("DOCKER_HOST `{host}` cannot be used; give `unix:///PATH` or `tcp://HOST:PORT`")
    })
}

/// Takes the stream of an exec apart: before each piece stand eight bytes, the last four of them its length.
#[derive(Debug, Default)]
struct Frames {
    /// The head of the piece that comes, as far as it is here.
    head: Vec<u8>,
    /// How much of the current piece is to come.
    left: usize,
}

impl Frames {
    fn push(&mut self, mut bytes: &[u8], tail: &mut Tail) {
        while !bytes.is_empty() {
            if self.left == 0 {
                let (head, rest) = bytes.split_at(bytes.len().min(HEAD_BYTES - self.head.len()));
                self.head.extend_from_slice(head);
                bytes = rest;
                if let Some(length) = self.head.last_chunk::<4>()
                    && self.head.len() == HEAD_BYTES
                {
                    self.left = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
                    self.head.clear();
                }
                continue;
            }
            let (piece, rest) = bytes.split_at(bytes.len().min(self.left));
            tail.push(piece);
            self.left -= piece.len();
            bytes = rest;
        }
    }
}

/// The answer to an exec that was made.
#[derive(Deserialize)]
struct Created {
    /// What it is called from now on.
    #[serde(rename = "Id")]
    id: String,
}

/// What Docker says of an exec.
#[derive(Deserialize)]
struct Ended {
    /// How it ended; absent before.
    #[serde(rename = "ExitCode")]
    exit_code: Option<i64>,
    /// Whether it did not.
    #[serde(rename = "Running", default)]
    running: bool,
}

impl Ended {
    /// How it ended, if it did.
    fn code(&self) -> Option<i64> {
        self.exit_code.filter(|_| !self.running)
    }
}

/// The answer to a call that Docker does not like.
#[derive(Default, Deserialize)]
struct Refused {
    /// Why.
    #[serde(default)]
    message: String,
}

/// Where Docker listens unless it was told otherwise.
const USUAL_HOST: &str = "unix:///var/run/docker.sock";

/// Length of what stands before each piece of output.
const HEAD_BYTES: usize = 8;
