//! Answer → Sheet: records as bytes that can be copied into any message that asks the same.
//!
//! A record's place in a message is not known here: which records are told, and in which order, is decided
//! for each message anew. So names point at the question and at nothing else, since that stands in the same
//! place of each message; where the records' order is fixed, they point at each other too. How the client
//! spelled the question does not matter to the bytes, and one Sheet serves all spellings.

use hickory_proto::ProtoError;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

use crate::dns::answer::{Answer, Order};
use crate::dns::qname::{QName, Wire};
use crate::dns::question::{Asked, CLASS_CHAOS, CLASS_IN};
use crate::dns::reason::Why;
use crate::dns::record::{Help, Offer, Owner, Rr};
use crate::model::number::Ttl;

/// An Answer in bytes. What most answers lack is kept apart, so that one that is kept takes little room and is
/// found in few places of it.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    /// The code.
    pub(super) rcode: ResponseCode,
    /// Whether we are the authority for it (AA).
    pub(super) is_authoritative: bool,
    /// Whether it is told from the catalog, and so as old as that.
    pub(super) is_from_catalog: bool,
    /// Whether names may point at names.
    pub(super) is_compressed: bool,
    /// In which order answers are told.
    pub(super) order: Order,
    /// How many answers are told at most, and nobody is told that there are more.
    pub(super) told_max: usize,
    /// Why it is so, for people.
    pub(super) why: Option<Why>,
    /// The answer section.
    answers: Lines,
    /// What all spans point into.
    bytes: Box<[u8]>,
    /// The other sections, where there are any.
    rest: Option<Box<Rest>>,
}

/// An answer section.
#[derive(Clone, Debug)]
enum Lines {
    /// Records of one length that need no help, one behind the other: addresses.
    Even {
        /// How many.
        count: usize,
        /// How long each is, in bytes.
        length: usize,
    },
    /// Any records.
    Listed(Box<[Line]>),
}

/// Authority and additional section.
#[derive(Clone, Debug)]
struct Rest {
    /// The authority section.
    authorities: Box<[Line]>,
    /// Sets that are told whatever else is.
    additionals: Vec<usize>,
    /// Whether these have to be told.
    is_glue_required: bool,
    /// Additional records, each set a range of `set_lines`.
    sets: Vec<(u32, u32)>,
    /// Records of all sets.
    set_lines: Vec<SetLine>,
}

/// A record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Its bytes.
    span: Span,
    /// Where in them the name stands that it points at; 0 if there is none.
    pub(super) target_at: u16,
    /// Addresses of what it points at.
    pub(super) addresses: Option<Help>,
    /// Texts about the machine behind it.
    pub(super) texts: Option<Help>,
}

/// An additional record.
#[derive(Clone, Copy, Debug)]
struct SetLine {
    /// Its owner.
    owner: Span,
    /// All behind the owner.
    body: Span,
}

/// A part of a Sheet's bytes.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// Where it begins.
    start: u32,
    /// Where it ends.
    end: u32,
}

impl Span {
    fn length(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }
}

/// Writes the records of an Answer.
///
/// # Errors
/// Data that DNS cannot write: a record of more than 65,535 bytes.
pub(super) fn write(
    answer: &Answer,
    asked: Option<&Asked<'_>>,
    is_compressed: bool,
) -> Result<Sheet, ProtoError> {
    let mut pen = Pen::new(asked, is_compressed, answer.order);
    pen.bytes.reserve((answer.answers.len() + answer.sets.len()) * LINE_BYTES_USUAL);
    let answers = pen.lines(&answer.answers)?;
    let authorities = pen.lines(&answer.authorities)?;
    // What follows may be left out, so that nothing may point into it.
    pen.is_known_grown = false;
    let mut sets = Vec::with_capacity(answer.sets.len());
    let mut set_lines = Vec::with_capacity(answer.sets.len());
    for set in &answer.sets {
        let start = index(set_lines.len())?;
        for (ttl, data) in &set.records {
            let owner = pen.span(|pen| pen.owner(&set.owner))?;
            let body = pen.span(|pen| pen.body(*ttl, data).map(drop))?;
            set_lines.push(SetLine { owner, body });
        }
        sets.push((start, index(set_lines.len())?));
    }
    let rest = Rest {
        authorities: authorities.into(),
        additionals: answer.additionals.clone(),
        is_glue_required: answer.is_glue_required,
        sets,
        set_lines,
    };
    let has_rest = !rest.authorities.is_empty() || !rest.sets.is_empty();
    Ok(Sheet {
        rcode: answer.rcode,
        is_authoritative: answer.is_authoritative,
        is_from_catalog: answer.is_from_catalog,
        is_compressed,
        order: answer.order,
        told_max: answer.told_max,
        why: answer.why,
        answers: Lines::of(answers),
        bytes: pen.bytes.into(),
        rest: has_rest.then(|| Box::new(rest)),
    })
}

impl Lines {
    fn of(lines: Vec<Line>) -> Self {
        let length = lines.first().map_or(0, |line| line.span.length());
        let is_even = |(number, line): (usize, &Line)| {
            let start = number.checked_mul(length);
            start == Some(line.span.start as usize)
                && line.span.length() == length
                && line.addresses.is_none()
                && line.texts.is_none()
        };
        if lines.iter().enumerate().all(is_even) {
            return Self::Even { count: lines.len(), length };
        }
        Self::Listed(lines.into())
    }
}

impl Sheet {
    /// How many answers there are.
    pub(super) fn answer_count(&self) -> usize {
        match &self.answers {
            Lines::Even { count, .. } => *count,
            Lines::Listed(lines) => lines.len(),
        }
    }

    /// An answer's bytes, and what helps with it if anything does.
    pub(super) fn answer(&self, number: usize) -> Option<(&[u8], Option<&Line>)> {
        match &self.answers {
            Lines::Even { length, .. } => {
                let start = number * length;
                Some((self.bytes.get(start..start + length)?, None))
            }
            Lines::Listed(lines) => {
                let line = lines.get(number)?;
                Some((self.bytes(line.span), Some(line)))
            }
        }
    }

    /// The records of the authority section.
    pub(super) fn authorities(&self) -> &[Line] {
        self.rest.as_ref().map(|rest| &*rest.authorities).unwrap_or_default()
    }

    /// Sets that are told whatever else is, and whether they have to be.
    pub(super) fn additionals(&self) -> (&[usize], bool) {
        let rest = self.rest.as_ref().map(|rest| (&*rest.additionals, rest.is_glue_required));
        rest.unwrap_or_default()
    }

    /// The bytes of a record.
    pub(super) fn line(&self, line: &Line) -> &[u8] {
        self.bytes(line.span)
    }

    /// The records of a set: owner, and all behind it.
    pub(super) fn set(&self, number: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
        let lines = self.rest.as_ref().and_then(|rest| {
            let (start, end) = *rest.sets.get(number)?;
            rest.set_lines.get(start as usize..end as usize)
        });
        let lines = lines.unwrap_or_default().iter();
        lines.map(|line| (self.bytes(line.owner), self.bytes(line.body)))
    }

    /// How many sets there are.
    pub(super) fn set_count(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| rest.sets.len())
    }

    /// Roughly what it occupies, in bytes.
    pub(super) fn weight(&self) -> usize {
        let answers = match &self.answers {
            Lines::Even { .. } => 0,
            Lines::Listed(lines) => lines.len(),
        };
        let rest = self.rest.as_ref().map_or(0, |rest| {
            size_of::<Rest>()
                + rest.authorities.len() * size_of::<Line>()
                + rest.additionals.capacity() * size_of::<usize>()
                + rest.sets.capacity() * size_of::<(u32, u32)>()
                + rest.set_lines.capacity() * size_of::<SetLine>()
        });
        size_of::<Self>() + self.bytes.len() + answers * size_of::<Line>() + rest
    }

    fn bytes(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default()
    }
}

/// Writes records one behind the other.
struct Pen<'a> {
    /// What was written.
    bytes: Vec<u8>,
    /// The class of all records.
    class: u16,
    /// The question's name, unless there is none or names are written in full.
    question: Option<&'a QName<'a>>,
    /// The question's name, for owners that are written in full.
    asked: Option<&'a QName<'a>>,
    /// Names that stand in the message before, folded, and where. Only where the order is fixed.
    known: Vec<(Vec<u8>, u16)>,
    /// Whether what is written may be pointed at.
    is_known_grown: bool,
    /// Where in the message the first byte will stand, if the order is fixed.
    base: usize,
}

impl<'a> Pen<'a> {
    fn new(asked: Option<&'a Asked<'a>>, is_compressed: bool, order: Order) -> Self {
        let name = asked.map(|asked| &asked.name);
        Self {
            bytes: Vec::new(),
            class: match asked {
                Some(asked) if asked.class == CLASS_CHAOS => CLASS_CHAOS,
                Some(_) | None => CLASS_IN,
            },
            question: name.filter(|_| is_compressed),
            asked: name,
            known: Vec::new(),
            is_known_grown: is_compressed && order == Order::Fixed,
            base: HEADER_BYTES + name.map_or(0, |name| name.spelled().len() + QUESTION_TAIL_BYTES),
        }
    }

    fn span(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), ProtoError>,
    ) -> Result<Span, ProtoError> {
        let start = index(self.bytes.len())?;
        write(self)?;
        Ok(Span { start, end: index(self.bytes.len())? })
    }

    fn lines(&mut self, offers: &[Offer]) -> Result<Vec<Line>, ProtoError> {
        let mut lines = Vec::with_capacity(offers.len());
        for offer in offers {
            let mut target_at = 0;
            let span = self.span(|pen| {
                target_at = pen.record(&offer.record)?;
                Ok(())
            })?;
            lines.push(Line { span, target_at, addresses: offer.addresses, texts: offer.texts });
        }
        Ok(lines)
    }

    /// Writes a record; says where in it the name stands that it points at.
    fn record(&mut self, record: &Rr) -> Result<u16, ProtoError> {
        let start = self.bytes.len();
        self.owner(&record.owner)?;
        let target_at = self.body(record.ttl, &record.data)?;
        Ok(target_at.map_or(0, |at| u16::try_from(at - start).unwrap_or_default()))
    }

    fn owner(&mut self, owner: &Owner) -> Result<(), ProtoError> {
        match owner {
            Owner::Question => {
                let labels = self.asked.map_or(0, QName::label_count);
                self.suffix(labels)
            }
            Owner::Suffix(labels) => self.suffix(*labels),
            Owner::Named(name) => {
                self.name(name);
                Ok(())
            }
        }
    }

    /// Writes the last labels of the question's name.
    fn suffix(&mut self, labels: usize) -> Result<(), ProtoError> {
        let Some(asked) = self.asked else { return Err(ProtoError::Message("no question")) };
        let at = asked.suffix_at(labels);
        if self.question.is_some() && 0 < labels {
            self.pointer(HEADER_BYTES + at);
        } else {
            self.bytes.extend_from_slice(asked.spelled().get(at..).unwrap_or_default());
        }
        Ok(())
    }

    fn pointer(&mut self, at: usize) {
        let at = u16::try_from(at).unwrap_or_default();
        self.bytes.extend_from_slice(&(POINTER | at).to_be_bytes());
    }

    /// Writes type, class, TTL and data; says where the name in the data stands that the record points at.
    fn body(&mut self, ttl: Ttl, data: &RData) -> Result<Option<usize>, ProtoError> {
        self.u16(data.record_type().into());
        self.u16(self.class);
        self.bytes.extend_from_slice(&ttl.0.to_be_bytes());
        let length_at = self.bytes.len();
        self.u16(0);
        let target_at = self.data(data)?;
        let bytes = self.bytes.len() - length_at - 2;
        let length = u16::try_from(bytes).map_err(|_| ProtoError::Message("too long a record"))?;
        if let Some(place) = self.bytes.get_mut(length_at..length_at + 2) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        Ok(target_at)
    }

    fn data(&mut self, data: &RData) -> Result<Option<usize>, ProtoError> {
        let mut target_at = None;
        match data {
            RData::A(a) => self.bytes.extend_from_slice(&a.0.octets()),
            RData::AAAA(aaaa) => self.bytes.extend_from_slice(&aaaa.0.octets()),
            RData::CNAME(name) => target_at = Some(self.name(&name.0)),
            RData::NS(name) => target_at = Some(self.name(&name.0)),
            RData::PTR(name) => target_at = Some(self.name(&name.0)),
            RData::MX(mx) => {
                self.u16(mx.preference);
                target_at = Some(self.name(&mx.exchange));
            }
            RData::SRV(srv) => {
                for number in [srv.priority, srv.weight, srv.port] {
                    self.u16(number);
                }
                target_at = Some(self.bytes.len());
                // RFC 2782: the target is not compressed.
                let wire = Wire::of(&srv.target);
                self.bytes.extend_from_slice(wire.folded());
            }
            RData::SOA(soa) => {
                self.name(&soa.mname);
                self.name(&soa.rname);
                self.bytes.extend_from_slice(&soa.serial.to_be_bytes());
                for seconds in [soa.refresh, soa.retry, soa.expire] {
                    self.bytes.extend_from_slice(&seconds.to_be_bytes());
                }
                self.bytes.extend_from_slice(&soa.minimum.to_be_bytes());
            }
            // RFC 3597 §4: names in data of later types are not compressed.
            other => {
                let mut bytes = Vec::new();
                let mut encoder = BinEncoder::new(&mut bytes);
                encoder.set_name_encoding(NameEncoding::Uncompressed);
                other.emit(&mut encoder)?;
                drop(encoder);
                self.bytes.extend_from_slice(&bytes);
            }
        }
        Ok(target_at)
    }

    /// Writes a name, as much of it as possible by pointing; says where it stands.
    fn name(&mut self, name: &Name) -> usize {
        let at = self.bytes.len();
        let wire = Wire::of(name);
        let mut written = 0;
        for label in name {
            if let Some(pointer) = self.find(wire.folded().get(written..).unwrap_or_default()) {
                self.learn(wire.folded(), written, at);
                self.pointer(pointer);
                return at;
            }
            self.bytes.push(u8::try_from(label.len()).unwrap_or_default());
            self.bytes.extend_from_slice(label);
            written += 1 + label.len();
        }
        self.learn(wire.folded(), written, at);
        self.bytes.push(0);
        at
    }

    /// Where a folded name stands in the message already.
    fn find(&self, folded: &[u8]) -> Option<usize> {
        let question = self.question?;
        if question.ends_with(folded) {
            return Some(HEADER_BYTES + question.folded().len() - folded.len());
        }
        let known = self.known.iter().find(|(known, _)| known == folded);
        known.map(|(_, at)| usize::from(*at))
    }

    /// Remembers the names that begin with each of the labels that were just written in full.
    fn learn(&mut self, folded: &[u8], written: usize, at: usize) {
        let mut skipped = 0;
        while self.is_known_grown && skipped < written && self.known.len() < NAMES_KNOWN_MAX {
            let place = self.base + at + skipped;
            let Some(rest) = folded.get(skipped..).filter(|_| place <= POINTED_MAX) else { return };
            self.known.push((rest.to_vec(), u16::try_from(place).unwrap_or_default()));
            skipped += 1 + rest.first().copied().map_or(0, usize::from);
        }
    }

    fn u16(&mut self, number: u16) {
        self.bytes.extend_from_slice(&number.to_be_bytes());
    }
}

fn index(number: usize) -> Result<u32, ProtoError> {
    u32::try_from(number).map_err(|_| ProtoError::Message("too many records"))
}

/// Room that most records need: a location with its name takes some 40 bytes.
const LINE_BYTES_USUAL: usize = 48;

/// The header of a message (RFC 1035 §4.1.1).
pub(super) const HEADER_BYTES: usize = 12;

/// Type and class behind the question's name.
const QUESTION_TAIL_BYTES: usize = 4;

/// The two bits that make a pointer (RFC 1035 §4.1.4).
pub(super) const POINTER: u16 = 0xC000;

/// The farthest place that a pointer reaches.
pub(super) const POINTED_MAX: usize = 0x3FFF;

/// Names that later ones may point at; more would make long answers slow to write.
const NAMES_KNOWN_MAX: usize = 64;
