//! Config × Identity → what each part of the program is told.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use nix::sys::resource::{Resource, getrlimit};

use crate::agent::{AgentOptions, ScriptPolicy};
use crate::api::{ApiOptions, Rules};
use crate::catalog::command::Machine;
use crate::intake::Config;
use crate::model::address::Address;
use crate::model::limits::HTTP_CONNECTIONS_EIGHTHS;
use crate::model::member::{Member, MemberStatus};
use crate::model::name::NodeName;
use crate::raft::{DataDir, RaftOptions};
use crate::server::clock;

/// Who this machine is.
pub(in crate::server) struct Identity {
    /// Its node.
    pub(in crate::server) node: NodeName,
    /// Its node's UUID.
    pub(in crate::server) id: String,
    /// Whether the UUID was made up at this start.
    pub(in crate::server) is_new: bool,
    /// Where others reach it.
    pub(in crate::server) advertised: IpAddr,
}

/// Who a server says that it is.
pub(in crate::server) struct Own {
    /// Its node.
    pub(in crate::server) node: NodeName,
    /// Its node's UUID.
    pub(in crate::server) id: String,
    /// Whether it was told to found a cluster; one for development does so by itself.
    pub(in crate::server) is_bootstrap: bool,
}

/// For who asks the API.
pub(in crate::server) fn own(config: &Config, identity: &Identity) -> Own {
    let is_bootstrap = !config.dev && (config.bootstrap || config.bootstrap_expect == 1);
    Own { node: identity.node.clone(), id: identity.id.clone(), is_bootstrap }
}

/// For the consensus.
pub(in crate::server) fn raft_options(
    config: &Config,
    identity: &Identity,
    data_dir: Option<DataDir>,
) -> RaftOptions {
    let address = SocketAddr::new(identity.advertised, config.ports.server.unwrap_or(0));
    RaftOptions {
        data_dir,
        node: identity.node.clone(),
        address,
        bootstrap: config.bootstrap || config.bootstrap_expect == 1,
        leader_hold: LEADER_HOLD,
        clock: clock::now,
    }
}

/// For services and checks.
pub(in crate::server) fn agent_options(
    config: &Config,
    identity: &Identity,
    seed: u64,
) -> AgentOptions {
    let scripts = match (config.enable_script_checks, config.enable_local_script_checks) {
        (true, _) => ScriptPolicy::Everywhere,
        (false, true) => ScriptPolicy::LocalFiles,
        (false, false) => ScriptPolicy::Never,
    };
    AgentOptions {
        node: identity.node.clone(),
        machine: machine(config, identity),
        datacenter: config.datacenter.clone(),
        data_dir: config.data_dir.clone(),
        scripts,
        docker_host: std::env::var("DOCKER_HOST").unwrap_or_default(),
        check_output_bytes_max: config.check_output_max_size,
        check_update_interval: config.check_update_interval,
        seed,
    }
}

/// What the catalog is told of this machine.
fn machine(config: &Config, identity: &Identity) -> Machine {
    let address = identity.advertised.to_string();
    let family = if identity.advertised.is_ipv4() { "ipv4" } else { "ipv6" };
    let mut tagged_addresses = BTreeMap::from([
        ("lan".to_owned(), address.clone()),
        ("wan".to_owned(), address.clone()),
        (format!("lan_{family}"), address.clone()),
        (format!("wan_{family}"), address),
    ]);
    tagged_addresses.extend(config.tagged_addresses.clone());
    let mut meta = config.node_meta.clone();
    // Consul's own agents state it, and clients that copy a node expect it.
    meta.entry("consul-network-segment".to_owned()).or_default();
    Machine {
        id: identity.id.clone(),
        address: Address::Ip(identity.advertised),
        tagged_addresses,
        meta,
    }
}

/// This agent as a member, with the tags that Consul's tools read.
pub(in crate::server) fn member(config: &Config, identity: &Identity) -> Member {
    let text = |port: Option<u16>| port.unwrap_or(0).to_string();
    let tags = [
        ("role", "consul".to_owned()),
        ("dc", config.datacenter.to_string()),
        ("id", identity.id.clone()),
        ("port", text(config.ports.server)),
        ("wan_join_port", text(config.ports.serf_wan)),
        ("build", concat!(env!("CARGO_PKG_VERSION"), ":").to_owned()),
        ("acls", "0".to_owned()),
        ("raft_vsn", "3".to_owned()),
        ("segment", String::new()),
        ("vsn", "2".to_owned()),
        ("vsn_min", "2".to_owned()),
        ("vsn_max", "3".to_owned()),
    ];
    Member {
        name: identity.node.clone(),
        address: identity.advertised,
        port: config.ports.serf_lan.unwrap_or(0),
        tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        status: MemberStatus::Alive,
    }
}

/// For the API.
pub(in crate::server) fn api_options(config: &Config, identity: &Identity) -> ApiOptions {
    ApiOptions {
        node: identity.node.clone(),
        node_id: identity.id.clone(),
        datacenter: config.datacenter.clone(),
        is_server: config.server,
        pretty: config.dev,
        translate_wan_addrs: config.translate_wan_addrs,
        kv_value_bytes_max: config.limits.kv_max_value_size,
        // A transaction has room for the largest value, whatever its own limit says.
        txn_bytes_max: config.limits.txn_max_req_len.max(config.limits.kv_max_value_size),
        wait_default: config.default_query_time,
        wait_max: config.max_query_time,
        session_ttl_min: config.session_ttl_min,
        discovery_stale_max: Some(config.discovery_max_stale).filter(|age| !age.is_zero()),
        tells_coordinate: !config.disable_coordinates,
        answers_prometheus: config.prometheus_retention_time != Some(Duration::ZERO),
    }
}

/// For the endpoints of the API.
pub(in crate::server) fn api_rules(config: &Config) -> Rules {
    let headers = config.http.headers.iter().filter_map(|(name, value)| {
        // The configuration has seen that they are some.
        Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?))
    });
    Rules {
        blocked: config.http.blocked.clone(),
        headers: headers.collect(),
        writers: config.http.writers.clone(),
        takes_unprintable: config.http.takes_unprintable,
        takes_cached: config.http.takes_cached,
    }
}

/// Connections of HTTP, by the files that this process may open: some are left for the catalog and for DNS.
pub(in crate::server) fn http_connections_max() -> usize {
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    usize::try_from(files).unwrap_or(usize::MAX) / 8 * HTTP_CONNECTIONS_EIGHTHS
}

/// How long a write or a read waits for a leader before it is refused (Consul's `rpc_hold_timeout`).
const LEADER_HOLD: Duration = Duration::from_secs(7);
