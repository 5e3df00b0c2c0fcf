//! `/v1/health/*`: checks, and instances with what decides about them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::api::Api;
use crate::api::answer::{Index, json_with};
use crate::api::blocking::read;
use crate::api::call::Call;
use crate::api::catalog::no_mesh;
use crate::api::fault::Fault;
use crate::api::json::check::CheckJson;
use crate::api::json::service::InstanceJson;
use crate::api::meter::count_lookup;
use crate::api::select::{InstanceSelection, NodeSelection};
use crate::api::topics::{node_topics, service_topics};
use crate::catalog::View;
use crate::catalog::reply::Topic;
use crate::model::health::Status;

/// The checks of a node, those of its services included.
pub(in crate::api) async fn node(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let name = call.named("/v1/health/node/", "Missing node name")?;
    let options = call.read_options(&api.options)?;
    let (folded, topics) = node_topics(&name);
    let (view, index) = read(&api, options, topics, |view| view.node_revision(&folded)).await?;
    let checks = view.node(&folded).into_iter().flat_map(|entry| entry.checks.values());
    let shown: Vec<_> = checks.map(|check| CheckJson::new(check)).collect();
    answer(&call, &index, &shown)
}

/// The checks of a service's instances, without those of their nodes.
pub(in crate::api) async fn checks(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let name = call.named("/v1/health/checks/", "Missing service name")?;
    let options = call.read_options(&api.options)?;
    let selection = NodeSelection::new(&call);
    let (folded, topics) = service_topics(&name);
    let (view, index) = read(&api, options, topics, |view| view.service_revision(&folded)).await?;
    let entry = view.service(&folded);
    let instances = entry.into_iter().flat_map(|entry| entry.instances.values());
    let selected = instances.filter(|instance| selection.admits(&instance.node));
    let checks = selected.flat_map(|instance| &instance.service_checks);
    let shown: Vec<_> = checks.map(|check| CheckJson::new(check)).collect();
    answer(&call, &index, &shown)
}

/// The instances of a service with their node and checks.
pub(in crate::api) async fn service(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let name = call.named("/v1/health/service/", "Missing service name")?;
    let options = call.read_options(&api.options)?;
    let selection = InstanceSelection::with_health(&call)?;
    let (folded, topics) = service_topics(&name);
    let (view, index) = read(&api, options, topics, |view| view.service_revision(&folded)).await?;
    let datacenter = api.options.datacenter.folded();
    let entry = view.service(&folded);
    count_lookup("health", entry.map(|_| folded.as_str()), call.params.has("tag"));
    let instances = entry.into_iter().flat_map(|entry| entry.instances.values());
    let selected = instances.filter(|instance| selection.admits(instance));
    let shown: Vec<_> = selected.map(|i| InstanceJson::new(i, datacenter)).collect();
    answer(&call, &index, &shown)
}

/// All checks that say a word; a word that is none finds nothing.
pub(in crate::api) async fn state(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let word = call.named("/v1/health/state/", "Missing check state")?;
    let options = call.read_options(&api.options)?;
    let selection = NodeSelection::new(&call);
    let wanted = Status::from_word(&word);
    let topics = selection.topics(Topic::Checks);
    let revision = |view: &View| selection.revision(view.tables().checks, view);
    let (view, index) = read(&api, options, topics, revision).await?;
    let nodes = view.nodes().filter(|entry| selection.admits(&entry.node));
    let checks = nodes.flat_map(|entry| entry.checks.values());
    let selected = checks.filter(|check| word == ANY || wanted == Some(check.status));
    let shown: Vec<_> = selected.map(|check| CheckJson::new(check)).collect();
    answer(&call, &index, &shown)
}

/// The mesh's instances of a service: none.
pub(in crate::api) async fn connect(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    no_mesh(&api, &call, "/v1/health/connect/").await
}

/// The instances behind an ingress gateway: none.
pub(in crate::api) async fn ingress(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    no_mesh(&api, &call, "/v1/health/ingress/").await
}

fn answer<T: serde::Serialize>(call: &Call, index: &Index, value: &T) -> Result<Response, Fault> {
    json_with(call.pretty, StatusCode::OK, index.headers_with_consistency(), value)
}

/// The state that every check has.
const ANY: &str = "any";
