//! `/v1/agent/services`, `/v1/agent/service/*`: the services that this agent states.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use crate::agent::{AgentFault, LocalView};
use crate::api::Api;
use crate::api::agent::maintenance_reason;
use crate::api::answer::{self, CONTENT_HASH, empty, json_with, to_bytes};
use crate::api::blocking::wait_for;
use crate::api::body::read_json;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::filter::Shape;
use crate::api::guard::permit;
use crate::api::json::service::AgentServiceJson;
use crate::api::vet::{vet_service, vet_service_change};
use crate::intake;
use crate::model::name::ServiceId;

/// All services by id.
pub(in crate::api) async fn list(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let filter = call.filter(Shape::SERVICE)?;
    let local = api.services.agent.local();
    let services = local.services.values();
    let shown = services.filter(|local| call.shows_service(&local.definition.name));
    let datacenter = api.options.datacenter.folded();
    let shown = shown.map(|local| AgentServiceJson::new(&local.definition, datacenter));
    let kept = filter.keep(shown)?;
    let by_id: BTreeMap<&str, &AgentServiceJson<'_>> =
        kept.iter().map(|service| (service.id, service)).collect();
    answer::list(&call, &by_id)
}

/// One service, with a number that changes with its content. Who names the number in `hash` waits for another one.
pub(in crate::api) async fn one(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let text = call.under("/v1/agent/service/")?;
    let block = call.hash_block(&api.options)?;
    let unknown = || Fault::NotFound(format!("unknown service ID: {text}"));
    let id = ServiceId::new(&text).map_err(|_| unknown())?;
    let (agent, datacenter) = (&api.services.agent, api.options.datacenter.folded());
    let named = agent.local().services.get(&id).map(|service| service.definition.name.clone());
    permit(named.is_none_or(|name| call.acl.service_read(&name)))?;
    // Made before the first look, so that no change falls between the two.
    let mut restated = agent.restated();
    if let Some((seen, wait)) = block {
        let changed = async {
            while content_hash(&agent.local(), &id, datacenter)?.is_some_and(|hash| hash == seen) {
                restated.changed().await;
            }
            Ok(())
        };
        wait_for(&api, wait, changed).await?;
    }
    let local = agent.local();
    let service = local.services.get(&id).ok_or_else(unknown)?;
    permit(call.acl.service_read(&service.definition.name))?;
    let hash = content_hash(&local, &id, datacenter)?.unwrap_or_default();
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&hash) {
        headers.insert(CONTENT_HASH, value);
    }
    let shown = AgentServiceJson::new(&service.definition, datacenter).with_hash(hash);
    json_with(call.pretty, StatusCode::OK, headers, &shown)
}

/// The number of a service's content, if it is there.
fn content_hash(
    local: &LocalView,
    id: &ServiceId,
    datacenter: &str,
) -> Result<Option<String>, Fault> {
    let Some(service) = local.services.get(id) else { return Ok(None) };
    let plain = to_bytes(false, &AgentServiceJson::new(&service.definition, datacenter))?;
    Ok(Some(format!("{:016x}", fnv1a(&plain))))
}

/// States a service.
pub(in crate::api) async fn register(
    State(api): State<Api>,
    call: Call,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let body = read_json(&headers, body).await?;
    let decoded = intake::service_from_json(&body);
    let definition = decoded.map_err(|fault| Fault::Invalid(fault.to_string()))?;
    let replace_checks = call.switch("replace-existing-checks")?;
    vet_service(&call.acl, &api.services.agent.local(), &definition)?;
    api.services.agent.register_service(definition, replace_checks).await?;
    Ok(empty())
}

/// States a service no more. One that is not there is gone already, as in Consul up to 1.10.
pub(in crate::api) async fn deregister(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    let text = call.under("/v1/agent/service/deregister/")?;
    if text.is_empty() {
        return Err(Fault::Refused("ServiceID missing".to_owned()));
    }
    let Ok(id) = ServiceId::new(&text) else { return Ok(empty()) };
    vet_service_change(&call.acl, &api.services.agent.local(), &id)?;
    match api.services.agent.deregister_service(&id).await {
        Ok(()) | Err(AgentFault::UnknownService(_)) => Ok(empty()),
        Err(fault) => Err(Fault::Agent(fault)),
    }
}

/// Takes a service out of the answers, or puts it back.
pub(in crate::api) async fn maintenance(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    let text = call.named("/v1/agent/service/maintenance/", "Missing service ID")?;
    let reason = maintenance_reason(&call)?;
    let unknown = |_| Fault::Agent(AgentFault::UnknownService(text.clone()));
    let id = ServiceId::new(&text).map_err(unknown)?;
    vet_service_change(&call.acl, &api.services.agent.local(), &id)?;
    api.services.agent.set_service_maintenance(&id, reason).await?;
    Ok(empty())
}

/// FNV-1a with 64 bits: the same content has the same number in every version of the program.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
