//! DnsConfig → Setup: the settings with what follows from them, worked out once and not for every query.

use std::fmt;
use std::ops::Deref;

use hickory_proto::rr::Name;

use crate::dns::qname::QName;
use crate::dns::record::{host_name, name_below};
use crate::dns::wire::WireName;
use crate::model::dns_config::DnsConfig;

/// Settings that answers are made by.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What the operator set.
    config: DnsConfig,
    /// `domain`.
    domain: Domain,
    /// `alt_domain`.
    alt_domain: Option<Domain>,
}

/// A domain of ours, and the names below it that answers are full of.
#[derive(Clone)]
pub(super) struct Domain {
    /// Itself in wire form, folded.
    wire: Box<[u8]>,
    /// How many labels it has.
    pub(super) label_count: usize,
    /// `ns`: who serves it, where nobody else is known to.
    pub(super) name_server: Name,
    /// `hostmaster`: who looks after it.
    pub(super) hostmaster: Name,
    /// `node.DC`: what machines are below.
    pub(super) nodes: WireName,
    /// `service.DC`: what services are below.
    pub(super) services: WireName,
    /// `addr.DC`: what spelled addresses are below.
    pub(super) addresses: WireName,
}

impl Setup {
    /// Works out what follows from settings.
    #[must_use]
    pub fn new(config: DnsConfig) -> Self {
        let domain = Domain::new(&config.domain, &config);
        let alt_domain = config.alt_domain.as_deref().map(|text| Domain::new(text, &config));
        Self { config, domain, alt_domain }
    }

    /// The domain that names stand in that are made for no other one.
    pub(super) fn main_domain(&self) -> &Domain {
        &self.domain
    }

    /// The longest domain of ours, of so many labels at most, that a name ends with.
    pub(super) fn domain_of(&self, name: &QName<'_>, labels: usize) -> Option<&Domain> {
        let is_above =
            |domain: &&Domain| domain.label_count <= labels && name.ends_with(&domain.wire);
        self.domains().filter(is_above).max_by_key(|it| it.label_count)
    }

    /// Whether a domain of ours is a name or stands below it.
    pub(super) fn has_domain_below(&self, name: &QName<'_>) -> bool {
        let is_below = |domain: &Domain| {
            QName::read(&domain.wire).is_some_and(|domain| domain.ends_with(name.folded()))
        };
        self.domains().any(is_below)
    }

    fn domains(&self) -> impl Iterator<Item = &Domain> {
        std::iter::once(&self.domain).chain(&self.alt_domain)
    }

    /// Whether names point at names (RFC 1035 §4.1.4).
    pub(super) fn compresses(&self) -> bool {
        !self.config.settings.disable_compression
    }
}

impl Deref for Setup {
    type Target = DnsConfig;
    fn deref(&self) -> &DnsConfig {
        &self.config
    }
}

impl Domain {
    fn new(text: &str, config: &DnsConfig) -> Self {
        // Configured domains are short and made of letters, so that all of these are names.
        let apex = host_name(text).unwrap_or_else(WireName::root);
        let below = |word: &str, name| name_below(word, name).unwrap_or_else(WireName::root);
        let datacenter = below(config.datacenter.folded(), &apex);
        Self {
            wire: apex.bytes().to_ascii_lowercase().into(),
            label_count: apex.labels().count(),
            name_server: below("ns", &apex).to_name(),
            hostmaster: below("hostmaster", &apex).to_name(),
            nodes: below("node", &datacenter),
            services: below("service", &datacenter),
            addresses: below("addr", &datacenter),
        }
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{self}\"")
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let apex = self.name_server.base_name().to_string();
        out.write_str(apex.trim_end_matches('.'))
    }
}
