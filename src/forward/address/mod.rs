//! Recursors as they are stated → addresses; and which of them are we ourselves.
//!
//! Of `/etc/resolv.conf` only the `nameserver` lines are read, as forgivingly as the C library reads them. The
//! `resolv-conf` crate refuses the whole file for an option that it does not know, which would take forwarding
//! from a machine whose other programs work.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

use crate::forward::fault::Fault;
use crate::model::forward_config::{DNS_PORT, Recursor};
use crate::model::limits::RECURSORS_MAX;

/// What addresses depend on besides the configuration.
#[derive(Clone, Debug, Default)]
pub(in crate::forward) struct Place {
    /// The name servers of the machine.
    pub(in crate::forward) system: Vec<SocketAddr>,
    /// Where this agent listens for DNS.
    pub(in crate::forward) listeners: Vec<SocketAddr>,
    /// The machine's own addresses.
    pub(in crate::forward) own: Vec<IpAddr>,
}

/// The addresses to ask, each once. Those of the system that are this agent are left out: the machine's
/// resolver may well point at it.
///
/// # Errors
/// [`Fault::Own`] where a stated recursor is this agent.
pub(in crate::forward) fn addresses(
    stated: &[Recursor],
    place: &Place,
) -> Result<Vec<SocketAddr>, Fault> {
    let mut found = Vec::new();
    for recursor in stated {
        match recursor {
            Recursor::At(address) if place.is_ours(*address) => return Err(Fault::Own(*address)),
            Recursor::At(address) => found.push(*address),
            Recursor::System => {
                found.extend(place.system.iter().filter(|address| !place.is_ours(**address)));
            }
        }
    }
    let mut each_once = Vec::new();
    for address in found.into_iter().take(RECURSORS_MAX) {
        if !each_once.contains(&address) {
            each_once.push(address);
        }
    }
    Ok(each_once)
}

impl Place {
    /// Whether who asks an address asks this agent.
    fn is_ours(&self, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        let is_here = ip.is_loopback() || ip.is_unspecified() || self.own.contains(&ip);
        self.listeners.iter().any(|listener| {
            let at = listener.ip().to_canonical();
            let is_reached = if at.is_unspecified() {
                is_here && at.is_ipv4() == ip.is_ipv4()
            } else {
                at == ip || (ip.is_unspecified() && at.is_loopback())
            };
            listener.port() == address.port() && is_reached
        })
    }
}

/// The name servers of a resolv.conf; `scope` knows the number of an interface. Lines that are no name server
/// or no address are passed over.
pub(in crate::forward) fn name_servers(
    text: &str,
    scope: impl Fn(&str) -> Option<u32>,
) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some("nameserver"), Some(word)) = (words.next(), words.next()) else { continue };
        let (addr, zone) = word.split_once('%').map_or((word, None), |(a, z)| (a, Some(z)));
        let address = match (addr.parse::<IpAddr>(), zone) {
            (Ok(IpAddr::V6(addr)), Some(zone)) => {
                let Some(scope) = zone.parse().ok().or_else(|| scope(zone)) else { continue };
                SocketAddr::V6(SocketAddrV6::new(addr, DNS_PORT, 0, scope))
            }
            (Ok(addr), None) => SocketAddr::new(addr, DNS_PORT),
            _ => continue,
        };
        // resolv.conf(5) lets `0.0.0.0` stand for this machine.
        let here = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DNS_PORT);
        found.push(if address.ip().is_unspecified() { here } else { address });
    }
    found
}

#[cfg(test)]
mod tests;
