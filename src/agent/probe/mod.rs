//! Probe → what it found: the only place of this room with sockets and processes.
//!
//! Every probe ends by its timeout at the latest, holds a bounded amount of what it reads, and when its
//! future is dropped leaves nothing behind: no connection, no process. Two things nobody can end, and both
//! are bounded: a look-up of the system (`names`), and a program in a container (`docker`).

mod http;

mod tcp;

mod udp;

mod http2;

mod grpc;

mod script;

mod docker;

mod systemd;

mod names;

mod tls;

mod output;

use std::pin::Pin;
use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit};

use crate::model::definition::{CheckDefinition, Probe};
use crate::model::health::Status;
use crate::model::limits::{SOCKETS_RUNNING_FEW, SOCKETS_RUNNING_MAX};

use self::docker::{Docker, Job};
use self::http::HttpClients;
use self::http2::Peer;
use self::names::Names;
pub(in crate::agent) use self::output::cut_head;
use self::tls::TlsClients;

/// What one run found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) struct Finding {
    /// What it means.
    pub(in crate::agent) status: Status,
    /// For people.
    pub(in crate::agent) output: String,
}

impl Finding {
    fn critical(output: impl Into<String>) -> Self {
        Self { status: Status::Critical, output: output.into() }
    }
}

/// A run under way.
pub(in crate::agent) type Running = Pin<Box<dyn Future<Output = Option<Finding>> + Send>>;

/// Whoever can run probes; tests bring one that needs no network.
pub(in crate::agent) trait Prober: Send + Sync + 'static {
    /// Runs a probe once; `None` for those that do not run by the clock. At most `output_bytes_max` bytes
    /// of what the target says are kept.
    fn run(&self, definition: Arc<CheckDefinition>, output_bytes_max: usize) -> Running;

    /// How many probes other than programs may run at one time.
    fn sockets_running_max(&self) -> usize;
}

/// Runs probes on this machine and its network.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Network {
    /// What all probes share.
    shared: Arc<Shared>,
}

/// What all probes share.
#[derive(Debug)]
struct Shared {
    /// For HTTP checks.
    clients: HttpClients,
    /// For those that speak HTTP/2.
    tls: TlsClients,
    /// For those in containers.
    docker: Docker,
    /// The program that knows about OS services.
    systemctl: String,
    /// Finds addresses.
    names: Names,
}

impl Network {
    /// The network of this machine, and the Docker at `docker_host`; at its usual place where that is empty.
    pub(in crate::agent) fn new(docker_host: &str) -> Self {
        Self::with(docker_host, "systemctl", Names::default())
    }

    fn with(docker_host: &str, systemctl: &str, names: Names) -> Self {
        let shared = Shared {
            clients: HttpClients::new(names.clone()),
            tls: TlsClients::default(),
            docker: Docker::at(docker_host, names.clone()),
            systemctl: systemctl.to_owned(),
            names,
        };
        Self { shared: Arc::new(shared) }
    }
}

impl Prober for Network {
    fn run(&self, definition: Arc<CheckDefinition>, output_bytes_max: usize) -> Running {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.run(&definition, output_bytes_max).await })
    }

    fn sockets_running_max(&self) -> usize {
        let files_max = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
        sockets_running_max(files_max)
    }
}

/// How many sockets probes may take of the files that this process may open: each up to three, and as much
/// again has to be left for everything else.
fn sockets_running_max(files_max: u64) -> usize {
    let share = usize::try_from(files_max / 6).unwrap_or(usize::MAX);
    share.clamp(SOCKETS_RUNNING_FEW, SOCKETS_RUNNING_MAX)
}

impl Shared {
    async fn run(&self, definition: &CheckDefinition, output_bytes_max: usize) -> Option<Finding> {
        let probe = &definition.probe;
        let limit = probe.timing()?.timeout;
        let names = &self.names;
        let finding = match probe {
            Probe::Http { url, method, header, body, tls_skip_verify, timing: _ } => {
                let request = http::Request {
                    url,
                    method,
                    header,
                    body,
                    tls_skip_verify: *tls_skip_verify,
                    timeout: limit,
                    output_bytes_max,
                };
                http::run(&request, &self.clients).await
            }
            Probe::Tcp { address, .. } => tcp::run(address, limit, names).await,
            Probe::Udp { address, .. } => udp::run(address, limit, names).await,
            Probe::Grpc { address, service, tls, .. } => {
                let peer = Peer { address, tls: tls.as_ref(), names, clients: &self.tls };
                grpc::run(&peer, service, limit, output_bytes_max).await
            }
            Probe::H2Ping { address, tls, .. } => {
                let peer = Peer { address, tls: tls.as_ref(), names, clients: &self.tls };
                http2::ping(&peer, limit).await
            }
            Probe::Script { args, .. } => script::run(args, limit, output_bytes_max).await,
            Probe::Docker { container, args, .. } => {
                let (check, container) = (definition.id.clone(), container.clone());
                let job = Job { check, container, args: args.clone() };
                self.docker.run(job, limit, output_bytes_max).await
            }
            Probe::OsService { name, .. } => systemd::run(&self.systemctl, name, limit).await,
            Probe::Ttl { .. } | Probe::Alias { .. } | Probe::Maintenance => return None,
        };
        Some(finding)
    }
}

#[cfg(test)]
mod tests;
