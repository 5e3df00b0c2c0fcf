//! `/v1/internal/ui/*`: what a web interface shows on its first pages, each in one answer.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use crate::api::Api;
use crate::api::answer::{filter_headers, json_bytes, json_with, list, not_found};
use crate::api::blocking::{Scope, Subject, read, read_part};
use crate::api::call::Call;
use crate::api::catalog::no_mesh;
use crate::api::fault::Fault;
use crate::api::filter::Shape;
use crate::api::find::named_node;
use crate::api::guard::permit;
use crate::api::json::service::InstanceJson;
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
    let filter = call.filter(Shape::NODE_DUMP)?;
    let scope = Scope::part_if(filter.is_stated());
    respond_of_all(&api, &call, scope, |view| {
        let nodes = view.nodes().filter(|entry| call.shows_node(&entry.node.name));
        call.body(&filter.keep(nodes.map(|entry| dump(&call, entry)))?)
    })
    .await
}

/// One node, with its services and checks.
async fn node(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let named = named_node(&call, "/v1/internal/ui/node/", |name| name)?;
    let options = call.read_options(&api.options)?;
    let topics = named.topics.clone();
    let (view, index) =
        read(&api, options, topics, |view| view.node_revision(&named.folded)).await?;
    match named.node(&view, &call) {
        Some(entry) => {
            // What was left out is known only now.
            let dump = dump(&call, entry);
            json_with(call.pretty, StatusCode::OK, index.headers(&call), &dump)
        }
        None => Ok(not_found(filter_headers(&call))),
    }
}

/// All services, each with what its instances and their checks add up to.
async fn services(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let filter = call.filter(Shape::INSTANCE)?;
    let datacenter = api.options.datacenter.folded();
    // What a check says in detail is not shown.
    respond_of_all(&api, &call, Scope::Part, |view| {
        let mut summaries = Vec::new();
        for entry in view.services().filter(|entry| call.shows_service(&entry.name)) {
            let shown = entry.instances.values().filter(|instance| call.shows_instance(instance));
            let mut kept = Vec::with_capacity(entry.instances.len());
            for instance in shown {
                if filter.admits(&InstanceJson::new(instance, datacenter))? {
                    kept.push(&**instance);
                }
            }
            summaries.extend(ServiceSummaryJson::new(&entry.name, kept.into_iter()));
        }
        call.body(&summaries)
    })
    .await
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

/// Answers with JSON that is made of nodes, services and checks. Consul does not say here how fresh it is.
async fn respond_of_all(
    api: &Api,
    call: &Call,
    scope: Scope,
    body_of: impl Fn(&View) -> Result<Vec<u8>, Fault>,
) -> Result<Response, Fault> {
    let options = call.read_options(&api.options)?;
    let revision_of = |view: &View| {
        let tables = view.tables();
        tables.nodes.max(tables.services).max(tables.checks)
    };
    let topics = vec![Topic::Nodes, Topic::Services, Topic::Checks];
    let subject = Subject { topics, revision_of, scope };
    let (view, index) = read_part(api, options, subject, &body_of).await?;
    let body = body_of(&view)?;
    Ok(json_bytes(index.headers(call), body))
}

/// What the caller may see of a node.
fn dump<'a>(call: &Call, entry: &'a NodeEntry) -> NodeDumpJson<'a> {
    let services = entry.services.values().filter(|service| call.shows_service(&service.name));
    let checks = entry.checks.values().filter(|check| call.shows_check(check));
    NodeDumpJson::new(&entry.node, services.map(|s| &**s), checks.map(|c| &**c))
}
