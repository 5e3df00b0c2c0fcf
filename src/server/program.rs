//! What the API asks of the running program.

use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing_appender::non_blocking::ErrorCounter;

use crate::acl::{Authorizer, Tokens};
use crate::agent::Agent;
use crate::api::{LogLines, MetricsSnapshot, MetricsSpan, Program, Rules, Services};
use crate::intake::LogLevel;
use crate::model::explanation::{Enquiry, Explanation};
use crate::model::member::Member;
use crate::model::time::Now;
use crate::publish::{Propose, Reader};
use crate::server::front::Front;
use crate::server::metrics::Metrics;
use crate::server::monitor::Monitors;
use crate::server::settings::Own;
use crate::server::stats::{Seen, Stats};
use crate::server::{clock, host};

/// What somebody asked the program to do.
pub(in crate::server) enum Errand {
    /// To read its configuration again, and to say what came of it.
    Reload(oneshot::Sender<Result<(), String>>),
    /// To leave and end.
    Leave,
}

/// The program, as the API sees it.
pub(in crate::server) struct Handle {
    /// Where errands are put.
    pub(in crate::server) errands: mpsc::Sender<Errand>,
    /// Who this is.
    pub(in crate::server) own: Own,
    /// Who is alive.
    pub(in crate::server) members: Vec<Member>,
    /// The configuration in use, as JSON.
    pub(in crate::server) config: Arc<ArcSwap<Value>>,
    /// What was counted.
    pub(in crate::server) metrics: Metrics,
    /// The catalog.
    pub(in crate::server) reader: Reader,
    /// The cluster.
    pub(in crate::server) propose: Arc<dyn Propose>,
    /// Local services and checks.
    pub(in crate::server) agent: Agent,
    /// Who knows what a token may do.
    pub(in crate::server) tokens: Arc<dyn Tokens>,
    /// Who watches the log.
    pub(in crate::server) monitors: Monitors,
    /// DNS.
    pub(in crate::server) front: Arc<Front>,
    /// Lines that the log lost, by what is logged to.
    pub(in crate::server) log_lines_dropped: Vec<ErrorCounter>,
}

impl Handle {
    /// What the API works with, until `stop`.
    pub(in crate::server) fn services(
        self,
        rules: &Arc<ArcSwap<Rules>>,
        stop: &CancellationToken,
    ) -> Services {
        Services {
            reader: self.reader.clone(),
            propose: Arc::clone(&self.propose),
            agent: self.agent.clone(),
            tokens: Arc::clone(&self.tokens),
            program: Arc::new(self),
            rules: Arc::clone(rules),
            stop: stop.clone(),
        }
    }
}

impl Program for Handle {
    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async {
            let (told, tell) = oneshot::channel();
            let stopping = || "the agent is shutting down".to_owned();
            self.errands.send(Errand::Reload(told)).await.map_err(|_| stopping())?;
            tell.await.map_err(|_| stopping())?
        })
    }

    fn leave(&self) {
        // A full queue means that a stop or as many reloads are under way already.
        let _ = self.errands.try_send(Errand::Leave);
    }

    fn members(&self) -> Vec<Member> {
        self.members.clone()
    }

    fn debug_config(&self) -> Value {
        (**self.config.load()).clone()
    }

    fn stats(&self) -> Stats {
        let local = self.agent.local();
        let seen = Seen {
            program: self,
            cluster: &self.propose.cluster(),
            view: &self.reader.load(),
            local: &local,
        };
        seen.stats()
    }

    fn metrics(&self, span: MetricsSpan) -> MetricsSnapshot {
        let cluster = self.propose.cluster();
        #[expect(clippy::cast_precision_loss, reason = "the JSON has only floating numbers")]
        let set = |name: &'static str, number: u64| metrics::gauge!(name).set(number as f64);
        set("consul.raft.applied_index", cluster.applied);
        set("consul.raft.last_index", cluster.last_log);
        let contact_max = self.reader.load().autopilot_settings().last_contact_threshold;
        let health = cluster.health(&self.own.node, &self.members, contact_max);
        set("consul.autopilot.healthy", u64::from(health.is_whole));
        set("consul.autopilot.failure_tolerance", count(health.failure_tolerance));
        set("consul.rpc.queries_blocking", count(self.reader.waiter_count()));
        let dropped = self.log_lines_dropped.iter().map(ErrorCounter::dropped_lines).sum();
        set("lictor.log.lines_dropped", count(dropped));
        match span {
            MetricsSpan::Interval => self.metrics.of_interval(),
            MetricsSpan::Whole => self.metrics.whole(clock::now()),
        }
    }

    fn explain(&self, enquiry: &Enquiry, viewer: &Authorizer) -> Result<Explanation, String> {
        self.front.explain(enquiry, viewer)
    }

    fn host(&self) -> Value {
        host::read(clock::now())
    }

    fn monitor(&self, level: LogLevel, is_json: bool) -> Result<LogLines, String> {
        self.monitors.watch(level, is_json)
    }

    fn now(&self) -> Now {
        clock::now()
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
