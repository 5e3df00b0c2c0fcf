//! Target × what is known → Outcome: what the catalog, a zone or somebody else knows, and which of the catalog
//! is healthy enough to be told.
//!
//! Outcomes borrow: nothing of the catalog or of a zone is copied.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::rr::{RData, RecordType};
use ipnet::IpNet;

use crate::acl::Authorizer;
use crate::catalog::Instance;
use crate::dns::Known;
use crate::dns::addresses::Addresses;
use crate::dns::outside::{Ask, Fetched};
use crate::dns::prepared::{Executed, resolve_query};
use crate::dns::qname::QName;
use crate::dns::question::{Asked, Question};
use crate::dns::reason::{Reason, Unhealthy, Why};
use crate::dns::target::{self, Meaning, Target, Zone};
use crate::dns::verdict::{Verdict, judge};
use crate::dns::wire::WireName;
use crate::model::name::{NameFault, NodeName, ServiceName};
use crate::model::node::Node;
use crate::model::service::CONSUL_SERVICE;
use crate::zone::{End, Found, StaticZone};

/// What is known about a name.
#[derive(Clone, Debug)]
pub(super) enum Outcome<'k> {
    /// Nothing that may be told: ask again.
    NotReady(Why),
    /// The name is not ours, and others are not asked.
    Refused(Why),
    /// The name does not exist (NXDOMAIN).
    NoName(Reason),
    /// The name exists and has no data of any type.
    NoData,
    /// The suffix, with the machines that serve it.
    Apex(Vec<&'k Arc<Node>>),
    /// A reverse name that others may take for a zone.
    Network,
    /// The machines that serve the suffix.
    NameServers(Vec<&'k Arc<Node>>),
    /// Instances that may be told of, at least one.
    Instances(Vec<&'k Arc<Instance>>),
    /// What a prepared query means.
    Prepared(Box<Executed<'k>>),
    /// A machine.
    Node(&'k Arc<Node>),
    /// The addresses that the name spells.
    Addresses(Addresses),
    /// The machine that has the address.
    NodeAt(&'k Arc<Node>),
    /// The service that has the address.
    ServiceAt(&'k ServiceName),
    /// What a zone says.
    InZone(&'k StaticZone, Found<'k>),
    /// What somebody else says.
    Told(Fetched),
    /// Somebody else has to be asked first.
    Missing(Ask),
}

/// What a client wants of others, should they have to be asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    /// That they are asked (RD).
    pub(super) recursion_desired: bool,
    /// DNSSEC records too (DO).
    pub(super) dnssec_ok: bool,
    /// What does not validate all the same (CD).
    pub(super) checking_disabled: bool,
    /// Whom the answer is for.
    pub(super) client: IpAddr,
}

impl Asker {
    pub(super) fn of(question: &Question<'_>) -> Self {
        Self {
            recursion_desired: question.head.recursion_desired,
            dnssec_ok: question.edns.is_some_and(|edns| edns.dnssec_ok),
            checking_disabled: question.head.checking_disabled,
            client: question.client,
        }
    }
}

impl Outcome<'_> {
    /// Whether it rests on something that is registered under the name.
    pub(super) fn is_in_catalog(&self) -> bool {
        match self {
            Self::Instances(_)
            | Self::Prepared(_)
            | Self::Node(_)
            | Self::NodeAt(_)
            | Self::ServiceAt(_) => true,
            Self::NotReady(_)
            | Self::Refused(_)
            | Self::NoName(_)
            | Self::NoData
            | Self::Apex(_)
            | Self::Network
            | Self::NameServers(_)
            | Self::Addresses(_)
            | Self::InZone(..)
            | Self::Told(_)
            | Self::Missing(_) => false,
        }
    }
}

/// Looks a Target up.
pub(super) fn resolve<'k>(
    asked: &Asked<'_>,
    target: &Target<'k>,
    asker: Asker,
    known: &Known<'k>,
) -> Outcome<'k> {
    let outcome = resolve_in_place(asked, target, asker, known);
    match outcome {
        // RFC 8020: NXDOMAIN would deny the zone below as well.
        Outcome::NoName(_) if target::is_above_zone(&asked.name, known) => Outcome::NoData,
        outcome => outcome,
    }
}

fn resolve_in_place<'k>(
    asked: &Asked<'_>,
    target: &Target<'k>,
    asker: Asker,
    known: &Known<'k>,
) -> Outcome<'k> {
    match target.zone {
        Zone::Static(zone) => Outcome::InZone(zone, resolve_in_zone(zone, asked, known)),
        Zone::Outside => resolve_outside(asked, asker, known),
        // DESIGN §3 rule 5: what is not known yet is never denied.
        Zone::Domain(_) | Zone::Reverse4 | Zone::Reverse6 if !known.view.is_ready() => {
            Outcome::NotReady(Why::NotReady)
        }
        Zone::Domain(_) | Zone::Reverse4 | Zone::Reverse6 if known.is_too_old() => {
            Outcome::NotReady(Why::TooOld(known.age))
        }
        Zone::Domain(_) => resolve_meaning(target, asker, known),
        Zone::Reverse4 | Zone::Reverse6 => {
            let outcome = resolve_meaning(target, asker, known);
            // Most addresses are somebody else's.
            let may_ask = known.config.is_recursive && asker.recursion_desired;
            if may_ask && !outcome.is_in_catalog() && !is_own_zone(asked, target, known) {
                return resolve_outside(asked, asker, known);
            }
            outcome
        }
    }
}

/// Whether others are not to say what zone this is, or whether it is signed: it is the one that our answers about
/// addresses in it name.
fn is_own_zone(asked: &Asked<'_>, target: &Target<'_>, known: &Known<'_>) -> bool {
    let Meaning::Network(network) = target.meaning else { return false };
    let is_about_zone = matches!(asked.kind, RecordType::SOA | RecordType::DS);
    is_about_zone && is_somebody_in(known, network)
}

/// What a zone says, as far as its aliases lead through it alone: a domain of ours or another zone may stand below.
fn resolve_in_zone<'k>(zone: &'k StaticZone, asked: &Asked<'_>, known: &Known<'k>) -> Found<'k> {
    let name = asked.name.to_name();
    // RFC 8020: another zone makes its name be there, and RFC 4592 §2.2.1: no wildcard stands for what is there.
    if target::is_above_zone(&asked.name, known) && !zone.has(&name) {
        return Found { steps: Vec::new(), name, end: End::NoData };
    }
    let mut found = zone.lookup(&name, asked.kind);
    // There, an alias is what was asked for.
    if matches!(asked.kind, RecordType::CNAME | RecordType::ANY) {
        return found;
    }
    let leaves = found.steps.iter().enumerate().find_map(|(at, step)| {
        let RData::CNAME(name) = &*step.data else { return None };
        let wire = WireName::from(&name.0);
        let next = Asked { name: QName::read(wire.bytes())?, ..*asked };
        let is_here = match target::locate(&next, known).zone {
            Zone::Static(other) => other.apex() == zone.apex(),
            // The zone itself says that it leads out.
            Zone::Outside => true,
            Zone::Domain(_) | Zone::Reverse4 | Zone::Reverse6 => false,
        };
        (!is_here).then(|| (at, name.0.clone()))
    });
    if let Some((at, name)) = leaves {
        found.steps.truncate(at + 1);
        (found.name, found.end) = (name, End::Leaves);
    }
    found
}

fn resolve_meaning<'k>(target: &Target<'k>, asker: Asker, known: &Known<'k>) -> Outcome<'k> {
    let (view, acl) = (known.view, known.acl);
    match &target.meaning {
        Meaning::Elsewhere => Outcome::Refused(Why::Outside),
        Meaning::Apex => Outcome::Apex(servers(known)),
        Meaning::NameServer => Outcome::NameServers(servers(known)),
        Meaning::Network(_) | Meaning::Supernet => Outcome::Network,
        Meaning::Empty => Outcome::NoData,
        Meaning::Service { name, tag } => resolve_service(known, name, tag.as_deref()),
        Meaning::Node { name } => {
            match view.node(name).filter(|entry| acl.node_read(&entry.node.name)) {
                Some(entry) => Outcome::Node(&entry.node),
                None if is_hidden(acl, || NodeName::new(name), Authorizer::node_read) => {
                    Outcome::NoName(Reason::Hidden)
                }
                None => Outcome::NoName(Reason::UnknownNode),
            }
        }
        Meaning::Query { name } => resolve_query(name, asker, known),
        Meaning::Addresses(ips) => Outcome::Addresses(*ips),
        Meaning::Reverse(ip) => resolve_reverse(known, *ip),
        Meaning::Absent(absence) => Outcome::NoName(Reason::Absent(*absence)),
    }
}

fn resolve_outside<'k>(asked: &Asked<'_>, asker: Asker, known: &Known<'k>) -> Outcome<'k> {
    if !known.config.is_recursive {
        return Outcome::Refused(Why::Outside);
    }
    // RFC 6895 §3.1: other numbers of this range ask for something else than records.
    let is_meta = matches!(u16::from(asked.kind), 0 | 128..=255);
    if is_meta && asked.kind != RecordType::ANY {
        return Outcome::Refused(Why::Outside);
    }
    if !asker.recursion_desired {
        return Outcome::Refused(Why::NotAsked);
    }
    let ask = Ask {
        name: asked.name.to_name(),
        kind: asked.kind,
        dnssec_ok: asker.dnssec_ok,
        checking_disabled: asker.checking_disabled,
    };
    match known.outside.look(&ask) {
        Some(fetched) => Outcome::Told(fetched),
        None => Outcome::Missing(ask),
    }
}

fn resolve_service<'k>(known: &Known<'k>, name: &str, tag: Option<&str>) -> Outcome<'k> {
    let Known { view, config, acl, .. } = known;
    let Some(service) = view.service(name).filter(|service| acl.service_read(&service.name)) else {
        // `_tcp.service.consul` has `_web._tcp.service.consul` below it (RFC 4592 §2.2.2).
        return if tag.is_none() && name.starts_with('_') {
            Outcome::NoData
        } else if is_hidden(acl, || ServiceName::new(name), Authorizer::service_read) {
            Outcome::NoName(Reason::Hidden)
        } else {
            Outcome::NoName(Reason::UnknownService)
        };
    };
    let mut hidden = 0;
    let mut critical = 0;
    let mut warning = 0;
    let mut told = Vec::with_capacity(service.instances.len());
    for instance in service.instances.values() {
        match judge(instance, tag, config, acl) {
            Verdict::Kept => told.push(instance),
            Verdict::Hidden => hidden += 1,
            Verdict::OtherTag => {}
            Verdict::Critical => critical += 1,
            Verdict::Warning => warning += 1,
        }
    }
    if !told.is_empty() {
        return Outcome::Instances(told);
    }
    if let Some(tag) = tag
        && service
            .instances
            .values()
            .any(|instance| is_told(instance, known) && has_tag_below(instance, tag))
    {
        return Outcome::NoData;
    }
    let seen = service.instances.len() - hidden;
    if seen == 0 {
        return Outcome::NoName(Reason::Hidden);
    }
    if critical + warning == 0 {
        return Outcome::NoName(Reason::UnknownTag { instances: seen });
    }
    Outcome::NoName(Reason::Unhealthy(Unhealthy { instances: critical + warning, warning }))
}

fn is_told(instance: &Instance, known: &Known<'_>) -> bool {
    judge(instance, None, known.config, known.acl) == Verdict::Kept
}

/// Whether a name may not be seen, be it there or not: who asks must not find out which.
pub(super) fn is_hidden<N>(
    acl: &Authorizer,
    name: impl Fn() -> Result<N, NameFault>,
    may_see: impl Fn(&Authorizer, &N) -> bool,
) -> bool {
    !acl.allows_all() && name().is_ok_and(|name| !may_see(acl, &name))
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
fn resolve_reverse<'k>(known: &Known<'k>, ip: IpAddr) -> Outcome<'k> {
    let (view, acl) = (known.view, known.acl);
    if let Some(entry) = view.nodes_at(ip).find(|entry| acl.node_read(&entry.node.name)) {
        return Outcome::NodeAt(&entry.node);
    }
    let is_seen = |(name, node): &(&ServiceName, &NodeName)| acl.instance_read(node, name);
    match view.services_at(ip).find(is_seen) {
        Some((name, _)) => Outcome::ServiceAt(name),
        None => Outcome::NoName(Reason::UnknownAddress),
    }
}

/// Whether a machine or a service that may be seen has an address there.
fn is_somebody_in(known: &Known<'_>, network: IpNet) -> bool {
    let (view, acl) = (known.view, known.acl);
    view.nodes_in(network).any(|entry| acl.node_read(&entry.node.name))
        || view.services_in(network).any(|(name, node)| acl.instance_read(node, name))
}

/// The machines that run a healthy server; without one, the agent's own.
fn servers<'k>(known: &Known<'k>) -> Vec<&'k Arc<Node>> {
    let Known { view, config, acl, .. } = known;
    // A name server must have a plain name and an address of its own (RFC 2181 §10.3: no alias).
    let is_usable = |node: &Node| node.name.is_host_label() && node.address.ip().is_some();
    let mut nodes: Vec<&Arc<Node>> = Vec::new();
    let instances = view.service(CONSUL_SERVICE).into_iter().flat_map(|s| s.instances.values());
    for instance in instances.filter(|instance| is_told(instance, known)) {
        let is_new = nodes.last().is_none_or(|last| last.name != instance.node.name);
        if is_new && is_usable(&instance.node) {
            nodes.push(&instance.node);
        }
    }
    if nodes.is_empty() {
        let own = view.node(config.node.folded()).map(|entry| &entry.node);
        nodes.extend(own.filter(|node| is_usable(node) && acl.node_read(&node.name)));
    }
    nodes
}

#[cfg(test)]
mod tests;
