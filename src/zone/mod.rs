//! Zone files → `StaticZone`s, and questions × `StaticZone` → what the zone knows.
//!
//! ```text
//!   bytes ─ source ─► text ─ lexer ─► entries ─ reader, generate ─► records ─► draft ─ check ─► StaticZone
//!                                                 │ layout × field: words → data
//!   name, type × StaticZone ─ lookup ─► Found { steps, end }
//! ```
//! Invariants
//! - A [`StaticZone`] never changes and keeps the rules of its kind: one SOA, NS at the apex, a CNAME
//!   alone, nothing but glue below a cut, nothing below a DNAME, one TTL in a set, no record twice.
//! - All that is wrong with a file is reported together, each with file, line and column, at most
//!   [`FAULTS_KEPT_MAX`]; a zone is taken whole or not at all.
//! - Text of any kind, also half-written or binary, costs time in proportion to its length, and so do the
//!   records that it makes.
//! - A lookup costs a hash probe for each label that it walks down, whatever the number of names.
//! - Both forms of data, text and `\#` bytes, are read by one table of fields ([`layout`]) into the same
//!   bytes, and then by hickory; hickory's own text readers are not used, since they know neither relative
//!   names in every type, nor where in a line something is wrong, nor DNAME, LOC, URI, RP and `TYPEn`.
//!
//! Deliberately absent: files and folders, which come in through [`Files`]; classes other than IN; zone
//! transfers and updates; DNSSEC: keys and signatures can be stored as data, but nothing is signed or
//! proved, and names that a signed answer would need are not added.
//!
//! Limits: [`ZONE_BYTES_MAX`], [`ZONE_FILES_MAX`], [`ZONE_RECORDS_MAX`], [`ZONE_NAME_TYPES_MAX`],
//! [`ZONE_ENTRY_WORDS_MAX`],
//! [`ZONE_INCLUDE_DEPTH_MAX`], [`GENERATE_STEPS_MAX`], [`ZONE_CHAIN_MAX`].
//!
//! [`FAULTS_KEPT_MAX`]: crate::model::limits::FAULTS_KEPT_MAX
//! [`ZONE_BYTES_MAX`]: crate::model::limits::ZONE_BYTES_MAX
//! [`ZONE_FILES_MAX`]: crate::model::limits::ZONE_FILES_MAX
//! [`ZONE_RECORDS_MAX`]: crate::model::limits::ZONE_RECORDS_MAX
//! [`ZONE_NAME_TYPES_MAX`]: crate::model::limits::ZONE_NAME_TYPES_MAX
//! [`ZONE_ENTRY_WORDS_MAX`]: crate::model::limits::ZONE_ENTRY_WORDS_MAX
//! [`ZONE_INCLUDE_DEPTH_MAX`]: crate::model::limits::ZONE_INCLUDE_DEPTH_MAX
//! [`GENERATE_STEPS_MAX`]: crate::model::limits::GENERATE_STEPS_MAX
//! [`ZONE_CHAIN_MAX`]: crate::model::limits::ZONE_CHAIN_MAX

mod source;

mod lexer;

mod word;

mod layout;

mod field;

mod location;

mod parameters;

mod bare;

mod proof;

mod show;

mod reader;

mod generate;

mod draft;

mod check;

mod tree;

mod set;

mod lookup;

mod zones;

pub use self::lookup::{End, Found, Glue, Referral, StaticZone, Step};
pub use self::set::Set;
pub use self::show::{show_data, type_code, type_word};
pub use self::source::{File, Files, NoFiles};
pub use self::word::spell_name;
pub use self::zones::Zones;

use hickory_proto::rr::Name;

use self::check::Findings;
use self::lexer::Word;
use self::reader::Reader;
use self::source::Notes;
use crate::model::fault::Fault;

/// A zone that was read.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The zone.
    pub zone: StaticZone,
    /// What is odd about it, in the order of the files.
    pub warnings: Vec<Fault>,
}

/// A zone that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong with it, in the order of the files; never nothing.
    pub faults: Vec<Fault>,
    /// What is odd about it.
    pub warnings: Vec<Fault>,
}

/// Reads a zone from the bytes of a master file (RFC 1035 §5).
///
/// `name` is what faults call the file and what [`Files::read`] is told that an `$INCLUDE` stands in;
/// `origin` holds until the first `$ORIGIN`. The zone's apex is the owner of its SOA.
///
/// # Errors
/// [`Refused`] with all that is wrong.
pub fn parse(
    name: &str,
    bytes: &[u8],
    origin: Option<&Name>,
    files: &mut dyn Files,
) -> Result<Parsed, Refused> {
    let mut reader = Reader::new(files);
    reader.read(name, bytes, origin.cloned());
    let Reader { texts, faults, draft, .. } = reader;
    let findings = Findings { faults, warnings: Notes::default() };
    let (zone, findings) = check::finish(draft, findings);
    let warnings = texts.resolve(&findings.warnings);
    match zone {
        Some(zone) => Ok(Parsed { zone, warnings }),
        None => Err(Refused { faults: texts.resolve(&findings.faults), warnings }),
    }
}

/// The zone that a text names, as `example.test`: absolute, also without a dot at its end.
#[must_use]
pub fn zone_name(text: &str) -> Option<Name> {
    word::name(Word { at: 0, raw: text, is_quoted: true }, Some(&Name::root())).ok()
}

#[cfg(test)]
pub(crate) mod tests;
