//! `/v1/catalog/*` → lists and tables of datacenters, nodes and services.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use crate::cli::client::{Client, Request, endpoint};
use crate::cli::fault::Fault;
use crate::cli::listing::{Found, ListingFlags};
use crate::cli::output::Output;
use crate::cli::table::{self, row, show_under};

/// What to list.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// Lists the known datacenters
    Datacenters(DatacenterFlags),
    /// Lists nodes
    Nodes(NodeFlags),
    /// Lists services
    Services(ServiceFlags),
}

/// `lictor catalog datacenters`
#[derive(Args)]
pub(super) struct DatacenterFlags {
    /// Whom to ask, and for whom.
    #[command(flatten)]
    listing: ListingFlags,
}

/// `lictor catalog nodes`
#[derive(Args)]
pub(super) struct NodeFlags {
    /// Shows whole ids, tagged addresses and metadata
    #[arg(long)]
    detailed: bool,
    /// Only nodes for which this expression holds
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Sorts by round trip time from this node
    #[arg(long, value_name = "NODE")]
    near: Option<String>,
    /// Only nodes with this metadata; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    node_meta: Vec<String>,
    /// Only nodes that run this service
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Whom to ask, and for whom.
    #[command(flatten)]
    listing: ListingFlags,
}

/// `lictor catalog services`
#[derive(Args)]
pub(super) struct ServiceFlags {
    /// Only services on this node
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Only services on nodes with this metadata; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    node_meta: Vec<String>,
    /// Shows the tags of each service
    #[arg(long)]
    tags: bool,
    /// Whom to ask, and for whom.
    #[command(flatten)]
    listing: ListingFlags,
}

/// A node, as `/v1/catalog/nodes` and `/v1/catalog/service` state it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct NodeJson {
    /// Its id.
    #[serde(rename = "ID")]
    id: String,
    /// Its name.
    #[serde(rename = "Node")]
    name: String,
    /// Its address.
    address: String,
    /// Where it is.
    datacenter: String,
    /// Addresses by network.
    #[serde(default)]
    tagged_addresses: Option<BTreeMap<String, String>>,
    /// Metadata.
    #[serde(default, alias = "NodeMeta")]
    meta: Option<BTreeMap<String, String>>,
}

/// A node with its services, as `/v1/catalog/node` states it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NodeServicesJson {
    /// By service id.
    #[serde(default)]
    services: Option<BTreeMap<String, NodeServiceJson>>,
}

/// The part of a service that is shown.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NodeServiceJson {
    /// Its name.
    service: String,
    /// Its tags.
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// Does it.
pub(super) fn run(verb: &Verb, output: &mut Output) -> Result<(), Fault> {
    match verb {
        Verb::Datacenters(flags) => datacenters(flags, output),
        Verb::Nodes(flags) => nodes(flags, output),
        Verb::Services(flags) => services(flags, output),
    }
}

fn datacenters(flags: &DatacenterFlags, output: &mut Output) -> Result<(), Fault> {
    let client = flags.listing.open(output)?;
    let request = Request::get("Error listing datacenters", "/v1/catalog/datacenters");
    let names: Vec<String> = client.ask_json(&request)?;
    flags.listing.print(&names, output, |names| names.join("\n"))
}

fn nodes(flags: &NodeFlags, output: &mut Output) -> Result<(), Fault> {
    let client = flags.listing.open(output)?;
    let path = match &flags.service {
        Some(service) => format!("/v1/catalog/service/{}", endpoint::encode(service)),
        None => "/v1/catalog/nodes".to_owned(),
    };
    let mut request = with_meta(Request::get("Error listing nodes", path), &flags.node_meta);
    if flags.near.is_some() {
        request = request.with("near", flags.near.clone());
    }
    if flags.filter.is_some() {
        request = request.with("filter", flags.filter.clone());
    }
    let mut nodes: Vec<NodeJson> = client.ask_json(&request)?;
    // A node runs several instances of a service: it is still one node.
    let mut seen = std::collections::BTreeSet::new();
    nodes.retain(|node| seen.insert(node.name.clone()));
    let pretty = if flags.detailed { detailed } else { standard };
    let found = Found { what: "nodes", list: &nodes, is_empty: nodes.is_empty() };
    flags.listing.print_all(&found, output, |nodes| pretty(nodes))
}

fn services(flags: &ServiceFlags, output: &mut Output) -> Result<(), Fault> {
    let client = flags.listing.open(output)?;
    let services = match &flags.node {
        Some(node) => services_of(&client, node, &flags.node_meta)?,
        None => {
            let request = Request::get("Error listing services", "/v1/catalog/services");
            client.ask_json(&with_meta(request, &flags.node_meta))?
        }
    };
    let found = Found { what: "services", list: &services, is_empty: services.is_empty() };
    let pretty = if flags.tags { with_tags } else { names };
    flags.listing.print_all(&found, output, pretty)
}

fn names(services: &BTreeMap<String, Vec<String>>) -> String {
    table::show(&services.keys().map(|name| row(&[name])).collect::<Vec<_>>())
}

fn with_tags(services: &BTreeMap<String, Vec<String>>) -> String {
    let rows = services.iter().map(|(name, tags)| {
        let mut tags = tags.clone();
        tags.sort();
        row(&[name, &tags.join(",")])
    });
    table::show(&rows.collect::<Vec<_>>())
}

/// Name → tags of the services on one node; nothing for an unknown node.
fn services_of(
    client: &Client,
    node: &str,
    node_meta: &[String],
) -> Result<BTreeMap<String, Vec<String>>, Fault> {
    let path = format!("/v1/catalog/node/{}", endpoint::encode(node));
    let request = with_meta(Request::get("Error listing services for node", path), node_meta);
    let found: Option<NodeServicesJson> = client.ask_json(&request)?;
    let services = found.and_then(|found| found.services).unwrap_or_default();
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for service in services.into_values() {
        let tags = names.entry(service.service).or_default();
        tags.extend(service.tags.unwrap_or_default());
        tags.sort();
        tags.dedup();
    }
    Ok(names)
}

fn standard(nodes: &[NodeJson]) -> String {
    let rows = nodes.iter().map(|node| {
        let id: String = node.id.chars().take(8).collect();
        row(&[&node.name, &id, &node.address, &node.datacenter])
    });
    show_under(&["Node", "ID", "Address", "DC"], rows)
}

fn detailed(nodes: &[NodeJson]) -> String {
    let rows = nodes.iter().map(|node| {
        let addresses = pairs(node.tagged_addresses.as_ref());
        let meta = pairs(node.meta.as_ref());
        row(&[&node.name, &node.id, &node.address, &node.datacenter, &addresses, &meta])
    });
    show_under(&["Node", "ID", "Address", "DC", "TaggedAddresses", "Meta"], rows)
}

fn pairs(map: Option<&BTreeMap<String, String>>) -> String {
    let pairs = map.into_iter().flatten().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(", ")
}

fn with_meta<'a>(mut request: Request<'a>, node_meta: &[String]) -> Request<'a> {
    for pair in node_meta {
        // The API takes `key:value`.
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        request = request.with("node-meta", Some(format!("{key}:{value}")));
    }
    request
}

/// A `key=value`.
pub(super) fn pair(text: &str) -> Result<String, String> {
    if text.contains('=') {
        return Ok(text.to_owned());
    }
    Err(format!("Missing \"=\" value in argument: {text}"))
}
