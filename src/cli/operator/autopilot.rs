//! `/v1/operator/autopilot/*` → the settings, line by line, changes of them, and how the servers are.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cli::arguments::none_of;
use crate::cli::client::{Client, ClientFlags, Request, decode};
use crate::cli::fault::Fault;
use crate::cli::listing::ListingFlags;
use crate::cli::output::Output;
use crate::model::time::parse_duration;

/// What to do.
#[derive(Subcommand)]
pub(in crate::cli) enum Verb {
    /// Shows the settings
    GetConfig(GetFlags),
    /// Changes settings; what is not named stays
    SetConfig(SetFlags),
    /// Shows how the servers are
    State(StateFlags),
}

/// `lictor operator autopilot get-config`
#[derive(Args)]
pub(in crate::cli) struct GetFlags {
    /// Whom to ask, and for whom.
    #[command(flatten)]
    listing: ListingFlags,
}

/// `lictor operator autopilot state`
#[derive(Args)]
pub(in crate::cli) struct StateFlags {
    /// Whom to ask, and for whom.
    #[command(flatten)]
    listing: ListingFlags,
}

/// `lictor operator autopilot set-config`
#[derive(Args)]
pub(in crate::cli) struct SetFlags {
    /// Whether a dead server is removed once a new one took its place
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    cleanup_dead_servers: Option<bool>,
    /// How long a healthy server may not have heard the leader: `200ms`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    last_contact_threshold: Option<String>,
    /// How many log entries a healthy server may be behind
    #[arg(long, value_name = "NUMBER")]
    max_trailing_logs: Option<u64>,
    /// Below how many servers none is removed
    #[arg(long, value_name = "NUMBER")]
    min_quorum: Option<u64>,
    /// How long a new server has to be healthy before it may vote: `10s`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    server_stabilization_time: Option<String>,
    /// Kept for scripts
    #[arg(long, hide = true)]
    redundancy_zone_tag: Option<String>,
    /// Kept for scripts
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    disable_upgrade_migration: Option<bool>,
    /// Kept for scripts
    #[arg(long, hide = true)]
    upgrade_version_tag: Option<String>,
    /// Nothing more is taken.
    #[arg(hide = true)]
    others: Vec<String>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// Does it.
pub(super) fn run(verb: &Verb, output: &mut Output) -> Result<(), Fault> {
    match verb {
        Verb::GetConfig(flags) => get(flags, output),
        Verb::SetConfig(flags) => set(flags, output),
        Verb::State(flags) => state(flags, output),
    }
}

fn get(flags: &GetFlags, output: &mut Output) -> Result<(), Fault> {
    let client = flags.listing.open(output)?;
    let request = Request::get("Error querying Autopilot configuration", CONFIGURATION);
    let found: Map<String, Value> = client.ask_json(&request)?;
    flags.listing.print(&found, output, |found| {
        let shown = found.iter().filter(|(name, _)| !name.ends_with("Index"));
        let line = |(name, value): (&String, &Value)| match value {
            // Consul prints names in quotes and durations without.
            Value::String(text) if name.ends_with("Tag") => format!("{name} = {text:?}"),
            Value::String(text) => format!("{name} = {text}"),
            other => format!("{name} = {other}"),
        };
        shown.map(line).collect::<Vec<_>>().join("\n")
    })
}

/// Changes what is named, if nobody else changed anything meanwhile.
fn set(flags: &SetFlags, output: &mut Output) -> Result<(), Fault> {
    none_of(&flags.others)?;
    let client = Client::open(&flags.client, output)?;
    let request = Request::get("Error querying Autopilot configuration", CONFIGURATION);
    let mut settings: Map<String, Value> = client.ask_json(&request)?;
    let stated = [
        ("CleanupDeadServers", flags.cleanup_dead_servers.map(Value::from)),
        ("LastContactThreshold", flags.last_contact_threshold.clone().map(Value::from)),
        ("MaxTrailingLogs", flags.max_trailing_logs.map(Value::from)),
        ("MinQuorum", flags.min_quorum.map(Value::from)),
        ("ServerStabilizationTime", flags.server_stabilization_time.clone().map(Value::from)),
        ("RedundancyZoneTag", flags.redundancy_zone_tag.clone().map(Value::from)),
        ("DisableUpgradeMigration", flags.disable_upgrade_migration.map(Value::from)),
        ("UpgradeVersionTag", flags.upgrade_version_tag.clone().map(Value::from)),
    ];
    for (name, value) in stated {
        if let Some(value) = value {
            settings.insert(name.to_owned(), value);
        }
    }
    let index = settings.get("ModifyIndex").and_then(Value::as_u64).unwrap_or(0);
    let doing = "Error setting Autopilot configuration";
    let body = Value::Object(settings).to_string().into_bytes();
    let request = Request::put(doing, CONFIGURATION, body).with("cas", Some(index.to_string()));
    if !decode::<bool>(doing, &client.ask(&request)?)? {
        let text = "Configuration could not be atomically updated, please try again";
        return Err(Fault::Refused(text.to_owned()));
    }
    output.text("Configuration updated!")
}

/// How the servers are, as the API states it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct StateJson {
    /// Whether all are well.
    healthy: bool,
    /// How many may fail.
    failure_tolerance: u64,
    /// How many may fail if all are well.
    optimistic_failure_tolerance: u64,
    /// The leader's id.
    leader: String,
    /// The ids of those that vote.
    voters: Vec<String>,
    /// By id.
    servers: BTreeMap<String, ServerJson>,
}

/// How a server is, as the API states it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServerJson {
    /// Its node.
    name: String,
    /// Where it is reached.
    address: String,
    /// Its version.
    version: String,
    /// Leads, votes, or neither.
    status: String,
    /// What it is meant to be.
    node_type: String,
    /// What the gossip says of it.
    node_status: String,
    /// Whether it is well.
    healthy: bool,
    /// When it last heard the leader.
    last_contact: String,
    /// The last election that it knows of.
    last_term: u64,
    /// Its last log entry.
    last_index: u64,
    /// What else is said, for programs.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

fn state(flags: &StateFlags, output: &mut Output) -> Result<(), Fault> {
    let client = flags.listing.open(output)?;
    let request = Request::get("Error getting Autopilot state", "/v1/operator/autopilot/state");
    let found: StateJson = client.ask_json(&request)?;
    flags.listing.print(&found, output, pretty)
}

fn pretty(state: &StateJson) -> String {
    let mut text = String::new();
    let head: [(&str, &dyn Display); 4] = [
        ("Healthy", &state.healthy),
        ("Failure Tolerance", &state.failure_tolerance),
        ("Optimistic Failure Tolerance", &state.optimistic_failure_tolerance),
        ("Leader", &state.leader),
    ];
    for (name, value) in head {
        let _ = writeln!(text, "{:30}{value}", format!("{name}:"));
    }
    text.push_str("Voters:\n");
    for voter in &state.voters {
        let _ = writeln!(text, "   {voter}");
    }
    text.push_str("Servers:\n");
    for (id, server) in &state.servers {
        let _ = writeln!(text, "   {id}");
        let shown: [(&str, &dyn Display); 10] = [
            ("Name", &server.name),
            ("Address", &server.address),
            ("Version", &server.version),
            ("Status", &server.status),
            ("Node Type", &server.node_type),
            ("Node Status", &server.node_status),
            ("Healthy", &server.healthy),
            ("Last Contact", &server.last_contact),
            ("Last Term", &server.last_term),
            ("Last Index", &server.last_index),
        ];
        for (name, value) in shown {
            let _ = writeln!(text, "      {:17}{value}", format!("{name}:"));
        }
    }
    text.trim_end().to_owned()
}

fn duration(text: &str) -> Result<String, String> {
    parse_duration(text).map(|_| text.to_owned()).map_err(|fault| fault.to_string())
}

/// Where the settings are.
const CONFIGURATION: &str = "/v1/operator/autopilot/configuration";
