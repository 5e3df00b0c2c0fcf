//! Requests, writes and lookups → metrics under Consul's names.
//!
//! What clients name freely never becomes a label or part of a name, since metrics are kept for the whole life
//! of the program: paths count under their route, services only as long as the catalog has them.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::{Duration, Instant};

use crate::api::call::Call;
use crate::catalog::state::ServiceEntry;

/// Measures a request: `consul.http.GET.v1.kv._`, in milliseconds.
pub(in crate::api) async fn time_request(request: Request, next: Next) -> Response {
    let name = request.extensions().get::<MatchedPath>().and_then(|path| {
        let path = path.as_str().trim_end_matches("{*rest}");
        is_common(request.method()).then(|| request_name(request.method(), path))
    });
    let begun = Instant::now();
    let response = next.run(request).await;
    if let Some(name) = name {
        metrics::histogram!(name).record(milliseconds(begun.elapsed()));
    }
    response
}

/// Measures a write to the key/value store: `consul.kvs.apply`, in milliseconds.
pub(in crate::api) fn time_kv_write(begun: Instant) {
    metrics::histogram!("consul.kvs.apply").record(milliseconds(begun.elapsed()));
}

/// Measures a snapshot that was made: `consul.raft.snapshot.takeSnapshot`, in milliseconds.
pub(in crate::api) fn time_save(begun: Instant) {
    let name = "consul.raft.snapshot.takeSnapshot";
    metrics::histogram!(name).record(milliseconds(begun.elapsed()));
}

/// Measures a snapshot that was put in place: `consul.raft.restoreUserSnapshot`, in milliseconds.
pub(in crate::api) fn time_restore(begun: Instant) {
    let name = "consul.raft.restoreUserSnapshot";
    metrics::histogram!(name).record(milliseconds(begun.elapsed()));
}

/// Measures a transaction: `consul.txn.apply`, in milliseconds.
pub(in crate::api) fn time_transaction(begun: Instant) {
    metrics::histogram!("consul.txn.apply").record(milliseconds(begun.elapsed()));
}

/// Measures a transaction that only looks: `consul.txn.read`, in milliseconds.
pub(in crate::api) fn time_transaction_read(begun: Instant) {
    metrics::histogram!("consul.txn.read").record(milliseconds(begun.elapsed()));
}

/// Counts a question for a service: `consul.catalog.service.query` and its kin. `table` is `catalog` or
/// `health`; `service` what the catalog has of it.
pub(in crate::api) fn count_lookup(table: &str, service: Option<&Arc<ServiceEntry>>, call: &Call) {
    let Some(service) = service else {
        return metrics::counter!(format!("consul.{table}.service.not-found")).increment(1);
    };
    let query = if call.params.has("tag") { "query-tag" } else { "query" };
    let name = format!("consul.{table}.service.{query}");
    metrics::counter!(name, "service" => service.name.folded().to_owned()).increment(1);
}

/// A route's name: Consul writes an underscore for what a path holds behind its last slash.
fn request_name(method: &Method, path: &str) -> String {
    let parts = path.split('/').skip(1).map(|part| if part.is_empty() { "_" } else { part });
    let parts: Vec<&str> = parts.collect();
    format!("consul.http.{method}.{}", parts.join("."))
}

/// Whether a method is one of those that people use; any text may be one.
fn is_common(method: &Method) -> bool {
    [Method::GET, Method::PUT, Method::DELETE, Method::POST, Method::HEAD, Method::OPTIONS]
        .contains(method)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
