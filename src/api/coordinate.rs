//! `/v1/coordinate/*`: where nodes are in the network, as they measured it.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, put};

use crate::api::Api;
use crate::api::answer::{empty, json, json_with, not_found};
use crate::api::blocking::read;
use crate::api::body::read_json;
use crate::api::call::{Call, check_datacenter};
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::api::json::coordinate::{self, AreaJson, NodeCoordinateJson};
use crate::api::routes::{below, reads, writes};
use crate::catalog::coordinates::NodeCoordinates;
use crate::catalog::reply::Topic;
use crate::catalog::{Command, View};
use crate::model::coordinate::Coordinate;
use crate::model::name::NodeName;

/// The routes.
pub(in crate::api) fn routes() -> Router<Api> {
    let router = Router::new()
        .route("/v1/coordinate/datacenters", reads(get(datacenters)))
        .route("/v1/coordinate/nodes", reads(get(nodes)))
        .route("/v1/coordinate/update", writes(put(update)));
    below(router, "/v1/coordinate/node/", &reads(get(node)))
}

/// Where servers are that measure between datacenters. A datacenter of its own has measured nothing.
async fn datacenters(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let cluster = api.services.propose.cluster();
    let origin = Coordinate::origin();
    let servers = cluster.peers.iter();
    let coordinates =
        servers.map(|peer| NodeCoordinateJson::new(peer.node.as_str(), "", &origin)).collect();
    let datacenter = api.options.datacenter.folded();
    json(call.pretty, &[AreaJson { datacenter, area_id: "wan", coordinates }])
}

/// Where all nodes are.
async fn nodes(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let options = call.read_options(&api.options)?;
    let topics = vec![Topic::Coordinates];
    let (view, index) = read(&api, options, topics, |view| view.tables().coordinates).await?;
    let known = view.coordinates().filter(|(entry, _)| call.shows_node(&entry.node.name));
    let shown: Vec<_> =
        known.flat_map(|(entry, known)| shown(&call, entry.node.name.as_str(), known)).collect();
    json_with(call.pretty, StatusCode::OK, index.headers(&call), &shown)
}

/// Where one node is.
async fn node(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let text = call.under("/v1/coordinate/node/")?;
    let options = call.read_options(&api.options)?;
    let Ok(name) = NodeName::new(&text) else { return Ok(not_found(HeaderMap::new())) };
    let topics = vec![Topic::NodeCoordinates(name.clone())];
    let revision_of = |view: &View| view.node_coordinates_revision(name.folded());
    let (view, index) = read(&api, options, topics, revision_of).await?;
    let entry = view.node(name.folded()).filter(|entry| call.shows_node(&entry.node.name));
    let known = entry.zip(view.node_coordinates(name.folded()));
    let shown: Vec<_> = known
        .into_iter()
        .flat_map(|(entry, known)| shown(&call, entry.node.name.as_str(), known))
        .collect();
    if shown.is_empty() {
        return Ok(not_found(index.headers(&call)));
    }
    json_with(call.pretty, StatusCode::OK, index.headers(&call), &shown)
}

/// Says where a node is.
async fn update(
    State(api): State<Api>,
    call: Call,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    call.check_datacenter(&api.options)?;
    let body = read_json(&headers, body).await?;
    let (datacenter, update) = coordinate::update(&body)?;
    check_datacenter(&datacenter, &api.options)?;
    permit(call.acl.node_write(&update.node))?;
    let command = Command::UpdateCoordinate(Box::new(update));
    api.propose(command).await?;
    Ok(empty())
}

/// A node's coordinates in the segment that `?segment` names, or in all of them.
fn shown<'a>(
    call: &'a Call,
    node: &'a str,
    known: &'a NodeCoordinates,
) -> impl Iterator<Item = NodeCoordinateJson<'a>> {
    let wanted = call.params.first("segment");
    let segments = known.segments.iter();
    let segments = segments.filter(move |(segment, _)| wanted.is_none_or(|w| w == *segment));
    segments.map(move |(segment, at)| NodeCoordinateJson::new(node, segment, at))
}
