//! `/v1/connect/*`, `/v1/agent/connect/*`, `/v1/config*`, `/v1/discovery-chain/*`, federation: the service mesh,
//! which is not here.
//!
//! A list is empty, so that programs which only look around go on; one thing by its name is not found; all else
//! is answered as by a Consul without Connect. Nothing is taken that would not be kept. What Consul 1.8.7 has no
//! path for (peering, namespaces, partitions, exported services) has none here either.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post, put};
use serde::Serialize;

use crate::api::Api;
use crate::api::answer::{json, json_with};
use crate::api::blocking::read;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::json::Empty;
use crate::api::routes::{below, endpoint, reads};
use crate::model::number::Revision;

/// The routes, with the methods that they have in Consul.
pub(in crate::api) fn routes() -> Router<Api> {
    let refused = reads(get(disabled));
    let intentions = endpoint("OPTIONS,GET,POST", get(nothing).post(disabled));
    let intention = get(no_intention).put(disabled).delete(no_intention);
    let router = Router::new()
        .route("/v1/agent/connect/ca/roots", refused.clone())
        .route("/v1/agent/connect/authorize", endpoint("OPTIONS,POST", post(disabled)))
        .route("/v1/connect/ca/roots", refused.clone())
        .route(
            "/v1/connect/ca/configuration",
            endpoint("OPTIONS,GET,PUT", get(disabled).put(disabled)),
        )
        .route("/v1/connect/intentions", intentions)
        .route("/v1/connect/intentions/match", reads(get(no_matches)))
        .route("/v1/connect/intentions/check", refused.clone())
        .route("/v1/config", endpoint("OPTIONS,PUT", put(disabled)))
        .route("/v1/internal/federation-states", reads(get(nothing)))
        .route("/v1/internal/federation-states/mesh-gateways", reads(get(no_gateways)));
    let router = below(router, "/v1/agent/connect/ca/leaf/", &refused);
    let intention = endpoint("OPTIONS,GET,PUT,DELETE", intention);
    let router = below(router, "/v1/connect/intentions/", &intention);
    let entries = endpoint("OPTIONS,GET,DELETE", get(entries).delete(no_entry));
    let router = below(router, "/v1/config/", &entries);
    let chain = endpoint("OPTIONS,GET,POST", get(disabled).post(disabled));
    below(router, "/v1/discovery-chain/", &chain)
}

/// What needs a mesh.
async fn disabled(_call: Call) -> Result<Response, Fault> {
    Err(Fault::Refused("Connect must be enabled in order to use this endpoint".to_owned()))
}

/// A list of what is never kept. Who waits for a change waits to the end.
async fn nothing(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    answer_unchanging::<[u8; 0]>(&api, &call, &[]).await
}

/// The gateways by datacenter.
async fn no_gateways(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    answer_unchanging(&api, &call, &Empty::default()).await
}

/// The intentions that match each of the names: none.
async fn no_matches(_api: State<Api>, call: Call) -> Result<Response, Fault> {
    let names: BTreeMap<&str, Option<()>> =
        call.params.all("name").map(|name| (name, None)).collect();
    json(call.pretty, &names)
}

/// One intention.
async fn no_intention(_call: Call) -> Result<Response, Fault> {
    Err(Fault::NotFound("Intention not found".to_owned()))
}

/// The configuration entries of a kind, or one of them.
async fn entries(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let path = call.under("/v1/config/")?;
    match path.split_once('/') {
        None => answer_unchanging::<[u8; 0]>(&api, &call, &[]).await,
        Some((kind, name)) => {
            let text = format!("Config entry not found for {kind:?} / {name:?}");
            Err(Fault::NotFound(text))
        }
    }
}

/// One configuration entry is gone, as it always was.
async fn no_entry(call: Call) -> Result<Response, Fault> {
    json(call.pretty, &Empty::default())
}

async fn answer_unchanging<T: Serialize>(
    api: &Api,
    call: &Call,
    value: &T,
) -> Result<Response, Fault> {
    let options = call.read_options(&api.options)?;
    let (_, index) = read(api, options, Vec::new(), |_| Revision(1)).await?;
    json_with(call.pretty, StatusCode::OK, index.headers(call), value)
}
