//! A name's records by type, as a zone holds them for good.

use hickory_proto::rr::{RData, RecordType};

use crate::model::number::Ttl;
use crate::zone::draft::DraftSet;

/// The records of one name and type (an RRset): at least one, with one TTL, none twice.
#[derive(Clone, Debug)]
pub struct Set {
    /// The type.
    kind: RecordType,
    /// The TTL.
    ttl: Ttl,
    /// What the records say, in the order of the file.
    data: Box<[RData]>,
}

impl Set {
    /// A set of what was read; none without a record.
    pub(super) fn new(draft: DraftSet) -> Option<Self> {
        let data: Box<[RData]> = draft.data.into_iter().map(|(data, _)| data).collect();
        let set = Self { kind: RecordType::from(draft.code), ttl: draft.ttl, data };
        (!set.data.is_empty()).then_some(set)
    }

    /// The type of all records.
    #[must_use]
    pub fn kind(&self) -> RecordType {
        self.kind
    }

    /// The TTL of all records.
    #[must_use]
    pub fn ttl(&self) -> Ttl {
        self.ttl
    }

    /// What the records say, in the order of the file; never empty.
    #[must_use]
    pub fn data(&self) -> &[RData] {
        &self.data
    }
}

/// The sets of a name in the order of their types' numbers; none at a name that only has names below it.
#[derive(Clone, Debug, Default)]
pub(super) struct Sets(pub(super) Box<[Set]>);

impl Sets {
    /// The set of a type.
    pub(super) fn of(&self, kind: RecordType) -> Option<&Set> {
        self.0.iter().find(|set| set.kind == kind)
    }

    /// The sets of addresses.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &Set> {
        self.0.iter().filter(|set| matches!(set.kind, RecordType::A | RecordType::AAAA))
    }
}
