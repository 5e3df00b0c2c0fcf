//! The keys of a configuration: all that Consul 1.8.7 knows, and the few newer ones that lictor takes.

use crate::intake::definition_keys::{CHECK, SERVICE};
use crate::intake::schema::{Effect, KnownKey, Naming, Table, Type};
use crate::intake::telemetry::TELEMETRY;

/// A key that does what it says.
pub(crate) const fn works(name: &'static str, holds: Type) -> KnownKey {
    KnownKey { name, holds, effect: Effect::Works }
}

/// A key that does nothing yet.
pub(crate) const fn later(name: &'static str, holds: Type) -> KnownKey {
    KnownKey { name, holds, effect: Effect::Later }
}

/// A key that never does anything.
pub(crate) const fn ignored(name: &'static str) -> KnownKey {
    KnownKey { name, holds: Type::Any, effect: Effect::Ignored }
}

/// The whole of a configuration file.
pub(crate) static CONFIG: Table = Table {
    naming: Naming::Exact,
    keys: &[
        // Identity.
        works("datacenter", Type::Text),
        works("node_name", Type::Text),
        works("node_id", Type::Text),
        works("node_meta", Type::Map),
        works("domain", Type::Text),
        works("alt_domain", Type::Text),
        works("server", Type::Bool),
        works("bootstrap", Type::Bool),
        works("bootstrap_expect", Type::Integer),
        works("tagged_addresses", Type::Map),
        later("disable_host_node_id", Type::Bool),
        later("primary_datacenter", Type::Text),
        works("translate_wan_addrs", Type::Bool),
        // Addresses.
        works("bind_addr", Type::Text),
        works("client_addr", Type::Text),
        works("advertise_addr", Type::Text),
        works("addresses", Type::Object(&ADDRESSES)),
        works("ports", Type::Object(&PORTS)),
        later("advertise_addr_ipv4", Type::Text),
        later("advertise_addr_ipv6", Type::Text),
        later("advertise_addr_wan", Type::Text),
        later("advertise_addr_wan_ipv4", Type::Text),
        later("advertise_addr_wan_ipv6", Type::Text),
        later("serf_lan", Type::Text),
        later("serf_wan", Type::Text),
        later("serf_lan_allowed_cidrs", Type::Texts),
        later("serf_wan_allowed_cidrs", Type::Texts),
        works("unix_sockets", Type::Object(&UNIX_SOCKETS)),
        // Joining.
        later("start_join", Type::Texts),
        later("start_join_wan", Type::Texts),
        later("retry_join", Type::Texts),
        later("retry_join_wan", Type::Texts),
        later("retry_interval", Type::Duration),
        later("retry_interval_wan", Type::Duration),
        later("retry_max", Type::Integer),
        later("retry_max_wan", Type::Integer),
        later("rejoin_after_leave", Type::Bool),
        later("reconnect_timeout", Type::Duration),
        later("reconnect_timeout_wan", Type::Duration),
        works("leave_on_terminate", Type::Bool),
        works("skip_leave_on_interrupt", Type::Bool),
        // Storage.
        works("data_dir", Type::Text),
        later("raft_protocol", Type::Integer),
        later("raft_snapshot_threshold", Type::Integer),
        later("raft_snapshot_interval", Type::Duration),
        later("raft_trailing_logs", Type::Integer),
        later("performance", Type::Object(&PERFORMANCE)),
        works("autopilot", Type::Object(&AUTOPILOT)),
        later("non_voting_server", Type::Bool),
        // DNS.
        works("dns_config", Type::Object(&DNS_CONFIG)),
        works("recursor", Type::Text),
        works("recursors", Type::Texts),
        works("zones_dir", Type::Text),
        // HTTP.
        works("http_config", Type::Object(&HTTP_CONFIG)),
        later("ui", Type::Bool),
        later("ui_config", Type::Object(&UI_CONFIG)),
        later("ui_dir", Type::Text),
        later("ui_content_path", Type::Text),
        works("disable_http_unprintable_char_filter", Type::Bool),
        works("default_query_time", Type::Duration),
        works("max_query_time", Type::Duration),
        works("discovery_max_stale", Type::Duration),
        works("limits", Type::Object(&LIMITS)),
        // Definitions and checks.
        works("service", Type::Objects(&SERVICE)),
        works("services", Type::Objects(&SERVICE)),
        works("check", Type::Objects(&CHECK)),
        works("checks", Type::Objects(&CHECK)),
        works("enable_script_checks", Type::Bool),
        works("enable_local_script_checks", Type::Bool),
        works("check_update_interval", Type::Duration),
        works("check_output_max_size", Type::Integer),
        later("discard_check_output", Type::Bool),
        later("enable_agent_tls_for_checks", Type::Bool),
        later("watches", Type::Objects(&WATCH)),
        works("disable_remote_exec", Type::Bool),
        works("disable_coordinates", Type::Bool),
        works("session_ttl_min", Type::Duration),
        // Security.
        later("encrypt", Type::Text),
        later("encrypt_verify_incoming", Type::Bool),
        later("encrypt_verify_outgoing", Type::Bool),
        later("disable_keyring_file", Type::Bool),
        later("ca_file", Type::Text),
        later("ca_path", Type::Text),
        later("cert_file", Type::Text),
        later("key_file", Type::Text),
        later("verify_incoming", Type::Bool),
        later("verify_incoming_rpc", Type::Bool),
        later("verify_incoming_https", Type::Bool),
        later("verify_outgoing", Type::Bool),
        later("verify_server_hostname", Type::Bool),
        later("server_name", Type::Text),
        later("tls_min_version", Type::Text),
        later("tls_cipher_suites", Type::Text),
        later("tls_prefer_server_cipher_suites", Type::Bool),
        later("tls", Type::Any),
        later("auto_encrypt", Type::Any),
        later("auto_config", Type::Any),
        later("acl", Type::Object(&ACL)),
        later("acl_datacenter", Type::Text),
        later("acl_master_token", Type::Text),
        later("acl_token", Type::Text),
        later("acl_default_policy", Type::Text),
        later("acl_down_policy", Type::Text),
        later("acl_ttl", Type::Duration),
        later("acl_replication_token", Type::Text),
        later("acl_agent_token", Type::Text),
        later("acl_agent_master_token", Type::Text),
        later("acl_enable_key_list_policy", Type::Bool),
        later("acl_enforce_version_8", Type::Bool),
        later("enable_acl_replication", Type::Bool),
        // Logging and telemetry.
        works("log_level", Type::Text),
        works("log_json", Type::Bool),
        works("log_file", Type::Text),
        works("pid_file", Type::Text),
        later("log_rotate_bytes", Type::Integer),
        later("log_rotate_duration", Type::Duration),
        later("log_rotate_max_files", Type::Integer),
        later("enable_syslog", Type::Bool),
        later("syslog_facility", Type::Text),
        later("enable_debug", Type::Bool),
        works("telemetry", Type::Object(&TELEMETRY)),
        // The service mesh, the vendor's editions, and what has no meaning here.
        ignored("advertise_reconnect_timeout"),
        ignored("audit"),
        ignored("ca_config"),
        ignored("cache"),
        ignored("config_entries"),
        ignored("connect"),
        ignored("connect_enabled"),
        ignored("cloud"),
        ignored("disable_anonymous_signature"),
        ignored("disable_update_check"),
        ignored("enable_central_service_config"),
        ignored("experiments"),
        ignored("gossip_lan"),
        ignored("gossip_wan"),
        ignored("license_path"),
        ignored("partition"),
        ignored("peering"),
        ignored("protocol"),
        ignored("read_replica"),
        ignored("segment"),
        ignored("segments"),
        ignored("snapshot_agent"),
        ignored("use_streaming_backend"),
        ignored("xds"),
    ],
};

static ADDRESSES: Table = Table {
    naming: Naming::Exact,
    keys: &[
        works("dns", Type::Text),
        works("http", Type::Text),
        later("https", Type::Text),
        later("grpc", Type::Text),
        ignored("grpc_tls"),
    ],
};

static PORTS: Table = Table {
    naming: Naming::Exact,
    keys: &[
        works("dns", Type::Integer),
        works("http", Type::Integer),
        later("https", Type::Integer),
        later("grpc", Type::Integer),
        later("server", Type::Integer),
        later("serf_lan", Type::Integer),
        later("serf_wan", Type::Integer),
        ignored("rpc"),
        ignored("grpc_tls"),
        ignored("sidecar_min_port"),
        ignored("sidecar_max_port"),
        ignored("expose_min_port"),
        ignored("expose_max_port"),
        ignored("proxy_min_port"),
        ignored("proxy_max_port"),
    ],
};

static UNIX_SOCKETS: Table = Table {
    naming: Naming::Exact,
    keys: &[works("user", Type::Text), works("group", Type::Text), works("mode", Type::Text)],
};

static PERFORMANCE: Table = Table {
    naming: Naming::Exact,
    keys: &[
        works("raft_multiplier", Type::Integer),
        works("leave_drain_time", Type::Duration),
        works("rpc_hold_timeout", Type::Duration),
        ignored("grpc_keepalive_interval"),
        ignored("grpc_keepalive_timeout"),
    ],
};

static AUTOPILOT: Table = Table {
    naming: Naming::Exact,
    keys: &[
        works("cleanup_dead_servers", Type::Bool),
        works("last_contact_threshold", Type::Duration),
        works("max_trailing_logs", Type::Integer),
        works("min_quorum", Type::Integer),
        works("server_stabilization_time", Type::Duration),
        works("disable_upgrade_migration", Type::Bool),
        works("redundancy_zone_tag", Type::Text),
        works("upgrade_version_tag", Type::Text),
    ],
};

static DNS_CONFIG: Table = Table {
    naming: Naming::Exact,
    keys: &[
        works("node_ttl", Type::Duration),
        works("service_ttl", Type::Map),
        works("only_passing", Type::Bool),
        works("udp_answer_limit", Type::Integer),
        works("a_record_limit", Type::Integer),
        works("enable_truncate", Type::Bool),
        works("disable_compression", Type::Bool),
        works("enable_additional_node_meta_txt", Type::Bool),
        works("soa", Type::Object(&SOA)),
        works("allow_stale", Type::Bool),
        works("max_stale", Type::Duration),
        works("allow_clients", Type::Texts),
        works("deny_clients", Type::Texts),
        works("enable_identity", Type::Bool),
        works("recursor_timeout", Type::Duration),
        works("recursor_strategy", Type::Text),
        later("use_cache", Type::Bool),
        later("cache_max_age", Type::Duration),
        ignored("prefer_namespace"),
    ],
};

static SOA: Table = Table {
    naming: Naming::Exact,
    keys: &[
        works("refresh", Type::Integer),
        works("retry", Type::Integer),
        works("expire", Type::Integer),
        works("min_ttl", Type::Integer),
    ],
};

static HTTP_CONFIG: Table = Table {
    naming: Naming::Exact,
    keys: &[
        works("block_endpoints", Type::Texts),
        works("response_headers", Type::Map),
        works("allow_write_http_from", Type::Texts),
        works("use_cache", Type::Bool),
        works("max_header_bytes", Type::Integer),
    ],
};

static UI_CONFIG: Table = Table {
    naming: Naming::Exact,
    keys: &[
        works("enabled", Type::Bool),
        later("dir", Type::Text),
        later("content_path", Type::Text),
        ignored("metrics_provider"),
        ignored("metrics_provider_files"),
        ignored("metrics_provider_options_json"),
        ignored("metrics_proxy"),
        ignored("dashboard_url_templates"),
    ],
};

static LIMITS: Table = Table {
    naming: Naming::Exact,
    keys: &[
        works("http_max_conns_per_client", Type::Integer),
        works("kv_max_value_size", Type::Integer),
        later("https_handshake_timeout", Type::Duration),
        later("rpc_handshake_timeout", Type::Duration),
        later("rpc_rate", Type::Number),
        later("rpc_max_burst", Type::Integer),
        later("rpc_max_conns_per_client", Type::Integer),
        works("txn_max_req_len", Type::Integer),
        ignored("request_limits"),
    ],
};

static WATCH: Table = Table {
    naming: Naming::Exact,
    keys: &[
        works("type", Type::Text),
        works("key", Type::Text),
        works("prefix", Type::Text),
        works("service", Type::Text),
        works("tag", Type::Any),
        works("passingonly", Type::Bool),
        works("state", Type::Text),
        works("name", Type::Text),
        works("datacenter", Type::Text),
        works("token", Type::Text),
        works("stale", Type::Bool),
        works("handler", Type::Text),
        works("args", Type::Texts),
        works("handler_type", Type::Text),
        works("http_handler_config", Type::Any),
        works("service_id", Type::Text),
        works("proxy_service_id", Type::Text),
    ],
};

static ACL: Table = Table {
    naming: Naming::Exact,
    keys: &[
        works("enabled", Type::Bool),
        works("default_policy", Type::Text),
        works("down_policy", Type::Text),
        works("policy_ttl", Type::Duration),
        works("token_ttl", Type::Duration),
        works("role_ttl", Type::Duration),
        works("enable_token_persistence", Type::Bool),
        works("enable_key_list_policy", Type::Bool),
        works("enable_token_replication", Type::Bool),
        works("disabled_ttl", Type::Duration),
        ignored("msp_disable_bootstrap"),
        works("tokens", Type::Object(&ACL_TOKENS)),
    ],
};

static ACL_TOKENS: Table = Table {
    naming: Naming::Exact,
    keys: &[
        works("master", Type::Text),
        works("initial_management", Type::Text),
        works("agent", Type::Text),
        works("default", Type::Text),
        works("agent_master", Type::Text),
        works("agent_recovery", Type::Text),
        works("replication", Type::Text),
        works("config_file_service_registration", Type::Text),
        ignored("managed_service_provider"),
    ],
};
