//! Sheet → bytes ≤ budget: what is told and what is left out, and whether that is said.
//!
//! Order of sacrifice: additional texts, additional addresses, then answers from the last. Additional
//! records vanish silently (RFC 2181 §9: only required data sets TC), a whole set at a time; answers set
//! TC. Room for the OPT record is kept free from the start, so that it is never lost (RFC 6891 §7).
//!
//! Nothing is allocated once the [`Scratch`] has grown: a message is made of copies.

use hickory_proto::op::ResponseCode;

use crate::dns::answer::Order;
use crate::dns::opt;
use crate::dns::pen::{HEADER_BYTES, POINTED_MAX, POINTER};
use crate::dns::question::{Asked, Edns, Head};
use crate::dns::reason::Why;
use crate::dns::record::Help;
use crate::dns::sheet::{Line, Sheet};
use crate::dns::{Incoming, Known, Said, Transport};
use crate::model::dns_config::STALE_AGE_MIN;
use crate::model::limits::{TCP_ANSWER_RECORDS_MAX, UDP_ANSWER_BYTES_MAX, UDP_ANSWER_BYTES_PLAIN};

/// What an answer repeats of its query, and whom it is for.
pub(super) struct Envelope<'a> {
    /// The header's part.
    pub(super) head: Head,
    /// The question.
    pub(super) asked: Option<&'a Asked<'a>>,
    /// The client's OPT record, if it sent one.
    pub(super) edns: Option<&'a Edns<'a>>,
    /// The query.
    pub(super) incoming: &'a Incoming<'a>,
    /// What answers are made of.
    pub(super) known: &'a Known<'a>,
}

impl Envelope<'_> {
    /// What there is to say of the age of what is told.
    pub(super) fn age_why(&self, is_from_catalog: bool) -> Option<Why> {
        let age = self.known.age;
        (is_from_catalog && STALE_AGE_MIN <= age).then_some(Why::Stale(age))
    }

    /// What there is to count of a message that was made anew.
    pub(super) fn said(&self, sheet: &Sheet, is_truncated: bool) -> Said {
        Said {
            kind: self.asked.map(|asked| asked.kind),
            rcode: sheet.rcode,
            is_truncated,
            is_cached: false,
            is_stale: self.age_why(sheet.is_from_catalog).is_some(),
            unhealthy: sheet.why.and_then(Why::unhealthy),
        }
    }
}

/// Room that each message needs while it is made, kept for the next one.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Answers by number, those that are told first.
    order: Vec<u32>,
    /// Answers that were written, and where.
    written: Vec<(Line, usize)>,
    /// Which sets were dealt with, a bit each.
    sets_seen: Vec<u64>,
    /// The OPT record.
    opt: Vec<u8>,
}

/// Writes the message; says whether it lacks answers (TC).
pub(super) fn fit(
    envelope: &Envelope<'_>,
    sheet: &Sheet,
    scratch: &mut Scratch,
    rng: &mut fastrand::Rng,
    out: &mut Vec<u8>,
) -> bool {
    let budget = Budget::new(envelope);
    scratch.opt.clear();
    opt::write(envelope, sheet, &mut scratch.opt);
    let bytes_max = budget.bytes.saturating_sub(scratch.opt.len());
    out.clear();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    if let Some(asked) = envelope.asked {
        out.extend_from_slice(asked.name.spelled());
        out.extend_from_slice(&u16::from(asked.kind).to_be_bytes());
        out.extend_from_slice(&asked.class.to_be_bytes());
    }
    let mut page = Page { out, bytes_max, sheet };
    scratch.written.clear();
    let wanted = sheet.answer_count().min(sheet.told_max);
    let told = wanted.min(budget.records);
    let answers = page.answers(told, scratch, rng);
    let mut is_cut = answers < wanted;
    let mut authorities = 0;
    let mut additionals = 0;
    // Where the order is fixed, what follows may point at what is missing.
    let may_follow = !is_cut || sheet.order != Order::Fixed;
    if may_follow {
        authorities = page.authorities(scratch);
        is_cut |= authorities < sheet.authorities().len() && answers == 0;
    }
    if may_follow && authorities == sheet.authorities().len() && 0 < sheet.set_count() {
        additionals += page.sets(scratch, |line| line.addresses);
        additionals += page.sets(scratch, |line| line.texts);
        let (others, is_required) = sheet.additionals();
        let (count, is_whole) = page.others(others);
        additionals += count;
        is_cut |= is_required && !is_whole;
    }
    if !scratch.opt.is_empty() {
        page.out.extend_from_slice(&scratch.opt);
        additionals += 1;
    }
    let is_cut = is_cut && envelope.known.config.settings.enable_truncate;
    let questions = usize::from(envelope.asked.is_some());
    let counts = [questions, answers, authorities, additionals];
    write_header(envelope, sheet, is_cut, counts, out);
    is_cut
}

/// What may be sent.
pub(super) struct Budget {
    /// The whole message.
    pub(super) bytes: usize,
    /// Records in the answer section.
    pub(super) records: usize,
}

impl Budget {
    pub(super) fn new(envelope: &Envelope<'_>) -> Self {
        let plain = UDP_ANSWER_BYTES_PLAIN;
        match envelope.incoming.transport {
            Transport::Tcp => {
                Self { bytes: usize::from(u16::MAX), records: TCP_ANSWER_RECORDS_MAX }
            }
            // RFC 6891 §6.2.3: less than 512 is taken for 512.
            Transport::Udp => match envelope.edns.map_or(plain, |edns| edns.udp_size.max(plain)) {
                // Consul's limit, for clients that know nothing newer.
                size if size <= plain => Self {
                    bytes: usize::from(plain),
                    records: envelope.known.config.settings.udp_answer_limit.clamp(1, 8).into(),
                },
                size => Self { bytes: size.min(UDP_ANSWER_BYTES_MAX).into(), records: usize::MAX },
            },
        }
    }
}

/// A message that is being written.
struct Page<'a> {
    /// Where to.
    out: &'a mut Vec<u8>,
    /// How long it may become.
    bytes_max: usize,
    /// What from.
    sheet: &'a Sheet,
}

impl Page<'_> {
    /// Appends bytes, unless they do not fit; says where they stand.
    fn push(&mut self, bytes: &[u8]) -> Option<usize> {
        let at = self.out.len();
        if self.bytes_max < at + bytes.len() {
            return None;
        }
        self.out.extend_from_slice(bytes);
        Some(at)
    }

    /// Writes so many answers, or as many as fit.
    fn answers(&mut self, told: usize, scratch: &mut Scratch, rng: &mut fastrand::Rng) -> usize {
        let sheet = self.sheet;
        let is_shuffled = sheet.order == Order::Shuffled;
        if is_shuffled {
            let count = u32::try_from(sheet.answer_count()).unwrap_or(u32::MAX);
            scratch.order.clear();
            scratch.order.extend(0..count);
        }
        for number in 0..told {
            let chosen = if is_shuffled { draw(&mut scratch.order, number, rng) } else { number };
            let Some((bytes, line)) = sheet.answer(chosen) else { return number };
            let Some(at) = self.push(bytes) else { return number };
            if let Some(line) = line {
                scratch.written.push((*line, at));
            }
        }
        told
    }

    fn authorities(&mut self, scratch: &mut Scratch) -> usize {
        for (number, line) in self.sheet.authorities().iter().enumerate() {
            let Some(at) = self.push(self.sheet.line(line)) else { return number };
            scratch.written.push((*line, at));
        }
        self.sheet.authorities().len()
    }

    /// Writes the sets that help with what was written, each whole if it fits; says how many records.
    fn sets(&mut self, scratch: &mut Scratch, help: fn(&Line) -> Option<Help>) -> usize {
        let mut count = 0;
        let words = self.sheet.set_count().div_ceil(64);
        if words == 0 {
            return 0;
        }
        scratch.sets_seen.clear();
        scratch.sets_seen.resize(words, 0);
        for (line, at) in &scratch.written {
            let Some(help) = help(line) else { continue };
            let Some(word) = scratch.sets_seen.get_mut(help.set / 64) else { continue };
            let bit = 1 << (help.set % 64);
            if *word & bit != 0 {
                continue;
            }
            *word |= bit;
            let target = at + usize::from(line.target_at);
            count += self.set(help, target);
        }
        count
    }

    /// Writes the sets that help with nothing in particular, each whole if it fits; says how many records, and
    /// whether all did.
    fn others(&mut self, sets: &[usize]) -> (usize, bool) {
        let (mut count, mut is_whole) = (0, true);
        for set in sets {
            let written = self.set(Help { set: *set, is_about_target: false }, 0);
            is_whole &= written != 0;
            count += written;
        }
        (count, is_whole)
    }

    /// Writes a set, or nothing of it; says how many records.
    fn set(&mut self, help: Help, target_at: usize) -> usize {
        let start = self.out.len();
        // Names that stand in the message already, as far as a pointer reaches them.
        let is_near = |at: &usize| self.sheet.is_compressed && *at <= POINTED_MAX;
        let mut owner_at = Some(target_at).filter(|at| help.is_about_target && is_near(at));
        let mut count = 0;
        for (owner, body) in self.sheet.set(help.set) {
            let pointer = owner_at.and_then(|at| u16::try_from(at).ok()).map(|at| POINTER | at);
            let written = match pointer {
                Some(pointer) if 2 < owner.len() => self.push(&pointer.to_be_bytes()),
                Some(_) | None => self.push(owner),
            };
            if written.is_none() || self.push(body).is_none() {
                self.out.truncate(start);
                return 0;
            }
            owner_at =
                owner_at.or(written.filter(|at| self.sheet.is_compressed && *at <= POINTED_MAX));
            count += 1;
        }
        count
    }
}

/// The next number of a random order: Fisher and Yates' shuffle, as far as it is looked at.
fn draw(order: &mut [u32], number: usize, rng: &mut fastrand::Rng) -> usize {
    if number + 1 < order.len() {
        let other = rng.usize(number..order.len());
        order.swap(number, other);
    }
    order.get(number).map_or(0, |chosen| *chosen as usize)
}

/// Writes the header. Bits that have no meaning yet stay 0, and AD and CD are clear, since we do not
/// validate (RFC 4035 §3.1.6).
fn write_header(
    envelope: &Envelope<'_>,
    sheet: &Sheet,
    is_cut: bool,
    counts: [usize; 4],
    out: &mut [u8],
) {
    let head = envelope.head;
    let bit = |is_set: bool, bit: u16| if is_set { bit } else { 0 };
    // Other opcodes give flags other meanings (RFC 8906 §8.1.4).
    let is_query = head.opcode == hickory_proto::op::OpCode::Query;
    let flags = FLAG_QR
        | u16::from(u8::from(head.opcode)) << 11
        | bit(sheet.is_authoritative, FLAG_AA)
        | bit(is_cut, FLAG_TC)
        | bit(head.recursion_desired, FLAG_RD)
        | bit(is_query && envelope.known.config.is_recursive, FLAG_RA)
        | u16::from(sheet.rcode) & 0xF;
    let words =
        [head.id, flags].into_iter().chain(counts.map(|n| u16::try_from(n).unwrap_or(u16::MAX)));
    for (place, word) in out.chunks_exact_mut(2).zip(words) {
        place.copy_from_slice(&word.to_be_bytes());
    }
}

/// What is sent where even the code could not be written: SERVFAIL, in twelve bytes.
pub(super) fn header_only(head: Head, out: &mut Vec<u8>) {
    let flags = (FLAG_QR | u16::from(ResponseCode::ServFail)).to_be_bytes();
    out.clear();
    out.extend(head.id.to_be_bytes().into_iter().chain(flags).chain([0; 8]));
}

/// This is an answer.
const FLAG_QR: u16 = 0x8000;

/// We are the authority.
const FLAG_AA: u16 = 0x0400;

/// Answers were left out.
const FLAG_TC: u16 = 0x0200;

/// The client wanted us to ask others.
const FLAG_RD: u16 = 0x0100;

/// We would have.
const FLAG_RA: u16 = 0x0080;
