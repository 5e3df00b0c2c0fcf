//! Names → the suffix of ours that answers for each: a zone from a file, a domain of ours, the reverse trees.

use hickory_proto::rr::RecordType;

use crate::dns::Known;
use crate::dns::qname::QName;
use crate::dns::question::Asked;
use crate::dns::setup::Domain;
use crate::zone::StaticZone;

/// A suffix that we answer for.
#[derive(Clone, Copy, Debug)]
pub(in crate::dns) enum Zone<'c> {
    /// A zone from a file.
    Static(&'c StaticZone),
    /// A domain of ours.
    Domain(&'c Domain),
    /// The addresses of IPv4, backwards.
    Reverse4,
    /// The addresses of IPv6, backwards.
    Reverse6,
    /// None of them.
    Outside,
}

impl<'c> Zone<'c> {
    /// The longest of our suffixes that a question's name ends with. DS is told by the zone above the name
    /// (RFC 4035 §3.1.4.1), if that is here.
    pub(super) fn of(asked: &Asked<'_>, known: &Known<'c>) -> Self {
        let labels = asked.name.label_count();
        let above = match (asked.kind, labels.checked_sub(1)) {
            (RecordType::DS, Some(labels)) => Self::longest(&asked.name, labels, known),
            _ => Self::Outside,
        };
        match above {
            Self::Static(_) | Self::Domain(_) => above,
            // The reverse trees are told of for lack of anybody else, and are nobody's parents.
            Self::Reverse4 | Self::Reverse6 | Self::Outside => {
                Self::longest(&asked.name, labels, known)
            }
        }
    }

    /// The longest suffix, of so many labels at most.
    fn longest(name: &QName<'_>, labels: usize, known: &Known<'c>) -> Self {
        let domain = known.config.domain_of(name, labels).map(Self::Domain);
        let tree = match name {
            _ if labels < 2 => None,
            name if name.ends_with(REVERSE4) => Some(Self::Reverse4),
            name if name.ends_with(REVERSE6) => Some(Self::Reverse6),
            _ => None,
        };
        let own = domain.or(tree);
        if known.zones.is_empty() {
            return own.unwrap_or(Self::Outside);
        }
        let zone = known.zones.within(&name.to_name(), labels).map(Self::Static);
        match (own, zone) {
            (Some(own), Some(zone)) if own.label_count() < zone.label_count() => zone,
            (own, zone) => own.or(zone).unwrap_or(Self::Outside),
        }
    }

    /// How many labels the suffix has.
    pub(in crate::dns) fn label_count(self) -> usize {
        match self {
            Self::Static(zone) => zone.apex().iter().len(),
            Self::Domain(domain) => domain.label_count,
            Self::Reverse4 | Self::Reverse6 => 2,
            Self::Outside => 0,
        }
    }
}

/// Whether one of our suffixes is a name or stands below it. Such a name is there, whoever answers for it
/// (RFC 8020).
pub(in crate::dns) fn is_above_zone(name: &QName<'_>, known: &Known<'_>) -> bool {
    let (zones, trees) = (known.zones, [REVERSE4, REVERSE6]);
    known.config.has_domain_below(name)
        || trees.iter().any(|tree| QName::read(tree).is_some_and(|it| it.ends_with(name.folded())))
        || !zones.is_empty() && zones.has_at_or_below(&name.to_name())
}

/// Where the addresses of IPv4 stand backwards, in wire form.
const REVERSE4: &[u8] = b"\x07in-addr\x04arpa\0";

/// Where those of IPv6 do.
const REVERSE6: &[u8] = b"\x03ip6\x04arpa\0";
