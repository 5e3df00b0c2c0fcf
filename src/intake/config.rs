//! What an agent may be told, typed: every field is legal and its default filled in.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::intake::http::{HttpAddress, HttpConfig, UnixSockets};
use crate::model::autopilot::Autopilot;
use crate::model::definition::{CheckDefinition, ServiceDefinition};
use crate::model::dns_config::{Access, DnsConfig, DnsSettings};
use crate::model::forward_config::ForwardConfig;
use crate::model::limits::{
    BLOCKING_WAIT_DEFAULT_MS, BLOCKING_WAIT_MAX_MS, CHECK_OUTPUT_BYTES_MAX, KV_VALUE_BYTES_MAX,
    SESSION_TTL_MIN,
};
use crate::model::name::{Datacenter, NodeName};
use crate::model::node::Meta;

/// Everything that was configured, defaults filled in, typed and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `-dev`: a server of its own that keeps nothing on disk.
    pub dev: bool,
    /// Whether this agent is a server.
    pub server: bool,
    /// Whether this server makes itself leader of a new cluster.
    pub bootstrap: bool,
    /// How many servers a new cluster waits for; 0 for none.
    pub bootstrap_expect: u32,
    /// Where state is kept; never without one, unless `dev`.
    pub data_dir: Option<PathBuf>,
    /// The datacenter, lower case.
    pub datacenter: Datacenter,
    /// The node's name; the host's name where none is stated.
    pub node_name: Option<NodeName>,
    /// The node's UUID, 36 characters; made up and kept where none is stated.
    pub node_id: Option<String>,
    /// The node's metadata.
    pub node_meta: Meta,
    /// The node's addresses by network.
    pub tagged_addresses: BTreeMap<String, String>,
    /// The suffix that is ours, lower case, without the last dot.
    pub domain: String,
    /// A second suffix that is ours.
    pub alt_domain: Option<String>,
    /// `dns_config`.
    pub dns: DnsSettings,
    /// `autopilot`: what a new cluster begins with.
    pub autopilot: Autopilot,
    /// What cluster traffic is bound to.
    pub bind_addr: IpAddr,
    /// What DNS and HTTP are bound to, never none.
    pub client_addrs: Vec<IpAddr>,
    /// What others are told to connect to; found out by the server where none is stated and `bind_addr`
    /// is unspecified.
    pub advertise_addr: Option<IpAddr>,
    /// What DNS and HTTP are bound to instead of `client_addrs`, each.
    pub addresses: Addresses,
    /// Whose the sockets of the file system are, and who may use them.
    pub unix_sockets: UnixSockets,
    /// `http_config`.
    pub http: HttpConfig,
    /// Ports.
    pub ports: Ports,
    /// Who is asked for names that are not ours.
    pub forward: ForwardConfig,
    /// Which clients may ask DNS.
    pub dns_access: Access,
    /// A folder of zone files.
    pub zones_dir: Option<PathBuf>,
    /// What is logged, how and where to.
    pub log: LogSettings,
    /// Where the process id is written.
    pub pid_file: Option<PathBuf>,
    /// Whether anybody may register script checks.
    pub enable_script_checks: bool,
    /// Whether files may define script checks.
    pub enable_local_script_checks: bool,
    /// How long a change of output alone may wait before the catalog is told.
    pub check_update_interval: Duration,
    /// Kept check output, in bytes, at least 1.
    pub check_output_max_size: usize,
    /// Bounds.
    pub limits: Limits,
    /// Wait of a blocking query that names none.
    pub default_query_time: Duration,
    /// Longest wait of a blocking query.
    pub max_query_time: Duration,
    /// For how long the leader may be silent while reads of the catalog that do not say how fresh they have to be are
    /// answered from what is here; zero for asking the leader.
    pub discovery_max_stale: Duration,
    /// Whether SIGTERM leaves the cluster: clients do, servers do not.
    pub leave_on_terminate: bool,
    /// Whether nodes and instances of other datacenters are told with their `wan` addresses.
    pub translate_wan_addrs: bool,
    /// Whether SIGINT ends without leaving: servers do, clients do not.
    pub skip_leave_on_interrupt: bool,
    /// Whether the web UI was asked for.
    pub ui: bool,
    /// Shortest session TTL.
    pub session_ttl_min: Duration,
    /// Whether `exec` is refused.
    pub disable_remote_exec: bool,
    /// Whether nobody is told where this agent is in the network.
    pub disable_coordinates: bool,
    /// For how long Prometheus is to find what is not counted any more. What was counted is never forgotten, so that
    /// only zero means something: that Prometheus is not answered.
    pub prometheus_retention_time: Option<Duration>,
    /// Services of the files, with unique ids.
    pub services: Vec<ServiceDefinition>,
    /// Checks of the files that stand alone, with ids unique among all checks.
    pub checks: Vec<CheckDefinition>,
}

/// `addresses`: empty means `client_addrs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// For DNS.
    pub dns: Vec<IpAddr>,
    /// For HTTP.
    pub http: Vec<HttpAddress>,
}

/// `ports`: `None` switches the listener off, 0 takes any free port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// DNS, UDP and TCP: 8600.
    pub dns: Option<u16>,
    /// HTTP: 8500.
    pub http: Option<u16>,
    /// HTTPS: off.
    pub https: Option<u16>,
    /// gRPC: off.
    pub grpc: Option<u16>,
    /// Between servers, and from agents to servers: 8300.
    pub server: Option<u16>,
    /// Gossip in the datacenter: 8301.
    pub serf_lan: Option<u16>,
    /// Gossip between datacenters: 8302.
    pub serf_wan: Option<u16>,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            dns: Some(8600),
            http: Some(8500),
            https: None,
            grpc: None,
            server: Some(8300),
            serf_lan: Some(8301),
            serf_wan: Some(8302),
        }
    }
}

/// What is logged, how and where to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// What is too unimportant to be logged.
    pub level: LogLevel,
    /// Whether a line is a JSON object.
    pub json: bool,
    /// A file that gets the log too.
    pub file: Option<PathBuf>,
}

/// The least important thing that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// What a developer wants to see.
    Debug,
    /// What an operator wants to see.
    #[default]
    Info,
    /// What may turn out badly.
    Warn,
    /// What went wrong.
    Error,
}

impl LogLevel {
    /// The level's word, as tracing spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level that a word names, in Consul's spellings.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "trace" => Some(Self::Trace),
            "debug" => Some(Self::Debug),
            "info" => Some(Self::Info),
            "warn" | "warning" => Some(Self::Warn),
            "err" | "error" => Some(Self::Error),
            _ => None,
        }
    }
}

/// `limits`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// HTTP connections of one address; 0 for no limit.
    pub http_max_conns_per_client: u32,
    /// Largest KV value, in bytes.
    pub kv_max_value_size: usize,
    /// Largest body of a transaction, in bytes; one of the size of a KV value is always allowed.
    pub txn_max_req_len: usize,
}

impl Config {
    /// Consul's defaults; those of `-dev` are an agent of its own on the loopback.
    #[must_use]
    pub fn new(dev: bool) -> Self {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let datacenter = Datacenter::new("dc1");
        #[expect(clippy::expect_used, reason = "a constant that is a legal name")]
        let datacenter = datacenter.expect("`dc1` is a name");
        Self {
            dev,
            server: dev,
            bootstrap: dev,
            bootstrap_expect: 0,
            data_dir: None,
            datacenter,
            node_name: None,
            node_id: None,
            node_meta: Meta::new(),
            tagged_addresses: BTreeMap::new(),
            domain: "consul".to_owned(),
            alt_domain: None,
            dns: DnsSettings::default(),
            bind_addr: if dev { loopback } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) },
            client_addrs: vec![loopback],
            advertise_addr: None,
            addresses: Addresses::default(),
            unix_sockets: UnixSockets::default(),
            http: HttpConfig::default(),
            ports: Ports::default(),
            dns_access: Access::default(),
            forward: ForwardConfig::default(),
            zones_dir: None,
            log: LogSettings {
                level: if dev { LogLevel::Debug } else { LogLevel::Info },
                ..LogSettings::default()
            },
            pid_file: None,
            enable_script_checks: false,
            enable_local_script_checks: false,
            check_update_interval: Duration::from_secs(300),
            check_output_max_size: CHECK_OUTPUT_BYTES_MAX,
            limits: Limits {
                http_max_conns_per_client: 200,
                kv_max_value_size: KV_VALUE_BYTES_MAX,
                txn_max_req_len: KV_VALUE_BYTES_MAX,
            },
            default_query_time: Duration::from_millis(BLOCKING_WAIT_DEFAULT_MS),
            max_query_time: Duration::from_millis(BLOCKING_WAIT_MAX_MS),
            discovery_max_stale: Duration::ZERO,
            leave_on_terminate: !dev,
            translate_wan_addrs: false,
            skip_leave_on_interrupt: dev,
            ui: dev,
            session_ttl_min: SESSION_TTL_MIN,
            autopilot: Autopilot::default(),
            disable_remote_exec: true,
            disable_coordinates: false,
            prometheus_retention_time: None,
            services: Vec::new(),
            checks: Vec::new(),
        }
    }

    /// The settings of DNS answers, for an agent of this name.
    #[must_use]
    pub fn dns(&self, node: &NodeName) -> DnsConfig {
        DnsConfig {
            domain: self.domain.clone(),
            alt_domain: self.alt_domain.clone(),
            datacenter: self.datacenter.clone(),
            node: node.clone(),
            is_recursive: !self.forward.recursors.is_empty(),
            access: self.dns_access.clone(),
            settings: self.dns.clone(),
        }
    }

    /// The addresses that DNS is bound to.
    #[must_use]
    pub fn dns_addrs(&self) -> &[IpAddr] {
        if self.addresses.dns.is_empty() { &self.client_addrs } else { &self.addresses.dns }
    }

    /// The addresses that HTTP is bound to.
    #[must_use]
    pub fn http_addrs(&self) -> Vec<HttpAddress> {
        if self.addresses.http.is_empty() {
            self.client_addrs.iter().copied().map(HttpAddress::Ip).collect()
        } else {
            self.addresses.http.clone()
        }
    }
}
