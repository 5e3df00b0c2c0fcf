//! What an agent says of itself and of the others: `/v1/agent/self`, `/v1/agent/members`, local health.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::json::check::CheckJson;
use crate::api::json::coordinate::CoordinateJson;
use crate::api::json::service::AgentServiceJson;
use crate::api::json::{Empty, Shown};
use crate::model::member::Member;
use crate::model::node::Meta;

/// An agent that the gossip sees. The protocol numbers are those that Consul 1.8 speaks.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct MemberJson<'a> {
    /// Its node's name.
    name: &'a str,
    /// Where its gossip is reached.
    addr: Shown<'a, std::net::IpAddr>,
    /// Gossip port.
    port: u16,
    /// Role, datacenter, version.
    tags: &'a BTreeMap<String, String>,
    /// What is known of its life, as a number.
    status: u8,
    /// Oldest gossip protocol that it understands.
    protocol_min: u8,
    /// Newest gossip protocol that it understands.
    protocol_max: u8,
    /// Gossip protocol that it speaks.
    protocol_cur: u8,
    /// Oldest message format that it understands.
    delegate_min: u8,
    /// Newest message format that it understands.
    delegate_max: u8,
    /// Message format that it speaks.
    delegate_cur: u8,
}

impl<'a> MemberJson<'a> {
    /// Shows a member.
    pub(in crate::api) fn new(member: &'a Member) -> Self {
        Self {
            name: member.name.as_str(),
            addr: Shown(&member.address),
            port: member.port,
            tags: &member.tags,
            status: member.status as u8,
            protocol_min: 1,
            protocol_max: 5,
            protocol_cur: 2,
            delegate_min: 2,
            delegate_max: 5,
            delegate_cur: 4,
        }
    }
}

/// `/v1/agent/self`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct SelfJson<'a> {
    /// What clients look at.
    pub config: SelfConfigJson<'a>,
    /// The configuration.
    pub debug_config: serde_json::Value,
    /// Where it is in the network's coordinates; `null` where it does not say so.
    pub coord: Option<CoordinateJson>,
    /// What the gossip sees of it.
    pub member: Option<MemberJson<'a>>,
    /// Numbers by section.
    pub stats: BTreeMap<String, BTreeMap<String, String>>,
    /// The node's metadata.
    pub meta: &'a Meta,
    /// What proxies of the mesh are offered; newer clients look for it.
    #[serde(rename = "xDS")]
    pub xds: XdsJson,
}

/// What proxies of the mesh are offered: nothing.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct XdsJson {
    /// The proxies that are served, with their versions.
    supported_proxies: Empty,
    /// The port that they ask; -1 where there is none, as of any listener.
    port: i8,
}

impl Default for XdsJson {
    fn default() -> Self {
        Self { supported_proxies: Empty::default(), port: -1 }
    }
}

/// `/v1/agent/version`.
#[derive(Serialize)]
pub(in crate::api) struct VersionJson {
    /// The commit that it was built from; empty where nobody said.
    #[serde(rename = "SHA")]
    sha: &'static str,
    /// When it was built; empty where nobody said.
    #[serde(rename = "BuildDate")]
    build_date: &'static str,
    /// The program's version.
    #[serde(rename = "HumanVersion")]
    human_version: &'static str,
    /// What of FIPS 140 it keeps: nothing.
    #[serde(rename = "FIPS")]
    fips: &'static str,
}

impl VersionJson {
    /// This program's.
    pub(in crate::api) fn own() -> Self {
        Self { sha: "", build_date: "", human_version: env!("CARGO_PKG_VERSION"), fips: "" }
    }
}

/// `Config` of `/v1/agent/self`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct SelfConfigJson<'a> {
    /// Ours.
    pub datacenter: &'a str,
    /// This node.
    pub node_name: &'a str,
    /// This node's UUID.
    #[serde(rename = "NodeID")]
    pub node_id: &'a str,
    /// What it was built from.
    pub revision: &'static str,
    /// Whether it is a server.
    pub server: bool,
    /// The program's version.
    pub version: &'static str,
}

/// The health of a local service: `/v1/agent/health/service/*`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct LocalHealthJson<'a> {
    /// The worst word, or `maintenance`.
    pub aggregated_status: &'static str,
    /// The service.
    pub service: Option<AgentServiceJson<'a>>,
    /// What decides about it.
    pub checks: Option<Vec<CheckJson<'a>>>,
}
