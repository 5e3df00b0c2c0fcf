//! bytes → Question: what was asked, or why it cannot be answered.
//!
//! Query bytes are walked by hand: a query's only name is its first, so that no compression pointer has a
//! place to point at, and nothing here allocates but the name.

use std::net::IpAddr;

use hickory_proto::op::{OpCode, ResponseCode};
use hickory_proto::rr::RecordType;

use crate::dns::cookie;
use crate::dns::qname::{LABEL_BYTES_MAX, QName};
use crate::dns::subnet::{is_subnet, subnet_address};
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
    /// Whether it wants what does not validate all the same (CD).
    pub(super) checking_disabled: bool,
}

/// The question section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'q> {
    /// The name.
    pub(super) name: QName<'q>,
    /// The type of record.
    pub(super) kind: RecordType,
    /// The class; IN, or ANY which is taken for it.
    pub(super) class: u16,
}

/// What the client's OPT record says (RFC 6891 §6.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edns<'q> {
    /// Bytes that the client can receive in one datagram.
    pub(super) udp_size: u16,
    /// Whether it wants DNSSEC records (DO).
    pub(super) dnssec_ok: bool,
    /// The options that we know.
    pub(super) options: Options<'q>,
}

/// Options of a query that the answer depends on; others are passed over (RFC 6891 §6.1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options<'q> {
    /// A cookie: 8 bytes of the client's, and perhaps some of ours (RFC 7873 §4).
    pub(super) cookie: Option<&'q [u8]>,
    /// Whether the client wants to know who answers (NSID, RFC 5001 §2.1).
    pub(super) wants_server_id: bool,
    /// Whether it wants to know how long a connection may be idle (RFC 7828 §3.1).
    pub(super) wants_keepalive: bool,
    /// Whom the client asks for (ECS, RFC 7871 §6).
    pub(super) subnet: Option<&'q [u8]>,
}

/// A query that can be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'q> {
    /// What the header repeats.
    pub(super) head: Head,
    /// What is asked.
    pub(super) asked: Asked<'q>,
    /// What the client's OPT record says, if it sent one.
    pub(super) edns: Option<Edns<'q>>,
    /// Whom the answer is for: the client that a resolver names (RFC 7871), else who asked.
    pub(super) client: IpAddr,
}

/// A query that gets nothing but a code.
#[derive(Clone, Copy, Debug)]
pub(super) struct BadQuery<'q> {
    /// What the header repeats.
    pub(super) head: Head,
    /// The question, where it could be read.
    pub(super) asked: Option<Asked<'q>>,
    /// The OPT record, where there was one.
    pub(super) edns: Option<Edns<'q>>,
    /// The code.
    pub(super) rcode: ResponseCode,
}

/// Why there is no Question.
#[derive(Clone, Debug)]
pub(super) enum Unanswered<'q> {
    /// Nothing may be sent back.
    Ignored,
    /// Only a code is sent back.
    Bad(Box<BadQuery<'q>>),
}

/// Reads a query.
pub(super) fn read<'q>(incoming: &Incoming<'q>) -> Result<Question<'q>, Unanswered<'q>> {
    let mut cursor = Cursor { bytes: incoming.bytes, at: 0 };
    let (head, counts) = read_head(&mut cursor).ok_or(Unanswered::Ignored)?;
    // Nobody listens on port 0; a datagram that claims it was forged.
    if incoming.transport == Transport::Udp && incoming.source.port() == 0 {
        return Err(Unanswered::Ignored);
    }
    let bad = |asked: Option<Asked<'q>>, edns: Option<Edns<'q>>, rcode: ResponseCode| {
        Unanswered::Bad(Box::new(BadQuery { head, asked, edns, rcode }))
    };
    if head.opcode != OpCode::Query {
        // RFC 8906 §8.1.4: NOTIMP, and nothing but the header, since the rest may have another shape.
        return Err(bad(None, None, ResponseCode::NotImp));
    }
    if counts.questions == 0
        && let (Some(opt), Body::Whole) = read_records(&mut cursor, counts)
        && opt.version == 0
        && opt.edns.options.cookie.is_some()
    {
        // RFC 7873 §5.4: a query without a question asks for a cookie.
        return Err(bad(None, Some(opt.edns), ResponseCode::NoError));
    }
    // RFC 9619 §4: exactly one question.
    if counts.questions != 1 {
        return Err(bad(None, None, ResponseCode::FormErr));
    }
    let Some(asked) = read_asked(&mut cursor) else {
        return Err(bad(None, None, ResponseCode::FormErr));
    };
    let (opt, body) = read_records(&mut cursor, counts);
    let edns = opt.as_ref().map(|opt| opt.edns);
    if body == Body::Malformed {
        return Err(bad(Some(asked), edns, ResponseCode::FormErr));
    }
    // RFC 6891 §6.1.3.
    if opt.is_some_and(|opt| opt.version != 0) {
        return Err(bad(Some(asked), edns, ResponseCode::BADVERS));
    }
    if !matches!(asked.class, CLASS_IN | CLASS_CHAOS | CLASS_ANY) {
        return Err(bad(Some(asked), edns, ResponseCode::Refused));
    }
    if matches!(asked.kind, RecordType::AXFR | RecordType::IXFR) {
        // Zones are not transferred, as in Consul.
        return Err(bad(Some(asked), edns, ResponseCode::NotImp));
    }
    if asked.kind == RecordType::OPT {
        // RFC 6891 §6.1.1: a part of messages, not data that could be asked for.
        return Err(bad(Some(asked), edns, ResponseCode::FormErr));
    }
    let named = edns.and_then(|edns| subnet_address(edns.options.subnet?));
    Ok(Question { head, asked, edns, client: named.unwrap_or(incoming.source.ip()) })
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
fn read_head(cursor: &mut Cursor<'_>) -> Option<(Head, Counts)> {
    let id = cursor.u16()?;
    let flags = cursor.u16()?;
    let questions = cursor.u16()?;
    let others = u32::from(cursor.u16()?) + u32::from(cursor.u16()?);
    let additionals = cursor.u16()?;
    // An answer to an answer could be answered for ever.
    if flags & FLAG_QR != 0 {
        return None;
    }
    let opcode = OpCode::from_u8(u8::try_from(flags >> 11 & 0xF).unwrap_or_default());
    let is_set = |bit: u16| opcode == OpCode::Query && flags & bit != 0;
    let (recursion_desired, checking_disabled) = (is_set(FLAG_RD), is_set(FLAG_CD));
    let head = Head { id, opcode, recursion_desired, checking_disabled };
    Some((head, Counts { questions, others, additionals }))
}

fn read_asked<'q>(cursor: &mut Cursor<'q>) -> Option<Asked<'q>> {
    let name = QName::read(cursor.rest())?;
    cursor.take(name.spelled().len())?;
    Some(Asked { name, kind: RecordType::from(cursor.u16()?), class: cursor.u16()? })
}

/// An OPT record.
#[derive(Clone, Copy)]
struct Opt<'q> {
    /// The version of EDNS that the client speaks.
    version: u8,
    /// What we take from it.
    edns: Edns<'q>,
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
fn read_records<'q>(cursor: &mut Cursor<'q>, counts: Counts) -> (Option<Opt<'q>>, Body) {
    let mut opt = None;
    for _ in 0..counts.others {
        let Some(record) = read_record(cursor) else { return (opt, Body::Malformed) };
        if record.kind == RecordType::OPT {
            return (opt, Body::Malformed);
        }
    }
    let mut is_signed = false;
    let mut is_in_order = true;
    for _ in 0..counts.additionals {
        let Some(record) = read_record(cursor) else { return (opt, Body::Malformed) };
        // RFC 8945 §5.1: a signature that is not the last record makes the message malformed.
        is_in_order &= !is_signed;
        is_signed |= record.kind == RecordType::TSIG;
        if record.kind != RecordType::OPT {
            continue;
        }
        let options = read_options(record.data);
        let found = Opt {
            version: u8::try_from(record.ttl >> 16 & 0xFF).unwrap_or_default(),
            edns: Edns {
                udp_size: record.class,
                dnssec_ok: record.ttl & EDNS_FLAG_DO != 0,
                options: options.unwrap_or_default(),
            },
        };
        // RFC 6891 §6.1.1: at most one; §6.1.2: its owner is the root.
        let is_first = opt.is_none();
        opt.get_or_insert(found);
        if !is_first || !record.is_root || options.is_none() {
            return (opt, Body::Malformed);
        }
    }
    let is_whole = is_in_order && cursor.at == cursor.bytes.len();
    (opt, if is_whole { Body::Whole } else { Body::Malformed })
}

/// A record of a query, unread but for its frame.
struct RawRecord<'a> {
    /// Whether it is about the root.
    is_root: bool,
    /// Its type.
    kind: RecordType,
    /// Its class; in an OPT record the size.
    class: u16,
    /// Its TTL; in an OPT record version and flags.
    ttl: u32,
    /// What it says.
    data: &'a [u8],
}

fn read_record<'a>(cursor: &mut Cursor<'a>) -> Option<RawRecord<'a>> {
    let mut is_root = true;
    loop {
        let length = cursor.u8()?;
        if length == 0 {
            break;
        }
        is_root = false;
        if POINTER <= length {
            // Not followed: nobody needs the name, and chains of pointers would cost time.
            cursor.u8()?;
            break;
        }
        if LABEL_BYTES_MAX < usize::from(length) {
            return None;
        }
        cursor.take(usize::from(length))?;
    }
    let kind = RecordType::from(cursor.u16()?);
    let class = cursor.u16()?;
    let ttl = u32::from(cursor.u16()?) << 16 | u32::from(cursor.u16()?);
    let length = cursor.u16()?;
    Some(RawRecord { is_root, kind, class, ttl, data: cursor.take(usize::from(length))? })
}

/// An OPT record's data as a list of options (RFC 6891 §6.1.2); nothing if it is none, or one of the options
/// that we know is malformed.
fn read_options(data: &[u8]) -> Option<Options<'_>> {
    let mut cursor = Cursor { bytes: data, at: 0 };
    let mut options = Options::default();
    while cursor.at < data.len() {
        let (code, length) = (cursor.u16()?, cursor.u16()?);
        let value = cursor.take(usize::from(length))?;
        match code {
            OPTION_COOKIE if cookie::is_wellformed(value) => {
                // RFC 7873 §5.2: only the first counts.
                options.cookie.get_or_insert(value);
            }
            OPTION_SUBNET if is_subnet(value) => {
                options.subnet.get_or_insert(value);
            }
            // What `+subnet=0` sends: no family and no address. There is nothing to be echoed.
            OPTION_SUBNET if value == [0; 4] => {}
            OPTION_COOKIE | OPTION_SUBNET => return None,
            // RFC 5001 §2.1: what a query says there has no meaning.
            OPTION_SERVER_ID => options.wants_server_id = true,
            OPTION_KEEPALIVE => options.wants_keepalive = true,
            _ => {}
        }
    }
    Some(options)
}

/// A place in a message.
struct Cursor<'a> {
    /// The message.
    bytes: &'a [u8],
    /// What was read of it, in bytes.
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

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

/// CHAOS: who the server is.
pub(super) const CLASS_CHAOS: u16 = 3;

/// Any class; we hold only one.
const CLASS_ANY: u16 = 255;

/// The bit that tells answers from queries.
const FLAG_QR: u16 = 0x8000;

/// The bit that asks for recursion.
const FLAG_RD: u16 = 0x0100;

/// The bit that asks for what does not validate.
const FLAG_CD: u16 = 0x0010;

/// The bit that asks for DNSSEC records (RFC 3225 §3).
const EDNS_FLAG_DO: u32 = 0x8000;

/// Who answers (RFC 5001).
pub(super) const OPTION_SERVER_ID: u16 = 3;

/// Whom the client asks for (RFC 7871).
pub(super) const OPTION_SUBNET: u16 = 8;

/// Cookies (RFC 7873).
pub(super) const OPTION_COOKIE: u16 = 10;

/// How long a connection may be idle (RFC 7828).
pub(super) const OPTION_KEEPALIVE: u16 = 11;

/// The first byte of a compression pointer is at least this (RFC 1035 §4.1.4).
const POINTER: u8 = 0xC0;
