//! Instances → records: who is told of a service, in which order, and where each is reached.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::rr::rdata::SRV;
use hickory_proto::rr::{Name, RData, RecordType};

use crate::catalog::Instance;
use crate::dns::answer::{Answer, Order, Scene};
use crate::dns::reach::Reach;
use crate::dns::record::{
    Help, Offer, Owner, Set, address_data, address_name, alias_data, host_name, meta_data,
    node_name,
};
use crate::dns::setup::Domain;
use crate::model::number::Ttl;

impl Scene<'_> {
    /// All instances; which of them are told is decided for each answer anew.
    pub(super) fn instances(&self, instances: &[&Arc<Instance>]) -> Answer {
        let name = instances.first().map(|instance| instance.service.name.folded());
        let ttl = self.config().settings.service_ttl.of(name.unwrap_or_default());
        match self.kind() {
            RecordType::SRV => self.locations(instances, ttl),
            // Types that the name does not hold are asked of what it is an alias of.
            _ => self.instance_addresses(instances, ttl),
        }
    }

    /// Where an instance is reached: at its own address, unless that is an alias of what was asked.
    fn reach<'i>(&self, instance: &'i Instance) -> Reach<'i> {
        let reach = Reach::of_instance(instance);
        match reach.alias().and_then(host_name) {
            Some(name) if name == self.asked.name.to_name() => Reach::of_node(&instance.node),
            Some(_) | None => reach,
        }
    }

    fn instance_addresses(&self, instances: &[&Arc<Instance>], ttl: Ttl) -> Answer {
        let mut seen = BTreeSet::new();
        let mut offers = Vec::with_capacity(instances.len());
        let mut aliases = Vec::new();
        let mut has_address = false;
        for instance in instances {
            let reach = self.reach(instance);
            aliases.extend(reach.alias().and_then(alias_data));
            for ip in reach.ips() {
                has_address = true;
                // RFC 2181 §5: a set holds each record once.
                if self.wants_address(ip) && seen.insert(ip) {
                    offers.push(Offer::alone(Owner::Question, ttl, address_data(ip)));
                }
            }
        }
        if !has_address {
            // RFC 2181 §10.1: an alias stands alone, so that there is one and only without addresses.
            // The name has SRV records too, which nobody would ask for who remembers the alias.
            let alias = |data| Offer::alone(Owner::Question, Ttl(0), data);
            offers.extend(aliases.into_iter().map(alias));
            return Answer { told_max: 1, ..shuffled(offers) };
        }
        let told_max = match self.config().settings.a_record_limit {
            0 => usize::MAX,
            limit => usize::from(limit),
        };
        Answer { told_max, ..shuffled(offers) }
    }

    /// One SRV for each place (RFC 2782), with its addresses.
    fn locations(&self, instances: &[&Arc<Instance>], ttl: Ttl) -> Answer {
        let domain = self.domain();
        let mut seen = BTreeSet::new();
        let mut sets = Vec::new();
        let mut helped: BTreeMap<Name, usize> = BTreeMap::new();
        let mut described: BTreeMap<&str, Option<usize>> = BTreeMap::new();
        let mut offers: Vec<Offer> = Vec::with_capacity(instances.len());
        for instance in instances {
            let Some(location) = self.location(instance, domain) else { continue };
            // One place may be registered twice, under two ids or by two nodes.
            if !seen.insert((location.name.clone(), instance.service.port)) {
                continue;
            }
            let (weight, target) = (instance.weight(), location.name.clone());
            let data = RData::SRV(SRV::new(SRV_PRIORITY, weight, instance.service.port, target));
            let mut offer = Offer::alone(Owner::Question, ttl, data);
            // Under the machine's own name, even where the service has another address, as in Consul.
            if let Some(name) = location.node_name
                && self.config().settings.additional_node_meta_txt
            {
                let is_about_target = name == location.name;
                let texts = described.entry(instance.node.name.folded()).or_insert_with(|| {
                    let records: Vec<_> =
                        meta_data(&instance.node.meta).map(|data| (ttl, data)).collect();
                    let is_described = !records.is_empty();
                    is_described.then(|| push(&mut sets, Owner::Named(name), records))
                });
                offer.texts = texts.map(|set| Help { set, is_about_target });
            }
            if !location.ips.is_empty() {
                let set = *helped.entry(location.name.clone()).or_insert_with(|| {
                    let records = location.ips.iter().map(|ip| (ttl, address_data(*ip))).collect();
                    push(&mut sets, Owner::Named(location.name), records)
                });
                offer.addresses = Some(Help { set, is_about_target: true });
            }
            offers.push(offer);
        }
        Answer { sets, ..shuffled(offers) }
    }

    /// What an SRV record points at: the node's name, or one that spells the service's own address. Never
    /// an alias (RFC 2782): a host name is told as it is.
    fn location(&self, instance: &Instance, domain: &Domain) -> Option<Location> {
        let reach = self.reach(instance);
        let node_name = node_name(&instance.node.name, domain);
        if let Some(host) = reach.alias() {
            return Some(Location { name: host_name(host)?, ips: Vec::new(), node_name });
        }
        let (name, ips) = match (&node_name, reach.is_nodes) {
            (Some(name), true) => (name.clone(), reach.ips().collect()),
            // DNS cannot spell every node's name, but every address.
            (Some(_) | None, _) => {
                let ip = reach.address.ip().or_else(|| reach.ips().next())?;
                (address_name(ip, domain)?, vec![ip])
            }
        };
        Some(Location { name, ips, node_name })
    }
}

/// An answer whose records have no order.
fn shuffled(answers: Vec<Offer>) -> Answer {
    Answer { order: Order::Shuffled, ..Answer::positive(answers) }
}

fn push(sets: &mut Vec<Set>, owner: Owner, records: Vec<(Ttl, RData)>) -> usize {
    sets.push(Set { owner, records });
    sets.len() - 1
}

/// What an SRV record points at.
struct Location {
    /// The name.
    name: Name,
    /// Its addresses, if we know them.
    ips: Vec<IpAddr>,
    /// The machine's own name, if DNS can spell it.
    node_name: Option<Name>,
}

/// Consul's priority of every instance.
const SRV_PRIORITY: u16 = 1;
