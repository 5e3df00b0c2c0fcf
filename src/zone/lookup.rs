//! Question × StaticZone → Found: RFC 1034 §4.3.2 with RFC 4592's wildcards and RFC 6672's DNAME.

use std::borrow::Cow;

use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{Name, RData, RecordType};

use crate::model::limits::ZONE_CHAIN_MAX;
use crate::model::number::Ttl;
use crate::zone::field::sole_name;
use crate::zone::set::{Set, Sets};
use crate::zone::tree::{Branch, downward};

/// A zone as its file states it; it never changes.
///
/// A lookup costs a hash probe for each label of the question that the zone has, one more for a wildcard,
/// and that again for each alias that it follows; how many names there are does not matter.
#[derive(Clone, Debug)]
pub struct StaticZone {
    /// The zone's name, as its SOA's owner is spelled.
    apex: Name,
    /// Labels of the apex.
    apex_labels: usize,
    /// The apex and the names below it.
    tree: Branch<Sets>,
    /// The SOA alone.
    soa: Set,
    /// How long it may be remembered that something is not there.
    negative_ttl: Ttl,
    /// Names with records.
    names: usize,
}

/// What a zone knows about a question.
#[derive(Clone, Debug)]
pub struct Found<'z> {
    /// Aliases that were followed, for the answer section, in their order.
    pub steps: Vec<Step<'z>>,
    /// The name that the end is about: the question's as it was spelled, or what the last step points at.
    /// Data that a wildcard gave has this owner too (RFC 4592 §3.3.1).
    pub name: Name,
    /// What there is at that name.
    pub end: End<'z>,
}

/// An alias that was followed, as a record.
#[derive(Clone, Debug)]
pub struct Step<'z> {
    /// The record's owner.
    pub owner: Name,
    /// The record's TTL.
    pub ttl: Ttl,
    /// CNAME or DNAME; a CNAME that a DNAME made is owned.
    pub data: Cow<'z, RData>,
}

/// Where a lookup ends.
#[derive(Clone, Debug)]
pub enum End<'z> {
    /// Here is the set. For ANY it is one of the name's, the one of the lowest type (RFC 8482 §4.1).
    Data(&'z Set),
    /// The name is there, or names are below it, but nothing of the type: NOERROR with the SOA.
    NoData,
    /// The name is not there: NXDOMAIN with the SOA.
    NoName,
    /// The name belongs to a zone below, elsewhere: NOERROR without AA.
    Referral(Referral<'z>),
    /// The name is in no part of this zone; the chain goes on elsewhere, if anywhere.
    Leaves,
    /// A DNAME makes a name of more than 255 bytes: YXDOMAIN (RFC 6672 §2.2). The DNAME is the last step.
    TooLong,
    /// The steps are all there is to say: NOERROR with them. So it is where the aliases lead back to one
    /// that was followed, or are more than [`ZONE_CHAIN_MAX`], and where a CNAME was asked for, or ANY,
    /// and a DNAME made one.
    Steps,
}

/// A delegation: who knows more.
#[derive(Clone, Debug)]
pub struct Referral<'z> {
    /// The delegated name, spelled as in the question.
    pub cut: Name,
    /// Its servers, for the authority section.
    pub ns: &'z Set,
    /// Proof of its keys, where the zone has it, beside the servers.
    pub ds: Option<&'z Set>,
    /// Addresses of servers, of those that this zone has, for the additional section.
    pub glue: Vec<Glue<'z>>,
}

/// Addresses of a server.
#[derive(Clone, Copy, Debug)]
pub struct Glue<'z> {
    /// The server.
    pub owner: &'z Name,
    /// Its A or AAAA set.
    pub set: &'z Set,
}

/// Where a name stands in the tree.
enum Place<'z> {
    /// It is there, maybe without records.
    At(&'z Branch<Sets>),
    /// It is not there, but a wildcard stands for it.
    Wild(&'z Branch<Sets>),
    /// It, or a name above it, is delegated.
    Cut(Delegation<'z>),
    /// A name above it has a DNAME.
    Alias {
        /// Labels of that name.
        labels: usize,
        /// The DNAME.
        set: &'z Set,
    },
    /// Neither it nor a wildcard.
    Nowhere,
}

/// A name with servers of its own.
struct Delegation<'z> {
    /// Labels of the name.
    labels: usize,
    /// What there is at the name.
    branch: &'z Branch<Sets>,
    /// Its servers.
    ns: &'z Set,
}

impl StaticZone {
    /// A zone of a tree that was checked; none without an SOA at the apex.
    pub(super) fn new(apex: Name, tree: Branch<Sets>, names: usize) -> Option<Self> {
        let soa = tree.value.of(RecordType::SOA)?.clone();
        let RData::SOA(data) = soa.data().first()? else { return None };
        // RFC 2308 §5.
        let negative_ttl = soa.ttl().min(Ttl(data.minimum));
        let apex_labels = apex.iter().len();
        Some(Self { apex, apex_labels, tree, soa, negative_ttl, names })
    }

    /// The zone's name.
    #[must_use]
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The SOA; its set has that one record.
    #[must_use]
    pub fn soa(&self) -> &Set {
        &self.soa
    }

    /// The TTL of the SOA in an answer that says no: the lesser of its own and its minimum (RFC 2308 §5).
    #[must_use]
    pub fn negative_ttl(&self) -> Ttl {
        self.negative_ttl
    }

    /// How many names have records.
    #[must_use]
    pub fn name_count(&self) -> usize {
        self.names
    }

    /// Whether a name is the apex or below it.
    #[must_use]
    pub fn covers(&self, name: &Name) -> bool {
        let mut labels = downward(name);
        downward(&self.apex)
            .all(|label| labels.next().is_some_and(|l| l.eq_ignore_ascii_case(label)))
    }

    /// Whether a name stands in the zone's file or above one that does, or leads elsewhere by what stands above it;
    /// what only a wildcard stands for does not.
    #[must_use]
    pub fn has(&self, name: &Name) -> bool {
        self.covers(name) && !matches!(self.place(name), Place::Nowhere | Place::Wild(_))
    }

    /// What the zone knows about a name and a type. `ANY` is answered with one set.
    #[must_use]
    pub fn lookup(&self, name: &Name, kind: RecordType) -> Found<'_> {
        let mut found = Found { steps: Vec::new(), name: name.clone(), end: End::Steps };
        loop {
            match self.look(&mut found, kind) {
                Some(end) => {
                    found.end = end;
                    return found;
                }
                // The end that was put in before stays where the chain has none.
                None if is_endless(&found) => return found,
                None => {}
            }
        }
    }

    /// The A and AAAA sets that stand at exactly this name, those below a cut too: what helps to use a
    /// record that points at it.
    pub fn addresses(&self, name: &Name) -> impl Iterator<Item = &Set> {
        let mut branch = self.covers(name).then_some(&self.tree);
        for label in downward(name).skip(self.apex_labels) {
            branch = branch.and_then(|branch| branch.get(label));
        }
        branch.into_iter().flat_map(|branch| branch.value.addresses())
    }

    /// Every set with its owner, folded but for the apex' own labels, in no order.
    #[must_use]
    pub fn sets(&self) -> Vec<(Name, &Set)> {
        let mut found = Vec::new();
        let mut open = vec![(self.apex.clone(), &self.tree)];
        while let Some((owner, branch)) = open.pop() {
            found.extend(branch.value.0.iter().map(|set| (owner.clone(), set)));
            // The tree was grown from names, so that each path in it is one.
            open.extend(branch.below().filter_map(|(label, below)| {
                let labels = std::iter::once(label).chain(owner.iter());
                Some((Name::from_labels(labels).ok()?, below))
            }));
        }
        found
    }

    /// The apex and all below it.
    #[cfg(test)]
    pub(super) fn tree(&self) -> &Branch<Sets> {
        &self.tree
    }

    /// Looks at the name at hand: an end, or one more step and another name.
    fn look<'z>(&'z self, found: &mut Found<'z>, kind: RecordType) -> Option<End<'z>> {
        if !self.covers(&found.name) {
            return Some(End::Leaves);
        }
        let branch = match self.place(&found.name) {
            Place::Nowhere => return Some(End::NoName),
            // RFC 4035 §3.1.4.1: what proves a delegation stands above it.
            Place::Cut(cut) if kind == RecordType::DS && cut.labels == found.name.iter().len() => {
                return Some(cut.branch.value.of(kind).map_or(End::NoData, End::Data));
            }
            Place::Cut(cut) => return Some(End::Referral(self.refer(&found.name, &cut))),
            Place::Alias { labels, set } => {
                let end = substitute(found, labels, set);
                let is_answered = matches!(kind, RecordType::CNAME | RecordType::ANY);
                return end.or(is_answered.then_some(End::Steps));
            }
            Place::At(branch) | Place::Wild(branch) => branch,
        };
        let sets = &branch.value;
        let asked = match kind {
            RecordType::ANY => sets.0.first(),
            _ => sets.of(kind),
        };
        if let Some(set) = asked {
            return Some(End::Data(set));
        }
        let Some(alias) = sets.of(RecordType::CNAME) else { return Some(End::NoData) };
        let Some(data @ RData::CNAME(target)) = alias.data().first() else {
            return Some(End::NoData);
        };
        let owner = std::mem::replace(&mut found.name, target.0.clone());
        found.steps.push(Step { owner, ttl: alias.ttl(), data: Cow::Borrowed(data) });
        None
    }

    /// Walks down to a name of the zone.
    fn place(&self, name: &Name) -> Place<'_> {
        let mut branch = &self.tree;
        let mut labels = self.apex_labels;
        let mut below = downward(name).skip(self.apex_labels);
        loop {
            if self.apex_labels < labels
                && let Some(ns) = branch.value.of(RecordType::NS)
            {
                return Place::Cut(Delegation { labels, branch, ns });
            }
            let Some(label) = below.next() else { return Place::At(branch) };
            if let Some(set) = branch.value.of(RecordType::DNAME) {
                return Place::Alias { labels, set };
            }
            match branch.get(label) {
                Some(next) => branch = next,
                // RFC 4592 §3.3.1: the wildcard of the closest name above, and no other.
                None => return branch.get(b"*").map_or(Place::Nowhere, Place::Wild),
            }
            labels += 1;
        }
    }

    fn refer<'z>(&'z self, name: &Name, cut: &Delegation<'z>) -> Referral<'z> {
        let servers = cut.ns.data().iter().filter_map(|data| match data {
            RData::NS(server) => Some(&server.0),
            _ => None,
        });
        let glue =
            servers.flat_map(|owner| self.addresses(owner).map(move |set| Glue { owner, set }));
        Referral {
            cut: suffix(name, cut.labels),
            ns: cut.ns,
            ds: cut.branch.value.of(RecordType::DS),
            glue: glue.collect(),
        }
    }
}

/// Follows a DNAME: the labels below its owner before its target (RFC 6672 §2.2), told as a CNAME of the
/// same TTL (§3.1).
fn substitute<'z>(found: &mut Found<'z>, labels: usize, set: &'z Set) -> Option<End<'z>> {
    let Some(data) = set.data().first() else { return Some(End::NoData) };
    let Some(target) = sole_name(data) else { return Some(End::NoData) };
    let owner = suffix(&found.name, labels);
    // A chain may come through one DNAME again; it is told once.
    if !found.steps.iter().any(|step| step.owner == owner && *step.data == *data) {
        found.steps.push(Step { owner, ttl: set.ttl(), data: Cow::Borrowed(data) });
    }
    let kept = found.name.iter().len().saturating_sub(labels);
    let made = Name::from_labels(found.name.iter().take(kept).chain(target.iter()));
    let Ok(made) = made else { return Some(End::TooLong) };
    let owner = std::mem::replace(&mut found.name, made.clone());
    let data = Cow::Owned(RData::CNAME(CNAME(made)));
    found.steps.push(Step { owner, ttl: set.ttl(), data });
    None
}

/// Whether following the chain would not end.
fn is_endless(found: &Found<'_>) -> bool {
    let aliases = found.steps.iter().filter(|step| matches!(&*step.data, RData::CNAME(_)));
    let mut aliases = aliases.enumerate();
    aliases.any(|(index, step)| ZONE_CHAIN_MAX <= index + 1 || step.owner == found.name)
}

/// So many labels at the end of a name.
fn suffix(name: &Name, labels: usize) -> Name {
    let above = name.iter().len().saturating_sub(labels);
    // A part of a name is a name.
    Name::from_labels(name.iter().skip(above)).unwrap_or_default()
}
