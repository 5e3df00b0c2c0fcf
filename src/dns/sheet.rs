//! Answer → Sheet: records as bytes that can be copied into any message that asks the same.
//!
//! A record's place in a message is not known here: which records are told, and in which order, is decided
//! for each message anew. So names point at the question and at nothing else, since that stands in the same
//! place of each message; where the records' order is fixed, they point at each other too. How the client
//! spelled the question does not matter to the bytes, and one Sheet serves all spellings.

use hickory_proto::ProtoError;
use hickory_proto::op::ResponseCode;

use crate::dns::answer::{Answer, Order};
use crate::dns::pen::Pen;
use crate::dns::question::Asked;
use crate::dns::reason::Why;
use crate::dns::record::{Data, Help, Offer};

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
    /// Whether clients at other addresses are told otherwise.
    pub(super) is_for_client: bool,
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
    let answers = lines(&mut pen, &answer.answers)?;
    let authorities = lines(&mut pen, &answer.authorities)?;
    let targets = targets(answer, &answers);
    // What follows may be left out, so that nothing may point into it.
    pen.is_known_grown = false;
    let mut sets = Vec::with_capacity(answer.sets.len());
    let mut set_lines = Vec::with_capacity(answer.sets.len());
    for (number, set) in answer.sets.iter().enumerate() {
        let start = index(set_lines.len())?;
        let target = targets.get(number).copied().flatten();
        for (ttl, data) in &set.records {
            let owner = match target {
                Some(target) => target,
                None => span(&mut pen, |pen| pen.owner(&set.owner))?,
            };
            let body = span(&mut pen, |pen| pen.body(*ttl, data).map(drop))?;
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
        is_for_client: answer.is_for_client,
        order: answer.order,
        told_max: answer.told_max,
        why: answer.why,
        answers: Lines::of(answers),
        bytes: pen.bytes.into(),
        rest: has_rest.then(|| Box::new(rest)),
    })
}

/// Where the owner of each set stands already: as what a location points at, in full.
fn targets(answer: &Answer, lines: &[Line]) -> Vec<Option<Span>> {
    let mut targets = vec![None; answer.sets.len()];
    for (offer, line) in answer.answers.iter().zip(lines) {
        let (Data::Location { .. }, Some(help)) = (&offer.record.data, offer.addresses) else {
            continue;
        };
        if let Some(target) = targets.get_mut(help.set).filter(|_| help.is_about_target) {
            let start = line.span.start + u32::from(line.target_at);
            *target = Some(Span { start, end: line.span.end });
        }
    }
    targets
}

/// Writes the records of a section.
fn lines(pen: &mut Pen<'_>, offers: &[Offer]) -> Result<Vec<Line>, ProtoError> {
    let mut lines = Vec::with_capacity(offers.len());
    for offer in offers {
        let mut target_at = 0;
        let span = span(pen, |pen| {
            target_at = pen.record(&offer.record)?;
            Ok(())
        })?;
        lines.push(Line { span, target_at, addresses: offer.addresses, texts: offer.texts });
    }
    Ok(lines)
}

/// Writes something, and says where it stands.
fn span<'a>(
    pen: &mut Pen<'a>,
    write: impl FnOnce(&mut Pen<'a>) -> Result<(), ProtoError>,
) -> Result<Span, ProtoError> {
    let start = index(pen.bytes.len())?;
    write(pen)?;
    Ok(Span { start, end: index(pen.bytes.len())? })
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

fn index(number: usize) -> Result<u32, ProtoError> {
    u32::try_from(number).map_err(|_| ProtoError::Message("too many records"))
}

/// Room that most records need: a location with its name takes some 40 bytes.
const LINE_BYTES_USUAL: usize = 48;
