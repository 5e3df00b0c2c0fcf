//! Requests, writes and lookups → metrics under Consul's names.
//!
//! What clients name freely never becomes a label or part of a name, since metrics are kept for the whole life
//! of the program: paths count under their route, services only as long as the catalog has them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;
use futures_util::FutureExt as _;
use metrics::Histogram;
use tokio::time::{Duration, Instant};

use crate::api::call::Call;
use crate::catalog::state::ServiceEntry;

/// Measures a request: `consul.http.GET.v1.kv._`, in milliseconds. One that is given up counts too, be it that its client
/// went, or that another one waited for it.
pub(in crate::api) fn time_request<F: Future<Output = Response>>(
    request: Request,
    serve: impl FnOnce(Request) -> F,
) -> impl Future<Output = Response> {
    let timed = Timed { histogram: histogram_of(&request), begun: Instant::now() };
    serve(request).inspect(move |_| drop(timed))
}

/// A request that is under way; its time counts when this goes.
struct Timed {
    /// Where, if it is of a kind that is counted.
    histogram: Option<Histogram>,
    /// Since when.
    begun: Instant,
}

impl Drop for Timed {
    fn drop(&mut self) {
        if let Some(histogram) = &self.histogram {
            histogram.record(milliseconds(self.begun.elapsed()));
        }
    }
}

/// Where the times of one method are counted, by route.
#[derive(Clone, Default)]
struct Routes(HashMap<Arc<str>, Histogram>);

/// Where the times of a request's kind are counted. Each is looked up by name once: the facade would make the name
/// and hash it for every request.
fn histogram_of(request: &Request) -> Option<Histogram> {
    static KNOWN: LazyLock<ArcSwap<HashMap<Method, Routes>>> = LazyLock::new(ArcSwap::default);
    let path = request.extensions().get::<MatchedPath>()?.as_str();
    let method = request.method();
    if let Some(histogram) = KNOWN.load().get(method).and_then(|routes| routes.0.get(path)) {
        return Some(histogram.clone());
    }
    if !is_common(method) {
        return None;
    }
    let name = request_name(method, path.trim_end_matches("{*rest}"));
    let histogram = metrics::histogram!(name);
    // Methods and routes are few, so that this happens seldom, and not for ever.
    KNOWN.rcu(|known| {
        let mut known = HashMap::clone(known);
        known.entry(method.clone()).or_default().0.insert(Arc::from(path), histogram.clone());
        known
    });
    Some(histogram)
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
