//! Instances → records: who is told of a service, in which order, and where each is reached.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::FixedState;
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

/// What becomes of an instance that may be told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// It is told by the record of this number.
    Offered(usize),
    /// It is told by the alias of this number, unless any instance has an address.
    Alias(usize),
    /// The record of this number, an earlier instance's, says the same.
    Duplicate(usize),
    /// This address of it was not asked for.
    OtherType(IpAddr),
    /// DNS cannot spell where it is reached.
    Unspellable,
}

impl Scene<'_> {
    /// All instances; which of them are told is decided for each answer anew.
    pub(super) fn instances(&self, instances: &[&Arc<Instance>]) -> Answer {
        self.instances_seen(instances, &mut |_, _| {})
    }

    /// The same, and `saw` hears what becomes of each: of an address each, where it has two.
    pub(super) fn instances_seen(
        &self,
        instances: &[&Arc<Instance>],
        saw: &mut impl FnMut(&Arc<Instance>, Fate),
    ) -> Answer {
        let name = instances.first().map(|instance| instance.service.name.folded());
        let ttl = self.config().settings.service_ttl.of(name.unwrap_or_default());
        match self.kind() {
            RecordType::SRV => self.locations(instances, ttl, saw),
            // Types that the name does not hold are asked of what it is an alias of.
            _ => self.instance_addresses(instances, ttl, saw),
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

    fn instance_addresses(
        &self,
        instances: &[&Arc<Instance>],
        ttl: Ttl,
        saw: &mut impl FnMut(&Arc<Instance>, Fate),
    ) -> Answer {
        let mut seen = HashMap::with_capacity_and_hasher(instances.len(), FixedState::default());
        let mut offers = Vec::with_capacity(instances.len());
        let mut aliases = Vec::new();
        let mut has_address = false;
        for instance in instances {
            let reach = self.reach(instance);
            if let Some(host) = reach.alias() {
                let data = alias_data(host);
                let fate = data.as_ref().map(|_| Fate::Alias(aliases.len()));
                saw(instance, fate.unwrap_or(Fate::Unspellable));
                aliases.extend(data);
            }
            for ip in reach.ips() {
                has_address = true;
                if !self.wants_address(ip) {
                    saw(instance, Fate::OtherType(ip));
                    continue;
                }
                // RFC 2181 §5: a set holds each record once.
                match seen.entry(ip) {
                    Entry::Occupied(first) => saw(instance, Fate::Duplicate(*first.get())),
                    Entry::Vacant(place) => {
                        saw(instance, Fate::Offered(*place.insert(offers.len())));
                        offers.push(Offer::alone(Owner::Question, ttl, address_data(ip)));
                    }
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
    fn locations(
        &self,
        instances: &[&Arc<Instance>],
        ttl: Ttl,
        saw: &mut impl FnMut(&Arc<Instance>, Fate),
    ) -> Answer {
        let domain = self.domain();
        let count = instances.len();
        let mut seen = HashMap::with_capacity_and_hasher(count, FixedState::default());
        let mut helped = HashMap::with_capacity_and_hasher(count, FixedState::default());
        let mut described = HashMap::with_hasher(FixedState::default());
        let mut sets = Vec::with_capacity(2 * count);
        let mut offers: Vec<Offer> = Vec::with_capacity(count);
        for instance in instances {
            let node_name = node_name(&instance.node.name, domain);
            let Some(location) = self.location(instance, node_name.as_ref(), domain) else {
                saw(instance, Fate::Unspellable);
                continue;
            };
            // One place may be registered twice, under two ids or by two nodes.
            match seen.entry((location.spot, instance.service.port)) {
                Entry::Occupied(first) => {
                    saw(instance, Fate::Duplicate(*first.get()));
                    continue;
                }
                Entry::Vacant(place) => saw(instance, Fate::Offered(*place.insert(offers.len()))),
            }
            let (weight, target) = (instance.weight(), location.name.clone());
            let data = RData::SRV(SRV::new(SRV_PRIORITY, weight, instance.service.port, target));
            let mut offer = Offer::alone(Owner::Question, ttl, data);
            // Under the machine's own name, even where the service has another address, as in Consul.
            if let Some(name) = node_name
                && self.config().settings.additional_node_meta_txt
                && !instance.node.meta.is_empty()
            {
                let is_about_target = matches!(location.spot, Spot::Node(_));
                let texts = described.entry(instance.node.name.folded()).or_insert_with(|| {
                    let records = meta_data(&instance.node.meta).map(|data| (ttl, data));
                    push(&mut sets, Owner::Named(name), records.collect())
                });
                offer.texts = Some(Help { set: *texts, is_about_target });
            }
            if !location.ips.is_empty() {
                let set = *helped.entry(location.spot).or_insert_with(|| {
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
    fn location<'i>(
        &self,
        instance: &'i Instance,
        node_name: Option<&Name>,
        domain: &Domain,
    ) -> Option<Location<'i>> {
        let reach = self.reach(instance);
        if let Some(host) = reach.alias() {
            let (spot, name) = (Spot::Host(host), host_name(host)?);
            return Some(Location { spot, name, ips: Vec::new() });
        }
        if let (Some(name), true) = (node_name, reach.is_nodes) {
            let spot = Spot::Node(instance.node.name.folded());
            return Some(Location { spot, name: name.clone(), ips: reach.ips().collect() });
        }
        // DNS cannot spell every node's name, but every address.
        let ip = reach.address.ip().or_else(|| reach.ips().next())?;
        let name = address_name(ip, domain)?;
        Some(Location { spot: Spot::Address(ip), name, ips: vec![ip] })
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
struct Location<'i> {
    /// What the name stands for.
    spot: Spot<'i>,
    /// The name.
    name: Name,
    /// Its addresses, if we know them.
    ips: Vec<IpAddr>,
}

/// What a location's name stands for; two are the same if their names are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Spot<'i> {
    /// A machine, by folded name.
    Node(&'i str),
    /// An address.
    Address(IpAddr),
    /// A host of somebody else's.
    Host(&'i str),
}

/// Consul's priority of every instance.
const SRV_PRIORITY: u16 = 1;
