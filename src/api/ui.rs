//! `/v1/internal/ui/*`: what a web interface shows on its first pages, each in one answer.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

use crate::api::Api;
use crate::api::answer::{Index, filter_headers, json_with, list, not_found};
use crate::api::blocking::read;
use crate::api::call::Call;
use crate::api::catalog::no_mesh;
use crate::api::fault::Fault;
use crate::api::filter::Shape;
use crate::api::find::named_node;
use crate::api::guard::permit;
use crate::api::json::ui::{NodeDumpJson, ServiceSummaryJson, TopologyJson};
use crate::api::routes::{below, reads};
use crate::catalog::View;
use crate::catalog::reply::Topic;
use crate::catalog::state::NodeEntry;
use crate::model::name::ServiceName;

/// The routes.
pub(in crate::api) fn routes() -> Router<Api> {
    let router = Router::new()
        .route("/v1/internal/ui/nodes", reads(get(nodes)))
        .route("/v1/internal/ui/services", reads(get(services)));
    let router = below(router, "/v1/internal/ui/node/", &reads(get(node)));
    let router = below(router, "/v1/internal/ui/service-topology/", &reads(get(topology)));
    below(router, "/v1/internal/ui/gateway-services-nodes/", &reads(get(gateway_services)))
}

/// All nodes, with their services and checks.
async fn nodes(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let (view, index) = read_all(&api, &call).await?;
    let nodes = view.nodes().filter(|entry| call.shows_node(&entry.node.name));
    let nodes: Vec<_> = nodes.map(|entry| dump(&call, entry)).collect();
    answer(&call, index, &nodes)
}

/// One node, with its services and checks.
async fn node(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let named = named_node(&call, "/v1/internal/ui/node/", |name| name)?;
    let options = call.read_options(&api.options)?;
    let topics = named.topics.clone();
    let (view, index) =
        read(&api, options, topics, |view| view.node_revision(&named.folded)).await?;
    match named.node(&view, &call) {
        Some(entry) => answer(&call, index, &dump(&call, entry)),
        None => Ok(not_found(filter_headers(&call))),
    }
}

/// All services, each with what its instances and their checks add up to.
async fn services(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let (view, index) = read_all(&api, &call).await?;
    let mut summaries = Vec::new();
    for entry in view.services().filter(|entry| call.shows_service(&entry.name)) {
        let instances = entry.instances.values().filter(|i| call.shows_instance(i));
        summaries.extend(ServiceSummaryJson::new(&entry.name, instances.map(|i| &**i)));
    }
    answer(&call, index, &summaries)
}

/// What a service is connected with: nothing, without a mesh.
async fn topology(State(_): State<Api>, call: Call) -> Result<Response, Fault> {
    let name = call.named("/v1/internal/ui/service-topology/", "Missing service name")?;
    permit(ServiceName::new(&name).is_ok_and(|name| call.acl.service_read(&name)))?;
    list(&call, &TopologyJson::default())
}

/// The services behind a gateway of the mesh: none.
async fn gateway_services(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let prefix = "/v1/internal/ui/gateway-services-nodes/";
    call.named(prefix, "Missing gateway name")?;
    no_mesh(&api, &call, prefix, Shape::CATALOG_SERVICE).await
}

/// A View for an answer that is made of nodes, services and checks.
async fn read_all(api: &Api, call: &Call) -> Result<(Arc<View>, Index), Fault> {
    let options = call.read_options(&api.options)?;
    let topics = vec![Topic::Nodes, Topic::Services, Topic::Checks];
    let revision = |view: &View| {
        let tables = view.tables();
        tables.nodes.max(tables.services).max(tables.checks)
    };
    read(api, options, topics, revision).await
}

/// What the caller may see of a node.
fn dump<'a>(call: &Call, entry: &'a NodeEntry) -> NodeDumpJson<'a> {
    let services = entry.services.values().filter(|service| call.shows_service(&service.name));
    let checks = entry.checks.values().filter(|check| call.shows_check(check));
    NodeDumpJson::new(&entry.node, services.map(|s| &**s), checks.map(|c| &**c))
}

/// Consul does not say here how fresh the answer is.
fn answer<T: Serialize>(call: &Call, index: Index, value: &T) -> Result<Response, Fault> {
    json_with(call.pretty, StatusCode::OK, index.headers(call), value)
}
