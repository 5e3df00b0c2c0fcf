//! What an operator may set about DNS answers: Consul's `dns_config` and the domains.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::model::name::{Datacenter, NodeName};
use crate::model::number::Ttl;

/// What DNS answers depend on besides the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsConfig {
    /// The suffix that is ours, lower case, without the last dot: `consul`.
    pub domain: String,
    /// A second suffix that is ours.
    pub alt_domain: Option<String>,
    /// This agent's datacenter.
    pub datacenter: Datacenter,
    /// This agent's node: the name server where the catalog knows no other.
    pub node: NodeName,
    /// Whether names outside of our domains are asked of others.
    pub is_recursive: bool,
    /// Who may ask.
    pub access: Access,
    /// What `dns_config` sets.
    pub settings: DnsSettings,
}

/// `dns_config`, as far as it concerns answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSettings {
    /// TTL of node answers.
    pub node_ttl: Ttl,
    /// TTL of service answers.
    pub service_ttl: ServiceTtls,
    /// Whether instances that warn are left out too.
    pub only_passing: bool,
    /// Records of an answer over UDP without EDNS, 1 to 8.
    pub udp_answer_limit: u8,
    /// Addresses of an A, AAAA or ANY answer; 0 for no limit.
    pub a_record_limit: u16,
    /// Whether an answer that was cut says so (TC).
    pub enable_truncate: bool,
    /// Whether names are written in full.
    pub disable_compression: bool,
    /// Whether a node's metadata is added as TXT.
    pub additional_node_meta_txt: bool,
    /// Whether clients are told who answers and which version it is (CHAOS names, NSID).
    pub enable_identity: bool,
    /// How old a catalog may be that answers are made of.
    pub stale_age_max: Duration,
    /// SOA timers.
    pub soa: SoaTimers,
}

/// How old a catalog has to be for its answers to say so: Consul counts `dns.stale_queries` from there on.
pub const STALE_AGE_MIN: Duration = Duration::from_secs(5);

/// Ten years, Consul's `max_stale`: an old answer is better than none.
const STALE_AGE_MAX_DEFAULT: Duration = Duration::from_secs(87_600 * 3_600);

/// TTLs of service answers by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceTtls {
    /// TTLs of services named in full, by folded name.
    pub exact: Vec<(String, Ttl)>,
    /// TTLs by the beginning of a folded name, the longest first; `*` alone is the empty beginning.
    pub prefix: Vec<(String, Ttl)>,
}

impl ServiceTtls {
    /// The TTL of a service: its own, else that of the longest prefix, else 0.
    #[must_use]
    pub fn of(&self, folded_name: &str) -> Ttl {
        let exact = self.exact.iter().find(|(name, _)| name == folded_name);
        let prefix = || self.prefix.iter().find(|(prefix, _)| folded_name.starts_with(prefix));
        exact.or_else(prefix).map(|(_, ttl)| *ttl).unwrap_or_default()
    }
}

/// The timers of our SOA record, in seconds (RFC 1035 §3.3.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoaTimers {
    /// How often secondaries look.
    pub refresh: u32,
    /// How soon they look again after a failure.
    pub retry: u32,
    /// When they give up.
    pub expire: u32,
    /// How long a "no" may be kept (RFC 2308 §4).
    pub min_ttl: u32,
}

impl Default for SoaTimers {
    fn default() -> Self {
        Self { refresh: 3_600, retry: 600, expire: 86_400, min_ttl: 0 }
    }
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            node_ttl: Ttl(0),
            service_ttl: ServiceTtls::default(),
            only_passing: false,
            udp_answer_limit: 3,
            a_record_limit: 0,
            enable_truncate: true,
            disable_compression: false,
            additional_node_meta_txt: true,
            enable_identity: true,
            stale_age_max: STALE_AGE_MAX_DEFAULT,
            soa: SoaTimers::default(),
        }
    }
}

impl DnsConfig {
    /// Consul's defaults, for an agent of this name.
    #[must_use]
    pub fn new(datacenter: Datacenter, node: NodeName) -> Self {
        let (domain, settings) = ("consul".to_owned(), DnsSettings::default());
        Self {
            domain,
            alt_domain: None,
            datacenter,
            node,
            is_recursive: false,
            access: Access::default(),
            settings,
        }
    }
}

/// Which clients may ask: the longest prefix that holds a client decides, and a refusal between equals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Clients that may; where there are any, others may not.
    pub allowed: Vec<IpNet>,
    /// Clients that may not.
    pub denied: Vec<IpNet>,
}

impl Access {
    /// Whether a client may ask. An IPv4 address inside an IPv6 one counts as what it is.
    #[must_use]
    pub fn allows(&self, client: IpAddr) -> bool {
        if self.allowed.is_empty() && self.denied.is_empty() {
            return true;
        }
        let client = client.to_canonical();
        let longest = |nets: &[IpNet]| {
            nets.iter().filter(|net| net.contains(&client)).map(IpNet::prefix_len).max()
        };
        match (longest(&self.allowed), longest(&self.denied)) {
            (Some(allowed), Some(denied)) => denied < allowed,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => self.allowed.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests;
