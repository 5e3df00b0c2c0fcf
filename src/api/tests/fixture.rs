//! A server of one to ask in-process: catalog, agent and program, without Raft and sockets.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use expect_test::Expect;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::acl::{AclsDisabled, Authorizer, Tokens};
use crate::agent::{Agent, AgentOptions, FileDefinitions, ScriptPolicy};
use crate::api::{
    ApiOptions, LogLines, Metric, MetricsSnapshot, MetricsSpan, Program, Sample, Services, router,
};
use crate::catalog::apply::apply;
use crate::catalog::command::Machine;
use crate::catalog::{Catalog, Command, Reply, View};
use crate::intake::LogLevel;
use crate::model::address::Address;
use crate::model::explanation::{Enquiry, Explanation};
use crate::model::limits::SESSION_TTL_MIN;
use crate::model::member::{Member, MemberStatus};
use crate::model::name::{Datacenter, NodeName};
use crate::model::number::Revision;
use crate::model::session::SessionId;
use crate::model::time::Now;
use crate::publish::{
    Cluster, Consistency, Peer, PeerChange, Propose, ProposeFault, Proposed, Publisher, Reader,
    publisher,
};

/// A leader of its own: applies and publishes, one command after the other.
struct Single {
    state: Mutex<(Catalog, Publisher)>,
    cluster: Cluster,
}

impl Single {
    fn apply(&self, command: &Command) -> Reply {
        let mut state = self.state.lock().unwrap();
        let (catalog, publisher) = &mut *state;
        let revision = Revision(catalog.tables().applied.0 + 1);
        let (reply, changes) = apply(catalog, revision, Now(0), command);
        publisher.publish_changes(View::new(catalog.clone()), &changes);
        reply
    }
}

impl Propose for Single {
    fn propose(&self, command: Command) -> Proposed<'_, Reply> {
        Box::pin(async move {
            match self.cluster.leader {
                Some(_) => Ok(self.apply(&command)),
                None => Err(ProposeFault::NoLeader),
            }
        })
    }

    fn renew(&self, _session: SessionId) -> Proposed<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn barrier(&self, _consistency: Consistency) -> Proposed<'_, ()> {
        let led = self.cluster.leader.map(|_| ()).ok_or(ProposeFault::NoLeader);
        Box::pin(async move { led })
    }

    fn change_peers(&self, change: PeerChange) -> Proposed<'_, ()> {
        let refused = ProposeFault::Peers(format!("{change:?}"));
        Box::pin(async move { Err(refused) })
    }

    fn cluster(&self) -> Cluster {
        self.cluster.clone()
    }
}

/// A program that does nothing and has nothing to say.
struct Quiet {
    /// Who is seen; nobody stands for a bug that a handler may meet: `a_panic_is_a_500` asks for it.
    members: Vec<Member>,
}

impl Program for Quiet {
    fn reload(&self) -> std::pin::Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async { Ok(()) })
    }
    fn leave(&self) {}
    fn members(&self) -> Vec<Member> {
        assert!(!self.members.is_empty(), "no members");
        self.members.clone()
    }
    fn debug_config(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn stats(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        BTreeMap::new()
    }
    fn metrics(&self, _: MetricsSpan) -> MetricsSnapshot {
        snapshot()
    }
    fn explain(&self, enquiry: &Enquiry, _: &Authorizer) -> Result<Explanation, String> {
        Err(format!("{enquiry:?}"))
    }
    fn host(&self) -> serde_json::Value {
        serde_json::json!({"Host": {"hostname": "secret"}})
    }
    fn monitor(&self, _: LogLevel, _: bool) -> Result<LogLines, String> {
        Err("no log".to_owned())
    }
    fn now(&self) -> Now {
        Now(0)
    }
}

/// A server to ask.
pub(super) struct Server {
    router: axum::Router,
    /// Where to look without asking.
    pub(super) reader: Reader,
    /// Stops it.
    pub(super) stop: CancellationToken,
}

pub(super) fn server(pretty: bool, leader: Option<u64>) -> Server {
    server_with(pretty, leader, Arc::new(AclsDisabled), &[])
}

/// A server to whom tokens mean something, in a cluster of these nodes.
pub(super) fn server_with(
    pretty: bool,
    leader: Option<u64>,
    tokens: Arc<dyn Tokens>,
    members: &[&str],
) -> Server {
    let cluster = Cluster { leader, is_leader: leader.is_some(), ..Cluster::default() };
    server_in(&cluster, tokens, members, |options| options.pretty = pretty)
}

/// A server that sees its cluster so, and for which an operator decided otherwise.
pub(super) fn server_in(
    cluster: &Cluster,
    tokens: Arc<dyn Tokens>,
    members: &[&str],
    decide: impl FnOnce(&mut ApiOptions),
) -> Server {
    let (publisher, reader) = publisher();
    publisher.publish(View::new(Catalog::default()), []);
    let address = SocketAddr::from(([127, 0, 0, 1], 8300));
    let node = NodeName::new("n1").unwrap();
    let peers = vec![Peer { id: 1, node: node.clone(), address, is_voter: true }];
    let cluster = Cluster { peers, ..cluster.clone() };
    let state = Mutex::new((Catalog::default(), publisher));
    let propose: Arc<dyn Propose> = Arc::new(Single { state, cluster });
    let mut options = ApiOptions {
        node,
        node_id: "876bacbc-fc10-d865-ab0c-9d369d5ce926".to_owned(),
        datacenter: Datacenter::new("dc1").unwrap(),
        is_server: true,
        pretty: false,
        translate_wan_addrs: false,
        kv_value_bytes_max: 16,
        txn_bytes_max: 4_096,
        wait_default: Duration::from_secs(300),
        wait_max: Duration::from_secs(600),
        session_ttl_min: SESSION_TTL_MIN,
        discovery_stale_max: None,
        tells_coordinate: true,
        answers_prometheus: true,
    };
    decide(&mut options);
    let agent = agent(&options.node, &options.datacenter);
    let program = Arc::new(Quiet { members: members.iter().map(|name| member(name)).collect() });
    let stop = CancellationToken::new();
    let rules = Arc::default();
    let services = Services {
        reader: reader.clone(),
        propose,
        agent,
        tokens,
        program,
        rules,
        stop: stop.clone(),
    };
    Server { router: router(options, services), reader, stop }
}

/// Somebody whom the gossip sees.
fn member(name: &str) -> Member {
    Member {
        name: NodeName::new(name).unwrap(),
        address: [127, 0, 0, 1].into(),
        port: 8301,
        tags: BTreeMap::new(),
        status: MemberStatus::Alive,
    }
}

/// An agent that states nothing, with a catalog of its own, so that its writes do not count as ours.
fn agent(node: &NodeName, datacenter: &Datacenter) -> Agent {
    let (publisher, reader) = publisher();
    let state = Mutex::new((Catalog::default(), publisher));
    let propose: Arc<dyn Propose> = Arc::new(Single { state, cluster: Cluster::default() });
    let machine = Machine {
        id: String::new(),
        address: Address::new("127.0.0.1").unwrap(),
        tagged_addresses: BTreeMap::new(),
        meta: BTreeMap::new(),
    };
    let options = AgentOptions {
        node: node.clone(),
        machine,
        datacenter: datacenter.clone(),
        data_dir: None,
        scripts: ScriptPolicy::Never,
        docker_host: String::new(),
        check_output_bytes_max: 4096,
        check_update_interval: Duration::from_secs(300),
        seed: 1,
    };
    let files = FileDefinitions::default();
    Agent::start(options, files, reader, propose, CancellationToken::new()).unwrap()
}

impl Server {
    pub(super) async fn ask(&self, line: &str) -> Response<Body> {
        let mut parts = line.splitn(3, ' ');
        let (method, uri) = (parts.next().unwrap(), parts.next().unwrap());
        let body = parts.next().unwrap_or_default().to_owned();
        let request = Request::builder().method(method).uri(uri).body(Body::from(body)).unwrap();
        self.send(request).await
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }
}

/// The whole response as text; a newline at its end is shown as `⏎`.
pub(super) async fn show(response: Response<Body>) -> String {
    let (parts, body) = response.into_parts();
    let mut text = format!("{}\n", parts.status.as_u16());
    let mut headers: Vec<_> = parts.headers.iter().collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in headers {
        if name != "content-length" {
            writeln!(text, "{name}: {}", value.to_str().unwrap()).unwrap();
        }
    }
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let body = String::from_utf8_lossy(&body).into_owned();
    match body.strip_suffix('\n') {
        Some(line) => format!("{text}{line}⏎"),
        None => format!("{text}{body}"),
    }
}

/// Asks line by line and shows the last answer.
pub(super) async fn check(lines: &[&str], expect: Expect) {
    check_on(&server(false, Some(1)), lines, expect).await;
}

pub(super) async fn check_on(server: &Server, lines: &[&str], expect: Expect) {
    let mut last = String::new();
    for line in lines {
        last = show(server.ask(line).await).await;
    }
    expect.assert_eq(&last);
}

/// The status and the first line of the text that a refused request is answered with.
pub(super) async fn refusals(lines: &[&str], expect: Expect) {
    let server = server(false, Some(1));
    let mut text = String::new();
    for line in lines {
        let shown = show(server.ask(line).await).await;
        let status = shown.lines().next().unwrap();
        let last = shown.lines().last().unwrap();
        let line: String = line.chars().take(60).collect();
        writeln!(text, "{line}\n  {status} {last}").unwrap();
    }
    expect.assert_eq(&text);
}

pub(super) fn snapshot() -> MetricsSnapshot {
    let labels = vec![("path".to_owned(), "a\"b".to_owned())];
    let metric = |name: &str, value: f64| Metric { name: name.to_owned(), labels: vec![], value };
    MetricsSnapshot {
        timestamp: "2026-11-23 16:17:10 +0000 UTC".to_owned(),
        counters: vec![metric("consul.dns.stale-queries", 3.0)],
        gauges: vec![metric("consul.runtime.alloc_bytes", 1.5)],
        samples: vec![Sample {
            name: "consul.http.GET".to_owned(),
            labels,
            count: 2,
            sum: 3.0,
            min: 1.0,
            max: 2.0,
            mean: 1.5,
            stddev: 0.5,
            quantiles: vec![(0.5, 1.0), (0.99, f64::NAN)],
        }],
    }
}
