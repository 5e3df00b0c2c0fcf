//! `/v1/health/*`: checks, and instances with what decides about them.

use axum::extract::State;
use axum::response::Response;

use crate::api::Api;
use crate::api::blocking::read;
use crate::api::call::Call;
use crate::api::catalog::no_mesh;
use crate::api::fault::Fault;
use crate::api::find::{find_node, find_service};
use crate::api::json::check::CheckJson;
use crate::api::json::service::InstanceJson;
use crate::api::meter::count_lookup;
use crate::api::near;
use crate::api::select::{InstanceSelection, NodeSelection};
use crate::catalog::View;
use crate::catalog::reply::Topic;
use crate::model::health::Status;

/// The checks of a node, those of its services included.
pub(in crate::api) async fn node(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let (entry, index) = find_node(&api, &call, "/v1/health/node/", |name| name).await?;
    let checks = entry.iter().flat_map(|entry| entry.checks.values());
    let shown = checks.filter(|check| call.shows_check(check));
    let shown: Vec<_> = shown.map(|check| CheckJson::new(check)).collect();
    index.answer(&call, &shown)
}

/// The checks of a service's instances, without those of their nodes.
pub(in crate::api) async fn checks(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let selection = NodeSelection::new(&call);
    let (entry, index) = find_service(&api, &call, "/v1/health/checks/").await?;
    let instances = entry.iter().flat_map(|entry| entry.instances.values());
    let selected = instances.filter(|instance| selection.admits(&instance.node));
    let checks = selected.flat_map(|instance| &instance.service_checks);
    let checks = checks.filter(|check| call.shows_check(check));
    let checks = near::in_order(&api, &call, checks, |check| &check.node);
    let shown: Vec<_> = checks.iter().map(|check| CheckJson::new(check)).collect();
    index.answer(&call, &shown)
}

/// The instances of a service with their node and checks.
pub(in crate::api) async fn service(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let selection = InstanceSelection::with_health(&call)?;
    let (entry, index) = find_service(&api, &call, "/v1/health/service/").await?;
    count_lookup("health", entry.as_deref(), call.params.has("tag"));
    let datacenter = api.options.datacenter.folded();
    let selected = selection.of(&call, entry.as_deref());
    let selected = near::in_order(&api, &call, selected, |instance| &instance.node.name);
    let shown: Vec<_> = selected.iter().map(|i| InstanceJson::new(i, datacenter)).collect();
    index.answer(&call, &shown)
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
    let selected = selected.filter(|check| call.shows_check(check));
    let selected = near::in_order(&api, &call, selected, |check| &check.node);
    let shown: Vec<_> = selected.iter().map(|check| CheckJson::new(check)).collect();
    index.answer(&call, &shown)
}

/// The mesh's instances of a service: none.
pub(in crate::api) async fn connect(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    no_mesh(&api, &call, "/v1/health/connect/").await
}

/// The instances behind an ingress gateway: none.
pub(in crate::api) async fn ingress(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    no_mesh(&api, &call, "/v1/health/ingress/").await
}

/// The state that every check has.
const ANY: &str = "any";
