//! Probe → what it found: the only place of this room with sockets and processes.
//!
//! Every probe ends by its timeout at the latest, holds a bounded amount of what it reads, and when its
//! future is dropped leaves nothing behind: no connection, no process.

mod http;

mod tcp;

mod udp;

mod script;

mod output;

use std::pin::Pin;
use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit};

use crate::model::definition::{CheckDefinition, Probe};
use crate::model::health::Status;
use crate::model::limits::{SOCKETS_RUNNING_FEW, SOCKETS_RUNNING_MAX};

use self::http::HttpClients;
pub(in crate::agent) use self::output::cut_head;

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
#[derive(Debug, Default)]
pub(in crate::agent) struct Network {
    /// Shared by all HTTP checks.
    clients: Arc<HttpClients>,
}

impl Prober for Network {
    fn run(&self, definition: Arc<CheckDefinition>, output_bytes_max: usize) -> Running {
        let clients = Arc::clone(&self.clients);
        Box::pin(async move { run(&definition, output_bytes_max, &clients).await })
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

async fn run(
    definition: &CheckDefinition,
    output_bytes_max: usize,
    clients: &HttpClients,
) -> Option<Finding> {
    let finding = match &definition.probe {
        Probe::Http { url, method, header, body, tls_skip_verify, timing } => {
            let request = http::Request {
                url,
                method,
                header,
                body,
                tls_skip_verify: *tls_skip_verify,
                timeout: timing.timeout,
                output_bytes_max,
            };
            http::run(&request, clients).await
        }
        Probe::Tcp { address, timing } => tcp::run(address, timing.timeout).await,
        Probe::Udp { address, timing } => udp::run(address, timing.timeout).await,
        Probe::Script { args, timing } => script::run(args, timing.timeout, output_bytes_max).await,
        Probe::Ttl { .. } | Probe::Alias { .. } | Probe::Maintenance => return None,
    };
    Some(finding)
}

#[cfg(test)]
mod tests;
