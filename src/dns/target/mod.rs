//! Question → Target: what a name means in our name grammar, before anybody looks into the catalog.
//!
//! ```text
//! [TAG.]SERVICE.service[.DC]      _SERVICE._TAG[.service][.DC]      NODE.node[.DC]      HEX[-HEX].addr[.DC]
//! NAME.query[.DC]                 _NAME._tcp.query[.DC]
//! DC is `dc1` or `dc1.dc`         4.3.2.1.in-addr.arpa              32 nibbles.ip6.arpa
//! ```
//! Labels are read from the right, and the first keyword decides; what stands left of a service is one
//! tag, dots included; what stands left of `query` is a prepared query's name, dots included too.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::dns::Known;
use crate::dns::addresses::Addresses;
use crate::dns::question::Asked;
use crate::model::dns_config::DnsConfig;

mod zone;

mod reverse;

pub(super) use self::zone::{Zone, is_above_zone};

/// A name's place and meaning.
#[derive(Clone, Debug)]
pub(super) struct Target<'a> {
    /// The suffix that it stands below.
    pub(super) zone: Zone<'a>,
    /// What it means there.
    pub(super) meaning: Meaning<'a>,
    /// How many labels the name has that owns the SOA.
    pub(super) soa_labels: usize,
}

/// What a name means. Names are folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    /// The suffix itself.
    Apex,
    /// `ns` below it: the servers.
    NameServer,
    /// A network of addresses: others may take it for a zone.
    Network(IpNet),
    /// What such networks are part of: others may take that for a zone too.
    Supernet,
    /// A name without data that has names below it (RFC 4592 §2.2.2).
    Empty,
    /// Instances of a service.
    Service {
        /// The service.
        name: Cow<'a, str>,
        /// The tag that they must carry.
        tag: Option<Cow<'a, str>>,
    },
    /// A machine.
    Node {
        /// Its name.
        name: Cow<'a, str>,
    },
    /// A prepared query.
    Query {
        /// Its name or id.
        name: Cow<'a, str>,
    },
    /// The addresses that the name spells.
    Addresses(Addresses),
    /// Who has an address.
    Reverse(IpAddr),
    /// A name that cannot exist.
    Absent(Absence),
    /// A name of a zone, or of somebody else.
    Elsewhere,
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
    /// `connect`, `ingress` and `virtual`: there is no mesh.
    Mesh,
}

/// Finds out what a name means.
pub(super) fn locate<'a>(asked: &'a Asked<'_>, known: &Known<'a>) -> Target<'a> {
    let (name, config) = (&asked.name, known.config);
    let zone = Zone::of(asked, known);
    let inside = name.label_count().saturating_sub(zone.label_count());
    let mut labels = Some(Vec::with_capacity(inside));
    for label in name.labels().take(inside) {
        labels = labels.zip(fold(label)).map(|(mut labels, label)| {
            labels.push(label);
            labels
        });
    }
    let networks = reverse::networks(labels.as_deref().unwrap_or_default(), zone);
    let meaning = match (labels, zone) {
        (_, Zone::Outside | Zone::Static(_)) => Meaning::Elsewhere,
        // Names of the catalog are UTF-8: no other can be registered.
        (None, Zone::Domain(_) | Zone::Reverse4 | Zone::Reverse6) => Meaning::Absent(Absence::Form),
        (Some(labels), Zone::Domain(_)) => meaning_in_domain(&labels, config),
        (Some(labels), Zone::Reverse4) => reverse::meaning4(&labels),
        (Some(labels), Zone::Reverse6) => reverse::meaning6(&labels),
    };
    let soa_labels = zone.label_count() + networks;
    Target { zone, meaning, soa_labels }
}

/// A label as names of the catalog are folded, which goes beyond ASCII.
fn fold(label: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(label).ok()?;
    Some(if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) })
}

/// What the labels left of our domain mean.
fn meaning_in_domain<'a>(labels: &[Cow<'a, str>], config: &DnsConfig) -> Meaning<'a> {
    match labels {
        [] => return Meaning::Apex,
        [word] if word == "ns" => return Meaning::NameServer,
        // `dc` has the datacenters below it, and a datacenter the keywords.
        [word] if word == "dc" => return Meaning::Empty,
        _ => {}
    }
    let keyword = labels
        .iter()
        .enumerate()
        .rev()
        .find_map(|(at, word)| Keyword::from_word(word).map(|keyword| (at, keyword)));
    let Some((at, keyword)) = keyword else { return meaning_without_keyword(labels, config) };
    let (before, after) = labels.split_at(at);
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
        Keyword::Node => Meaning::Node { name: join(before) },
        Keyword::Addr => meaning_of_addr(before),
        Keyword::Query => meaning_of_query(before),
        Keyword::Mesh => Meaning::Absent(Absence::Mesh),
    }
}

/// Labels as one text, dots between them.
fn join<'a>(labels: &[Cow<'a, str>]) -> Cow<'a, str> {
    match labels {
        [label] => label.clone(),
        labels => Cow::Owned(labels.join(".")),
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

fn read_datacenter(labels: &[Cow<'_, str>], config: &DnsConfig) -> Suffix {
    let datacenter = match labels {
        [] => return Suffix::None,
        [datacenter] => datacenter,
        [datacenter, word] if word == "dc" => datacenter,
        _ => return Suffix::Unreadable,
    };
    if datacenter == config.datacenter.folded() { Suffix::Here } else { Suffix::Elsewhere }
}

/// A datacenter alone, `_web._tcp` without `service`, or nothing that we know.
fn meaning_without_keyword<'a>(words: &[Cow<'a, str>], config: &DnsConfig) -> Meaning<'a> {
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

fn meaning_of_service<'a>(labels: &[Cow<'a, str>]) -> Meaning<'a> {
    let Some((last, before)) = labels.split_last() else { return Meaning::Empty };
    if let ([first], Some(tag)) = (before, without_underscore(last))
        && let Some(name) = without_underscore(first)
    {
        // `tcp` is the transport of nearly everything and says nothing; any other word is a tag.
        return Meaning::Service { name, tag: Some(tag).filter(|tag| tag != "tcp") };
    }
    let tag = (!before.is_empty()).then(|| join(before));
    Meaning::Service { name: last.clone(), tag }
}

/// A name, or one with its transport in the form of RFC 2782, which says nothing.
fn meaning_of_query<'a>(labels: &[Cow<'a, str>]) -> Meaning<'a> {
    match labels {
        [] => Meaning::Empty,
        [name, transport] if transport.starts_with('_') => {
            Meaning::Query { name: without_underscore(name).unwrap_or_else(|| join(labels)) }
        }
        labels => Meaning::Query { name: join(labels) },
    }
}

/// What stands behind an underscore (RFC 2782), if anything does.
fn without_underscore<'a>(label: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    let word = match label {
        Cow::Borrowed(label) => Cow::Borrowed(label.strip_prefix('_')?),
        Cow::Owned(label) => Cow::Owned(label.strip_prefix('_')?.to_owned()),
    };
    Some(word).filter(|word| !word.is_empty())
}

fn meaning_of_addr<'a>(labels: &[Cow<'a, str>]) -> Meaning<'a> {
    let spelled = match labels {
        [] => return Meaning::Empty,
        [label] => Addresses::read(label),
        _ => None,
    };
    spelled.map_or(Meaning::Absent(Absence::Address), Meaning::Addresses)
}

#[cfg(test)]
mod tests;
