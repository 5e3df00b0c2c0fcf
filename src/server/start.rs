//! Configuration → a running agent, in the order that the room's head states.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::acl::{AclsDisabled, Tokens};
use crate::agent::{Agent, FileDefinitions};
use crate::api;
use crate::catalog::reply::Topic;
use crate::catalog::state::NodeEntry;
use crate::intake::{Config, HttpAddress, Loaded, Sources};
use crate::model::check::SERF_HEALTH;
use crate::model::definition::ServiceDefinition;
use crate::model::member::Member;
use crate::model::name::NodeName;
use crate::publish::{self, Propose, Reader};
use crate::raft::{self, DataDir, RaftNode};
use crate::server::banner::{self, Banner};
use crate::server::dns::{Dns, DnsSockets};
use crate::server::http::{Clients, Hall, HttpListener};
use crate::server::leading::Leading;
use crate::server::logging::{self, LogHandle};
use crate::server::metrics::Metrics;
use crate::server::pid_file::PidFile;
use crate::server::program::Handle;
use crate::server::running::{Running, Stops};
use crate::server::settings::{self, Identity};
use crate::server::udp::{self, UdpSockets};
use crate::server::{ServerFault, coordinates, http, identity, memory};

/// Everything that listens, bound but silent.
struct Sockets {
    /// The API.
    http: Vec<HttpListener>,
    /// DNS.
    dns: DnsSockets,
}

/// Starts an agent and says that it is ready.
pub(in crate::server) async fn start(
    Loaded { config, warnings }: Loaded,
    sources: Sources,
) -> Result<Running, ServerFault> {
    refuse_what_cannot_work(&config)?;
    let (data_dir, identity) = identify(&config)?;
    let sockets = bind(&config)?;
    let (http_addresses, dns_addresses) = (shown(&sockets.http), addresses(&sockets.dns.tcp));
    announce(&config, &identity, &http_addresses, &dns_addresses);
    let log_level = start_log(&config, &warnings)?;
    let metrics = Metrics::install();
    let pid_file = config.pid_file.as_deref().map(PidFile::write).transpose()?;

    let (publisher, reader) = publish::publisher();
    let raft = raft::start(settings::raft_options(&config, &identity, data_dir), publisher).await?;
    let identity = recognise(identity, &config, &reader)?;
    let propose: Arc<dyn Propose> = Arc::new(raft.clone());

    let mut rng = generator();
    let tokens: Arc<dyn Tokens> = Arc::new(AclsDisabled);
    let dns = Dns::start(sockets.dns, &config, &identity.node, &reader, &tokens, &mut rng).await?;

    let stops = Stops::default();
    let agent = start_agent(&config, &identity, &reader, &propose, rng.u64(..), &stops.agent)?;
    let members = vec![settings::member(&config, &identity)];
    let shown = Arc::new(ArcSwap::from_pointee(config.debug_json()));
    let (asks, errands) = mpsc::channel(ERRANDS_MAX);
    let program = Handle {
        errands: asks,
        own: settings::own(&config, &identity),
        members: members.clone(),
        config: Arc::clone(&shown),
        metrics: metrics.clone(),
        reader: reader.clone(),
        propose: Arc::clone(&propose),
        agent: agent.clone(),
        monitors: log_level.monitors.clone(),
        tokens,
        front: Arc::clone(&dns.front),
        log_lines_dropped: log_level.dropped(),
    };
    let rules = Arc::new(ArcSwap::from_pointee(settings::api_rules(&config)));
    let services = program.services(&rules, &stops.http);
    let mut tasks = JoinSet::new();
    keep_house(metrics, &stops.http, &mut tasks);
    tasks.spawn(Arc::clone(&dns.front).watch_age(Arc::clone(&propose), stops.leading.clone()));
    let router = api::router(settings::api_options(&config, &identity), services);
    let clients = start_http(sockets.http, &config, router, &stops.http, &mut tasks);
    tasks.spawn(coordinates::tell(&config, &identity.node, &reader, &propose, &stops.leading));
    tasks.spawn(leading(&config, members, &reader, &raft).run(stops.leading.clone()));

    settle(&config, &agent, &reader, &identity.node).await;
    banner::print_ready(&http_addresses, &dns_addresses);
    Ok(Running {
        sources,
        config,
        shown,
        node: identity.node,
        errands,
        log_level,
        rules,
        clients,
        dns,
        agent,
        raft,
        tasks,
        stops,
        pid_file,
    })
}

/// What goes on beside all else, as long as somebody may ask.
fn keep_house(metrics: Metrics, stop: &CancellationToken, tasks: &mut JoinSet<()>) {
    tasks.spawn(metrics.keep_intervals(stop.clone()));
    tasks.spawn(memory::give_back(stop.clone()));
}

/// What the leader's work is done with.
fn leading(config: &Config, members: Vec<Member>, reader: &Reader, raft: &RaftNode) -> Leading {
    Leading {
        reader: reader.clone(),
        propose: Arc::new(raft.clone()),
        members,
        autopilot: config.autopilot.clone(),
        datacenter: config.datacenter.clone(),
        renewals: raft.renewals(),
    }
}

/// The one source of all that is drawn while it runs.
#[expect(clippy::disallowed_methods, reason = "chance has to begin somewhere")]
fn generator() -> fastrand::Rng {
    fastrand::Rng::new()
}

/// Refuses to be what could never answer anything.
fn refuse_what_cannot_work(config: &Config) -> Result<(), ServerFault> {
    if !config.server {
        return Err(ServerFault::NotYet("an agent that is no server cannot reach its servers yet"));
    }
    if 1 < config.bootstrap_expect {
        return Err(ServerFault::NotYet("several servers cannot form a cluster yet"));
    }
    Ok(())
}

/// Prints who starts.
fn announce(config: &Config, identity: &Identity, http: &[String], dns: &[SocketAddr]) {
    banner::print_banner(&Banner {
        node: &identity.node,
        node_id: &identity.id,
        datacenter: &config.datacenter,
        is_bootstrap: config.bootstrap,
        advertised: identity.advertised,
        http,
        dns,
    });
}

/// Serves the API on every listener.
fn start_http(
    listeners: Vec<HttpListener>,
    config: &Config,
    router: Router,
    stop: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> Arc<Clients> {
    let per_client_max = config.limits.http_max_conns_per_client;
    let clients = Arc::new(Clients::new(settings::http_connections_max(), per_client_max));
    let hall = Hall::new(router, &clients, config.http.head_bytes_max, stop);
    for listener in listeners {
        tasks.spawn(listener.serve(hall.clone()));
    }
    clients
}

/// Starts the log, and says in it what the configuration leaves to say.
fn start_log(config: &Config, warnings: &[String]) -> Result<LogHandle, ServerFault> {
    let handle = logging::start(&config.log).map_err(ServerFault::File)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(handle)
}

/// Waits until the catalog shows what this agent states, and that it is alive, so that the first `dig` after
/// `ready` finds it. Where there is no leader to tell, readiness does not wait for one: what is known can be
/// answered.
async fn settle(config: &Config, agent: &Agent, reader: &Reader, node: &NodeName) {
    let told = async {
        agent.synchronised().await;
        // That attempt may have found no leader yet, so what counts is what is there.
        let topics = vec![Topic::Node(node.clone()), Topic::NodeCoordinates(node.clone())];
        let mut changed = reader.waiter(topics);
        let local = agent.local();
        let serf_health = SERF_HEALTH.to_ascii_lowercase();
        let is_told = || {
            let view = reader.load();
            let Some(entry) = view.node(node.folded()) else { return false };
            entry.checks.contains_key(serf_health.as_str())
                && (config.disable_coordinates || view.node_coordinates(node.folded()).is_some())
                && local.services.values().all(|stated| shows(entry, &stated.definition))
        };
        while !is_told() {
            changed.changed().await;
        }
    };
    if tokio::time::timeout(SETTLE_TIMEOUT, told).await.is_err() {
        tracing::warn!(
            "no leader took this agent's services yet; they are offered again and again. A server of its own \
             founds a cluster with `-bootstrap-expect 1`"
        );
    }
}

/// Whether a node has a service as it is stated, as far as DNS tells it.
fn shows(entry: &NodeEntry, stated: &ServiceDefinition) -> bool {
    entry.services.get(&stated.id).is_some_and(|service| {
        service.name == stated.name
            && service.port == stated.port
            && service.address == stated.address
            && service.weights == stated.weights
            && (service.tags == stated.tags || stated.enable_tag_override)
    })
}

/// Takes the data dir, then says who this is: what is kept there may belong to an agent that runs already.
fn identify(config: &Config) -> Result<(Option<DataDir>, Identity), ServerFault> {
    let data_dir = config.data_dir.as_deref().map(DataDir::open).transpose()?;
    let id = identity::node_id(config.node_id.as_deref(), config.data_dir.as_deref())?;
    let identity = Identity {
        node: identity::node_name(config.node_name.as_ref())?,
        id: id.text,
        is_new: id.is_new,
        advertised: identity::advertised(config.advertise_addr, config.bind_addr)?,
    };
    Ok((data_dir, identity))
}

/// Takes the UUID from the catalog where its file was lost: under another one the catalog would refuse this
/// node's registrations while the node of before counts as alive.
fn recognise(
    identity: Identity,
    config: &Config,
    reader: &Reader,
) -> Result<Identity, ServerFault> {
    let view = reader.load();
    let (Some(data_dir), Some(known)) = (&config.data_dir, view.node(identity.node.folded()))
    else {
        return Ok(identity);
    };
    let is_here = known.node.address.ip() == Some(identity.advertised);
    if !identity.is_new || !is_here || known.node.id.is_empty() {
        return Ok(identity);
    }
    let id = known.node.id.clone();
    tracing::warn!("the file `node-id` was lost; the catalog knows this node as {id}");
    identity::keep_node_id(&id, data_dir)?;
    Ok(Identity { id, is_new: false, ..identity })
}

fn bind(config: &Config) -> Result<Sockets, ServerFault> {
    let dns = DnsSockets { udp: Vec::new(), tcp: Vec::new() };
    let mut sockets = Sockets { http: Vec::new(), dns };
    for address in config.http_addrs() {
        match (address, config.ports.http) {
            (HttpAddress::Ip(ip), Some(port)) => {
                let address = SocketAddr::new(ip, port);
                let listener = http::bind(address).map_err(|source| ServerFault::Bind {
                    purpose: "HTTP",
                    address,
                    source,
                })?;
                sockets.http.push(HttpListener::Tcp(listener));
            }
            // A socket has no port that could be switched off.
            (HttpAddress::Socket(path), _) => {
                let listener = http::bind_socket(&path, &config.unix_sockets)
                    .map_err(|source| ServerFault::Socket { path, source })?;
                sockets.http.push(HttpListener::Socket(listener));
            }
            (HttpAddress::Ip(_), None) => {}
        }
    }
    for ip in config.dns_addrs() {
        let Some(port) = config.ports.dns else { continue };
        let (udp, tcp) = bind_dns(SocketAddr::new(*ip, port))?;
        sockets.dns.udp.push(udp);
        sockets.dns.tcp.push(tcp);
    }
    Ok(sockets)
}

/// Binds UDP and TCP to one port. With port 0 the one that UDP gets may be taken for TCP: then another try.
fn bind_dns(address: SocketAddr) -> Result<(UdpSockets, TcpListener), ServerFault> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut tries = 0;
    loop {
        let udp = udp::bind(address, threads).map_err(|source| ServerFault::Bind {
            purpose: "DNS over UDP",
            address,
            source,
        })?;
        match http::bind(udp.address) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(_) if address.port() == 0 && tries < BIND_TRIES_MAX => tries += 1,
            Err(source) => {
                let (purpose, address) = ("DNS over TCP", udp.address);
                return Err(ServerFault::Bind { purpose, address, source });
            }
        }
    }
}

fn shown(listeners: &[HttpListener]) -> Vec<String> {
    listeners.iter().map(HttpListener::shown).collect()
}

fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
}

fn start_agent(
    config: &Config,
    identity: &Identity,
    reader: &Reader,
    propose: &Arc<dyn Propose>,
    seed: u64,
    stop: &CancellationToken,
) -> Result<Agent, ServerFault> {
    let options = settings::agent_options(config, identity, seed);
    let files =
        FileDefinitions { services: config.services.clone(), checks: config.checks.clone() };
    let agent = Agent::start(options, files, reader.clone(), Arc::clone(propose), stop.clone())?;
    Ok(agent)
}

/// How long readiness waits for the first synchronisation.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Requests of the API that may wait while a reload runs.
const ERRANDS_MAX: usize = 16;

/// Ports that are tried for DNS where any will do.
const BIND_TRIES_MAX: u32 = 16;
