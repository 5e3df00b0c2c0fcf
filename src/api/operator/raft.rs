//! `/v1/operator/raft/*`: the servers, and orders about them.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::api::Api;
use crate::api::answer::json;
use crate::api::blocking::freshen;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::api::json::operator::{ConfigurationJson, ServerJson};
use crate::api::operator::servers;
use crate::publish::PeerChange;

/// The servers.
pub(in crate::api) async fn configuration(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    permit(call.acl.operator_read())?;
    let options = call.read_options(&api.options)?;
    freshen(&api, options.freshness).await?;
    let cluster = api.services.propose.cluster();
    let servers = servers(&api, &cluster, &api.services.reader.load());
    json(call.pretty, &ConfigurationJson { servers, index: cluster.configured })
}

/// Takes a server out of the cluster.
pub(in crate::api) async fn remove_peer(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    permit(call.acl.operator_write())?;
    let bad = |text: &str| Err(Fault::Invalid(format!("Bad request: {text}")));
    let (id, address) = (call.params.stated("id"), call.params.stated("address"));
    call.check_datacenter(&api.options)?;
    let (kind, named) = match (id, address) {
        (None, None) => {
            return bad(
                "Must specify either ?id with the server's ID or ?address with IP:port of peer to remove",
            );
        }
        (Some(_), Some(_)) => return bad("Must specify only one of ?id or ?address"),
        (Some(id), None) => ("id", id),
        (None, Some(address)) => ("address", address),
    };
    let missing =
        || Fault::Refused(format!("{kind} {named:?} was not found in the Raft configuration"));
    let number = find(&api, |server| match kind {
        "id" => server.id == named,
        _ => server.address == named,
    });
    let change = PeerChange::Remove(number.ok_or_else(missing)?);
    api.services.propose.change_peers(change).await?;
    Ok(crate::api::answer::empty())
}

/// What a transfer of leadership came to.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TransferJson {
    /// Whether it was ordered.
    success: bool,
}

/// Lets another server lead.
pub(in crate::api) async fn transfer_leader(
    State(api): State<Api>,
    call: Call,
) -> Result<Response, Fault> {
    permit(call.acl.operator_write())?;
    call.check_datacenter(&api.options)?;
    let to = match call.params.stated("id") {
        None => None,
        Some(id) => {
            let missing =
                || Fault::Refused(format!("id {id:?} was not found in the Raft configuration"));
            Some(find(&api, |server| server.id == id).ok_or_else(missing)?)
        }
    };
    api.services.propose.change_peers(PeerChange::Lead(to)).await?;
    json(call.pretty, &TransferJson { success: true })
}

/// The number of the first server that fits.
fn find(api: &Api, fits: impl Fn(&ServerJson) -> bool) -> Option<u64> {
    let cluster = api.services.propose.cluster();
    let servers = servers(api, &cluster, &api.services.reader.load());
    let at = servers.iter().position(fits)?;
    cluster.peers.get(at).map(|peer| peer.id)
}
