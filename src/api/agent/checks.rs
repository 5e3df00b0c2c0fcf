//! `/v1/agent/checks`, `/v1/agent/check/*`: the checks that this agent states, and the word of TTL checks.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::agent::{AgentFault, LocalCheck};
use crate::api::Api;
use crate::api::answer::{self, empty};
use crate::api::body::read_json;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::filter::Shape;
use crate::api::json::check::CheckJson;
use crate::api::json::object::{Object, parse_printed};
use crate::api::vet::{vet_check, vet_check_change};
use crate::intake;
use crate::model::health::Status;
use crate::model::name::CheckId;

/// All checks by id.
pub(in crate::api) async fn list(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let filter = call.filter(Shape::CHECK)?;
    let local = api.services.agent.local();
    let node = api.options.node.as_str();
    let stays = |check: &&Arc<LocalCheck>| {
        let service = check.definition.service_id.as_ref().and_then(|id| local.services.get(id));
        match service {
            Some(service) => call.shows_service(&service.definition.name),
            None => call.shows_node(&api.options.node),
        }
    };
    let checks = local.checks.values().filter(stays);
    let kept = filter.keep(checks.map(|check| CheckJson::local(check, &local, node)))?;
    let by_id: BTreeMap<&str, &CheckJson<'_>> =
        kept.iter().map(|check| (check.check_id, check)).collect();
    answer::list(&call, &by_id)
}

/// States a check.
pub(in crate::api) async fn register(
    State(api): State<Api>,
    call: Call,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let body = read_json(&headers, body).await?;
    let decoded = intake::check_from_json(&body);
    let definition = decoded.map_err(|fault| Fault::Invalid(fault.to_string()))?;
    let node = &api.options.node;
    vet_check(&call.acl, &api.services.agent.local(), node, &definition)?;
    api.services.agent.register_check(definition).await?;
    Ok(empty())
}

/// States a check no more. One that is not there is gone already, as in Consul up to 1.10.
pub(in crate::api) async fn deregister(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    let text = call.under("/v1/agent/check/deregister/")?;
    if text.is_empty() {
        return Err(Fault::Refused("CheckID missing".to_owned()));
    }
    let Ok(id) = CheckId::new(&text) else { return Ok(empty()) };
    vet_check_change(&call.acl, &api.services.agent.local(), &api.options.node, &id)?;
    match api.services.agent.deregister_check(&id).await {
        Ok(()) | Err(AgentFault::UnknownCheck(_)) => Ok(empty()),
        Err(fault) => Err(Fault::Agent(fault)),
    }
}

/// Says that a TTL check passes.
pub(in crate::api) async fn pass(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    note(&api, &call, "/v1/agent/check/pass/", Status::Passing).await
}

/// Says that a TTL check warns.
pub(in crate::api) async fn warn(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    note(&api, &call, "/v1/agent/check/warn/", Status::Warning).await
}

/// Says that a TTL check is critical.
pub(in crate::api) async fn fail(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    note(&api, &call, "/v1/agent/check/fail/", Status::Critical).await
}

/// Says what a TTL check is, with an output of any length.
pub(in crate::api) async fn update(
    State(api): State<Api>,
    call: Call,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let id = call.under("/v1/agent/check/update/")?;
    let body = read_json(&headers, body).await?;
    let value = parse_printed(&body)?;
    let root = Object::root(&value, "checkUpdate")?.only(&["Status", "Output"])?;
    let word = root.text("Status")?;
    let invalid = || Fault::Invalid(format!("Invalid check status: '{word}'"));
    let status = Status::from_word(word).ok_or_else(invalid)?;
    speak(&api, &call, &id, status, root.text("Output")?).await
}

async fn note(api: &Api, call: &Call, prefix: &str, status: Status) -> Result<Response, Fault> {
    let note = call.params.first("note").unwrap_or_default();
    speak(api, call, &call.under(prefix)?, status, note).await
}

async fn speak(
    api: &Api,
    call: &Call,
    id: &str,
    status: Status,
    output: &str,
) -> Result<Response, Fault> {
    // A check that is not there has no TTL either: that is what Consul says of it.
    let no_ttl = || Fault::Agent(AgentFault::NotTtl(id.to_owned()));
    let parsed = CheckId::new(id).map_err(|_| no_ttl())?;
    vet_check_change(&call.acl, &api.services.agent.local(), &api.options.node, &parsed)?;
    match api.services.agent.update_ttl(&parsed, status, output.to_owned()).await {
        Ok(()) => Ok(empty()),
        Err(AgentFault::UnknownCheck(_)) => Err(no_ttl()),
        Err(fault) => Err(Fault::Agent(fault)),
    }
}
