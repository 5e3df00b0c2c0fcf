//! `/v1/agent/health/service/*`: the health of local services as a status code, for load balancers.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::agent::{LocalService, LocalView};
use crate::api::answer::{REASON, json_with, text};
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::api::json::agent::LocalHealthJson;
use crate::api::json::check::CheckJson;
use crate::api::json::service::AgentServiceJson;
use crate::api::{Api, ApiOptions};
use crate::model::check::{NODE_MAINTENANCE, SERVICE_MAINTENANCE_PREFIX};
use crate::model::health::Status;
use crate::model::name::{ServiceId, ServiceName};

/// What is said of a service; ordered from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// What its checks say.
    Checked(Status),
    /// It, or its node, was taken out of the answers.
    Maintenance,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Checked(status) => status.as_str(),
            Self::Maintenance => "maintenance",
        }
    }

    fn code(self) -> StatusCode {
        match self {
            Self::Checked(Status::Passing) => StatusCode::OK,
            Self::Checked(Status::Warning) => StatusCode::TOO_MANY_REQUESTS,
            Self::Checked(Status::Critical) | Self::Maintenance => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The health of one service.
pub(in crate::api) async fn by_id(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let id = call.under("/v1/agent/health/service/id/")?;
    if id.is_empty() {
        return Err(Fault::Refused("Bad request: Missing serviceID".to_owned()));
    }
    let local = api.services.agent.local();
    let service = ServiceId::new(&id).ok().and_then(|id| local.services.get(&id));
    let Some(service) = service else {
        let missing =
            LocalHealthJson { aggregated_status: "critical", service: None, checks: None };
        let reason = format!("ServiceId {id} not found");
        return answer(&call, StatusCode::NOT_FOUND, &reason, &missing);
    };
    permit(call.acl.service_read(&service.definition.name))?;
    let (verdict, shown) = judge(&local, service, &api.options);
    answer(&call, verdict.code(), verdict.as_str(), &shown)
}

/// The health of all local services of a name: the worst of them decides.
pub(in crate::api) async fn by_name(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let name = call.under("/v1/agent/health/service/name/")?;
    if name.is_empty() {
        return Err(Fault::Refused("Bad request: Missing service Name".to_owned()));
    }
    let local = api.services.agent.local();
    let wanted = ServiceName::new(&name).ok();
    permit(wanted.as_ref().is_none_or(|name| call.acl.service_read(name)))?;
    let named = local.services.values().filter(|s| Some(&s.definition.name) == wanted.as_ref());
    let judged = named.map(|service| judge(&local, service, &api.options));
    let (verdicts, shown): (Vec<Verdict>, Vec<_>) = judged.unzip();
    match verdicts.into_iter().max() {
        Some(verdict) => answer(&call, verdict.code(), verdict.as_str(), &shown),
        None => {
            let reason = format!("ServiceName {name} Not Found");
            answer(&call, StatusCode::NOT_FOUND, &reason, &shown)
        }
    }
}

/// What is said of a service, and all that decides about it: its own checks and the node's.
fn judge<'a>(
    local: &'a LocalView,
    service: &'a LocalService,
    options: &'a ApiOptions,
) -> (Verdict, LocalHealthJson<'a>) {
    let id = &service.definition.id;
    let decides = |of: Option<&ServiceId>| of.is_none_or(|of| of == id);
    let checks: Vec<_> =
        local.checks.values().filter(|c| decides(c.definition.service_id.as_ref())).collect();
    let is_maintained = checks.iter().any(|check| {
        let id = check.definition.id.as_str();
        id == NODE_MAINTENANCE || id.starts_with(SERVICE_MAINTENANCE_PREFIX)
    });
    let verdict = if is_maintained {
        Verdict::Maintenance
    } else {
        Verdict::Checked(Status::worst(checks.iter().map(|check| check.status)))
    };
    let (node, datacenter) = (options.node.as_str(), options.datacenter.folded());
    let shown = LocalHealthJson {
        aggregated_status: verdict.as_str(),
        service: Some(AgentServiceJson::new(&service.definition, datacenter)),
        checks: Some(checks.into_iter().map(|c| CheckJson::local(c, local, node)).collect()),
    };
    (verdict, shown)
}

fn answer<T: serde::Serialize>(
    call: &Call,
    status: StatusCode,
    reason: &str,
    shown: &T,
) -> Result<Response, Fault> {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(reason) {
        headers.insert(REASON, value);
    }
    if call.params.first("format") == Some("text") {
        return Ok((headers, text(status, reason)).into_response());
    }
    json_with(call.pretty, status, headers, shown)
}
