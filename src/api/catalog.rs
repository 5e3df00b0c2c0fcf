//! `/v1/catalog/*`: nodes and services as they were registered.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::api::Api;
use crate::api::answer::json;
use crate::api::blocking::read;
use crate::api::body::read_json;
use crate::api::call::{Call, check_datacenter};
use crate::api::fault::Fault;
use crate::api::find::{find_node, find_service};
use crate::api::json::node::{NodeJson, NodeServiceListJson, NodeServicesJson};
use crate::api::json::registration::{self, Addressed};
use crate::api::json::service::CatalogServiceJson;
use crate::api::meter::count_lookup;
use crate::api::near;
use crate::api::select::{InstanceSelection, NodeSelection};
use crate::api::vet::vet_catalog;
use crate::catalog::View;
use crate::catalog::reply::Topic;
use crate::catalog::state::NodeEntry;
use crate::model::name::Tag;
use crate::model::service::Service;

/// Puts a node, a service and checks in place.
pub(in crate::api) async fn register(
    State(api): State<Api>,
    call: Call,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let body = read_json(&headers, body).await?;
    propose(&api, &call, registration::register(&body)?).await
}

/// Takes a node, a service or a check away.
pub(in crate::api) async fn deregister(
    State(api): State<Api>,
    call: Call,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let body = read_json(&headers, body).await?;
    propose(&api, &call, registration::deregister(&body)?).await
}

async fn propose(api: &Api, call: &Call, addressed: Addressed) -> Result<Response, Fault> {
    call.check_datacenter(&api.options)?;
    check_datacenter(&addressed.datacenter, &api.options)?;
    vet_catalog(&call.acl, &api.services.reader.load(), &addressed.command)?;
    let reply = api.services.propose.propose(addressed.command).await?;
    json(call.pretty, &reply.is_done().map_err(Fault::Reject)?)
}

/// The datacenters, of which there is one.
pub(in crate::api) async fn datacenters(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    json(call.pretty, &[api.options.datacenter.folded()])
}

/// All nodes.
pub(in crate::api) async fn nodes(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let options = call.read_options(&api.options)?;
    let selection = NodeSelection::new(&call);
    let (view, index) = read(&api, options, vec![Topic::Nodes], |view| view.tables().nodes).await?;
    let datacenter = api.options.datacenter.folded();
    let selected = view.nodes().filter(|entry| selection.admits(&entry.node));
    let selected = selected.filter(|entry| call.shows_node(&entry.node.name));
    let nodes = near::in_order(&api, &call, selected, |entry| &entry.node.name);
    let nodes: Vec<_> = nodes.iter().map(|entry| NodeJson::new(&entry.node, datacenter)).collect();
    index.answer(&call, &nodes)
}

/// All service names with the tags that any of their instances carries.
pub(in crate::api) async fn services(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    let options = call.read_options(&api.options)?;
    let selection = NodeSelection::new(&call);
    let topics = selection.topics(Topic::Services);
    let revision = |view: &View| selection.revision(view.tables().services, view);
    let (view, index) = read(&api, options, topics, revision).await?;
    let mut services: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for entry in view.services().filter(|entry| call.shows_service(&entry.name)) {
        for instance in entry.instances.values().filter(|i| selection.admits(&i.node)) {
            let tags = services.entry(entry.name.as_str()).or_default();
            tags.extend(instance.service.tags.iter().map(Tag::as_str));
        }
    }
    index.answer(&call, &services)
}

/// The instances of a service, whatever their health.
pub(in crate::api) async fn service(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let selection = InstanceSelection::new(&call);
    let (entry, index) = find_service(&api, &call, "/v1/catalog/service/").await?;
    count_lookup("catalog", entry.as_deref(), call.params.has("tag"));
    let datacenter = api.options.datacenter.folded();
    let selected = selection.of(&call, entry.as_deref());
    let selected = near::in_order(&api, &call, selected, |instance| &instance.node.name);
    let shown: Vec<_> = selected.iter().map(|i| CatalogServiceJson::new(i, datacenter)).collect();
    index.answer(&call, &shown)
}

/// The mesh's instances of a service: none.
pub(in crate::api) async fn connect(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    no_mesh(&api, &call, "/v1/catalog/connect/").await
}

/// The services behind a gateway of the mesh: none.
pub(in crate::api) async fn gateway_services(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    no_mesh(&api, &call, "/v1/catalog/gateway-services/").await
}

/// The empty list that stands where the mesh's instances of a service would.
pub(in crate::api) async fn no_mesh(
    api: &Api,
    call: &Call,
    prefix: &str,
) -> Result<Response, Fault> {
    let (_, index) = find_service(api, call, prefix).await?;
    index.answer::<[u8; 0]>(call, &[])
}

/// A node and its services by id; `null` for an unknown one.
pub(in crate::api) async fn node(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let resolve = |text| node_name(&api, text);
    let (entry, index) = find_node(&api, &call, "/v1/catalog/node/", resolve).await?;
    let datacenter = api.options.datacenter.folded();
    let entry = entry.as_deref();
    let shown = entry.map(|e| NodeServicesJson::new(&e.node, services_of(&call, e), datacenter));
    index.answer(&call, &shown)
}

/// A node and its services in a list.
pub(in crate::api) async fn node_services(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    let resolve = |text| node_name(&api, text);
    let (entry, index) = find_node(&api, &call, "/v1/catalog/node-services/", resolve).await?;
    let datacenter = api.options.datacenter.folded();
    let entry = entry.as_deref().map(|entry| (&*entry.node, services_of(&call, entry)));
    index.answer(&call, &NodeServiceListJson::new(entry, datacenter))
}

/// The services of a node that the caller may see.
fn services_of<'a>(call: &Call, entry: &'a NodeEntry) -> Vec<&'a Service> {
    let services = entry.services.values().map(|service| &**service);
    services.filter(|service| call.shows_service(&service.name)).collect()
}

/// The name of a node that may be called by its UUID: an answer is looked up and waited for by name.
fn node_name(api: &Api, text: String) -> String {
    let view = api.services.reader.load();
    let named = view.node_by_id(&text).map(|entry| entry.node.name.as_str().to_owned());
    named.unwrap_or(text)
}
