//! What the leader does with servers by itself, as an operator decided.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::number::Revision;

/// The settings of a cluster's autopilot. The defaults are Consul's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Autopilot {
    /// Whether a dead server is removed once a new one took its place.
    pub cleanup_dead_servers: bool,
    /// How long a healthy server may not have heard the leader.
    pub last_contact_threshold: Duration,
    /// How many log entries a healthy server may be behind.
    pub max_trailing_logs: u64,
    /// Below how many servers none is removed.
    pub min_quorum: u64,
    /// How long a new server has to be healthy before it may vote.
    pub server_stabilization_time: Duration,
    /// Kept for clients; nothing follows from it.
    pub redundancy_zone_tag: String,
    /// Kept for clients; nothing follows from it.
    pub disable_upgrade_migration: bool,
    /// Kept for clients; nothing follows from it.
    pub upgrade_version_tag: String,
}

impl Default for Autopilot {
    fn default() -> Self {
        Self {
            cleanup_dead_servers: true,
            last_contact_threshold: Duration::from_millis(200),
            max_trailing_logs: 250,
            min_quorum: 0,
            server_stabilization_time: Duration::from_secs(10),
            redundancy_zone_tag: String::new(),
            disable_upgrade_migration: false,
            upgrade_version_tag: String::new(),
        }
    }
}

/// The settings as the catalog holds them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutopilotEntry {
    /// What was decided.
    pub settings: Autopilot,
    /// When they were first there.
    pub create_revision: Revision,
    /// When they last changed.
    pub modify_revision: Revision,
}
