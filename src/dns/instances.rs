//! Instances → records: who is told of a service, in which order, and where each is reached.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::rr::{RData, RecordType};
use smallvec::SmallVec;

use crate::catalog::Instance;
use crate::dns::addresses::Addresses;
use crate::dns::answer::{Answer, Order, Scene};
use crate::dns::numbered::Numbered;
use crate::dns::reach::Reach;
use crate::dns::record::{
    Data, Help, Offer, Owner, Set, address_name, alias_data, host_name, meta_data, node_name,
};
use crate::dns::wire::WireName;
use crate::model::node::Node;
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
        self.instances_seen(instances, self.instances_ttl(instances), &mut |_, _| {})
    }

    /// How long they may be told.
    pub(super) fn instances_ttl(&self, instances: &[&Arc<Instance>]) -> Ttl {
        let name = instances.first().map(|instance| instance.service.name.folded());
        self.config().settings.service_ttl.of(name.unwrap_or_default())
    }

    /// The same, and `saw` hears what becomes of each: of an address each, where it has two.
    pub(super) fn instances_seen(
        &self,
        instances: &[&Arc<Instance>],
        ttl: Ttl,
        saw: &mut impl FnMut(&Arc<Instance>, Fate),
    ) -> Answer {
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
            Some(name) if self.is_asked(&name) => Reach::of_node(&instance.node),
            Some(_) | None => reach,
        }
    }

    fn is_asked(&self, name: &WireName) -> bool {
        name.bytes().eq_ignore_ascii_case(self.asked.name.spelled())
    }

    fn instance_addresses(
        &self,
        instances: &[&Arc<Instance>],
        ttl: Ttl,
        saw: &mut impl FnMut(&Arc<Instance>, Fate),
    ) -> Answer {
        let mut seen = Numbered::new();
        let mut offers = Vec::with_capacity(instances.len());
        let mut aliases: Vec<RData> = Vec::new();
        let mut has_address = false;
        for instance in instances {
            let reach = self.reach(instance);
            if let Some(host) = reach.alias() {
                let data = alias_data(host);
                let fate = data.as_ref().map(|_| Fate::Alias(aliases.len()));
                saw(instance, fate.unwrap_or(Fate::Unspellable));
                aliases.extend(data);
            }
            for ip in reach.ips.iter() {
                has_address = true;
                if !self.wants_address(ip) {
                    saw(instance, Fate::OtherType(ip));
                    continue;
                }
                // RFC 2181 §5: a set holds each record once.
                if let Some(first) = seen.find(ip) {
                    saw(instance, Fate::Duplicate(first));
                    continue;
                }
                saw(instance, Fate::Offered(offers.len()));
                seen.add(ip, offers.len());
                offers.push(Offer::alone(Owner::Question, ttl, Data::Address(ip)));
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
        let tells_texts = self.config().settings.additional_node_meta_txt;
        let mut seen = Numbered::new();
        let mut offers: Vec<Offer> = Vec::with_capacity(instances.len());
        let mut helpers = Helpers::new(instances.len(), ttl);
        // In a short loop of its own, since instances lie all over the memory: while one of them is fetched, the
        // processor asks for the next ones.
        let places: Vec<Place<'_>> =
            instances.iter().map(|instance| self.place(instance)).collect();
        for (instance, place) in instances.iter().zip(places) {
            let node = &instance.node;
            let has_texts = tells_texts && !node.meta.is_empty();
            let is_named = has_texts || place.reach.is_nodes;
            let node_name = is_named.then(|| node_name(&node.name, self.domain())).flatten();
            let Some(location) = self.location(node, &place.reach, node_name.as_ref()) else {
                saw(instance, Fate::Unspellable);
                continue;
            };
            // One place may be registered twice, under two ids or by two nodes.
            let (spot, port) = (location.spot, place.port);
            if let Some(first) = seen.find((spot, port)) {
                saw(instance, Fate::Duplicate(first));
                continue;
            }
            saw(instance, Fate::Offered(offers.len()));
            seen.add((spot, port), offers.len());
            let (weight, target) = (place.weight, location.name.clone());
            let data = Data::Location { weight, port, target };
            let mut offer = Offer::alone(Owner::Question, ttl, data);
            // Under the machine's own name, even where the service has another address, as in Consul.
            if let Some(name) = node_name.filter(|_| has_texts) {
                offer.texts = Some(helpers.texts(node, name, matches!(spot, Spot::Node(_))));
            }
            offer.addresses = helpers.addresses(location);
            offers.push(offer);
        }
        Answer { sets: helpers.sets, ..shuffled(offers) }
    }

    fn place<'i>(&self, instance: &'i Instance) -> Place<'i> {
        let (weight, port) = (instance.weight(), instance.service.port);
        Place { reach: self.reach(instance), weight, port }
    }

    /// What an SRV record points at: the node's name, or one that spells the service's own addresses. Never
    /// an alias (RFC 2782): a host name is told as it is. Its addresses are those that A and AAAA tell.
    fn location<'i>(
        &self,
        node: &'i Node,
        reach: &Reach<'i>,
        node_name: Option<&WireName>,
    ) -> Option<Location<'i>> {
        if let Some(host) = reach.alias() {
            let (spot, name) = (Spot::Host(host), host_name(host)?);
            return Some(Location { spot, name, ips: Addresses::default() });
        }
        let ips = reach.ips;
        // DNS cannot spell every node's name, but every address.
        let (spot, name) = match node_name {
            Some(name) if reach.is_nodes => (Spot::Node(node.name.folded()), name.clone()),
            Some(_) | None => (Spot::Addresses(ips), address_name(ips, self.domain())?),
        };
        Some(Location { spot, name, ips })
    }
}

/// What an SRV record says of an instance.
struct Place<'i> {
    /// Where it is reached.
    reach: Reach<'i>,
    /// Its share of the traffic.
    weight: u16,
    /// Its port.
    port: u16,
}

/// An answer whose records have no order.
fn shuffled(answers: Vec<Offer>) -> Answer {
    Answer { order: Order::Shuffled, ..Answer::positive(answers) }
}

/// Additional records of locations, each set made once.
struct Helpers<'i> {
    /// The TTL of them all.
    ttl: Ttl,
    /// The sets.
    sets: Vec<Set>,
    /// Those with addresses, by what they are the addresses of.
    addresses: Numbered<Spot<'i>>,
    /// Those with texts, by folded node name.
    texts: Numbered<&'i str>,
}

impl<'i> Helpers<'i> {
    fn new(count: usize, ttl: Ttl) -> Self {
        let sets = Vec::with_capacity(count);
        Self { ttl, sets, addresses: Numbered::new(), texts: Numbered::new() }
    }

    /// The addresses of a location, if we know them.
    fn addresses(&mut self, location: Location<'i>) -> Option<Help> {
        if location.ips.is_empty() {
            return None;
        }
        let set = self.addresses.find(location.spot).unwrap_or_else(|| {
            self.addresses.add(location.spot, self.sets.len());
            let records = location.ips.iter().map(|ip| (self.ttl, Data::Address(ip)));
            push(&mut self.sets, location.name, records)
        });
        Some(Help { set, is_about_target: true })
    }

    /// What there is to say about a machine.
    fn texts(&mut self, node: &'i Node, name: WireName, is_about: bool) -> Help {
        let set = self.texts.find(node.name.folded()).unwrap_or_else(|| {
            self.texts.add(node.name.folded(), self.sets.len());
            let records = meta_data(&node.meta).map(|data| (self.ttl, data.into()));
            push(&mut self.sets, name, records)
        });
        Help { set, is_about_target: is_about }
    }
}

fn push(sets: &mut Vec<Set>, owner: WireName, records: impl Iterator<Item = (Ttl, Data)>) -> usize {
    sets.push(Set { owner: Owner::Named(owner), records: records.collect::<SmallVec<_>>() });
    sets.len() - 1
}

/// What an SRV record points at.
struct Location<'i> {
    /// What the name stands for.
    spot: Spot<'i>,
    /// The name.
    name: WireName,
    /// Its addresses, if we know them.
    ips: Addresses,
}

/// What a location's name stands for; two are the same if their names are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Spot<'i> {
    /// A machine, by folded name.
    Node(&'i str),
    /// Addresses.
    Addresses(Addresses),
    /// A host of somebody else's.
    Host(&'i str),
}
