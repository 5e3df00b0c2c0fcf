//! Target × View → Outcome: what the catalog knows, and which of it is healthy enough to be told.
//!
//! Outcomes borrow from the View: nothing of the catalog is copied.

use std::net::IpAddr;
use std::sync::Arc;

use crate::catalog::{Instance, View};
use crate::dns::reason::Reason;
use crate::dns::target::{Meaning, Target};
use crate::model::dns_config::DnsConfig;
use crate::model::health::Status;
use crate::model::name::ServiceName;
use crate::model::node::Node;
use crate::model::service::CONSUL_SERVICE;

/// What the catalog knows about a name.
#[derive(Clone, Debug)]
pub(super) enum Outcome<'v> {
    /// Nothing yet: ask again.
    NotReady,
    /// The name is not ours.
    Refused,
    /// The name does not exist (NXDOMAIN).
    NoName(Reason),
    /// The name exists and has no data of any type.
    NoData,
    /// The suffix, with the machines that serve it.
    Apex(Vec<&'v Arc<Node>>),
    /// The machines that serve the suffix.
    NameServers(Vec<&'v Arc<Node>>),
    /// Instances that may be told of, at least one.
    Instances(Vec<&'v Arc<Instance>>),
    /// A machine.
    Node(&'v Arc<Node>),
    /// The address that the name spells.
    Address(IpAddr),
    /// The machine that has the address.
    NodeAt(&'v Arc<Node>),
    /// The service that has the address.
    ServiceAt(&'v ServiceName),
}

impl Outcome<'_> {
    /// Whether it rests on something that is registered under the name.
    pub(super) fn is_in_catalog(&self) -> bool {
        match self {
            Self::Instances(_) | Self::Node(_) | Self::NodeAt(_) | Self::ServiceAt(_) => true,
            Self::NotReady
            | Self::Refused
            | Self::NoName(_)
            | Self::NoData
            | Self::Apex(_)
            | Self::NameServers(_)
            | Self::Address(_) => false,
        }
    }
}

/// Looks a Target up.
pub(super) fn resolve<'v>(target: &Target<'_>, view: &'v View, config: &DnsConfig) -> Outcome<'v> {
    if target.meaning == Meaning::Outside {
        return Outcome::Refused;
    }
    // DESIGN §3 rule 5: what is not known yet is never denied.
    if !view.is_ready() {
        return Outcome::NotReady;
    }
    match &target.meaning {
        Meaning::Outside => Outcome::Refused,
        Meaning::Apex => Outcome::Apex(servers(view, config)),
        Meaning::NameServer => Outcome::NameServers(servers(view, config)),
        Meaning::Empty => Outcome::NoData,
        Meaning::Service { name, tag } => resolve_service(view, config, name, tag.as_deref()),
        Meaning::Node { name } => match view.node(name) {
            Some(entry) => Outcome::Node(&entry.node),
            None => Outcome::NoName(Reason::UnknownNode),
        },
        Meaning::Address(ip) => Outcome::Address(*ip),
        Meaning::Reverse(ip) => resolve_reverse(view, *ip),
        Meaning::Absent(absence) => Outcome::NoName(Reason::Absent(*absence)),
    }
}

fn resolve_service<'v>(
    view: &'v View,
    config: &DnsConfig,
    name: &str,
    tag: Option<&str>,
) -> Outcome<'v> {
    let Some(service) = view.service(name) else {
        // `_tcp.service.consul` has `_web._tcp.service.consul` below it (RFC 4592 §2.2.2).
        let is_empty = tag.is_none() && name.starts_with('_');
        return if is_empty { Outcome::NoData } else { Outcome::NoName(Reason::UnknownService) };
    };
    let tagged = |instance: &&'v Arc<Instance>| tag.is_none_or(|tag| instance.has_tag(tag));
    let mut asked = 0;
    let mut warning = 0;
    let mut told = Vec::new();
    for instance in service.instances.values().filter(tagged) {
        asked += 1;
        match instance.status() {
            Status::Warning if config.settings.only_passing => warning += 1,
            Status::Passing | Status::Warning => told.push(instance),
            Status::Critical => {}
        }
    }
    if !told.is_empty() {
        return Outcome::Instances(told);
    }
    if let Some(tag) = tag
        && service
            .instances
            .values()
            .any(|instance| is_told(instance, config) && has_tag_below(instance, tag))
    {
        return Outcome::NoData;
    }
    if asked == 0 {
        return Outcome::NoName(Reason::UnknownTag { instances: service.instances.len() });
    }
    Outcome::NoName(Reason::Unhealthy { instances: asked, warning })
}

fn is_told(instance: &Instance, config: &DnsConfig) -> bool {
    match instance.status() {
        Status::Passing => true,
        Status::Warning => !config.settings.only_passing,
        Status::Critical => false,
    }
}

/// Whether an instance has a tag such as `a.b`, whose name stands below that of the tag `b`.
fn has_tag_below(instance: &Instance, folded_tag: &str) -> bool {
    instance
        .service
        .tags
        .iter()
        .any(|tag| tag.folded().strip_suffix(folded_tag).is_some_and(|rest| rest.ends_with('.')))
}

/// The machine wins over services; of several, the first by name, so that the answer stays the same.
fn resolve_reverse(view: &View, ip: IpAddr) -> Outcome<'_> {
    if let Some(entry) = view.nodes_at(ip).next() {
        return Outcome::NodeAt(&entry.node);
    }
    match view.services_at(ip).next() {
        Some(name) => Outcome::ServiceAt(name),
        None => Outcome::NoName(Reason::UnknownAddress),
    }
}

/// The machines that run a healthy server; without one, the agent's own.
fn servers<'v>(view: &'v View, config: &DnsConfig) -> Vec<&'v Arc<Node>> {
    // A name server must have a plain name and an address of its own (RFC 2181 §10.3: no alias).
    let is_usable = |node: &Node| node.name.is_host_label() && node.address.ip().is_some();
    let mut nodes: Vec<&Arc<Node>> = Vec::new();
    let instances = view.service(CONSUL_SERVICE).into_iter().flat_map(|s| s.instances.values());
    for instance in instances.filter(|instance| is_told(instance, config)) {
        let is_new = nodes.last().is_none_or(|last| last.name != instance.node.name);
        if is_new && is_usable(&instance.node) {
            nodes.push(&instance.node);
        }
    }
    if nodes.is_empty() {
        let own = view.node(config.node.folded()).map(|entry| &entry.node);
        nodes.extend(own.filter(|node| is_usable(node)));
    }
    nodes
}
