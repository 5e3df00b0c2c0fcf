//! Consul's HTTP API: request → Command or View → JSON. The only room that knows JSON shapes and status
//! codes.
//!
//! Invariants
//! - Parameters are parsed once, into types (`call`); refusals become a status and a text in one place
//!   (`fault`); field names stand in one place (`json`).
//! - Reads take one View and are serialised straight from it; nothing is copied but the answer's bytes.
//! - A blocking query is woken only for what it asked about, and answers only when its own result is newer
//!   than what the client has seen and another one, or at the end of its wait.
//! - A stop answers what waits: blocking queries with the data of that moment, as at the end of their wait.
//! - Every handler asks what the caller's token may do, before anything is proposed, and leaves out of a
//!   list what it may not see (`guard`). `tests/authorisation.rs` refuses a route that does not.
//! - A bug in a handler is a 500 on that request, not a dropped connection.
//! - Bodies are held in memory only as far as a budget for all of them goes.
//!
//! Deliberately absent: the service mesh, whose lists are empty.
//!
//! Limits: bodies by [`crate::model::limits::HTTP_BODY_BYTES_MAX`] and [`ApiOptions::kv_value_bytes_max`],
//! nesting by [`crate::model::limits::DOCUMENT_DEPTH_MAX`], time by
//! [`crate::model::limits::HTTP_BODY_TIMEOUT`], waits by [`ApiOptions::wait_max`]. Heads and
//! connections are bounded by whoever serves the router.

mod routes;

mod attend;

mod leftover;

mod unread;

pub(crate) mod holding;

mod gzip;

mod call;

mod guard;

mod vet;

mod params;

mod cache_control;

mod blocking;

pub(crate) mod vigil;

pub mod filter;

mod select;

mod near;

mod topics;

mod find;

mod status;

mod dns;

mod catalog;

mod health;

mod kv;

mod session;

mod coordinate;

mod event;

mod txn;

mod query;

mod agent;

mod acl;

mod ui;

mod mesh;

mod snapshot;

mod operator;

mod metrics;

mod meter;

mod translate;

mod body;

mod answer;

mod piecewise;

mod fault;

mod json;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::acl::{Authorizer, Tokens};
use crate::agent::Agent;
use crate::api::fault::Fault;
use crate::catalog::Command;
use crate::intake::LogLevel;
use crate::model::explanation::{Enquiry, Explanation};
use crate::model::member::Member;
use crate::model::name::{Datacenter, NodeName};
use crate::model::time::Now;
use crate::publish::{Propose, Reader};

pub use self::attend::Rules;
pub use self::routes::router;

/// What the API asks of the running program.
pub trait Program: Send + Sync + 'static {
    /// Reads the configuration again. The error is a text for people.
    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>>;
    /// Leaves the cluster and ends the program in order.
    fn leave(&self);
    /// Who is seen by the gossip; this machine at least.
    fn members(&self) -> Vec<Member>;
    /// `DebugConfig` of `/v1/agent/self`: the configuration as JSON.
    fn debug_config(&self) -> serde_json::Value;
    /// `Stats` of `/v1/agent/self`: section → key → value.
    fn stats(&self) -> BTreeMap<String, BTreeMap<String, String>>;
    /// What was counted in the last whole interval.
    fn metrics(&self, span: MetricsSpan) -> MetricsSnapshot;
    /// Why DNS answers a question as it does, as far as the viewer may see it.
    ///
    /// # Errors
    /// A text for people, where there is no such question.
    fn explain(&self, enquiry: &Enquiry, viewer: &Authorizer) -> Result<Explanation, String>;
    /// `/v1/agent/host`: the machine, as JSON.
    fn host(&self) -> serde_json::Value;
    /// Begins to watch the log.
    ///
    /// # Errors
    /// A text for people, where too many watch already.
    fn monitor(&self, level: LogLevel, is_json: bool) -> Result<LogLines, String>;
    /// The moment, from the program's clock.
    fn now(&self) -> Now;
}

/// The log as it grows, for one who watches it.
pub struct LogLines {
    /// Lines, each with its end.
    pub lines: mpsc::Receiver<Bytes>,
    /// Watches as long as it is there.
    pub guard: Box<dyn Send + Sync>,
}

/// Which time counted numbers are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsSpan {
    /// The last whole interval of ten seconds: what Consul's JSON shows.
    Interval,
    /// Since the start: what Prometheus reads.
    Whole,
}

/// What was counted; rendered as Consul's JSON or as Prometheus text by this room.
#[derive(Clone, Debug, Default)]
pub struct MetricsSnapshot {
    /// When the interval began, or the moment of the snapshot: `2026-11-23 16:17:10 +0000 UTC`.
    pub timestamp: String,
    /// Numbers that only grow.
    pub counters: Vec<Metric>,
    /// Numbers that go up and down.
    pub gauges: Vec<Metric>,
    /// Distributions.
    pub samples: Vec<Sample>,
}

/// One number by name and labels.
#[derive(Clone, Debug)]
pub struct Metric {
    /// Its dotted name.
    pub name: String,
    /// Labels, in order.
    pub labels: Vec<(String, String)>,
    /// The number.
    pub value: f64,
}

/// A distribution.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its dotted name.
    pub name: String,
    /// Labels, in order.
    pub labels: Vec<(String, String)>,
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub stddev: f64,
    /// Quantile, 0 to 1, and its value.
    pub quantiles: Vec<(f64, f64)>,
}

/// What an operator decided about the API, and who this machine is.
#[derive(Clone)]
pub struct ApiOptions {
    /// This machine's node.
    pub node: NodeName,
    /// Its UUID.
    pub node_id: String,
    /// Its datacenter.
    pub datacenter: Datacenter,
    /// Whether it is a server.
    pub is_server: bool,
    /// All answers indented (`-dev`).
    pub pretty: bool,
    /// Whether answers say that addresses of other datacenters are translated (`translate_wan_addrs`).
    pub translate_wan_addrs: bool,
    /// Largest KV value, in bytes.
    pub kv_value_bytes_max: usize,
    /// Largest body of a transaction, in bytes.
    pub txn_bytes_max: usize,
    /// Wait of a blocking query that names none.
    pub wait_default: Duration,
    /// Longest wait of a blocking query.
    pub wait_max: Duration,
    /// Shortest TTL of a session.
    pub session_ttl_min: Duration,
    /// For how long the leader may be silent while reads of the catalog that do not say how fresh they have to be are
    /// answered from what is here (`discovery_max_stale`); the leader is asked where nothing was set.
    pub discovery_stale_max: Option<Duration>,
    /// Whether this machine says where it is in the network.
    pub tells_coordinate: bool,
    /// Whether Prometheus is told what was counted.
    pub answers_prometheus: bool,
}

/// The parts of the program that the API speaks with.
pub struct Services {
    /// Where Views are read.
    pub reader: Reader,
    /// Where Commands go.
    pub propose: Arc<dyn Propose>,
    /// What this machine says is true.
    pub agent: Agent,
    /// Who knows what a token may do.
    pub tokens: Arc<dyn Tokens>,
    /// The running program.
    pub program: Arc<dyn Program>,
    /// What an operator decided about all endpoints.
    pub rules: Arc<ArcSwap<Rules>>,
    /// Ends the waits of blocking queries, which would otherwise outlive a stop by minutes.
    pub stop: CancellationToken,
}

/// Who is connected; whoever serves the router adds it to each request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Client(pub IpAddr);

/// What every handler is handed. The layers of the router copy it for each request, so that it is one pointer.
#[derive(Clone)]
struct Api(Arc<Parts>);

/// What the API is made of.
struct Parts {
    /// What was decided.
    options: ApiOptions,
    /// Whom to speak with.
    services: Services,
    /// How many snapshots may be under way.
    gate: snapshot::Gate,
}

impl Api {
    /// Proposes a command, and says whether it was done; one that neither compares nor locks always is.
    ///
    /// # Errors
    /// [`Fault`], where nobody could agree on it, or what is there forbids it.
    async fn propose(&self, command: Command) -> Result<bool, Fault> {
        let reply = self.services.propose.propose(command).await?;
        reply.is_done().map_err(Fault::Reject)
    }

    /// The same of a command that neither compares nor locks.
    ///
    /// # Errors
    /// As [`Api::propose`].
    async fn change(&self, command: Command) -> Result<(), Fault> {
        if self.propose(command).await? {
            Ok(())
        } else {
            Err(Fault::Bug("what neither compares nor locks was not done".to_owned()))
        }
    }
}

impl Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

#[cfg(test)]
mod tests;
