//! Address and tagged addresses → where a node or an instance is reached, by family.
//!
//! Consul's `lan_ipv4` and `lan_ipv6` say where something is reached besides its address, or instead of it:
//! each stands for the addresses of its family.

use crate::catalog::Instance;
use crate::dns::addresses::Addresses;
use crate::model::address::Address;
use crate::model::node::Node;

/// Where something is reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach<'a> {
    /// Its address.
    address: &'a Address,
    /// At which addresses.
    pub(super) ips: Addresses,
    /// Whether all of this is the machine's, and nothing an instance's own.
    pub(super) is_nodes: bool,
}

impl<'a> Reach<'a> {
    /// Where a machine is reached.
    pub(super) fn of_node(node: &'a Node) -> Self {
        if node.tagged_addresses.is_empty() {
            return Self { is_nodes: true, ..Self::new(&node.address, Addresses::default()) };
        }
        let tagged = |key| node.tagged_addresses.get(key).map(String::as_str);
        Self { is_nodes: true, ..Self::new(&node.address, families(tagged)) }
    }

    /// Where an instance is reached: at its own addresses, else at its machine's.
    pub(super) fn of_instance(instance: &'a Instance) -> Self {
        let service = &instance.service;
        let tagged = |key| service.tagged_addresses.get(key).map(|tagged| &*tagged.address);
        let own = families(tagged);
        match &service.address {
            Some(address) => Self::new(address, own),
            None => {
                let node = Self::of_node(&instance.node);
                Self { ips: own.or(node.ips), is_nodes: own.is_empty(), ..node }
            }
        }
    }

    fn new(address: &'a Address, tagged: Addresses) -> Self {
        let own = address.ip().map(Addresses::from).unwrap_or_default();
        Self { address, ips: tagged.or(own), is_nodes: false }
    }

    /// The host name that it is an alias of; nothing if it has an address.
    pub(super) fn alias(&self) -> Option<&'a str> {
        match self.address {
            Address::Host(host) if self.ips.is_empty() => Some(host),
            Address::Host(_) | Address::Ip(_) => None,
        }
    }
}

/// The address that each family's tag says, if it says one of that family.
fn families<'t>(tagged: impl Fn(&'static str) -> Option<&'t str>) -> Addresses {
    Addresses {
        v4: tagged("lan_ipv4").and_then(|text| text.parse().ok()),
        v6: tagged("lan_ipv6").and_then(|text| text.parse().ok()),
    }
}
