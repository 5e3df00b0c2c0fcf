//! Reverse names → addresses, or the networks that they stand for.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, PrefixLenError};

use crate::dns::target::{Absence, Meaning, Zone};

/// What labels left of `in-addr.arpa` mean.
pub(super) fn meaning4<'a>(labels: &[Cow<'a, str>]) -> Meaning<'a> {
    meaning(labels, read_reverse4)
}

/// What labels left of `ip6.arpa` mean.
pub(super) fn meaning6<'a>(labels: &[Cow<'a, str>]) -> Meaning<'a> {
    meaning(labels, read_reverse6)
}

/// How many labels of a reverse name, from the right, name a network or what it is part of.
///
/// A resolver may have been told that any reverse zone is ours, and does not believe an SOA from above the one
/// that it knows of. So each network is a zone, and so is what stands above it.
pub(super) fn networks(labels: &[Cow<'_, str>], zone: Zone<'_>) -> usize {
    let (labels_max, is_part): (usize, fn(&str) -> bool) = match zone {
        Zone::Static(_) | Zone::Domain(_) | Zone::Outside => return 0,
        Zone::Reverse4 => (REVERSE4_ZONE_LABELS, |label| read_octet(label).is_some()),
        Zone::Reverse6 => (REVERSE6_ZONE_LABELS, |label| read_nibble(label).is_some()),
    };
    labels.iter().rev().take(labels_max).take_while(|label| is_part(label)).count()
}

/// What a part of a reverse name spells.
enum Spelled {
    /// A whole address.
    Whole(IpAddr),
    /// A network of them.
    Network(IpNet),
    /// The beginning of one that is shorter than a network's.
    Short,
    /// The beginning of one that is longer.
    Long,
    /// None.
    Nothing,
}

fn meaning<'a>(labels: &[Cow<'a, str>], read: fn(&[Cow<'a, str>]) -> Spelled) -> Meaning<'a> {
    if labels.is_empty() {
        return Meaning::Apex;
    }
    match read(labels) {
        Spelled::Whole(ip) => Meaning::Reverse(ip),
        Spelled::Network(network) => Meaning::Network(network),
        Spelled::Short => Meaning::Supernet,
        Spelled::Long => Meaning::Empty,
        Spelled::Nothing => Meaning::Absent(Absence::Address),
    }
}

/// `4.3.2.1` → 1.2.3.4 (RFC 1035 §3.5).
fn read_reverse4(labels: &[Cow<'_, str>]) -> Spelled {
    let mut octets = [0u8; 4];
    if octets.len() < labels.len() {
        return Spelled::Nothing;
    }
    for (octet, label) in octets.iter_mut().zip(labels.iter().rev()) {
        let Some(value) = read_octet(label) else { return Spelled::Nothing };
        *octet = value;
    }
    let address = IpAddr::from(Ipv4Addr::from(octets));
    if labels.len() == octets.len() {
        return Spelled::Whole(address);
    }
    beginning(labels.len(), REVERSE4_ZONE_LABELS, || IpNet::new(address, REVERSE4_ZONE_BITS))
}

/// Thirty-two nibbles, the last first (RFC 3596 §2.5).
fn read_reverse6(labels: &[Cow<'_, str>]) -> Spelled {
    let mut bits: u128 = 0;
    if NIBBLES < labels.len() {
        return Spelled::Nothing;
    }
    for label in labels.iter().rev() {
        let Some(nibble) = read_nibble(label) else { return Spelled::Nothing };
        bits = bits << 4 | u128::from(nibble);
    }
    if labels.len() == NIBBLES {
        return Spelled::Whole(Ipv6Addr::from(bits).into());
    }
    beginning(labels.len(), REVERSE6_ZONE_LABELS, || {
        IpNet::new(Ipv6Addr::from(bits << REVERSE6_ZONE_BITS).into(), REVERSE6_ZONE_BITS)
    })
}

/// What the beginning of an address spells.
fn beginning(
    labels: usize,
    zone_labels: usize,
    network: impl FnOnce() -> Result<IpNet, PrefixLenError>,
) -> Spelled {
    match labels.cmp(&zone_labels) {
        Ordering::Less => Spelled::Short,
        // No network has more bits than its addresses.
        Ordering::Equal => network().map_or(Spelled::Nothing, Spelled::Network),
        Ordering::Greater => Spelled::Long,
    }
}

fn read_octet(label: &str) -> Option<u8> {
    let is_canonical = !label.starts_with(['0', '+']) || label == "0";
    label.parse().ok().filter(|_| is_canonical)
}

fn read_nibble(label: &str) -> Option<u32> {
    let mut letters = label.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else { return None };
    letter.to_digit(16)
}

/// Octets that name a network of IPv4.
const REVERSE4_ZONE_LABELS: usize = 3;

/// Bits that they are.
const REVERSE4_ZONE_BITS: u8 = 24;

/// Nibbles that name a network of IPv6.
const REVERSE6_ZONE_LABELS: usize = 16;

/// Bits that they are: half of an address.
const REVERSE6_ZONE_BITS: u8 = 64;

/// Nibbles of an IPv6 address.
const NIBBLES: usize = 32;
