//! What this machine says is true: definitions and probes → LocalView, and LocalView × View → Commands.
//!
//! Invariants
//! - One task owns what is stated. Callers reach it through one bounded channel, readers load a
//!   [`LocalView`] that never changes.
//! - A call that succeeded is on disk (where there is a data dir) before it returns.
//! - The agent is right about its own machine: what the catalog has on this node and the agent does not
//!   state is taken away, except what the leader owns (`serfHealth` and the service `consul`).
//! - Two runs of one check never overlap, and a probe that hangs delays no other
//!   ([`SCRIPTS_RUNNING_MAX`] programs and [`SOCKETS_RUNNING_MAX`] others at a time, each ended by its
//!   timeout).
//!
//! Deliberately absent: Raft, HTTP's JSON, and sockets or processes outside `probe`. Everything but the
//! two tasks (`task`, `sync::task`), `keep` and `probe` is pure.
//!
//! [`SCRIPTS_RUNNING_MAX`]: crate::model::limits::SCRIPTS_RUNNING_MAX
//! [`SOCKETS_RUNNING_MAX`]: crate::model::limits::SOCKETS_RUNNING_MAX

mod handle;

mod local;

mod task;

mod run;

mod schedule;

mod threshold;

mod alias;

mod maintenance;

mod events;

mod reap;

mod keep;

mod sync;

mod probe;

mod clock;

#[cfg(test)]
mod fixture;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use imbl::OrdMap;

use crate::catalog::command::Machine;
use crate::model::definition::{CheckDefinition, ServiceDefinition};
use crate::model::health::Status;
use crate::model::name::{CheckId, Datacenter, NodeName, ServiceId};

pub use self::handle::{Agent, Restated};

/// Where scripts may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptPolicy {
    /// From nowhere: no check may run a program.
    Never,
    /// From the configuration files only (`enable_local_script_checks`).
    LocalFiles,
    /// From files and from the API (`enable_script_checks`).
    Everywhere,
}

/// Who states a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration files; gone when a reload finds it there no more.
    File,
    /// The API; kept in the data dir.
    Http,
}

/// What an agent is told at its start.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// The name of its node.
    pub node: NodeName,
    /// What the catalog is told of the machine.
    pub machine: Machine,
    /// Its datacenter.
    pub datacenter: Datacenter,
    /// Where HTTP registrations and check states are kept; nowhere without it.
    pub data_dir: Option<PathBuf>,
    /// Which checks may run programs.
    pub scripts: ScriptPolicy,
    /// Where Docker listens, in the form of its `DOCKER_HOST`; at its usual socket where it is empty.
    pub docker_host: String,
    /// Kept output of a check that states no limit of its own, in bytes.
    pub check_output_bytes_max: usize,
    /// How long a change of output alone may wait before the catalog is told (`check_update_interval`);
    /// zero for not at all.
    pub check_update_interval: Duration,
    /// Spreads first runs and synchronisation; the same seed gives the same spread.
    pub seed: u64,
}

/// What files state.
#[derive(Clone, Debug, Default)]
pub struct FileDefinitions {
    /// Services, with their checks.
    pub services: Vec<ServiceDefinition>,
    /// Checks that stand on their own.
    pub checks: Vec<CheckDefinition>,
}

/// A service as this agent states it, for reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalService {
    /// As it was stated, but for its checks: those stand in [`LocalView::checks`].
    pub definition: Arc<ServiceDefinition>,
    /// Who stated it.
    pub origin: Origin,
}

/// A check as this agent states it, with its last word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalCheck {
    /// As it was stated.
    pub definition: Arc<CheckDefinition>,
    /// Who stated it.
    pub origin: Origin,
    /// What it says.
    pub status: Status,
    /// What it last printed, cut to its limit.
    pub output: String,
}

/// All that this agent states, at one moment; immutable once published. Persistent maps: a copy costs
/// nothing, and what differs between two is found without looking at the rest, however much is stated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalView {
    /// Services by id.
    pub services: OrdMap<ServiceId, LocalService>,
    /// Checks by id; shared, so that publishing copies no output.
    pub checks: OrdMap<CheckId, Arc<LocalCheck>>,
}

/// Why a call was refused. Texts are Consul's where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentFault {
    /// No service of this id.
    #[error("No service registered with ID \"{0}\"")]
    UnknownService(String),
    /// No check of this id.
    #[error("Unknown check ID \"{0}\"")]
    UnknownCheck(String),
    /// A word for a check that finds out by itself.
    #[error("CheckID \"{0}\" does not have associated TTL")]
    NotTtl(String),
    /// A check about a service that is not there.
    #[error("ServiceID \"{0}\" does not exist")]
    ServiceMissing(String),
    /// A check that runs a program, from where none may come (400).
    #[error(
        "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' or \
         'enable_local_script_checks' to true"
    )]
    ScriptsDisabled,
    /// The same, from a client. Consul's words.
    #[error(
        "Scripts are disabled on this agent from remote calls; to enable, configure \
         'enable_script_checks' to true"
    )]
    RemoteScriptsDisabled,
    /// It could not be kept.
    #[error("{0}")]
    Storage(String),
}
