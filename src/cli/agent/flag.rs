//! Every flag of `lictor agent` and the configuration key that it sets.

/// A flag.
#[derive(Debug)]
pub(super) struct Flag {
    /// Without dashes.
    pub(super) name: &'static str,
    /// What it takes.
    pub(super) value: FlagValue,
    /// What it does.
    pub(super) meaning: FlagUse,
    /// For `-help`.
    pub(super) help: &'static str,
}

/// What a flag takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum FlagValue {
    /// A text, called so in the help.
    Text(&'static str),
    /// A file or folder.
    Path(&'static str),
    /// Nothing, or `=true` or `=false`.
    Truth,
}

/// What a flag does.
#[derive(Clone, Copy, Debug)]
pub(super) enum FlagUse {
    /// Starts a throw-away agent.
    Dev,
    /// Names files to read.
    Source,
    /// Says what language files are in.
    Language,
    /// Is configuration itself.
    Fragment,
    /// Sets this key; adds to it if it is a list.
    Key(&'static str),
    /// `KEY:VALUE`, sets an entry of this map.
    Pair(&'static str),
}

/// In the order of the help.
pub(super) const FLAGS: &[Flag] = &[
    flag("dev", FlagValue::Truth, FlagUse::Dev, "A server of its own that keeps nothing on disk"),
    flag("config-file", FlagValue::Path("FILE"), FlagUse::Source, "JSON or HCL file; repeatable"),
    flag("config-dir", FlagValue::Path("DIR"), FlagUse::Source, "Folder of such files; repeatable"),
    flag("config-format", TEXT, FlagUse::Language, "`json` or `hcl`, whatever files are called"),
    flag("hcl", TEXT, FlagUse::Fragment, "A piece of HCL; repeatable"),
    key("server", FlagValue::Truth, "server", "Keeps the catalog, with the other servers"),
    key("bootstrap", FlagValue::Truth, "bootstrap", "Begins a cluster alone"),
    key("bootstrap-expect", NUMBER, "bootstrap_expect", "Servers to wait for before beginning"),
    key("data-dir", FlagValue::Text("DIR"), "data_dir", "Where state is kept"),
    key("node", TEXT, "node_name", "Name of this node; the host's by default"),
    key("node-id", TEXT, "node_id", "Id of this node"),
    flag("node-meta", TEXT, FlagUse::Pair("node_meta"), "KEY:VALUE of this node; repeatable"),
    key("disable-host-node-id", FlagValue::Truth, "disable_host_node_id", "Makes up a random id"),
    key("datacenter", TEXT, "datacenter", "Where this agent is"),
    key("domain", TEXT, "domain", "The domain that is answered for"),
    key("alt-domain", TEXT, "alt_domain", "Another domain that is answered for"),
    key("bind", ADDRESS, "bind_addr", "Address for the cluster"),
    key("client", ADDRESS, "client_addr", "Addresses for DNS and HTTP"),
    key("advertise", ADDRESS, "advertise_addr", "Address that others are told"),
    key("advertise-wan", ADDRESS, "advertise_addr_wan", "The same, for other datacenters"),
    key("dns-port", NUMBER, "ports.dns", "DNS port; -1 for none"),
    key("http-port", NUMBER, "ports.http", "HTTP port; -1 for none"),
    key("https-port", NUMBER, "ports.https", "HTTPS port; -1 for none"),
    key("grpc-port", NUMBER, "ports.grpc", "gRPC port; -1 for none"),
    key("server-port", NUMBER, "ports.server", "Port of the servers among themselves"),
    key("serf-lan-port", NUMBER, "ports.serf_lan", "Gossip port"),
    key("serf-wan-port", NUMBER, "ports.serf_wan", "Gossip port between datacenters"),
    key("serf-lan-bind", ADDRESS, "serf_lan", "Gossip address"),
    key("serf-wan-bind", ADDRESS, "serf_wan", "Gossip address between datacenters"),
    key("serf-lan-allowed-cidrs", TEXT, "serf_lan_allowed_cidrs", "Who may gossip; repeatable"),
    key("serf-wan-allowed-cidrs", TEXT, "serf_wan_allowed_cidrs", "The same between datacenters"),
    key("log-level", TEXT, "log_level", "trace, debug, info, warn or err"),
    key("log-json", FlagValue::Truth, "log_json", "Logs JSON lines"),
    key("log-file", FlagValue::Text("FILE"), "log_file", "Logs there, too"),
    key("log-rotate-bytes", NUMBER, "log_rotate_bytes", "Begins a new log file at this size"),
    key("log-rotate-duration", TEXT, "log_rotate_duration", "Begins a new log file so often"),
    key("log-rotate-max-files", NUMBER, "log_rotate_max_files", "Log files to keep"),
    key("syslog", FlagValue::Truth, "enable_syslog", "Logs to syslog, too"),
    key("pid-file", FlagValue::Text("FILE"), "pid_file", "Where the process id is written"),
    key(
        "enable-script-checks",
        FlagValue::Truth,
        "enable_script_checks",
        "Lets anybody add programs as checks",
    ),
    key(
        "enable-local-script-checks",
        FlagValue::Truth,
        "enable_local_script_checks",
        "Lets files, but not the API, add programs as checks",
    ),
    key("recursor", ADDRESS, "recursors", "DNS server for all other names; repeatable"),
    key("zones-dir", FlagValue::Text("DIR"), "zones_dir", "Folder of zone files"),
    key("ui", FlagValue::Truth, "ui", "Serves the web interface"),
    key("ui-dir", FlagValue::Text("DIR"), "ui_dir", "Serves this web interface"),
    key("ui-content-path", TEXT, "ui_content_path", "Where it is served"),
    key("join", ADDRESS, "start_join", "Member to join at start; repeatable"),
    key("join-wan", ADDRESS, "start_join_wan", "The same between datacenters"),
    key("retry-join", ADDRESS, "retry_join", "Member to join until it works; repeatable"),
    key("retry-join-wan", ADDRESS, "retry_join_wan", "The same between datacenters"),
    key("retry-interval", TEXT, "retry_interval", "Time between tries to join"),
    key("retry-interval-wan", TEXT, "retry_interval_wan", "The same between datacenters"),
    key("retry-max", NUMBER, "retry_max", "Tries to join; 0 for no end"),
    key("retry-max-wan", NUMBER, "retry_max_wan", "The same between datacenters"),
    key("rejoin", FlagValue::Truth, "rejoin_after_leave", "Joins again after having left"),
    key("encrypt", FlagValue::Text("KEY"), "encrypt", "Key of the gossip"),
    key("disable-keyring-file", FlagValue::Truth, "disable_keyring_file", "Keeps no keys on disk"),
    key("raft-protocol", NUMBER, "raft_protocol", "Accepted for Consul's sake"),
    key("protocol", NUMBER, "protocol", "Accepted for Consul's sake"),
    key("segment", TEXT, "segment", "Accepted for Consul's sake"),
    key("non-voting-server", FlagValue::Truth, "non_voting_server", "A server that only listens"),
    key("read-replica", FlagValue::Truth, "non_voting_server", "The same"),
    key(
        "default-query-time",
        TEXT,
        "default_query_time",
        "Wait of a blocking query that names none",
    ),
    key("max-query-time", TEXT, "max_query_time", "Longest wait of a blocking query"),
    key(
        "allow-write-http-from",
        TEXT,
        "http_config.allow_write_http_from",
        "Who may write over HTTP; repeatable",
    ),
    key("check_output_max_size", NUMBER, "check_output_max_size", "Kept bytes of a check's output"),
];

const TEXT: FlagValue = FlagValue::Text("VALUE");

const NUMBER: FlagValue = FlagValue::Text("NUMBER");

const ADDRESS: FlagValue = FlagValue::Text("ADDRESS");

const fn flag(name: &'static str, value: FlagValue, meaning: FlagUse, help: &'static str) -> Flag {
    Flag { name, value, meaning, help }
}

const fn key(name: &'static str, value: FlagValue, key: &'static str, help: &'static str) -> Flag {
    flag(name, value, FlagUse::Key(key), help)
}
