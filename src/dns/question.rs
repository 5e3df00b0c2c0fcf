//! bytes → Question: what was asked, or why it cannot be answered.
//!
//! Query bytes are walked by hand: a query's only name is its first, so that no compression pointer has a
//! place to point at, and nothing here allocates but the name.

use hickory_proto::op::{OpCode, ResponseCode};
use hickory_proto::rr::{Name, RecordType};

use crate::dns::{Incoming, Transport};

/// What the header of every answer repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The client's number for the query.
    pub(super) id: u16,
    /// What kind of message it is.
    pub(super) opcode: OpCode,
    /// Whether the client wants us to ask others (RD).
    pub(super) recursion_desired: bool,
}

/// The question section.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The name, spelled as the client did.
    pub(super) name: Name,
    /// The type of record.
    pub(super) kind: RecordType,
    /// The class; IN, or ANY which is taken for it.
    pub(super) class: u16,
}

/// What the client's OPT record says (RFC 6891 §6.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edns {
    /// Bytes that the client can receive in one datagram.
    pub(super) udp_size: u16,
    /// Whether it wants DNSSEC records (DO).
    pub(super) dnssec_ok: bool,
}

/// A query that can be answered.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// What the header repeats.
    pub(super) head: Head,
    /// What is asked.
    pub(super) asked: Asked,
    /// What the client's OPT record says, if it sent one.
    pub(super) edns: Option<Edns>,
}

/// A query that gets nothing but a code.
#[derive(Clone, Debug)]
pub(super) struct BadQuery {
    /// What the header repeats.
    pub(super) head: Head,
    /// The question, where it could be read.
    pub(super) asked: Option<Asked>,
    /// The OPT record, where there was one.
    pub(super) edns: Option<Edns>,
    /// The code.
    pub(super) rcode: ResponseCode,
}

/// Why there is no Question.
#[derive(Clone, Debug)]
pub(super) enum Unanswered {
    /// Nothing may be sent back.
    Ignored,
    /// Only a code is sent back.
    Bad(Box<BadQuery>),
}

/// Reads a query.
pub(super) fn read(incoming: &Incoming<'_>) -> Result<Question, Unanswered> {
    let mut reader = Reader { bytes: incoming.bytes, at: 0 };
    let (head, counts) = read_head(&mut reader).ok_or(Unanswered::Ignored)?;
    // Nobody listens on port 0; a datagram that claims it was forged.
    if incoming.transport == Transport::Udp && incoming.source.port() == 0 {
        return Err(Unanswered::Ignored);
    }
    let bad = |asked: Option<Asked>, edns: Option<Edns>, rcode: ResponseCode| {
        Unanswered::Bad(Box::new(BadQuery { head, asked, edns, rcode }))
    };
    if head.opcode != OpCode::Query {
        // RFC 8906 §8.1.4: NOTIMP, and nothing but the header, since the rest may have another shape.
        return Err(bad(None, None, ResponseCode::NotImp));
    }
    // RFC 9619 §4: exactly one question.
    if counts.questions != 1 {
        return Err(bad(None, None, ResponseCode::FormErr));
    }
    let Some(asked) = read_asked(&mut reader) else {
        return Err(bad(None, None, ResponseCode::FormErr));
    };
    let (opt, body) = read_records(&mut reader, counts);
    let edns = opt.as_ref().map(|opt| opt.edns);
    if body == Body::Malformed {
        return Err(bad(Some(asked), edns, ResponseCode::FormErr));
    }
    // RFC 6891 §6.1.3.
    if opt.is_some_and(|opt| opt.version != 0) {
        return Err(bad(Some(asked), edns, ResponseCode::BADVERS));
    }
    if !matches!(asked.class, CLASS_IN | CLASS_ANY) {
        return Err(bad(Some(asked), edns, ResponseCode::Refused));
    }
    if matches!(asked.kind, RecordType::AXFR | RecordType::IXFR) {
        // There is no zone to transfer, as in Consul.
        return Err(bad(Some(asked), edns, ResponseCode::NotImp));
    }
    if asked.kind == RecordType::OPT {
        // RFC 6891 §6.1.1: a part of messages, not data that could be asked for.
        return Err(bad(Some(asked), edns, ResponseCode::FormErr));
    }
    Ok(Question { head, asked, edns })
}

/// How many entries each section says that it has.
#[derive(Clone, Copy)]
struct Counts {
    /// QDCOUNT.
    questions: u16,
    /// ANCOUNT and NSCOUNT together: nothing is read from these sections.
    others: u32,
    /// ARCOUNT.
    additionals: u16,
}

/// Reads the header; nothing if it is no query's.
fn read_head(reader: &mut Reader<'_>) -> Option<(Head, Counts)> {
    let id = reader.u16()?;
    let flags = reader.u16()?;
    let questions = reader.u16()?;
    let others = u32::from(reader.u16()?) + u32::from(reader.u16()?);
    let additionals = reader.u16()?;
    // An answer to an answer could be answered for ever.
    if flags & FLAG_QR != 0 {
        return None;
    }
    let opcode = OpCode::from_u8(u8::try_from(flags >> 11 & 0xF).unwrap_or_default());
    let recursion_desired = opcode == OpCode::Query && flags & FLAG_RD != 0;
    Some((Head { id, opcode, recursion_desired }, Counts { questions, others, additionals }))
}

fn read_asked(reader: &mut Reader<'_>) -> Option<Asked> {
    let mut labels: Vec<&[u8]> = Vec::with_capacity(8);
    let mut name_bytes: usize = 1;
    loop {
        let length = usize::from(reader.u8()?);
        if length == 0 {
            break;
        }
        name_bytes += 1 + length;
        // A pointer has its two highest bits set, and the first name can point only into the header.
        if LABEL_BYTES_MAX < length || NAME_BYTES_MAX < name_bytes {
            return None;
        }
        labels.push(reader.take(length)?);
    }
    let mut name = Name::from_labels(labels).ok()?;
    name.set_fqdn(true);
    Some(Asked { name, kind: RecordType::from(reader.u16()?), class: reader.u16()? })
}

/// An OPT record.
#[derive(Clone, Copy)]
struct Opt {
    /// The version of EDNS that the client speaks.
    version: u8,
    /// What we take from it.
    edns: Edns,
}

/// Whether the sections behind the question can be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    /// Yes, to the last byte.
    Whole,
    /// No.
    Malformed,
}

/// Reads the sections behind the question; the OPT record is found even where a later one is broken.
fn read_records(reader: &mut Reader<'_>, counts: Counts) -> (Option<Opt>, Body) {
    let mut opt = None;
    for _ in 0..counts.others {
        let Some(record) = read_record(reader) else { return (opt, Body::Malformed) };
        if record.kind == RecordType::OPT {
            return (opt, Body::Malformed);
        }
    }
    let mut is_signed = false;
    let mut is_in_order = true;
    for _ in 0..counts.additionals {
        let Some(record) = read_record(reader) else { return (opt, Body::Malformed) };
        // RFC 8945 §5.1: a signature that is not the last record makes the message malformed.
        is_in_order &= !is_signed;
        is_signed |= record.kind == RecordType::TSIG;
        if record.kind != RecordType::OPT {
            continue;
        }
        let found = Opt {
            version: u8::try_from(record.ttl >> 16 & 0xFF).unwrap_or_default(),
            edns: Edns { udp_size: record.class, dnssec_ok: record.ttl & EDNS_FLAG_DO != 0 },
        };
        // RFC 6891 §6.1.1: at most one; §6.1.2: its owner is the root.
        let is_first = opt.is_none();
        opt.get_or_insert(found);
        if !is_first || record.owner == Owner::Other || !is_options(record.data) {
            return (opt, Body::Malformed);
        }
    }
    let is_whole = is_in_order && reader.at == reader.bytes.len();
    (opt, if is_whole { Body::Whole } else { Body::Malformed })
}

/// Whom a record is about, as far as an OPT record's rules want to know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The root.
    Root,
    /// Any other name.
    Other,
}

/// A record of a query, unread but for its frame.
struct RawRecord<'a> {
    /// Whom it is about.
    owner: Owner,
    /// Its type.
    kind: RecordType,
    /// Its class; in an OPT record the size.
    class: u16,
    /// Its TTL; in an OPT record version and flags.
    ttl: u32,
    /// What it says.
    data: &'a [u8],
}

fn read_record<'a>(reader: &mut Reader<'a>) -> Option<RawRecord<'a>> {
    let mut owner = Owner::Root;
    loop {
        let length = reader.u8()?;
        if length == 0 {
            break;
        }
        owner = Owner::Other;
        if POINTER <= length {
            // Not followed: nobody needs the name, and chains of pointers would cost time.
            reader.u8()?;
            break;
        }
        if LABEL_BYTES_MAX < usize::from(length) {
            return None;
        }
        reader.take(usize::from(length))?;
    }
    let kind = RecordType::from(reader.u16()?);
    let class = reader.u16()?;
    let ttl = u32::from(reader.u16()?) << 16 | u32::from(reader.u16()?);
    let length = reader.u16()?;
    Some(RawRecord { owner, kind, class, ttl, data: reader.take(usize::from(length))? })
}

/// Whether an OPT record's data is a list of options and nothing else (RFC 6891 §6.1.2).
fn is_options(data: &[u8]) -> bool {
    let mut reader = Reader { bytes: data, at: 0 };
    while reader.at < data.len() {
        let length = reader.u16().and_then(|_code| reader.u16());
        if length.and_then(|length| reader.take(usize::from(length))).is_none() {
            return false;
        }
    }
    true
}

/// A place in a message.
struct Reader<'a> {
    /// The message.
    bytes: &'a [u8],
    /// What was read of it, in bytes.
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }
}

/// The Internet.
pub(super) const CLASS_IN: u16 = 1;

/// Any class; we hold only one.
const CLASS_ANY: u16 = 255;

/// The bit that tells answers from queries.
const FLAG_QR: u16 = 0x8000;

/// The bit that asks for recursion.
const FLAG_RD: u16 = 0x0100;

/// The bit that asks for DNSSEC records (RFC 3225 §3).
const EDNS_FLAG_DO: u32 = 0x8000;

/// Longest label, in bytes (RFC 1035 §2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// Longest name on the wire, in bytes (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 255;

/// The first byte of a compression pointer is at least this (RFC 1035 §4.1.4).
const POINTER: u8 = 0xC0;
