//! `/v1/health/*`: checks, and instances with what decides about them.

use axum::extract::State;
use axum::response::Response;

use crate::api::Api;
use crate::api::blocking::{Scope, Subject, respond};
use crate::api::call::Call;
use crate::api::catalog::no_mesh;
use crate::api::fault::Fault;
use crate::api::filter::Shape;
use crate::api::find::{named_node, named_service};
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
    let options = call.discovery_options(&api.options)?;
    let named = named_node(&call, "/v1/health/node/", |name| name)?;
    let filter = call.filter(Shape::CHECK)?;
    let subject = Subject {
        topics: named.topics.clone(),
        revision_of: |view: &View| view.node_revision(&named.folded),
        // Services change a node, and are not shown.
        scope: Scope::Part,
    };
    respond(&api, &call, options, subject, |view| {
        let entry = named.node(view, &call);
        let checks = entry.into_iter().flat_map(|entry| entry.checks.values());
        let checks = checks.filter(|check| call.shows_check(check));
        call.body(&filter.keep(checks.map(|check| CheckJson::new(check)))?)
    })
    .await
}

/// The checks of a service's instances, without those of their nodes.
pub(in crate::api) async fn checks(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let options = call.discovery_options(&api.options)?;
    let selection = NodeSelection::new(&call);
    let named = named_service(&call, "/v1/health/checks/")?;
    let filter = call.filter(Shape::CHECK)?;
    let subject = Subject {
        topics: named.topics.clone(),
        revision_of: |view: &View| view.service_revision(&named.folded),
        // Nodes and their checks change a service, and are not shown.
        scope: Scope::Part,
    };
    respond(&api, &call, options, subject, |view| {
        let entry = named.service(view, &call);
        let instances = entry.into_iter().flat_map(|entry| entry.instances.values());
        let selected = instances.filter(|instance| selection.admits(&instance.node));
        let checks = selected.flat_map(|instance| &instance.service_checks);
        let checks = checks.filter(|check| call.shows_check(check));
        let checks = near::in_order(&api, &call, checks, |check| &check.node);
        call.body(&filter.keep(checks.into_iter().map(|check| CheckJson::new(check)))?)
    })
    .await
}

/// The instances of a service with their node and checks.
pub(in crate::api) async fn service(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let options = call.discovery_options(&api.options)?;
    let selection = InstanceSelection::with_health(&call)?;
    let named = named_service(&call, "/v1/health/service/")?;
    let filter = call.filter(Shape::INSTANCE)?;
    let datacenter = api.options.datacenter.folded();
    count_lookup("health", api.services.reader.load().service(&named.folded), &call);
    let subject = Subject {
        topics: named.topics.clone(),
        revision_of: |view: &View| view.service_revision(&named.folded),
        scope: Scope::part_if(selection.is_stated() || filter.is_stated()),
    };
    respond(&api, &call, options, subject, |view| {
        let selected = selection.of(&call, named.service(view, &call));
        let selected = near::in_order(&api, &call, selected, |instance| &instance.node.name);
        let shown = selected.iter().map(|instance| InstanceJson::new(instance, datacenter));
        call.body(&filter.keep(shown)?)
    })
    .await
}

/// All checks that say a word; a word that is none finds nothing.
pub(in crate::api) async fn state(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let options = call.discovery_options(&api.options)?;
    let word = call.named("/v1/health/state/", "Missing check state")?;
    let selection = NodeSelection::new(&call);
    let filter = call.filter(Shape::CHECK)?;
    let wanted = Status::from_word(&word);
    let subject = Subject {
        topics: selection.topics(Topic::Checks),
        revision_of: |view: &View| selection.revision(view.tables().checks, view),
        scope: Scope::part_if(word != ANY || selection.is_stated() || filter.is_stated()),
    };
    respond(&api, &call, options, subject, |view| {
        let nodes = view.nodes().filter(|entry| selection.admits(&entry.node));
        let checks = nodes.flat_map(|entry| entry.checks.values());
        let selected = checks.filter(|check| word == ANY || wanted == Some(check.status));
        let selected = selected.filter(|check| call.shows_check(check));
        let shown = near::in_order(&api, &call, selected, |check| &check.node);
        call.body(&filter.keep(shown.into_iter().map(|check| CheckJson::new(check)))?)
    })
    .await
}

/// The mesh's instances of a service: none.
pub(in crate::api) async fn connect(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    no_mesh(&api, &call, "/v1/health/connect/", Shape::INSTANCE).await
}

/// The instances behind an ingress gateway: none.
pub(in crate::api) async fn ingress(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    no_mesh(&api, &call, "/v1/health/ingress/", Shape::INSTANCE).await
}

/// The state that every check has.
const ANY: &str = "any";
