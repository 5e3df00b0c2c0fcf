//! Address and tagged addresses → where a node or an instance is reached, by family.
//!
//! Consul's `lan_ipv4` and `lan_ipv6` say where something is reached besides its address, or instead of it:
//! each stands for the addresses of its family.

use std::net::IpAddr;

use crate::catalog::Instance;
use crate::model::address::Address;
use crate::model::node::Node;

/// Where something is reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach<'a> {
    /// Its address.
    pub(super) address: &'a Address,
    /// At IPv4 and at IPv6.
    ips: [Option<IpAddr>; 2],
    /// Whether all of this is the machine's, and nothing an instance's own.
    pub(super) is_nodes: bool,
}

impl<'a> Reach<'a> {
    /// Where a machine is reached.
    pub(super) fn of_node(node: &'a Node) -> Self {
        if node.tagged_addresses.is_empty() {
            return Self { is_nodes: true, ..Self::new(&node.address, [None, None]) };
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
                Self { ips: either(own, node.ips), is_nodes: own == [None, None], ..node }
            }
        }
    }

    fn new(address: &'a Address, tagged: [Option<IpAddr>; 2]) -> Self {
        let own = [IpAddr::is_ipv4, IpAddr::is_ipv6].map(|is| address.ip().filter(is));
        Self { address, ips: either(tagged, own), is_nodes: false }
    }

    /// All addresses, IPv4 first.
    pub(super) fn ips(&self) -> impl Iterator<Item = IpAddr> {
        self.ips.into_iter().flatten()
    }

    /// The host name that it is an alias of; nothing if it has an address.
    pub(super) fn alias(&self) -> Option<&'a str> {
        match self.address {
            Address::Host(host) if self.ips == [None, None] => Some(host),
            Address::Host(_) | Address::Ip(_) => None,
        }
    }
}

/// The address that each family's tag says, if it says one of that family.
fn families<'t>(tagged: impl Fn(&'static str) -> Option<&'t str>) -> [Option<IpAddr>; 2] {
    let parse = |key, is_family: fn(&IpAddr) -> bool| {
        tagged(key).and_then(|text| text.parse().ok()).filter(is_family)
    };
    [parse("lan_ipv4", IpAddr::is_ipv4), parse("lan_ipv6", IpAddr::is_ipv6)]
}

fn either(first: [Option<IpAddr>; 2], second: [Option<IpAddr>; 2]) -> [Option<IpAddr>; 2] {
    let ([first_v4, first_v6], [second_v4, second_v6]) = (first, second);
    [first_v4.or(second_v4), first_v6.or(second_v6)]
}
