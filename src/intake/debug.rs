//! Config → JSON under Consul's names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::intake::config::Config;
use crate::model::name::NodeName;
use crate::model::time::GoDuration;

impl Config {
    /// The effective configuration: `DebugConfig` of `/v1/agent/self`. Definitions are only counted, for
    /// they may hold tokens.
    #[must_use]
    pub fn debug_json(&self) -> Value {
        let parts = [self.cluster_json(), self.dns_json(), self.behaviour_json()];
        let mut all = Map::new();
        for part in parts {
            if let Value::Object(part) = part {
                all.extend(part);
            }
        }
        all.sort_keys();
        Value::Object(all)
    }

    /// Who and where this agent is.
    fn cluster_json(&self) -> Value {
        json!({
            "AdvertiseAddrLAN": self.advertise_addr,
            "AutopilotCleanupDeadServers": self.autopilot.cleanup_dead_servers,
            "AutopilotDisableUpgradeMigration": self.autopilot.disable_upgrade_migration,
            "AutopilotLastContactThreshold": shown(self.autopilot.last_contact_threshold),
            "AutopilotMaxTrailingLogs": self.autopilot.max_trailing_logs,
            "AutopilotMinQuorum": self.autopilot.min_quorum,
            "AutopilotRedundancyZoneTag": self.autopilot.redundancy_zone_tag,
            "AutopilotServerStabilizationTime": shown(self.autopilot.server_stabilization_time),
            "AutopilotUpgradeVersionTag": self.autopilot.upgrade_version_tag,
            "BindAddr": self.bind_addr,
            "Bootstrap": self.bootstrap,
            "BootstrapExpect": self.bootstrap_expect,
            "ClientAddrs": self.client_addrs,
            "DataDir": path(self.data_dir.as_ref()),
            "Datacenter": self.datacenter.as_str(),
            "DevMode": self.dev,
            "GRPCPort": port(self.ports.grpc),
            "HTTPAddrs": self.http_addrs().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "HTTPPort": port(self.ports.http),
            "HTTPSPort": port(self.ports.https),
            "NodeID": self.node_id,
            "NodeMeta": self.node_meta,
            "NodeName": self.node_name.as_ref().map(NodeName::as_str),
            "SerfPortLAN": port(self.ports.serf_lan),
            "SerfPortWAN": port(self.ports.serf_wan),
            "ServerMode": self.server,
            "ServerPort": port(self.ports.server),
            "TaggedAddresses": self.tagged_addresses,
        })
    }

    /// What `dns_config` says.
    fn dns_json(&self) -> Value {
        let recursors: Vec<_> = self.forward.recursors.iter().map(ToString::to_string).collect();
        json!({
            "DNSAddrs": self.dns_addrs(),
            "DNSAltDomain": self.alt_domain.as_deref().map(|d| format!("{d}.")).unwrap_or_default(),
            "DNSAllowClients": self.dns_access.allowed,
            "DNSDenyClients": self.dns_access.denied,
            "DNSEnableIdentity": self.dns.enable_identity,
            "DNSMaxStale": format!("{}s", self.dns.stale_age_max.as_secs()),
            "DNSARecordLimit": self.dns.a_record_limit,
            "DNSDisableCompression": self.dns.disable_compression,
            "DNSDomain": format!("{}.", self.domain),
            "DNSEnableTruncate": self.dns.enable_truncate,
            "DNSNodeMetaTXT": self.dns.additional_node_meta_txt,
            "DNSNodeTTL": format!("{}s", self.dns.node_ttl.0),
            "DNSOnlyPassing": self.dns.only_passing,
            "DNSPort": port(self.ports.dns),
            "DNSRecursorStrategy": self.forward.strategy.as_str(),
            "DNSRecursorTimeout": shown(self.forward.timeout),
            "DNSRecursors": recursors,
            "DNSSOA": {
                "Expire": self.dns.soa.expire, "Minttl": self.dns.soa.min_ttl,
                "Refresh": self.dns.soa.refresh, "Retry": self.dns.soa.retry,
            },
            "DNSServiceTTL": self.service_ttl_json(),
            "DNSUDPAnswerLimit": self.dns.udp_answer_limit,
        })
    }

    /// The rest.
    fn behaviour_json(&self) -> Value {
        json!({
            "CheckOutputMaxSize": self.check_output_max_size,
            "CheckUpdateInterval": shown(self.check_update_interval),
            "ChecksCount": self.checks.len(),
            "DefaultQueryTime": shown(self.default_query_time),
            "DiscoveryMaxStale": shown(self.discovery_max_stale),
            "DisableCoordinates": self.disable_coordinates,
            "DisableRemoteExec": self.disable_remote_exec,
            "EnableLocalScriptChecks": self.enable_local_script_checks,
            "EnableRemoteScriptChecks": self.enable_script_checks,
            "EnableUI": self.ui,
            "AllowWriteHTTPFrom": self.http.writers,
            "HTTPBlockEndpoints": self.http.blocked,
            "HTTPMaxHeaderBytes": self.http.head_bytes_max,
            "HTTPResponseHeaders": self.http.headers,
            "DisableHTTPUnprintableCharFilter": self.http.takes_unprintable,
            "HTTPUseCache": self.http.takes_cached,
            "HTTPMaxConnsPerClient": self.limits.http_max_conns_per_client,
            "KVMaxValueSize": self.limits.kv_max_value_size,
            "TxnMaxReqLen": self.limits.txn_max_req_len,
            "LeaveOnTerm": self.leave_on_terminate,
            "TranslateWANAddrs": self.translate_wan_addrs,
            "Logging": {
                "LogFilePath": path(self.log.file.as_ref()),
                "LogJSON": self.log.json,
                "LogLevel": self.log.level.as_str().to_uppercase(),
            },
            "MaxQueryTime": shown(self.max_query_time),
            "PidFile": path(self.pid_file.as_ref()),
            "ServicesCount": self.services.len(),
            "SessionTTLMin": shown(self.session_ttl_min),
            "SkipLeaveOnInt": self.skip_leave_on_interrupt,
            "Telemetry": {
                "PrometheusRetentionTime": self.prometheus_retention_time.map(shown),
            },
            "UnixSocketGroup": number(self.unix_sockets.group, 10),
            "UnixSocketMode": number(self.unix_sockets.mode, 8),
            "UnixSocketUser": number(self.unix_sockets.user, 10),
            "ZonesDir": path(self.zones_dir.as_ref()),
        })
    }

    /// `service_ttl` by name, with `*` behind the beginnings.
    fn service_ttl_json(&self) -> BTreeMap<String, String> {
        let ttls = &self.dns.service_ttl;
        let exact = ttls.exact.iter().map(|(name, ttl)| (name.clone(), format!("{}s", ttl.0)));
        let prefix =
            ttls.prefix.iter().map(|(name, ttl)| (format!("{name}*"), format!("{}s", ttl.0)));
        exact.chain(prefix).collect()
    }
}

fn port(port: Option<u16>) -> i64 {
    port.map_or(-1, i64::from)
}

/// A number as it is written in a configuration; empty where none is.
fn number(number: Option<u32>, base: u32) -> String {
    match (number, base) {
        (None, _) => String::new(),
        (Some(number), 8) => format!("{number:04o}"),
        (Some(number), _) => number.to_string(),
    }
}

fn shown(duration: Duration) -> String {
    GoDuration(duration).to_string()
}

fn path(path: Option<&PathBuf>) -> String {
    path.map(|path| path.display().to_string()).unwrap_or_default()
}
