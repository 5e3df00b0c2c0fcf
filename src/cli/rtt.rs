//! Two nodes' coordinates → the estimated round trip between them.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use crate::cli::client::{Client, ClientFlags, Request};
use crate::cli::fault::Fault;
use crate::cli::output::Output;
use crate::model::coordinate::{COORDINATE_DIMENSIONS, Coordinate, CoordinateNumbers};

/// `lictor rtt`
#[derive(Args)]
pub(super) struct Flags {
    /// One node, whose other end is the agent's, or two; with `-wan` as `NODE.DATACENTER`
    nodes: Vec<String>,
    /// Between servers of datacenters, by what they measured over the WAN
    #[arg(long)]
    wan: bool,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// A node's coordinate, as the API states it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NodeCoordinateJson {
    /// Its name.
    node: String,
    /// The network segment that it measured in.
    #[serde(default)]
    segment: String,
    /// What it measured.
    coord: CoordinateJson,
}

/// A coordinate, as the API states it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CoordinateJson {
    /// Position.
    vec: [f64; COORDINATE_DIMENSIONS],
    /// How unsure it is.
    error: f64,
    /// Offset.
    adjustment: f64,
    /// Distance to the network.
    height: f64,
}

/// The servers of a datacenter, as the API states them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AreaJson {
    /// Which.
    datacenter: String,
    /// Which gossip measured it.
    #[serde(rename = "AreaID")]
    area_id: String,
    /// Its servers.
    #[serde(default)]
    coordinates: Option<Vec<NodeCoordinateJson>>,
}

/// The part of `/v1/agent/self` that says who the agent is.
#[derive(Deserialize)]
struct SelfJson {
    /// What clients look at.
    #[serde(rename = "Config")]
    config: ConfigJson,
}

/// Who the agent is.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConfigJson {
    /// Its datacenter.
    datacenter: String,
    /// Its node.
    node_name: String,
}

/// Coordinates by network segment.
type Segments = BTreeMap<String, Coordinate>;

/// Does it.
pub(super) fn run(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    let (source, target) = match flags.nodes.as_slice() {
        [source] => (source, None),
        [source, target] => (source, Some(target)),
        _ => return Err(Fault::Refused("One or two node names must be specified".to_owned())),
    };
    let is_whole = |name: &&String| name.rsplit_once('.').is_some_and(|(node, _)| !node.is_empty());
    if flags.wan && ![Some(source), target].iter().flatten().all(is_whole) {
        let text = "Node names must be specified as <node name>.<datacenter> with -wan";
        return Err(Fault::Refused(text.to_owned()));
    }
    let client = Client::open(&flags.client, output)?;
    let target = match target {
        Some(target) => target.clone(),
        None => own_name(&client, flags.wan)?,
    };
    let (known, kind) = if flags.wan { (wide(&client)?, "WAN") } else { (local(&client)?, "LAN") };
    let find = |name: &str| {
        let missing = || Fault::Refused(format!("Could not find a coordinate for node {name:?}"));
        known.get(&name.to_lowercase()).ok_or_else(missing)
    };
    let Some(trip) = round_trip(find(source)?, find(&target)?) else {
        let text = format!("{source} and {target} have no network segment in common");
        return Err(Fault::Refused(text));
    };
    let shown = trip.as_secs_f64() * 1_000.0;
    output.text(&format!(
        "Estimated {source} <-> {target} rtt: {shown:.3} ms (using {kind} coordinates)"
    ))
}

/// What the agent is called.
fn own_name(client: &Client, is_wan: bool) -> Result<String, Fault> {
    let own: SelfJson =
        client.ask_json(&Request::get("Unable to look up agent info", "/v1/agent/self"))?;
    let ConfigJson { datacenter, node_name } = own.config;
    Ok(if is_wan { format!("{node_name}.{datacenter}") } else { node_name })
}

/// The nodes of the datacenter, by name.
fn local(client: &Client) -> Result<BTreeMap<String, Segments>, Fault> {
    let request = Request::get("Error getting coordinates", "/v1/coordinate/nodes");
    let nodes: Vec<NodeCoordinateJson> = client.ask_json(&request)?;
    collect(nodes.into_iter().map(|node| (node.node.to_lowercase(), node)))
}

/// The servers of all datacenters, by `NODE.DATACENTER`.
fn wide(client: &Client) -> Result<BTreeMap<String, Segments>, Fault> {
    let request = Request::get("Error getting coordinates", "/v1/coordinate/datacenters");
    let areas: Vec<AreaJson> = client.ask_json(&request)?;
    let areas = areas.into_iter().filter(|area| area.area_id == "wan");
    collect(areas.flat_map(|area| {
        let datacenter = area.datacenter;
        let nodes = area.coordinates.unwrap_or_default().into_iter();
        nodes.map(move |node| (format!("{}.{datacenter}", node.node).to_lowercase(), node))
    }))
}

fn collect(
    nodes: impl Iterator<Item = (String, NodeCoordinateJson)>,
) -> Result<BTreeMap<String, Segments>, Fault> {
    let mut known: BTreeMap<String, Segments> = BTreeMap::new();
    for (name, node) in nodes {
        let CoordinateJson { vec, error, adjustment, height } = node.coord;
        let numbers = CoordinateNumbers { vec, error, adjustment, height };
        let coordinate = Coordinate::new(&numbers).map_err(|fault| Fault::Garbled {
            doing: "Error getting coordinates".to_owned(),
            reason: format!("{}: {fault}", node.node),
        })?;
        known.entry(name).or_default().insert(node.segment, coordinate);
    }
    Ok(known)
}

/// The round trip in the first segment that both are in.
fn round_trip(source: &Segments, target: &Segments) -> Option<Duration> {
    source.iter().find_map(|(segment, at)| Some(at.round_trip(target.get(segment)?)))
}
