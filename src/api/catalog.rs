//! `/v1/catalog/*`: nodes and services as they were registered.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::api::Api;
use crate::api::answer::json;
use crate::api::blocking::{Scope, Subject, respond};
use crate::api::body::read_json;
use crate::api::call::{Call, check_datacenter};
use crate::api::fault::Fault;
use crate::api::filter::Shape;
use crate::api::find::{named_node, named_service};
use crate::api::json::node::{NodeJson, NodeServiceListJson, NodeServicesJson};
use crate::api::json::registration::{self, Addressed};
use crate::api::json::service::{CatalogServiceJson, ServiceJson};
use crate::api::meter::count_lookup;
use crate::api::near;
use crate::api::select::{InstanceSelection, NodeSelection};
use crate::api::vet::vet_catalog;
use crate::catalog::View;
use crate::catalog::reply::Topic;
use crate::model::name::Tag;
use crate::model::node::Node;

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
    json(call.pretty, &api.propose(addressed.command).await?)
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
    let options = call.discovery_options(&api.options)?;
    let selection = NodeSelection::new(&call);
    let filter = call.filter(Shape::NODE)?;
    let datacenter = api.options.datacenter.folded();
    let subject = Subject {
        topics: vec![Topic::Nodes],
        revision_of: |view: &View| view.tables().nodes,
        scope: Scope::part_if(selection.is_stated() || filter.is_stated()),
    };
    respond(&api, &call, options, subject, |view| {
        let selected = view.nodes().filter(|entry| selection.admits(&entry.node));
        let selected = selected.filter(|entry| call.shows_node(&entry.node.name));
        let selected = near::in_order(&api, &call, selected, |entry| &entry.node.name);
        let shown = selected.iter().map(|entry| NodeJson::new(&entry.node, datacenter));
        call.body(&filter.keep(shown)?)
    })
    .await
}

/// All service names with the tags that any of their instances carries. A filter is about the instances.
pub(in crate::api) async fn services(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    let options = call.discovery_options(&api.options)?;
    let selection = NodeSelection::new(&call);
    let filter = call.filter(Shape::CATALOG_SERVICE)?;
    let datacenter = api.options.datacenter.folded();
    // A filter may be about the nodes too.
    let is_narrow = selection.is_stated() || filter.is_stated();
    let mut topics = vec![Topic::Services];
    topics.extend(is_narrow.then_some(Topic::Nodes));
    let subject = Subject {
        topics,
        revision_of: |view: &View| {
            let tables = view.tables();
            if is_narrow { tables.services.max(tables.nodes) } else { tables.services }
        },
        // Names and tags are a small part of services.
        scope: Scope::Part,
    };
    respond(&api, &call, options, subject, |view| {
        let mut services: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for entry in view.services().filter(|entry| call.shows_service(&entry.name)) {
            for instance in entry.instances.values().filter(|i| selection.admits(&i.node)) {
                if filter.admits(&CatalogServiceJson::new(instance, datacenter))? {
                    let tags = services.entry(entry.name.as_str()).or_default();
                    tags.extend(instance.service.tags.iter().map(Tag::as_str));
                }
            }
        }
        call.body(&services)
    })
    .await
}

/// The instances of a service, whatever their health.
pub(in crate::api) async fn service(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let options = call.discovery_options(&api.options)?;
    let selection = InstanceSelection::new(&call);
    let named = named_service(&call, "/v1/catalog/service/")?;
    let filter = call.filter(Shape::CATALOG_SERVICE)?;
    let datacenter = api.options.datacenter.folded();
    count_lookup("catalog", api.services.reader.load().service(&named.folded), &call);
    let subject = Subject {
        topics: named.topics.clone(),
        revision_of: |view: &View| view.service_revision(&named.folded),
        // Checks change a service, and are not shown.
        scope: Scope::Part,
    };
    respond(&api, &call, options, subject, |view| {
        let selected = selection.of(&call, named.service(view, &call));
        let selected = near::in_order(&api, &call, selected, |instance| &instance.node.name);
        let shown = selected.iter().map(|instance| CatalogServiceJson::new(instance, datacenter));
        call.body(&filter.keep(shown)?)
    })
    .await
}

/// The mesh's instances of a service: none.
pub(in crate::api) async fn connect(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    no_mesh(&api, &call, "/v1/catalog/connect/", Shape::CATALOG_SERVICE).await
}

/// The services behind a gateway of the mesh: none.
pub(in crate::api) async fn gateway_services(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    no_mesh(&api, &call, "/v1/catalog/gateway-services/", Shape::CATALOG_SERVICE).await
}

/// The empty list that stands where the mesh's instances of a service would.
pub(in crate::api) async fn no_mesh(
    api: &Api,
    call: &Call,
    prefix: &str,
    shape: Shape,
) -> Result<Response, Fault> {
    let options = call.discovery_options(&api.options)?;
    let named = named_service(call, prefix)?;
    call.filter(shape)?;
    let subject = Subject {
        topics: named.topics.clone(),
        revision_of: |view: &View| view.service_revision(&named.folded),
        scope: Scope::Part,
    };
    respond(api, call, options, subject, |_| call.body::<[u8; 0]>(&[])).await
}

/// A node and its services by id; `null` for an unknown one.
pub(in crate::api) async fn node(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let datacenter = api.options.datacenter.folded();
    node_with_services(&api, &call, "/v1/catalog/node/", |node| {
        let shown = node.map(|(node, services)| NodeServicesJson::new(node, services, datacenter));
        call.body(&shown)
    })
    .await
}

/// A node and its services in a list.
pub(in crate::api) async fn node_services(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    let datacenter = api.options.datacenter.folded();
    node_with_services(&api, &call, "/v1/catalog/node-services/", |node| {
        call.body(&NodeServiceListJson::new(node, datacenter))
    })
    .await
}

/// Answers with a node and those of its services that stay.
async fn node_with_services(
    api: &Api,
    call: &Call,
    prefix: &str,
    body_of: impl Fn(Option<(&Node, Vec<ServiceJson<'_>>)>) -> Result<Vec<u8>, Fault>,
) -> Result<Response, Fault> {
    let options = call.discovery_options(&api.options)?;
    let named = named_node(call, prefix, |text| node_name(api, text))?;
    let filter = call.filter(Shape::SERVICE)?;
    let subject = Subject {
        topics: named.topics.clone(),
        revision_of: |view: &View| view.node_revision(&named.folded),
        // Checks change a node, and are not shown.
        scope: Scope::Part,
    };
    respond(api, call, options, subject, |view| {
        let Some(entry) = named.node(view, call) else { return body_of(None) };
        let services = entry.services.values();
        let seen = services.filter(|service| call.shows_service(&service.name));
        let shown = seen.map(|service| ServiceJson::new(service));
        body_of(Some((&entry.node, filter.keep(shown)?)))
    })
    .await
}

/// The name of a node that may be called by its UUID: an answer is looked up and waited for by name.
fn node_name(api: &Api, text: String) -> String {
    let view = api.services.reader.load();
    let named = view.node_by_id(&text).map(|entry| entry.node.name.as_str().to_owned());
    named.unwrap_or(text)
}
