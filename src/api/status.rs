//! `/v1/status/*`: who leads, and who votes.

use axum::extract::State;
use axum::response::Response;

use crate::api::Api;
use crate::api::answer::json;
use crate::api::call::Call;
use crate::api::fault::Fault;

/// The leader's RPC address; empty without a leader.
pub(in crate::api) async fn leader(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    call.read_options(&api.options)?;
    let leader = api.services.propose.cluster().leader_address();
    json(call.pretty, &leader.map(|address| address.to_string()).unwrap_or_default())
}

/// The RPC addresses of all peers.
pub(in crate::api) async fn peers(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    call.read_options(&api.options)?;
    let peers = api.services.propose.cluster().peers;
    json(call.pretty, &peers.iter().map(|peer| peer.address.to_string()).collect::<Vec<_>>())
}
