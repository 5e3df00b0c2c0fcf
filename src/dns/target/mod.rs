//! Question → Target: what a name means in our name grammar, before anybody looks into the catalog.
//!
//! ```text
//! [TAG.]SERVICE.service[.DC]      _SERVICE._TAG[.service][.DC]      NODE.node[.DC]      HEX.addr[.DC]
//! DC is `dc1` or `dc1.dc`         4.3.2.1.in-addr.arpa              32 nibbles.ip6.arpa
//! ```
//! Labels are read from the right, and the first keyword decides; what stands left of a service is one
//! tag, dots included.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::Name;

use crate::model::dns_config::DnsConfig;

/// A name's place and meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target<'c> {
    /// The suffix that it stands below.
    pub(super) zone: Zone<'c>,
    /// What it means there.
    pub(super) meaning: Meaning,
}

/// A suffix that we answer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone<'c> {
    /// A domain of ours, as it is configured.
    Domain(&'c str),
    /// The addresses of IPv4, backwards.
    Reverse4,
    /// The addresses of IPv6, backwards.
    Reverse6,
    /// None of them.
    Outside,
}

impl Zone<'_> {
    /// How many labels the suffix has.
    pub(super) fn label_count(self) -> usize {
        match self {
            Self::Domain(domain) => domain.split('.').count(),
            Self::Reverse4 | Self::Reverse6 => 2,
            Self::Outside => 0,
        }
    }
}

/// What a name means. Names are folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The suffix itself.
    Apex,
    /// `ns` below it: the servers.
    NameServer,
    /// A name without data that has names below it (RFC 4592 §2.2.2).
    Empty,
    /// Instances of a service.
    Service {
        /// The service.
        name: String,
        /// The tag that they must carry.
        tag: Option<String>,
    },
    /// A machine.
    Node {
        /// Its name.
        name: String,
    },
    /// The address that the name spells.
    Address(IpAddr),
    /// Who has an address.
    Reverse(IpAddr),
    /// A name that cannot exist.
    Absent(Absence),
    /// A name of somebody else.
    Outside,
}

/// Why a name cannot exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// It has none of the forms above.
    Form,
    /// It names a datacenter that is not here.
    Datacenter,
    /// What stands before `addr` or `in-addr.arpa` spells no address.
    Address,
    /// `query`: there are no prepared queries.
    Query,
    /// `connect`, `ingress` and `virtual`: there is no mesh.
    Mesh,
}

/// Finds out what a name means.
pub(super) fn locate<'c>(name: &Name, config: &'c DnsConfig) -> Target<'c> {
    let labels: Option<Vec<String>> =
        name.iter().map(|label| std::str::from_utf8(label).ok().map(str::to_lowercase)).collect();
    let zone = zone_of(name, config);
    let outside = zone.label_count();
    let meaning = match (labels, zone) {
        (_, Zone::Outside) => Meaning::Outside,
        // Names of the catalog are UTF-8: no other can be registered.
        (None, Zone::Domain(_) | Zone::Reverse4 | Zone::Reverse6) => Meaning::Absent(Absence::Form),
        (Some(labels), zone) => {
            let inside = labels.get(..labels.len().saturating_sub(outside)).unwrap_or_default();
            match zone {
                Zone::Domain(_) => meaning_in_domain(inside, config),
                Zone::Reverse4 => meaning_in_reverse(inside, read_reverse4),
                Zone::Reverse6 => meaning_in_reverse(inside, read_reverse6),
                Zone::Outside => Meaning::Outside,
            }
        }
    };
    Target { zone, meaning }
}

/// The longest of our suffixes that a name ends with.
fn zone_of<'c>(name: &Name, config: &'c DnsConfig) -> Zone<'c> {
    let domains = std::iter::once(&config.domain).chain(config.alt_domain.as_ref());
    let mut zones: Vec<Zone<'c>> = domains
        .filter(|domain| has_suffix(name, domain))
        .map(|domain| Zone::Domain(domain.as_str()))
        .collect();
    if has_suffix(name, "in-addr.arpa") {
        zones.push(Zone::Reverse4);
    }
    if has_suffix(name, "ip6.arpa") {
        zones.push(Zone::Reverse6);
    }
    zones.into_iter().max_by_key(|zone| zone.label_count()).unwrap_or(Zone::Outside)
}

fn has_suffix(name: &Name, suffix: &str) -> bool {
    let count = suffix.split('.').count();
    let Some(skip) = name.iter().len().checked_sub(count) else { return false };
    name.iter()
        .skip(skip)
        .zip(suffix.split('.'))
        .all(|(label, expected)| label.eq_ignore_ascii_case(expected.as_bytes()))
}

/// What the labels left of our domain mean.
fn meaning_in_domain(labels: &[String], config: &DnsConfig) -> Meaning {
    let words: Vec<&str> = labels.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => return Meaning::Apex,
        ["ns"] => return Meaning::NameServer,
        // `dc` has the datacenters below it, and a datacenter the keywords.
        ["dc"] => return Meaning::Empty,
        _ => {}
    }
    let keyword = words.iter().rposition(|word| Keyword::from_word(word).is_some());
    let Some((at, keyword)) =
        keyword.and_then(|at| Some((at, words.get(at).and_then(|word| Keyword::from_word(word))?)))
    else {
        return meaning_without_keyword(&words, config);
    };
    let (before, after) = words.split_at(at);
    let after = after.get(1..).unwrap_or_default();
    let is_here = match read_datacenter(after, config) {
        Suffix::None | Suffix::Here => true,
        // An address is the same everywhere.
        Suffix::Elsewhere if keyword == Keyword::Addr => true,
        Suffix::Elsewhere => false,
        Suffix::Unreadable => return Meaning::Absent(Absence::Form),
    };
    if !is_here {
        return Meaning::Absent(Absence::Datacenter);
    }
    match keyword {
        Keyword::Service => meaning_of_service(before),
        Keyword::Node if before.is_empty() => Meaning::Empty,
        Keyword::Node => Meaning::Node { name: before.join(".") },
        Keyword::Addr => meaning_of_addr(before),
        Keyword::Query => Meaning::Absent(Absence::Query),
        Keyword::Mesh => Meaning::Absent(Absence::Mesh),
    }
}

/// The words that say what kind of thing is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keyword {
    /// Services.
    Service,
    /// Machines.
    Node,
    /// Spelled addresses.
    Addr,
    /// Prepared queries.
    Query,
    /// Anything of the service mesh.
    Mesh,
}

impl Keyword {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "service" => Some(Self::Service),
            "node" => Some(Self::Node),
            "addr" => Some(Self::Addr),
            "query" => Some(Self::Query),
            "connect" | "ingress" | "virtual" => Some(Self::Mesh),
            _ => None,
        }
    }
}

/// What stands right of the keyword.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Suffix {
    /// Nothing.
    None,
    /// This datacenter.
    Here,
    /// Another one.
    Elsewhere,
    /// Something else.
    Unreadable,
}

fn read_datacenter(words: &[&str], config: &DnsConfig) -> Suffix {
    match words {
        [] => Suffix::None,
        [datacenter] | [datacenter, "dc"] if *datacenter == config.datacenter.folded() => {
            Suffix::Here
        }
        [_] | [_, "dc"] => Suffix::Elsewhere,
        _ => Suffix::Unreadable,
    }
}

/// A datacenter alone, `_web._tcp` without `service`, or nothing that we know.
fn meaning_without_keyword(words: &[&str], config: &DnsConfig) -> Meaning {
    if let Some(at) = words.iter().rposition(|word| word.starts_with('_')) {
        let (before, after) = words.split_at(at + 1);
        return match read_datacenter(after, config) {
            Suffix::None | Suffix::Here => meaning_of_service(before),
            Suffix::Elsewhere => Meaning::Absent(Absence::Datacenter),
            Suffix::Unreadable => Meaning::Absent(Absence::Form),
        };
    }
    match read_datacenter(words, config) {
        Suffix::None | Suffix::Here => Meaning::Empty,
        Suffix::Elsewhere | Suffix::Unreadable => Meaning::Absent(Absence::Form),
    }
}

fn meaning_of_service(words: &[&str]) -> Meaning {
    let Some((last, before)) = words.split_last() else { return Meaning::Empty };
    if let ([first], Some(tag)) = (before, last.strip_prefix('_'))
        && let Some(name) = first.strip_prefix('_')
        && !name.is_empty()
        && !tag.is_empty()
    {
        // `tcp` is the transport of nearly everything and says nothing; any other word is a tag.
        let tag = (tag != "tcp").then(|| tag.to_owned());
        return Meaning::Service { name: name.to_owned(), tag };
    }
    let tag = (!before.is_empty()).then(|| before.join("."));
    Meaning::Service { name: (*last).to_owned(), tag }
}

fn meaning_of_addr(words: &[&str]) -> Meaning {
    let spelled = match words {
        [] => return Meaning::Empty,
        [spelled] if spelled.bytes().all(|byte| byte.is_ascii_hexdigit()) => *spelled,
        _ => return Meaning::Absent(Absence::Address),
    };
    let ip = match spelled.len() {
        8 => u32::from_str_radix(spelled, 16).ok().map(|bits| Ipv4Addr::from(bits).into()),
        32 => u128::from_str_radix(spelled, 16).ok().map(|bits| Ipv6Addr::from(bits).into()),
        _ => None,
    };
    ip.map_or(Meaning::Absent(Absence::Address), Meaning::Address)
}

/// What a part of a reverse name spells.
enum Spelled {
    /// A whole address.
    Whole(IpAddr),
    /// The beginning of one: there are names below it.
    Beginning,
    /// None.
    Nothing,
}

fn meaning_in_reverse(labels: &[String], read: fn(&[String]) -> Spelled) -> Meaning {
    if labels.is_empty() {
        return Meaning::Apex;
    }
    match read(labels) {
        Spelled::Whole(ip) => Meaning::Reverse(ip),
        Spelled::Beginning => Meaning::Empty,
        Spelled::Nothing => Meaning::Absent(Absence::Address),
    }
}

/// `4.3.2.1` → 1.2.3.4 (RFC 1035 §3.5).
fn read_reverse4(labels: &[String]) -> Spelled {
    let mut octets = [0u8; 4];
    if octets.len() < labels.len() {
        return Spelled::Nothing;
    }
    for (octet, label) in octets.iter_mut().zip(labels.iter().rev()) {
        let is_canonical = !label.starts_with('0') || label == "0";
        match label.parse::<u8>() {
            Ok(value) if is_canonical && !label.starts_with('+') => *octet = value,
            _ => return Spelled::Nothing,
        }
    }
    if labels.len() < octets.len() {
        return Spelled::Beginning;
    }
    Spelled::Whole(Ipv4Addr::from(octets).into())
}

/// Thirty-two nibbles, the last first (RFC 3596 §2.5).
fn read_reverse6(labels: &[String]) -> Spelled {
    let mut bits: u128 = 0;
    if NIBBLES < labels.len() {
        return Spelled::Nothing;
    }
    for label in labels.iter().rev() {
        let mut letters = label.chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else {
            return Spelled::Nothing;
        };
        let Some(nibble) = letter.to_digit(16) else { return Spelled::Nothing };
        bits = bits << 4 | u128::from(nibble);
    }
    if labels.len() < NIBBLES {
        return Spelled::Beginning;
    }
    Spelled::Whole(Ipv6Addr::from(bits).into())
}

/// Nibbles of an IPv6 address.
const NIBBLES: usize = 32;

#[cfg(test)]
mod tests;
