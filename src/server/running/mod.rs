//! A running agent: waits for signals and errands, reloads, and stops in order.

use std::process::ExitCode;
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::agent::{Agent, FileDefinitions};
use crate::api::Rules;
use crate::intake::{self, Config, HttpConfig, Sources};
use crate::model::name::NodeName;
use crate::raft::RaftNode;
use crate::server::dns::Dns;
use crate::server::http::Clients;
use crate::server::logging::LogHandle;
use crate::server::pid_file::PidFile;
use crate::server::program::Errand;
use crate::server::settings;

/// All that has to be stopped, and what a reload changes.
pub(in crate::server) struct Running {
    /// Where the configuration came from.
    pub(in crate::server) sources: Sources,
    /// The configuration in use.
    pub(in crate::server) config: Config,
    /// The same as JSON, for the API.
    pub(in crate::server) shown: Arc<ArcSwap<Value>>,
    /// This machine's node.
    pub(in crate::server) node: NodeName,
    /// Requests of the API.
    pub(in crate::server) errands: mpsc::Receiver<Errand>,
    /// The level of the log.
    pub(in crate::server) log_level: LogHandle,
    /// What an operator decided about the API's endpoints.
    pub(in crate::server) rules: Arc<ArcSwap<Rules>>,
    /// Who is connected to the API.
    pub(in crate::server) clients: Arc<Clients>,
    /// DNS.
    pub(in crate::server) dns: Dns,
    /// Services and checks.
    pub(in crate::server) agent: Agent,
    /// Consensus.
    pub(in crate::server) raft: RaftNode,
    /// HTTP listeners and the leader's work.
    pub(in crate::server) tasks: JoinSet<()>,
    /// Ends them, and the agent, each at its place in the stop order.
    pub(in crate::server) stops: Stops,
    /// Says who we are, until it is dropped.
    pub(in crate::server) pid_file: Option<PidFile>,
}

/// What ends each part: a stop is a sequence, not one event.
#[derive(Default)]
pub(in crate::server) struct Stops {
    /// The leader's work. It goes first: it would put back what a leave takes away.
    pub(in crate::server) leading: CancellationToken,
    /// HTTP, whose open requests may still need the agent.
    pub(in crate::server) http: CancellationToken,
    /// Checks and synchronisation.
    pub(in crate::server) agent: CancellationToken,
}

/// The signals that mean something.
pub(in crate::server) struct Signals {
    /// SIGINT.
    interrupt: Signal,
    /// SIGTERM.
    terminate: Signal,
    /// SIGHUP.
    hang_up: Signal,
    /// SIGXFSZ, which nobody waits for.
    _file_size: Signal,
}

impl Signals {
    /// Waits until somebody wants this process to end.
    pub(in crate::server) async fn stop(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Takes them over from the system's defaults.
    pub(in crate::server) fn take() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            // The default ends the process where a file would grow beyond RLIMIT_FSIZE. With a handler the
            // write fails instead (EFBIG, write(2)), which is a failed disk like any other: reads go on.
            _file_size: signal(SignalKind::from_raw(nix::libc::SIGXFSZ))?,
        })
    }
}

/// What ended the waiting.
enum Wake {
    /// To stop; whether the catalog is to be told that we leave.
    Stop { is_leave: bool },
    /// To read the configuration again, and whom to tell what came of it.
    Reload(Option<oneshot::Sender<Result<(), String>>>),
}

impl Running {
    /// Serves until a signal or the API ends it.
    pub(in crate::server) async fn until_stopped(mut self, mut signals: Signals) -> ExitCode {
        let is_leave = loop {
            match self.wake(&mut signals).await {
                Wake::Stop { is_leave } => break is_leave,
                Wake::Reload(told) => {
                    let result = tokio::select! {
                        // A stop does not wait for files that are slow to read.
                        biased;
                        () = signals.stop() => break false,
                        result = self.reload() => result,
                    };
                    if let Err(fault) = &result {
                        tracing::error!("the configuration was not reloaded: {fault}");
                    }
                    // Who asked may have hung up; the reload is done all the same.
                    let _ = told.map(|told| told.send(result));
                }
            }
        };
        tokio::select! {
            // Whoever signals again does not want to wait, however far the stop is.
            biased;
            () = signals.stop() => ExitCode::FAILURE,
            () = self.stop_in_order(is_leave) => ExitCode::SUCCESS,
        }
    }

    async fn wake(&mut self, signals: &mut Signals) -> Wake {
        tokio::select! {
            // Stops go before reloads, reloads before errands.
            biased;
            _ = signals.interrupt.recv() => {
                Wake::Stop { is_leave: !self.config.skip_leave_on_interrupt }
            }
            _ = signals.terminate.recv() => Wake::Stop { is_leave: self.config.leave_on_terminate },
            _ = signals.hang_up.recv() => Wake::Reload(None),
            Some(request) = self.errands.recv() => match request {
                Errand::Leave => Wake::Stop { is_leave: true },
                Errand::Reload(told) => Wake::Reload(Some(told)),
            },
        }
    }

    /// Reads the configuration again and applies what differs; all of it or nothing.
    async fn reload(&mut self) -> Result<(), String> {
        let loaded = intake::load(&self.sources).map_err(|fault| fault.to_string())?;
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let files = FileDefinitions {
            services: loaded.config.services.clone(),
            checks: loaded.config.checks.clone(),
        };
        self.dns.reload_forwarder(&loaded.config).map_err(|fault| fault.to_string())?;
        self.agent.reload(files).await.map_err(|fault| fault.to_string())?;
        self.dns.reload(&loaded.config, &self.node).await;
        self.log_level.set(loaded.config.log.level);
        self.rules.store(Arc::new(settings::api_rules(&loaded.config)));
        self.clients.set_per_client_max(loaded.config.limits.http_max_conns_per_client);
        for key in changed_for_next_start(&self.config, &loaded.config) {
            tracing::warn!("`{key}` changed, which takes effect at the next start");
        }
        self.shown.store(Arc::new(loaded.config.debug_json()));
        self.config = loaded.config;
        tracing::info!("configuration reloaded");
        Ok(())
    }

    async fn stop_in_order(mut self, is_leave: bool) {
        tracing::info!("stopping");
        self.stops.leading.cancel();
        if is_leave && let Err(fault) = self.agent.leave().await {
            tracing::warn!(%fault, "the catalog could not be told that this agent leaves");
        }
        self.stops.http.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.stops.agent.cancel();
        self.agent.stopped().await;
        self.dns.stop().await;
        // While the data dir is still ours: afterwards the file may be another process's.
        drop(self.pid_file);
        if let Err(fault) = self.raft.shutdown().await {
            tracing::error!(%fault, "the state was not closed in order");
        }
        tracing::info!("stopped");
    }
}

/// The settings that differ and that a running agent does not take over, as `/v1/agent/self` calls them.
fn changed_for_next_start(before: &Config, after: &Config) -> Vec<String> {
    let mut fixed = after.clone();
    // What a reload applies is made equal first; whatever then differs, it does not apply.
    fixed.services.clone_from(&before.services);
    fixed.checks.clone_from(&before.checks);
    fixed.dns.clone_from(&before.dns);
    fixed.dns_access.clone_from(&before.dns_access);
    fixed.forward.clone_from(&before.forward);
    fixed.zones_dir.clone_from(&before.zones_dir);
    fixed.domain.clone_from(&before.domain);
    fixed.alt_domain.clone_from(&before.alt_domain);
    fixed.log.level = before.log.level;
    let head_bytes_max = fixed.http.head_bytes_max;
    fixed.http = HttpConfig { head_bytes_max, ..before.http.clone() };
    fixed.limits.http_max_conns_per_client = before.limits.http_max_conns_per_client;
    fixed.leave_on_terminate = before.leave_on_terminate;
    fixed.skip_leave_on_interrupt = before.skip_leave_on_interrupt;
    let (Value::Object(before), Value::Object(after)) = (before.debug_json(), fixed.debug_json())
    else {
        return Vec::new();
    };
    after.keys().filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}

#[cfg(test)]
mod tests;
