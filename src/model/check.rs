//! A health check's last word, as the catalog holds it.

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
    /// When it was first registered.
    #[serde(default)]
    pub create_revision: Revision,
    /// When it last changed.
    #[serde(default)]
    pub modify_revision: Revision,
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
