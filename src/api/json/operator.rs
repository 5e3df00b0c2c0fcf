//! Servers, their health, the autopilot's settings, and how much there is.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::answer::Index;
use crate::catalog::View;
use crate::model::autopilot::AutopilotEntry;
use crate::model::number::Revision;
use crate::model::service::CONSUL_SERVICE;
use crate::model::time::{GoDuration, Now};
use crate::publish::ServerHealth;

/// The servers of a cluster.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct ConfigurationJson {
    /// Each.
    pub servers: Vec<ServerJson>,
    /// The log entry that says so.
    pub index: u64,
}

/// A server of a cluster.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct ServerJson {
    /// What clients know it by.
    #[serde(rename = "ID")]
    pub id: String,
    /// Its node.
    pub node: String,
    /// Where its RPC is reached.
    pub address: String,
    /// Whether it leads.
    pub leader: bool,
    /// The version of the protocol among servers.
    pub protocol_version: &'static str,
    /// Whether it votes.
    pub voter: bool,
}

/// The autopilot's settings.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct AutopilotJson {
    /// Whether dead servers are removed.
    cleanup_dead_servers: bool,
    /// How long a healthy server may not have heard the leader.
    last_contact_threshold: String,
    /// How many entries it may be behind.
    max_trailing_logs: u64,
    /// Below how many servers none is removed.
    min_quorum: u64,
    /// How long a new server is watched.
    server_stabilization_time: String,
    /// Kept for clients.
    redundancy_zone_tag: String,
    /// Kept for clients.
    disable_upgrade_migration: bool,
    /// Kept for clients.
    upgrade_version_tag: String,
    /// When they were first there.
    create_index: Revision,
    /// When they last changed.
    modify_index: Revision,
}

impl AutopilotJson {
    /// Shows settings; the defaults where there are none yet.
    pub(in crate::api) fn new(entry: Option<&AutopilotEntry>) -> Self {
        let settings = entry.map(|entry| entry.settings.clone()).unwrap_or_default();
        Self {
            cleanup_dead_servers: settings.cleanup_dead_servers,
            last_contact_threshold: GoDuration(settings.last_contact_threshold).to_string(),
            max_trailing_logs: settings.max_trailing_logs,
            min_quorum: settings.min_quorum,
            server_stabilization_time: GoDuration(settings.server_stabilization_time).to_string(),
            redundancy_zone_tag: settings.redundancy_zone_tag,
            disable_upgrade_migration: settings.disable_upgrade_migration,
            upgrade_version_tag: settings.upgrade_version_tag,
            create_index: entry.map(|entry| entry.create_revision).unwrap_or_default(),
            modify_index: entry.map(|entry| entry.modify_revision).unwrap_or_default(),
        }
    }
}

/// How the servers are.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct HealthJson {
    /// Whether all of them are well.
    pub healthy: bool,
    /// How many voters may fail before nothing can be agreed on.
    failure_tolerance: usize,
    /// Each.
    servers: Vec<ServerHealthJson>,
}

impl HealthJson {
    pub(in crate::api) fn new(servers: Vec<ServerHealthJson>, health: &ServerHealth) -> Self {
        let failure_tolerance = health.failure_tolerance;
        Self { healthy: health.is_whole, failure_tolerance, servers }
    }
}

/// How a server is.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct ServerHealthJson {
    /// What clients know it by.
    #[serde(rename = "ID")]
    pub id: String,
    /// Its node.
    pub name: String,
    /// Where its RPC is reached.
    pub address: String,
    /// What the gossip says of it.
    pub serf_status: &'static str,
    /// Which version it runs.
    pub version: String,
    /// Whether it leads.
    pub leader: bool,
    /// How long ago it heard the leader.
    pub last_contact: String,
    /// The last election that it knows of.
    pub last_term: u64,
    /// Its last log entry.
    pub last_index: u64,
    /// Whether it is well.
    pub healthy: bool,
    /// Whether it votes.
    pub voter: bool,
    /// Since when it is as it is.
    pub stable_since: String,
}

/// How the servers are, as newer clients read it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct StateJson {
    /// Whether all of them are well.
    healthy: bool,
    /// How many voters may fail before nothing can be agreed on.
    failure_tolerance: usize,
    /// The same, if it is as well as it can be.
    optimistic_failure_tolerance: usize,
    /// By id.
    servers: BTreeMap<String, ServerStateJson>,
    /// The id of the leader; empty without one.
    leader: String,
    /// The ids of those that vote.
    voters: Vec<String>,
}

/// How a server is, as newer clients read it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServerStateJson {
    /// All that older clients read.
    #[serde(flatten)]
    health: ServerHealthJson,
    /// What the gossip says of it.
    node_status: &'static str,
    /// What it is: leads, votes, or neither.
    status: &'static str,
    /// What it is meant to be.
    node_type: &'static str,
}

impl StateJson {
    pub(in crate::api) fn new(health: HealthJson) -> Self {
        let voters = health.servers.iter().filter(|server| server.voter);
        let voters: Vec<String> = voters.map(|server| server.id.clone()).collect();
        let leader = health.servers.iter().find(|server| server.leader);
        let leader = leader.map(|server| server.id.clone()).unwrap_or_default();
        let servers = health.servers.into_iter().map(|server| {
            let status = match (server.leader, server.voter) {
                (true, _) => "leader",
                (false, true) => "voter",
                (false, false) => "non-voter",
            };
            let (node_status, node_type) = (server.serf_status, "voter");
            (server.id.clone(), ServerStateJson { health: server, node_status, status, node_type })
        });
        Self {
            healthy: health.healthy,
            failure_tolerance: health.failure_tolerance,
            optimistic_failure_tolerance: health.failure_tolerance,
            servers: servers.collect(),
            leader,
            voters,
        }
    }
}

/// How much there is, by datacenter.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct UsageJson {
    /// By datacenter.
    usage: BTreeMap<String, CountsJson>,
    /// What the index header says.
    index: Revision,
    /// Milliseconds since the leader was heard.
    last_contact: u128,
    /// Whether there is a leader.
    known_leader: bool,
    /// How fresh it is.
    consistency_level: &'static str,
}

impl UsageJson {
    pub(in crate::api) fn new(usage: BTreeMap<String, CountsJson>, index: &Index) -> Self {
        Self {
            usage,
            index: index.revision,
            last_contact: index.last_contact_ms,
            known_leader: index.has_leader,
            consistency_level: index.consistency_word(),
        }
    }
}

/// How much there is in one datacenter.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct CountsJson {
    /// Nodes.
    nodes: usize,
    /// Names of services.
    services: usize,
    /// Instances of all of them.
    service_instances: usize,
    /// Those of the mesh, by kind: there is none.
    connect_service_instances: BTreeMap<&'static str, usize>,
    /// Those that are not the servers themselves.
    billable_service_instances: usize,
}

impl CountsJson {
    /// Counts what is there.
    pub(in crate::api) fn new(view: &View) -> Self {
        let instances = view.services().map(|entry| entry.instances.len()).sum();
        let own = view.service(CONSUL_SERVICE).map_or(0, |entry| entry.instances.len());
        Self {
            nodes: view.node_count(),
            services: view.services().count(),
            service_instances: instances,
            connect_service_instances: MESH_KINDS.iter().map(|kind| (*kind, 0)).collect(),
            billable_service_instances: instances.saturating_sub(own),
        }
    }
}

/// A moment as Go's JSON has it, to the second.
pub(in crate::api) fn moment(now: Now) -> String {
    let (date, time) = now.date_and_time();
    format!("{date}T{time}Z")
}

/// The kinds of instances that only a mesh has.
const MESH_KINDS: [&str; 6] = [
    "api-gateway",
    "connect-native",
    "connect-proxy",
    "ingress-gateway",
    "mesh-gateway",
    "terminating-gateway",
];
