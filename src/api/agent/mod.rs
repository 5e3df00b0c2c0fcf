//! `/v1/agent/*`: what this machine says is true, and what it is told to do.

pub(in crate::api) mod services;

pub(in crate::api) mod checks;

pub(in crate::api) mod health;

pub(in crate::api) mod monitor;

use axum::extract::State;
use axum::response::Response;

use crate::api::Api;
use crate::api::answer::{empty, json, list};
use crate::api::call::{Call, parse_bool};
use crate::api::fault::Fault;
use crate::api::filter::Shape;
use crate::api::guard::permit;
use crate::api::json::agent::{MemberJson, SelfConfigJson, SelfJson, VersionJson, XdsJson};
use crate::api::json::coordinate::CoordinateJson;
use crate::catalog::View;
use crate::model::coordinate::Coordinate;
use crate::model::member::Member;
use crate::model::name::NodeName;
use crate::model::node::Meta;

/// Who this agent is.
pub(in crate::api) async fn own(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let options = &api.options;
    permit(call.acl.agent_read(&options.node))?;
    let program = &api.services.program;
    let view = api.services.reader.load_full();
    let no_meta = Meta::new();
    let members = program.members();
    let member = members.iter().find(|member| member.name == options.node);
    let shown = SelfJson {
        config: SelfConfigJson {
            datacenter: options.datacenter.folded(),
            node_name: options.node.as_str(),
            node_id: &options.node_id,
            revision: "",
            server: options.is_server,
            version: env!("CARGO_PKG_VERSION"),
        },
        debug_config: program.debug_config(),
        coord: options
            .tells_coordinate
            .then(|| CoordinateJson::new(&own_coordinate(&view, &options.node))),
        member: member.map(MemberJson::new),
        stats: program.stats(),
        xds: XdsJson::default(),
        meta: view.node(options.node.folded()).map_or(&no_meta, |entry| &entry.node.meta),
    };
    json(call.pretty, &shown)
}

/// Where this machine is in the network: at the origin, until it is known better.
fn own_coordinate(view: &View, node: &NodeName) -> Coordinate {
    let known = view.node_coordinates(node.folded());
    let own = known.and_then(|known| known.segments.get(""));
    own.copied().unwrap_or_else(Coordinate::origin)
}

/// Which machine this is.
pub(in crate::api) async fn host(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    permit(call.acl.operator_read())?;
    json(call.pretty, &api.services.program.host())
}

/// Which version this is.
pub(in crate::api) async fn version(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    permit(call.acl.agent_read(&api.options.node))?;
    json(call.pretty, &VersionJson::own())
}

/// Whom the gossip sees.
pub(in crate::api) async fn members(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    if call.params.stated("segment").is_some_and(|segment| segment != "_all") {
        let text = "Network segments are not supported in this version of lictor";
        return Err(Fault::Refused(text.to_owned()));
    }
    let filter = call.filter(Shape::MEMBER)?;
    let members = api.services.program.members();
    let shown = members.iter().filter(|member| call.shows_node(&member.name));
    // A switch needs a value here, as in Consul.
    if call.params.stated("wan").is_some() {
        let servers: Vec<Member> = shown.filter_map(wide).collect();
        return list(&call, &filter.keep(servers.iter().map(MemberJson::new))?);
    }
    list(&call, &filter.keep(shown.map(MemberJson::new))?)
}

/// A server as the gossip between datacenters sees it; nothing of an agent that is none.
fn wide(member: &Member) -> Option<Member> {
    let tag = |key: &str| member.tags.get(key).map(String::as_str);
    if tag("role") != Some("consul") {
        return None;
    }
    let name = NodeName::new(&format!("{}.{}", member.name, tag("dc")?)).ok()?;
    let port = tag("wan_join_port")?.parse().ok()?;
    let mut tags = member.tags.clone();
    tags.remove("wan_join_port");
    Some(Member { name, port, tags, ..member.clone() })
}

/// Takes the whole node out of the answers, or puts it back.
pub(in crate::api) async fn maintenance(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    let reason = maintenance_reason(&call)?;
    permit(call.acl.node_write(&api.options.node))?;
    api.services.agent.set_node_maintenance(reason).await?;
    Ok(empty())
}

/// Reads the configuration again.
pub(in crate::api) async fn reload(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    permit(call.acl.agent_write(&api.options.node))?;
    api.services.program.reload().await.map_err(Fault::Refused)?;
    Ok(empty())
}

/// Leaves the cluster.
pub(in crate::api) async fn leave(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    permit(call.acl.agent_write(&api.options.node))?;
    api.services.program.leave();
    Ok(empty())
}

/// Joins another agent: refused, since this server is a cluster of its own.
pub(in crate::api) async fn join(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    permit(call.acl.agent_write(&api.options.node))?;
    let address = call.under("/v1/agent/join/")?;
    let text = "this server is a cluster of its own, and joining others is not supported yet";
    Err(Fault::Refused(format!("Failed to join {address}: {text}")))
}

/// Declares a failed member gone. One that is alive comes back at once, so nothing is done about it.
pub(in crate::api) async fn force_leave(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    permit(call.acl.operator_write())?;
    let name = call.under("/v1/agent/force-leave/")?;
    let members = api.services.program.members();
    if members.iter().any(|member| member.name.as_str() == name) {
        return Ok(empty());
    }
    Err(Fault::Refused(format!("agent: No node found with name '{name}'")))
}

/// What `enable` and `reason` say: `Some(reason)` enters maintenance, `None` leaves it.
fn maintenance_reason(call: &Call) -> Result<Option<String>, Fault> {
    let Some(enable) = call.params.first("enable") else {
        return Err(Fault::Invalid("Missing value for enable".to_owned()));
    };
    let invalid = || Fault::Invalid(format!("Invalid value for enable: {enable:?}"));
    let is_enabled = parse_bool(enable).ok_or_else(invalid)?;
    let reason = call.params.stated("reason").unwrap_or(NO_REASON);
    Ok(is_enabled.then(|| reason.to_owned()))
}

/// What a maintenance check notes when nobody said why.
const NO_REASON: &str = "Maintenance mode was enabled without a reason.";
