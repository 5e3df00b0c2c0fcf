//! `/v1/operator/autopilot/*`: what the leader does with servers by itself, and how they are.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::api::Api;
use crate::api::answer::{json, json_with};
use crate::api::blocking::freshen;
use crate::api::body::read_json;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::api::json::object::{Object, parse};
use crate::api::json::operator::{AutopilotJson, HealthJson, ServerHealthJson, StateJson, moment};
use crate::api::operator::servers;
use crate::api::params::parse_number;
use crate::catalog::Command;
use crate::catalog::command::AutopilotSet;
use crate::model::autopilot::Autopilot;
use crate::model::member::Member;
use crate::model::number::Revision;
use crate::model::time::{GoDuration, Now};
use crate::publish::{Cluster, Peer};

/// The settings.
pub(in crate::api) async fn settings(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    permit(call.acl.operator_read())?;
    let options = call.read_options(&api.options)?;
    freshen(&api, options.freshness).await?;
    let view = api.services.reader.load_full();
    json(call.pretty, &AutopilotJson::new(view.autopilot().map(|entry| &**entry)))
}

/// Changes the settings. What is not stated becomes nothing, as in Consul.
pub(in crate::api) async fn set(
    State(api): State<Api>,
    call: Call,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    permit(call.acl.operator_write())?;
    call.check_datacenter(&api.options)?;
    let body = read_json(&headers, body).await?;
    let settings = decode(&body).map_err(|fault| match fault {
        Fault::Decode(text) => {
            Fault::Invalid(format!("Bad request: Error parsing autopilot config: {text}"))
        }
        other => other,
    })?;
    let cas = call.params.first("cas").map(|text| {
        let wrong =
            |fault: Fault| Fault::Invalid(format!("Bad request: Error parsing cas value: {fault}"));
        parse_number(text).map(Revision).map_err(wrong)
    });
    let command = Command::AutopilotSet(AutopilotSet { settings, cas: cas.transpose()? });
    json(call.pretty, &api.propose(command).await?)
}

fn decode(body: &[u8]) -> Result<Autopilot, Fault> {
    let value = parse(body)?;
    let object = Object::root(&value, "AutopilotConfiguration")?.only(&[
        "CleanupDeadServers",
        "LastContactThreshold",
        "MaxTrailingLogs",
        "MinQuorum",
        "ServerStabilizationTime",
        "RedundancyZoneTag",
        "DisableUpgradeMigration",
        "UpgradeVersionTag",
        "CreateIndex",
        "ModifyIndex",
    ])?;
    for index in ["CreateIndex", "ModifyIndex"] {
        object.unsigned(index)?;
    }
    Ok(Autopilot {
        cleanup_dead_servers: object.truth("CleanupDeadServers")?,
        last_contact_threshold: object.duration("LastContactThreshold")?,
        max_trailing_logs: object.unsigned("MaxTrailingLogs")?,
        min_quorum: object.unsigned("MinQuorum")?,
        server_stabilization_time: object.duration("ServerStabilizationTime")?,
        redundancy_zone_tag: object.text("RedundancyZoneTag")?.to_owned(),
        disable_upgrade_migration: object.truth("DisableUpgradeMigration")?,
        upgrade_version_tag: object.text("UpgradeVersionTag")?.to_owned(),
    })
}

/// How the servers are: 429 where one is not well, for those who only look at the status.
pub(in crate::api) async fn health(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    permit(call.acl.operator_read())?;
    call.check_datacenter(&api.options)?;
    let health = examine(&api);
    let status = if health.healthy { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS };
    json_with(call.pretty, status, HeaderMap::new(), &health)
}

/// The same as newer clients ask for it.
pub(in crate::api) async fn state(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    permit(call.acl.operator_read())?;
    call.check_datacenter(&api.options)?;
    json(call.pretty, &StateJson::new(examine(&api)))
}

/// What is known of the servers.
fn examine(api: &Api) -> HealthJson {
    let view = api.services.reader.load();
    let known = Known {
        api,
        cluster: api.services.propose.cluster(),
        members: api.services.program.members(),
        now: api.services.program.now(),
    };
    let contact_max = view.autopilot_settings().last_contact_threshold;
    let health = known.cluster.health(&api.options.node, &known.members, contact_max);
    let ids = servers(api, &known.cluster, &view).into_iter().map(|server| server.id);
    let peers = ids.zip(&known.cluster.peers).zip(&health.is_well);
    let servers = peers.map(|((id, peer), is_well)| known.health(id, peer, *is_well)).collect();
    HealthJson::new(servers, &health)
}

/// What there is to judge servers by.
struct Known<'a> {
    /// Who this is.
    api: &'a Api,
    /// The cluster.
    cluster: Cluster,
    /// Whom the gossip sees.
    members: Vec<Member>,
    /// The moment.
    now: Now,
}

impl Known<'_> {
    /// How one server is. Another one than this tells nothing of itself yet.
    fn health(&self, id: String, peer: &Peer, is_well: bool) -> ServerHealthJson {
        let cluster = &self.cluster;
        let member = self.members.iter().find(|member| member.name == peer.node);
        let is_own = peer.node == self.api.options.node;
        let build = member.and_then(|member| member.tags.get("build"));
        let unchanged_for = if is_own { cluster.unchanged_for } else { Duration::ZERO };
        let unchanged_ms = u64::try_from(unchanged_for.as_millis()).unwrap_or(u64::MAX);
        let last_contact = if is_own { cluster.last_contact } else { Duration::ZERO };
        ServerHealthJson {
            id,
            name: peer.node.as_str().to_owned(),
            address: peer.address.to_string(),
            serf_status: member.map_or("none", |member| member.status.as_str()),
            version: build.map(|build| build.trim_end_matches(':').to_owned()).unwrap_or_default(),
            leader: cluster.leader == Some(peer.id),
            last_contact: GoDuration(last_contact).to_string(),
            last_term: if is_own { cluster.term } else { 0 },
            last_index: if is_own { cluster.last_log } else { 0 },
            healthy: is_well,
            voter: peer.is_voter,
            stable_since: moment(Now(self.now.0.saturating_sub(unchanged_ms))),
        }
    }
}
