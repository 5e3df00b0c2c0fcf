//! A service or a check as a file or an agent call states it: legal, but not yet in the catalog.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::address::Address;
use crate::model::health::Status;
use crate::model::name::{CheckId, NodeName, ServiceId, ServiceName, Tag};
use crate::model::node::Meta;
use crate::model::number::Weights;
use crate::model::service::TaggedAddress;

/// A service as its owner states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDefinition {
    /// Unique on the agent; the name where none was stated.
    pub id: ServiceId,
    /// What clients ask for.
    pub name: ServiceName,
    /// Labels.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Its own address, if it is not the node's.
    #[serde(default)]
    pub address: Option<Address>,
    /// Addresses by network.
    #[serde(default)]
    pub tagged_addresses: BTreeMap<String, TaggedAddress>,
    /// Free-form metadata.
    #[serde(default)]
    pub meta: Meta,
    /// Port; 0 for none.
    #[serde(default)]
    pub port: u16,
    /// Share of the traffic by health.
    #[serde(default)]
    pub weights: Weights,
    /// Whether the catalog's tags win over these.
    #[serde(default)]
    pub enable_tag_override: bool,
    /// Its checks, each with [`CheckDefinition::service_id`] set to this service and an id: the stated
    /// one, `service:<id>` for the only one, or `service:<id>:<n>` counted from 1.
    #[serde(default)]
    pub checks: Vec<CheckDefinition>,
    /// The ACL token to register with; empty for the agent's own.
    #[serde(default)]
    pub token: String,
}

/// A check as its owner states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckDefinition {
    /// Unique on the agent.
    pub id: CheckId,
    /// For people.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub notes: String,
    /// The service that it is about; without one, the node.
    #[serde(default)]
    pub service_id: Option<ServiceId>,
    /// What it says before its first run; critical unless stated.
    #[serde(default)]
    pub initial_status: Option<Status>,
    /// What is done to find out.
    pub probe: Probe,
    /// Successes in a row that turn it passing; 0 is as good as 1.
    #[serde(default)]
    pub success_before_passing: u32,
    /// Failures in a row that turn it warning; the critical one's where it is 0.
    #[serde(default)]
    pub failures_before_warning: u32,
    /// Failures in a row that turn it critical; 0 is as good as 1.
    #[serde(default)]
    pub failures_before_critical: u32,
    /// Kept output, in bytes; the agent's setting where none was stated.
    #[serde(default)]
    pub output_bytes_max: Option<usize>,
    /// How long it may be critical before its service is deregistered.
    #[serde(default)]
    pub deregister_after: Option<Duration>,
    /// The ACL token to register with; empty for the agent's own.
    #[serde(default)]
    pub token: String,
}

/// What a check does to find out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probe {
    /// Waits to be told; critical when nobody spoke for so long.
    Ttl {
        /// How long a word counts.
        ttl: Duration,
    },
    /// Asks over HTTP: 2xx passes, 429 warns, anything else is critical.
    Http {
        /// What to ask.
        url: String,
        /// `GET` unless stated.
        method: String,
        /// Header lines to send.
        header: BTreeMap<String, Vec<String>>,
        /// Body to send.
        body: String,
        /// Whether any certificate will do.
        tls_skip_verify: bool,
        /// When.
        timing: Timing,
    },
    /// Connects over TCP.
    Tcp {
        /// `host:port`.
        address: String,
        /// When.
        timing: Timing,
    },
    /// Sends a datagram: critical only if the port is refused or unreachable.
    Udp {
        /// `host:port`.
        address: String,
        /// When.
        timing: Timing,
    },
    /// Asks the health service of gRPC: passing if it says so.
    Grpc {
        /// `host:port`.
        address: String,
        /// Which service of the server; empty for the server as a whole.
        #[serde(default)]
        service: String,
        /// Encrypted, if so.
        #[serde(default)]
        tls: Option<Tls>,
        /// When.
        timing: Timing,
    },
    /// Sends an HTTP/2 PING: passing if it comes back.
    H2Ping {
        /// `host:port`.
        address: String,
        /// Encrypted, if so.
        #[serde(default)]
        tls: Option<Tls>,
        /// When.
        timing: Timing,
    },
    /// Runs a program: exit 0 passes, 1 warns, anything else is critical.
    Script {
        /// Program and arguments.
        args: Vec<String>,
        /// When.
        timing: Timing,
    },
    /// Runs a program in a Docker container; exit codes mean what they mean for other programs.
    Docker {
        /// The container's id or name.
        container: String,
        /// Program and arguments.
        args: Vec<String>,
        /// When.
        timing: Timing,
    },
    /// Asks systemd: an active unit passes, one on its way there warns, anything else is critical.
    OsService {
        /// The unit, `nginx` or `nginx.service`.
        name: String,
        /// When.
        timing: Timing,
    },
    /// Says what the checks of a service or node say.
    Alias {
        /// The node; this one where none was stated.
        node: Option<NodeName>,
        /// The service; the whole node where none was stated.
        service: Option<ServiceId>,
    },
    /// Nothing: it says critical for as long as it is there. Only maintenance has such checks.
    Maintenance,
}

/// How an encrypted connection is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// Whether any certificate will do.
    #[serde(default)]
    pub skip_verify: bool,
    /// Whose certificate it has to be, where that is not the host.
    #[serde(default)]
    pub server_name: Option<String>,
}

/// How often a probe runs and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From one run's start to the next one's, at least 1 s.
    pub interval: Duration,
    /// How long a run may take.
    pub timeout: Duration,
}

impl Probe {
    /// The word of the API's `Type`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ttl { .. } => "ttl",
            Self::Http { .. } => "http",
            Self::Tcp { .. } => "tcp",
            Self::Udp { .. } => "udp",
            Self::Grpc { .. } => "grpc",
            Self::H2Ping { .. } => "h2ping",
            Self::Script { .. } => "script",
            Self::Docker { .. } => "docker",
            Self::OsService { .. } => "os_service",
            Self::Alias { .. } => "alias",
            Self::Maintenance => "maintenance",
        }
    }

    /// When it runs, if it does so by the clock.
    #[must_use]
    pub fn timing(&self) -> Option<Timing> {
        match self {
            Self::Http { timing, .. }
            | Self::Tcp { timing, .. }
            | Self::Udp { timing, .. }
            | Self::Grpc { timing, .. }
            | Self::H2Ping { timing, .. }
            | Self::Script { timing, .. }
            | Self::Docker { timing, .. }
            | Self::OsService { timing, .. } => Some(*timing),
            Self::Ttl { .. } | Self::Alias { .. } | Self::Maintenance => None,
        }
    }
}
