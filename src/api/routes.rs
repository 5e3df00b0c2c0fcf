//! Path and method → handler, and the answers that all paths share: 404, 405, `Allow`.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, any, delete, get, put};

use crate::api::attend::attend;
use crate::api::leftover;
use crate::api::{
    Api, ApiOptions, Parts, Services, acl, agent, catalog, coordinate, dns, event, health, kv,
    mesh, metrics, operator, query, session, snapshot, status, txn, ui,
};

/// The whole API as a router.
pub fn router(options: ApiOptions, services: Services) -> Router {
    let api = Api(Arc::new(Parts { options, services, gate: snapshot::Gate::default() }));
    Router::new()
        .route("/", reads(get(front)))
        .merge(status_routes())
        .route("/v1/dns/explain", reads(get(dns::explain)))
        .merge(catalog_routes())
        .merge(health_routes())
        .merge(coordinate::routes())
        .merge(event::routes())
        .merge(kv_routes())
        .merge(session::routes())
        .route("/v1/txn", writes(put(txn::transact)))
        .merge(query::routes())
        .merge(agent_routes())
        .merge(acl::routes())
        .merge(ui::routes())
        .merge(mesh::routes())
        .merge(operator_routes())
        // Of known paths only: a path that is unknown has nothing to forbid, to time or to compress.
        .route_layer(from_fn_with_state(api.clone(), attend))
        .fallback(elsewhere)
        .with_state(api)
}

fn status_routes() -> Router<Api> {
    Router::new()
        .route("/v1/status/leader", reads(get(status::leader)))
        .route("/v1/status/peers", reads(get(status::peers)))
}

fn catalog_routes() -> Router<Api> {
    let router = Router::new()
        .route("/v1/catalog/register", writes(put(catalog::register)))
        .route("/v1/catalog/deregister", writes(put(catalog::deregister)))
        .route("/v1/catalog/datacenters", reads(get(catalog::datacenters)))
        .route("/v1/catalog/nodes", reads(get(catalog::nodes)))
        .route("/v1/catalog/services", reads(get(catalog::services)));
    let router = below(router, "/v1/catalog/service/", &reads(get(catalog::service)));
    let router = below(router, "/v1/catalog/connect/", &reads(get(catalog::connect)));
    let gateway = reads(get(catalog::gateway_services));
    let router = below(router, "/v1/catalog/gateway-services/", &gateway);
    let router = below(router, "/v1/catalog/node/", &reads(get(catalog::node)));
    below(router, "/v1/catalog/node-services/", &reads(get(catalog::node_services)))
}

fn health_routes() -> Router<Api> {
    let router = below(Router::new(), "/v1/health/node/", &reads(get(health::node)));
    let router = below(router, "/v1/health/checks/", &reads(get(health::checks)));
    let router = below(router, "/v1/health/service/", &reads(get(health::service)));
    let router = below(router, "/v1/health/state/", &reads(get(health::state)));
    let router = below(router, "/v1/health/connect/", &reads(get(health::connect)));
    below(router, "/v1/health/ingress/", &reads(get(health::ingress)))
}

fn kv_routes() -> Router<Api> {
    let handlers = get(kv::get).put(kv::put).delete(kv::delete);
    let router = Router::new().route("/v1/kv", any(add_slash));
    below(router, "/v1/kv/", &endpoint("OPTIONS,GET,PUT,DELETE", handlers))
}

fn agent_routes() -> Router<Api> {
    let router = Router::new()
        .route("/v1/agent/self", reads(get(agent::own)))
        .route("/v1/agent/members", reads(get(agent::members)))
        .route("/v1/agent/maintenance", writes(put(agent::maintenance)))
        .route("/v1/agent/reload", writes(put(agent::reload)))
        .route("/v1/agent/leave", writes(put(agent::leave)))
        .route("/v1/agent/host", reads(get(agent::host)))
        .route("/v1/agent/version", reads(get(agent::version)))
        .route("/v1/agent/monitor", reads(get(agent::monitor::monitor)))
        .route("/v1/agent/metrics", reads(get(metrics::metrics)))
        .route("/v1/agent/services", reads(get(agent::services::list)))
        .route("/v1/agent/service/register", writes(put(agent::services::register)))
        .route("/v1/agent/checks", reads(get(agent::checks::list)))
        .route("/v1/agent/check/register", writes(put(agent::checks::register)));
    let router = below(router, "/v1/agent/join/", &writes(put(agent::join)));
    let router = below(router, "/v1/agent/force-leave/", &writes(put(agent::force_leave)));
    let deregister = writes(put(agent::services::deregister));
    let router = below(router, "/v1/agent/service/deregister/", &deregister);
    let maintenance = writes(put(agent::services::maintenance));
    let router = below(router, "/v1/agent/service/maintenance/", &maintenance);
    let router = below(router, "/v1/agent/service/", &reads(get(agent::services::one)));
    let deregister = writes(put(agent::checks::deregister));
    let router = below(router, "/v1/agent/check/deregister/", &deregister);
    let router = below(router, "/v1/agent/check/pass/", &writes(put(agent::checks::pass)));
    let router = below(router, "/v1/agent/check/warn/", &writes(put(agent::checks::warn)));
    let router = below(router, "/v1/agent/check/fail/", &writes(put(agent::checks::fail)));
    let router = below(router, "/v1/agent/check/update/", &writes(put(agent::checks::update)));
    let by_name = reads(get(agent::health::by_name));
    let router = below(router, "/v1/agent/health/service/name/", &by_name);
    below(router, "/v1/agent/health/service/id/", &reads(get(agent::health::by_id)))
}

fn operator_routes() -> Router<Api> {
    let snapshot = get(snapshot::save).put(snapshot::restore);
    let autopilot = get(operator::autopilot::settings).put(operator::autopilot::set);
    let transfer = put(operator::raft::transfer_leader).post(operator::raft::transfer_leader);
    let keyring = operator::keyring;
    let keyring = get(keyring).post(keyring).put(keyring).delete(keyring);
    Router::new()
        .route("/v1/snapshot", endpoint("OPTIONS,GET,PUT", snapshot))
        .route("/v1/operator/raft/configuration", reads(get(operator::raft::configuration)))
        .route(
            "/v1/operator/raft/peer",
            endpoint("OPTIONS,DELETE", delete(operator::raft::remove_peer)),
        )
        .route("/v1/operator/raft/transfer-leader", endpoint("OPTIONS,POST,PUT", transfer))
        .route("/v1/operator/autopilot/configuration", endpoint("OPTIONS,GET,PUT", autopilot))
        .route("/v1/operator/autopilot/health", reads(get(operator::autopilot::health)))
        .route("/v1/operator/autopilot/state", reads(get(operator::autopilot::state)))
        .route("/v1/operator/usage", reads(get(operator::usage)))
        .route("/v1/operator/keyring", endpoint("OPTIONS,GET,POST,PUT,DELETE", keyring))
}

/// Routes a prefix with and without something behind it: without, the handler names what is missing.
pub(in crate::api) fn below(
    router: Router<Api>,
    prefix: &str,
    methods: &MethodRouter<Api>,
) -> Router<Api> {
    router.route(prefix, methods.clone()).route(&format!("{prefix}{{*rest}}"), methods.clone())
}

/// An endpoint that is only read.
pub(in crate::api) fn reads(handler: MethodRouter<Api>) -> MethodRouter<Api> {
    endpoint("OPTIONS,GET", handler)
}

/// An endpoint that is only written.
pub(in crate::api) fn writes(handler: MethodRouter<Api>) -> MethodRouter<Api> {
    endpoint("OPTIONS,PUT", handler)
}

/// Adds what Consul answers to all other methods. HEAD is among them, which axum would hand to GET.
pub(in crate::api) fn endpoint(
    allow: &'static str,
    handlers: MethodRouter<Api>,
) -> MethodRouter<Api> {
    let allow = [(header::ALLOW, HeaderValue::from_static(allow))];
    let headers = allow.clone();
    let options = move || async move { (StatusCode::OK, headers) };
    let refuse = move |method: Method| async move { refuse_method(&method, allow) };
    handlers
        .on(MethodFilter::OPTIONS, options)
        .on(MethodFilter::HEAD, refuse.clone())
        .fallback(refuse)
}

pub(in crate::api) fn refuse_method(
    method: &Method,
    allow: [(HeaderName, HeaderValue); 1],
) -> Response {
    let plain = [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
    let text = format!("method {method} not allowed");
    (StatusCode::METHOD_NOT_ALLOWED, allow, plain, text).into_response()
}

/// Says who answers, to people who look with a browser.
async fn front() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("lictor {version}: the HTTP API is below /v1/; there is no web interface\n")
}

/// Sends `//v1/…` to `/v1/…`: clients put a path behind an address that ends in a slash, and Consul lets them. A
/// write keeps its method by it.
async fn elsewhere(request: Request) -> Response {
    let (request, leftover) = leftover::lend(request);
    let mut response = redirect(&request).unwrap_or(StatusCode::NOT_FOUND.into_response());
    drop(request);
    if let Some(leftover) = leftover {
        leftover::drain(leftover, &mut response).await;
    }
    response
}

fn redirect(request: &Request) -> Option<Response> {
    let target = request.uri().path_and_query()?.as_str();
    let path = target.trim_start_matches('/');
    if !target.starts_with("//") || !path.starts_with("v1/") {
        return None;
    }
    let location = HeaderValue::from_str(&format!("/{path}")).ok()?;
    let is_read = request.method() == Method::GET;
    let status =
        if is_read { StatusCode::MOVED_PERMANENTLY } else { StatusCode::PERMANENT_REDIRECT };
    Some((status, [(header::LOCATION, location)]).into_response())
}

/// Sends `/v1/kv` to `/v1/kv/`, as Consul does.
async fn add_slash(request: Request) -> Response {
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let Ok(location) = HeaderValue::from_str(&format!("/v1/kv/{query}")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location)]).into_response()
}
