//! Catalog data → records: names, addresses and texts, and owners that may be a part of the question.

use std::net::IpAddr;

use hickory_proto::rr::rdata::{A, AAAA, CNAME, SRV, TXT};
use hickory_proto::rr::{Name, RData};
use smallvec::{SmallVec, smallvec};

use crate::dns::addresses::Addresses;
use crate::dns::setup::Domain;
use crate::dns::wire::WireName;
use crate::model::name::{NodeName, ServiceName};
use crate::model::node::Meta;
use crate::model::number::Ttl;

/// Whom a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The name that was asked, as it was spelled.
    Question,
    /// So many labels at the end of the name that was asked, as they were spelled.
    Suffix(usize),
    /// Another name.
    Named(WireName),
}

/// What a record says. Answers of the catalog are made of the first two by the thousand, so that these are small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// An address (A, AAAA).
    Address(IpAddr),
    /// Where an instance is (SRV).
    Location {
        /// Its share of the traffic.
        weight: u16,
        /// Its port.
        port: u16,
        /// What it is reached by.
        target: WireName,
    },
    /// Anything else.
    Other(Box<RData>),
}

impl Data {
    /// The same as other code knows it.
    pub(super) fn to_rdata(&self) -> RData {
        match self {
            Self::Address(IpAddr::V4(ip)) => RData::A(A(*ip)),
            Self::Address(IpAddr::V6(ip)) => RData::AAAA(AAAA(*ip)),
            Self::Location { weight, port, target } => {
                RData::SRV(SRV::new(SRV_PRIORITY, *weight, *port, target.to_name()))
            }
            Self::Other(data) => RData::clone(data),
        }
    }

    /// What it says that the owner is an alias of.
    pub(super) fn alias(&self) -> Option<&Name> {
        match self {
            Self::Other(data) => match &**data {
                RData::CNAME(name) => Some(&name.0),
                _ => None,
            },
            Self::Address(_) | Self::Location { .. } => None,
        }
    }
}

impl From<RData> for Data {
    fn from(data: RData) -> Self {
        match data {
            RData::A(ip) => Self::Address(ip.0.into()),
            RData::AAAA(ip) => Self::Address(ip.0.into()),
            data => Self::Other(Box::new(data)),
        }
    }
}

/// A record of class IN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rr {
    /// Whom it is about.
    pub(super) owner: Owner,
    /// How long it may be kept.
    pub(super) ttl: Ttl,
    /// What it says.
    pub(super) data: Data,
}

/// A record with what helps to use it. Where the record is left out, so is its help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// The record.
    pub(super) record: Rr,
    /// Addresses of what it points at.
    pub(super) addresses: Option<Help>,
    /// Texts about the machine behind it.
    pub(super) texts: Option<Help>,
}

impl Offer {
    /// A record that needs no help.
    pub(super) fn alone(owner: Owner, ttl: Ttl, data: impl Into<Data>) -> Self {
        let data = data.into();
        Self { record: Rr { owner, ttl, data }, addresses: None, texts: None }
    }
}

/// Which additional records help to use a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Help {
    /// The place of the set among the Answer's sets.
    pub(super) set: usize,
    /// Whether its owner is the name that the record points at.
    pub(super) is_about_target: bool,
}

/// Additional records of one owner; told whole or not at all (RFC 2181 §5), and once, however many records
/// they help with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    /// Whom they are about.
    pub(super) owner: Owner,
    /// How long they may be kept, and what they say.
    pub(super) records: SmallVec<[(Ttl, Data); 1]>,
}

impl From<Rr> for Set {
    fn from(record: Rr) -> Self {
        Self { owner: record.owner, records: smallvec![(record.ttl, record.data)] }
    }
}

/// A host name as an alias' data; nothing if DNS cannot spell it.
pub(super) fn alias_data(host: &str) -> Option<RData> {
    host_name(host).map(|name| RData::CNAME(CNAME(name.to_name())))
}

/// A host name.
pub(super) fn host_name(host: &str) -> Option<WireName> {
    let labels = host.trim_end_matches('.').split('.').map(str::as_bytes);
    WireName::root().below(labels)
}

/// `NODE.node.DC.DOMAIN`, the labels of a dotted node name one by one.
pub(super) fn node_name(node: &NodeName, domain: &Domain) -> Option<WireName> {
    domain.nodes.below(node.as_str().split('.').map(str::as_bytes))
}

/// `SERVICE.service.DC.DOMAIN`.
pub(super) fn service_name(service: &ServiceName, domain: &Domain) -> Option<WireName> {
    name_below(service.as_str(), &domain.services)
}

/// `HEX.addr.DC.DOMAIN`.
pub(super) fn address_name(addresses: Addresses, domain: &Domain) -> Option<WireName> {
    domain.addresses.below(std::iter::once(&*addresses.spell()))
}

/// `WORD.SUFFIX`.
pub(super) fn name_below(word: &str, suffix: &WireName) -> Option<WireName> {
    suffix.below(std::iter::once(word.as_bytes()))
}

/// Metadata as TXT data, one each: `KEY=VALUE` (RFC 1464), or the value alone where the key begins
/// with `rfc1035-`.
pub(super) fn meta_data(meta: &Meta) -> impl Iterator<Item = RData> {
    meta.iter().map(|(key, value)| {
        let is_bare = key.get(..BARE_KEY_PREFIX.len());
        let text = if is_bare.is_some_and(|start| start.eq_ignore_ascii_case(BARE_KEY_PREFIX)) {
            value.clone()
        } else {
            format!("{}={}", quote_key(key), value.replace('`', "``"))
        };
        // RFC 1035 §3.3.14: several strings, since one holds 255 bytes.
        let strings = match text.as_bytes() {
            [] => vec![&b""[..]],
            bytes => bytes.chunks(STRING_BYTES_MAX).collect(),
        };
        RData::TXT(TXT::from_bytes(strings))
    })
}

/// RFC 1464 §2: backquotes before what would end the key or be trimmed from it.
fn quote_key(key: &str) -> String {
    let leading = key.len() - key.trim_start_matches(' ').len();
    let trailing = key.trim_end_matches(' ').len();
    let mut quoted = String::with_capacity(key.len());
    for (at, letter) in key.char_indices() {
        let is_outer_space = letter == ' ' && (at < leading || trailing <= at);
        if is_outer_space || matches!(letter, '`' | '=') {
            quoted.push('`');
        }
        quoted.push(letter);
    }
    quoted
}

/// Consul's priority of every instance.
pub(super) const SRV_PRIORITY: u16 = 1;

/// Longest string of a TXT record, in bytes.
const STRING_BYTES_MAX: usize = 255;

/// What the keys of metadata begin with whose value is the whole text.
const BARE_KEY_PREFIX: &str = "rfc1035-";
