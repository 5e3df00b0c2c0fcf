//! Question → Sheet that was written before, if it still holds.
//!
//! Each entry knows what it was made of and at which revision; a hit compares that with the View at hand, so
//! that nothing has to be swept out when the catalog changes. Only names that the catalog holds get in, and
//! each question's type with them only where it is a usual one: floods of made-up names find no place to
//! take. What is asked often stays when room runs out.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::FixedState;
use hickory_proto::rr::RecordType;
use quick_cache::unsync::{Cache as Kept, DefaultLifecycle};
use quick_cache::{Equivalent, Weighter};
use smallvec::SmallVec;

use crate::acl::Authorizer;
use crate::catalog::View;
use crate::dns::Known;
use crate::dns::answer::Answer;
use crate::dns::question::Asked;
use crate::dns::reason::{Reason, Why};
use crate::dns::resolve::Outcome;
use crate::dns::setup::Setup;
use crate::dns::sheet::Sheet;
use crate::model::limits::DNS_CACHE_BYTES_MAX;
use crate::model::name::{NodeName, ServiceName};
use crate::model::number::Revision;
use crate::zone::Zones;

/// Sheets by question. Belongs to one thread: there is no lock.
pub(super) struct Cache {
    /// The Sheets.
    sheets: Kept<Key, Cached, Weight, FixedState>,
    /// The settings that they were made by, the zones beside them, of which one may stand above a name, and what
    /// the agent's token may see.
    made_by: Option<(Arc<Setup>, Arc<Zones>, Authorizer)>,
    /// What denies names of our domain, by the place where that begins in the question: all else that a denial
    /// says is the same for all of them. A made-up name takes no place of its own.
    denials: Vec<Option<Sheet>>,
    /// The View that the denials are from: their SOA tells its revision.
    denied_at: Revision,
}

/// What a Sheet was made of.
#[derive(Clone, Debug)]
pub(super) enum Basis {
    /// A service with all its instances, at a revision.
    Service(ServiceName, Revision),
    /// Prepared queries at a revision, and a service with all its instances at one.
    Prepared(Revision, ServiceName, Revision),
    /// A node, at a revision.
    Node(NodeName, Revision),
    /// Anything of the catalog: an SOA record tells its revision.
    View(Revision),
}

/// A Sheet that is kept.
struct Cached {
    /// The Sheet.
    sheet: Sheet,
    /// What it was made of.
    basis: Basis,
    /// The newest View that it is known to hold for.
    checked: Cell<Revision>,
}

impl Cache {
    pub(super) fn new() -> Self {
        let weight = u64::try_from(DNS_CACHE_BYTES_MAX).unwrap_or(u64::MAX);
        let hasher = FixedState::with_seed(0);
        let lifecycle = DefaultLifecycle::default();
        Self {
            sheets: Kept::with(ENTRIES_EXPECTED, weight, Weight, hasher, lifecycle),
            made_by: None,
            denials: Vec::new(),
            denied_at: Revision(0),
        }
    }

    /// The Sheet for a question, if there is one that holds for what is known.
    pub(super) fn find(&mut self, asked: &Asked<'_>, known: &Known<'_>) -> Option<&Sheet> {
        let view = known.view;
        let is_current = self.made_by.as_ref().is_some_and(|(config, zones, acl)| {
            Arc::ptr_eq(config, known.config)
                && Arc::ptr_eq(zones, known.zones)
                && acl.is_same(known.acl)
        });
        if !is_current {
            self.sheets.clear();
            self.denials.clear();
            let (config, zones) = (Arc::clone(known.config), Arc::clone(known.zones));
            self.made_by = Some((config, zones, known.acl.clone()));
        }
        if !view.is_ready() || known.is_too_old() {
            return None;
        }
        let key = Sought { name: asked.name.folded(), kind: asked.kind.into() };
        let cached = self.sheets.get(&key)?;
        let revision = view.revision();
        if cached.checked.get() != revision {
            if !cached.basis.holds_in(view) {
                return None;
            }
            cached.checked.set(revision);
        }
        Some(&cached.sheet)
    }

    /// What denies a name below our domain, which begins so many bytes behind the name's own beginning.
    pub(super) fn find_denial(
        &mut self,
        domain_at: usize,
        reason: Reason,
        view: &View,
    ) -> Option<&Sheet> {
        if self.denied_at != view.revision() {
            self.denials.clear();
            self.denied_at = view.revision();
        }
        let sheet = self.denials.get_mut(domain_at)?.as_mut()?;
        sheet.why = Some(Why::Reason(reason));
        Some(sheet)
    }

    /// Keeps what denies a name, for all names that end at the same place.
    pub(super) fn keep_denial(&mut self, domain_at: usize, sheet: Sheet) {
        if self.denials.len() <= domain_at {
            self.denials.resize(domain_at + 1, None);
        }
        if let Some(place) = self.denials.get_mut(domain_at) {
            *place = Some(sheet);
        }
    }

    /// Keeps a Sheet.
    pub(super) fn keep(&mut self, asked: &Asked<'_>, sheet: Sheet, basis: Basis, view: &View) {
        let key = Key { name: SmallVec::from_slice(asked.name.folded()), kind: asked.kind.into() };
        let checked = Cell::new(view.revision());
        self.sheets.insert(key, Cached { sheet, basis, checked });
    }
}

impl Basis {
    /// What an Answer rests on; nothing where it is not to be kept, be it that there are as many such names as
    /// anybody likes to make up, or that it tells more than the catalog.
    pub(super) fn of(
        outcome: &Outcome<'_>,
        answer: &Answer,
        kind: RecordType,
        known: &Known<'_>,
    ) -> Option<Self> {
        // Owners that are written in full are spelled as this client did.
        if !is_usual(kind) || !known.config.compresses() {
            return None;
        }
        let view = known.view;
        let whole = Self::View(view.revision());
        match outcome {
            Outcome::Prepared(executed) => executed.basis(!answer.authorities.is_empty(), view),
            // The SOA of "no such record" tells the View's revision.
            outcome if !answer.authorities.is_empty() => outcome.is_in_catalog().then_some(whole),
            Outcome::Instances(instances) => {
                let name = &instances.first()?.service.name;
                Some(Self::Service(name.clone(), view.service_revision(name.folded())))
            }
            Outcome::Node(node) => {
                Some(Self::Node(node.name.clone(), view.node_revision(node.name.folded())))
            }
            Outcome::NodeAt(_) | Outcome::ServiceAt(_) => Some(whole),
            Outcome::NotReady(_)
            | Outcome::Refused(_)
            | Outcome::NoName(_)
            | Outcome::NoData
            | Outcome::Apex(_)
            | Outcome::Network
            | Outcome::NameServers(_)
            | Outcome::Addresses(_)
            | Outcome::InZone(..)
            | Outcome::Told(_)
            | Outcome::Missing(_) => None,
        }
    }

    /// Whether it is the same in a View.
    fn holds_in(&self, view: &View) -> bool {
        match self {
            Self::Service(name, revision) => view.service_revision(name.folded()) == *revision,
            Self::Prepared(queries, name, revision) => {
                view.tables().prepared_queries == *queries
                    && view.service_revision(name.folded()) == *revision
            }
            Self::Node(name, revision) => view.node_revision(name.folded()) == *revision,
            Self::View(revision) => view.revision() == *revision,
        }
    }
}

/// Whether a type is asked for often enough: there are 65,536, and a name has a negative answer for most.
fn is_usual(kind: RecordType) -> bool {
    matches!(
        kind,
        RecordType::A
            | RecordType::AAAA
            | RecordType::ANY
            | RecordType::HTTPS
            | RecordType::PTR
            | RecordType::SRV
            | RecordType::TXT
    )
}

/// What a Sheet is kept under.
#[derive(PartialEq, Eq)]
struct Key {
    /// The name, folded, in wire form; most are short enough to stand here.
    name: SmallVec<[u8; 38]>,
    /// The type.
    kind: u16,
}

/// What a Sheet is looked for by.
struct Sought<'q> {
    /// The name, folded, in wire form.
    name: &'q [u8],
    /// The type.
    kind: u16,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        Sought { name: &self.name, kind: self.kind }.hash(hasher);
    }
}

impl Hash for Sought<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write(self.name);
        hasher.write_u16(self.kind);
    }
}

impl Equivalent<Key> for Sought<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.kind == key.kind && self.name == &*key.name
    }
}

/// Weighs entries by the memory that they take.
#[derive(Clone)]
struct Weight;

impl Weighter<Key, Cached> for Weight {
    fn weight(&self, key: &Key, cached: &Cached) -> u64 {
        let bytes = size_of::<(Key, Cached)>() + key.name.len() + cached.sheet.weight();
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// Entries that room is made for at first.
const ENTRIES_EXPECTED: usize = 1_024;
