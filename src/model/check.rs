//! A health check's last word, as the catalog holds it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::health::Status;
use crate::model::name::{CheckId, NodeName, ServiceId, ServiceName, Tag};
use crate::model::number::Revision;

/// One check of a node, or of one service on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The node that it is about.
    pub node: NodeName,
    /// Unique on its node.
    pub id: CheckId,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// What it says.
    pub status: Status,
    /// For people, from whoever defined it.
    #[serde(default)]
    pub notes: String,
    /// What the last run printed.
    #[serde(default)]
    pub output: String,
    /// The service that it is about; without one it is about the whole node.
    #[serde(default)]
    pub service: Option<CheckedService>,
    /// What kind of probe it is: `ttl`, `http`, `tcp`; empty if nobody said.
    #[serde(default)]
    pub kind: String,
    /// How it is done, where somebody registered that for programs that do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Box<ForeignDefinition>>,
    /// When it was first registered.
    #[serde(default)]
    pub create_revision: Revision,
    /// When it last changed.
    #[serde(default)]
    pub modify_revision: Revision,
}

/// How a check is done, as a registration states it for a program that does so (consul-esm): the catalog only
/// keeps it. What an agent does itself is its own affair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ForeignDefinition {
    /// What to ask over HTTP.
    pub http: String,
    /// Whether any certificate will do.
    pub tls_skip_verify: bool,
    /// Header lines to send.
    pub header: BTreeMap<String, Vec<String>>,
    /// The method to ask with.
    pub method: String,
    /// Body to send.
    pub body: String,
    /// What to connect to: `host:port`.
    pub tcp: String,
    /// From one run to the next; zero where it is not stated, as the other two.
    pub interval: Duration,
    /// How long a run may take.
    pub timeout: Duration,
    /// How long it may be critical before its service is deregistered.
    pub deregister_after: Duration,
}

/// The service that a check is about; name and tags are kept up to date by the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedService {
    /// The instance's id.
    pub id: ServiceId,
    /// The instance's service name.
    pub name: ServiceName,
    /// The instance's tags.
    #[serde(default)]
    pub tags: Vec<Tag>,
}

/// The check that says whether a node's agent is alive. Consul's id, since clients look for it.
pub const SERF_HEALTH: &str = "serfHealth";

/// The critical check of a node in maintenance.
pub const NODE_MAINTENANCE: &str = "_node_maintenance";

/// What the id of a service's maintenance check starts with.
pub const SERVICE_MAINTENANCE_PREFIX: &str = "_service_maintenance:";
