//! Records → a tree of sets, each record with its place, as far as they agree with each other.

use hickory_proto::rr::{Name, RData};

use crate::model::limits::{ZONE_NAME_TYPES_MAX, ZONE_RECORDS_MAX};
use crate::model::number::Ttl;
use crate::zone::layout;
use crate::zone::source::{Mark, Note, Notes};
use crate::zone::tree::{Branch, downward};
use crate::zone::word::spell_name;

/// The records of one name and type.
#[derive(Clone, Debug)]
pub(super) struct DraftSet {
    /// The type's number.
    pub(super) code: u16,
    /// The TTL of all.
    pub(super) ttl: Ttl,
    /// What they say, and where that was written.
    pub(super) data: Vec<(RData, Mark)>,
}

impl DraftSet {
    /// Where it was begun.
    pub(super) fn mark(&self) -> Mark {
        self.data.first().map_or(Mark { text: 0, at: 0 }, |(_, mark)| *mark)
    }
}

/// A record on its way into a zone.
pub(super) struct Record {
    /// Its type's number.
    pub(super) code: u16,
    /// Its TTL.
    pub(super) ttl: Ttl,
    /// What it says.
    pub(super) data: RData,
    /// Where it was written.
    pub(super) mark: Mark,
}

/// The records of a zone, from the root down: which name is the zone's apex is known when its SOA came.
#[derive(Default)]
pub(super) struct Draft {
    /// All names.
    pub(super) root: Branch<Vec<DraftSet>>,
    /// The owner of the first SOA, and where that stands.
    pub(super) apex: Option<(Name, Mark)>,
    /// How many records there are.
    pub(super) records: usize,
}

impl Draft {
    /// Takes a record in.
    pub(super) fn add(&mut self, owner: &Name, record: Record, faults: &mut Notes) {
        self.records += 1;
        if ZONE_RECORDS_MAX < self.records {
            if self.records == ZONE_RECORDS_MAX + 1 {
                let text = format!("more than {ZONE_RECORDS_MAX} records");
                faults.add(Note::new(record.mark, text).hint("split the zone"));
            }
            return;
        }
        if record.code == SOA && self.is_second_apex(owner, record.mark, faults) {
            return;
        }
        let sets = &mut self.root.grow(downward(owner)).value;
        let Some(set) = sets.iter_mut().find(|set| set.code == record.code) else {
            let Record { code, ttl, data, mark } = record;
            if sets.len() == ZONE_NAME_TYPES_MAX {
                let text =
                    format!("`{}` has more than {ZONE_NAME_TYPES_MAX} types", spell_name(owner));
                return faults.add(Note::new(mark, text));
            }
            // Most sets have one record; a vector that grows would begin with room for four.
            let set = DraftSet { code, ttl, data: vec![(data, mark)] };
            sets.reserve_exact(1);
            sets.push(set);
            return;
        };
        // RFC 2181 §5.2.
        if set.ttl != record.ttl {
            let text = format!(
                "TTL {} for {} of `{}`, but {} at",
                record.ttl.0,
                layout::word_of(record.code),
                spell_name(owner),
                set.ttl.0
            );
            let note = Note::new(record.mark, text).other(set.mark());
            faults.add(note.hint("records of one name and type have one TTL"));
        }
        set.data.push((record.data, record.mark));
    }

    /// Whether records beyond the limit were dropped, so that reading on is of no use.
    pub(super) fn is_full(&self) -> bool {
        ZONE_RECORDS_MAX < self.records
    }

    /// Makes the owner of the first SOA the apex, and says whether this one is of another name.
    fn is_second_apex(&mut self, owner: &Name, mark: Mark, faults: &mut Notes) -> bool {
        let Some((apex, first)) = &self.apex else {
            self.apex = Some((owner.clone(), mark));
            return false;
        };
        if apex == owner {
            return false;
        }
        let note = Note::new(mark, "a second SOA, the first is at").other(*first);
        faults.add(note.hint("write a zone into one file each"));
        true
    }
}

/// The type that begins a zone.
pub(super) const SOA: u16 = 6;
