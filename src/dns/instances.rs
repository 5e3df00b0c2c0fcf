//! Instances → records: who is told of a service, in which order, and where each is reached.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::rr::rdata::SRV;
use hickory_proto::rr::{Name, RData, RecordType};

use crate::catalog::Instance;
use crate::dns::answer::Scene;
use crate::dns::record::{
    Offer, Owner, Place, Rr, address_data, address_name, alias_data, host_name, meta_data,
    node_name,
};
use crate::model::address::Address;
use crate::model::number::Ttl;

impl Scene<'_> {
    /// Instances in random order, so that clients who take the first one spread (RFC 1794).
    pub(super) fn instances(
        &self,
        instances: &[&Arc<Instance>],
        rng: &mut fastrand::Rng,
    ) -> Vec<Offer> {
        let mut instances = instances.to_vec();
        rng.shuffle(&mut instances);
        let name = instances.first().map(|instance| instance.service.name.folded());
        let ttl = self.config.settings.service_ttl.of(name.unwrap_or_default());
        match self.kind() {
            RecordType::SRV => self.locations(&instances, ttl),
            RecordType::A | RecordType::AAAA | RecordType::ANY => {
                self.instance_addresses(&instances, ttl)
            }
            // The name exists and holds no other types.
            _ => Vec::new(),
        }
    }

    /// Where an instance is reached: its own address, unless that is an alias of what was asked.
    fn address_of<'i>(&self, instance: &'i Instance) -> &'i Address {
        match instance.address() {
            Address::Host(host)
                if host_name(host).is_some_and(|n| n == self.question.asked.name) =>
            {
                &instance.node.address
            }
            address => address,
        }
    }

    fn instance_addresses(&self, instances: &[&Arc<Instance>], ttl: Ttl) -> Vec<Offer> {
        let limit = match self.config.settings.a_record_limit {
            0 => self.records_max + 1,
            limit => usize::from(limit).min(self.records_max + 1),
        };
        let mut seen = BTreeSet::new();
        let mut offers = Vec::new();
        let mut has_address = false;
        for instance in instances {
            let Some(ip) = self.address_of(instance).ip() else { continue };
            has_address = true;
            // RFC 2181 §5: a set holds each record once.
            if self.wants_address(ip) && offers.len() < limit && seen.insert(ip) {
                offers.push(Offer::alone(Owner::Question, ttl, address_data(ip)));
            }
        }
        if has_address {
            return offers;
        }
        // RFC 2181 §10.1: an alias stands alone, so that there is one and only without addresses.
        let hosts = instances.iter().filter_map(|instance| match self.address_of(instance) {
            Address::Host(host) => alias_data(host),
            Address::Ip(_) => None,
        });
        hosts.take(1).map(|data| Offer::alone(Owner::Question, ttl, data)).collect()
    }

    /// One SRV for each place (RFC 2782), with its addresses.
    fn locations(&self, instances: &[&Arc<Instance>], ttl: Ttl) -> Vec<Offer> {
        let place = self.place();
        let mut seen = BTreeSet::new();
        let mut helped = BTreeSet::new();
        let mut described = BTreeSet::new();
        let mut offers: Vec<Offer> = Vec::new();
        for instance in instances {
            if self.records_max < offers.len() {
                break;
            }
            let Some(location) = self.location(instance, &place) else { continue };
            let service = &instance.service;
            let weight = instance.weight();
            // One place may be registered twice, under two ids or by two nodes.
            if !seen.insert((location.name.clone(), service.port)) {
                continue;
            }
            let node = &instance.node;
            let target = location.name.clone();
            let data = RData::SRV(SRV::new(SRV_PRIORITY, weight, service.port, target));
            let mut offer = Offer::alone(Owner::Question, ttl, data);
            // Under the machine's own name, even where the service has another address, as in Consul.
            if let Some(name) = location.node_name
                && self.config.settings.additional_node_meta_txt
                && described.insert(&node.name)
            {
                let owner =
                    if name == location.name { Owner::Pointed(name) } else { Owner::Named(name) };
                let texts = meta_data(&node.meta);
                offer.texts = texts.map(|data| Rr { owner: owner.clone(), ttl, data }).collect();
            }
            if helped.insert(location.name.clone()) {
                let owner = Owner::Pointed(location.name);
                let address = location.ip.map(address_data);
                offer.addresses.extend(address.map(|data| Rr { owner, ttl, data }));
            }
            offers.push(offer);
        }
        offers
    }

    /// What an SRV record points at: the node's name, or one that spells the service's own address. Never
    /// an alias (RFC 2782): a host name is told as it is.
    fn location(&self, instance: &Instance, place: &Place<'_>) -> Option<Location> {
        let address = self.address_of(instance);
        let is_own = instance.service.address.as_ref() == Some(address);
        let node_name = node_name(&instance.node.name, place);
        let (name, ip) = match address {
            Address::Host(host) => (host_name(host)?, None),
            Address::Ip(ip) => match &node_name {
                Some(name) if !is_own => (name.clone(), Some(*ip)),
                // DNS cannot spell every node's name, but every address.
                Some(_) | None => (address_name(*ip, place)?, Some(*ip)),
            },
        };
        Some(Location { name, ip, node_name })
    }
}

/// What an SRV record points at.
struct Location {
    /// The name.
    name: Name,
    /// Its address, if we know it.
    ip: Option<IpAddr>,
    /// The machine's own name, if DNS can spell it.
    node_name: Option<Name>,
}

/// Consul's priority of every instance.
const SRV_PRIORITY: u16 = 1;
