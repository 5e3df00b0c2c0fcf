//! What this room's tests share: short definitions, a catalog with one writer, probes without a network,
//! and an agent amid all that.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::agent::probe::{Finding, Prober, Running};
use crate::agent::{Agent, AgentFault, AgentOptions, FileDefinitions, LocalView, ScriptPolicy};
use crate::catalog::command::Machine;
use crate::catalog::{Catalog, Command, Reply, View, apply};
use crate::model::address::Address;
use crate::model::definition::{CheckDefinition, Probe, ServiceDefinition, Timing};
use crate::model::health::Status;
use crate::model::limits::SOCKETS_RUNNING_FEW;
use crate::model::name::{CheckId, Datacenter, NodeName, ServiceId, ServiceName};
use crate::model::number::{Revision, Weights};
use crate::model::session::SessionId;
use crate::model::time::Now;
use crate::publish::{
    Cluster, Consistency, PeerChange, Propose, ProposeFault, Proposed, Publisher, Reader, publisher,
};

pub(in crate::agent) fn node(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

pub(in crate::agent) fn service_id(id: &str) -> ServiceId {
    ServiceId::new(id).unwrap()
}

pub(in crate::agent) fn check_id(id: &str) -> CheckId {
    CheckId::new(id).unwrap()
}

pub(in crate::agent) fn machine() -> Machine {
    Machine {
        id: "11111111-2222-3333-4444-555555555555".to_owned(),
        address: Address::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        tagged_addresses: BTreeMap::new(),
        meta: BTreeMap::new(),
    }
}

/// A service of an id and a name that are the same.
pub(in crate::agent) fn service(id: &str, checks: Vec<CheckDefinition>) -> ServiceDefinition {
    let checks = checks.into_iter();
    let own = |check| CheckDefinition { service_id: Some(service_id(id)), ..check };
    ServiceDefinition {
        id: service_id(id),
        name: ServiceName::new(id).unwrap(),
        tags: Vec::new(),
        address: None,
        tagged_addresses: BTreeMap::new(),
        meta: BTreeMap::new(),
        port: 80,
        weights: Weights::default(),
        enable_tag_override: false,
        checks: checks.map(own).collect(),
        token: String::new(),
    }
}

pub(in crate::agent) fn check(id: &str, probe: Probe) -> CheckDefinition {
    CheckDefinition {
        id: check_id(id),
        name: id.to_owned(),
        notes: String::new(),
        service_id: None,
        initial_status: None,
        probe,
        success_before_passing: 0,
        failures_before_warning: 0,
        failures_before_critical: 0,
        output_bytes_max: None,
        deregister_after: None,
        token: String::new(),
    }
}

pub(in crate::agent) fn ttl(id: &str, seconds: u64) -> CheckDefinition {
    check(id, Probe::Ttl { ttl: Duration::from_secs(seconds) })
}

/// A check that runs by the clock; what it finds is the fake prober's business.
pub(in crate::agent) fn timed(id: &str, interval_s: u64) -> CheckDefinition {
    let timing =
        Timing { interval: Duration::from_secs(interval_s), timeout: Duration::from_secs(10) };
    check(id, Probe::Tcp { address: String::new(), timing })
}

pub(in crate::agent) fn script(id: &str) -> CheckDefinition {
    let second = Duration::from_secs(1);
    let timing = Timing { interval: second, timeout: second };
    check(id, Probe::Script { args: vec!["/bin/true".to_owned()], timing })
}

pub(in crate::agent) fn alias(
    id: &str,
    node: Option<&str>,
    service: Option<&str>,
) -> CheckDefinition {
    let node = node.map(|name| NodeName::new(name).unwrap());
    check(id, Probe::Alias { node, service: service.map(service_id) })
}

/// One line a service and check: what is stated, for comparison.
pub(in crate::agent) fn show(local: &LocalView) -> String {
    let mut lines = Vec::new();
    for (id, service) in &local.services {
        let port = service.definition.port;
        lines.push(format!("service {id}:{port} {:?}", service.origin));
    }
    for (id, check) in &local.checks {
        let (origin, status, output) = (check.origin, check.status, &check.output);
        lines.push(format!("check {id} {origin:?} {status} {output:?}"));
    }
    lines.join("\n")
}

/// The same of a node in the catalog.
pub(in crate::agent) fn show_catalog(view: &View, node: &str) -> String {
    let Some(entry) = view.node(node) else { return "no node".to_owned() };
    let mut lines = Vec::new();
    for service in entry.services.values() {
        lines.push(format!("service {}:{}", service.id, service.port));
    }
    for check in entry.checks.values() {
        lines.push(format!("check {} {} {:?}", check.id, check.status, check.output));
    }
    lines.join("\n")
}

/// A catalog with one writer, in this process: commands are really applied and published.
pub(in crate::agent) struct FakeCluster {
    /// The state and where it is published.
    state: Mutex<(Catalog, Publisher)>,
    /// Whether anybody leads.
    pub(in crate::agent) has_leader: AtomicBool,
    /// Commands that were applied.
    pub(in crate::agent) applied: Mutex<Vec<Command>>,
}

impl FakeCluster {
    pub(in crate::agent) fn start() -> (Arc<Self>, Reader) {
        let (publisher, reader) = publisher();
        publisher.replace(View::new(Catalog::default()));
        let state = Mutex::new((Catalog::default(), publisher));
        let has_leader = AtomicBool::new(true);
        (Arc::new(Self { state, has_leader, applied: Mutex::default() }), reader)
    }

    pub(in crate::agent) fn apply(&self, command: Command) -> Reply {
        let mut state = self.state.lock().unwrap();
        let (catalog, publisher) = &mut *state;
        let revision = Revision(catalog.tables().applied.0 + 1);
        let (reply, changes) = apply::apply(catalog, revision, Now(0), &command);
        publisher.publish_changes(View::new(catalog.clone()), &changes);
        self.applied.lock().unwrap().push(command);
        reply
    }

    pub(in crate::agent) fn applied_count(&self) -> usize {
        self.applied.lock().unwrap().len()
    }
}

impl Propose for FakeCluster {
    fn propose(&self, command: Command) -> Proposed<'_, Reply> {
        Box::pin(async move {
            if !self.has_leader.load(Ordering::SeqCst) {
                return Err(ProposeFault::NoLeader);
            }
            Ok(self.apply(command))
        })
    }

    fn renew(&self, _session: SessionId) -> Proposed<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn barrier(&self, _consistency: Consistency) -> Proposed<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn change_peers(&self, change: PeerChange) -> Proposed<'_, ()> {
        let refused = ProposeFault::Peers(format!("{change:?}"));
        Box::pin(async move { Err(refused) })
    }

    fn cluster(&self) -> Cluster {
        let leader = self.has_leader.load(Ordering::SeqCst).then_some(1);
        Cluster { leader, ..Cluster::default() }
    }
}

/// Probes without a network: by the check's id, `hang…` never ends, anything else finds what is stated.
#[derive(Default)]
pub(in crate::agent) struct FakeProber {
    /// What checks find, by the beginning of their id; passing with an empty output unless stated.
    pub(in crate::agent) findings: Mutex<BTreeMap<String, (Status, String)>>,
    /// Every run, by its check, at its time.
    pub(in crate::agent) runs: Mutex<Vec<(String, Instant)>>,
}

impl FakeProber {
    pub(in crate::agent) fn find(&self, id: &str, status: Status, output: &str) {
        self.findings.lock().unwrap().insert(id.to_owned(), (status, output.to_owned()));
    }

    pub(in crate::agent) fn run_count(&self, id: &str) -> usize {
        self.runs.lock().unwrap().iter().filter(|(run, _)| run == id).count()
    }
}

impl Prober for FakeProber {
    fn run(&self, definition: Arc<CheckDefinition>, _output_bytes_max: usize) -> Running {
        let id = definition.id.to_string();
        self.runs.lock().unwrap().push((id.clone(), Instant::now()));
        let found = self.findings.lock().unwrap().get(&id).cloned();
        Box::pin(async move {
            if id.starts_with("hang") {
                std::future::pending::<()>().await;
            }
            let (status, output) = found.unwrap_or((Status::Passing, String::new()));
            Some(Finding { status, output })
        })
    }

    fn sockets_running_max(&self) -> usize {
        SOCKETS_RUNNING_FEW
    }
}

/// An agent with all that it needs.
pub(in crate::agent) struct Bench {
    /// The agent.
    pub(in crate::agent) agent: Agent,
    /// Its cluster.
    pub(in crate::agent) cluster: Arc<FakeCluster>,
    /// What the cluster published.
    pub(in crate::agent) reader: Reader,
    /// Its probes.
    pub(in crate::agent) prober: Arc<FakeProber>,
    /// Ends it.
    pub(in crate::agent) stop: CancellationToken,
}

/// What a test may state of its agent.
#[derive(Default)]
pub(in crate::agent) struct Setup<'a> {
    /// Where it keeps things.
    pub(in crate::agent) data_dir: Option<&'a Path>,
    /// What files state.
    pub(in crate::agent) files: FileDefinitions,
    /// Which checks may run programs; none unless stated.
    pub(in crate::agent) scripts: Option<ScriptPolicy>,
    /// Whether the cluster begins without a leader.
    pub(in crate::agent) is_leaderless: bool,
    /// `check_update_interval` in seconds; 300 unless stated.
    pub(in crate::agent) check_update_interval_s: Option<u64>,
}

impl Bench {
    pub(in crate::agent) fn start(setup: Setup<'_>) -> Self {
        Self::try_start(setup).unwrap()
    }

    pub(in crate::agent) fn try_start(setup: Setup<'_>) -> Result<Self, AgentFault> {
        let (cluster, reader) = FakeCluster::start();
        cluster.has_leader.store(!setup.is_leaderless, Ordering::SeqCst);
        let options = AgentOptions {
            node: node("n1"),
            machine: machine(),
            datacenter: Datacenter::new("dc1").unwrap(),
            data_dir: setup.data_dir.map(Path::to_owned),
            scripts: setup.scripts.unwrap_or(ScriptPolicy::Never),
            docker_host: String::new(),
            check_output_bytes_max: 4096,
            check_update_interval: Duration::from_secs(
                setup.check_update_interval_s.unwrap_or(300),
            ),
            seed: 7,
        };
        let prober = Arc::new(FakeProber::default());
        let stop = CancellationToken::new();
        let agent = Agent::start_with(
            prober.clone(),
            options,
            setup.files,
            reader.clone(),
            cluster.clone(),
            stop.clone(),
        )?;
        Ok(Self { agent, cluster, reader, prober, stop })
    }

    /// What the agent states.
    pub(in crate::agent) fn local(&self) -> String {
        show(&self.agent.local())
    }

    /// What the catalog has on its node.
    pub(in crate::agent) fn catalog(&self) -> String {
        show_catalog(&self.reader.load(), "n1")
    }

    /// Waits on the virtual clock until something is true; how long that took.
    pub(in crate::agent) async fn until(
        &self,
        what: &str,
        is_true: impl Fn(&Self) -> bool,
    ) -> Duration {
        let begin = Instant::now();
        while !is_true(self) {
            assert!(begin.elapsed() < Duration::from_secs(3600), "never {what}: {}", self.local());
            // Ever longer steps: exact for what is soon, cheap for what is late.
            pass((begin.elapsed() / 50).max(Duration::from_millis(10))).await;
        }
        begin.elapsed()
    }

    /// Stops the agent, and waits until all of it ended.
    pub(in crate::agent) async fn end(self) {
        self.stop.cancel();
        self.agent.stopped().await;
    }
}

/// Lets the virtual clock run.
pub(in crate::agent) async fn pass(duration: Duration) {
    tokio::time::sleep(duration).await;
}
