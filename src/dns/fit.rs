//! Answer → bytes ≤ budget: what is told and what is left out, and whether that is said.
//!
//! Order of sacrifice: additional texts, additional addresses, then answers from the last. Additional
//! records vanish silently (RFC 2181 §9: only required data sets TC), a whole set at a time; answers set
//! TC. Room for the OPT record is kept free from the start, so that it is never lost (RFC 6891 §7).

use hickory_proto::ProtoError;
use hickory_proto::op::{
    Edns as EdnsOut, Header, HeaderCounts, MessageType, Metadata, ResponseCode,
};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

use crate::dns::Transport;
use crate::dns::answer::{Answer, ExtendedError};
use crate::dns::question::{Asked, BadQuery, CLASS_IN, Edns, Head, Question};
use crate::dns::record::{Offer, Owner, Rr};
use crate::model::dns_config::DnsConfig;
use crate::model::limits::{TCP_ANSWER_RECORDS_MAX, UDP_ANSWER_BYTES_MAX, UDP_ANSWER_BYTES_PLAIN};

/// Writes the answer to a question.
pub(super) fn fit(
    question: &Question,
    answer: &Answer,
    config: &DnsConfig,
    transport: Transport,
) -> Vec<u8> {
    let frame = Frame { head: question.head, asked: Some(&question.asked), edns: question.edns };
    let budget = Budget::new(question.edns, config, transport);
    write(&frame, answer, &budget, config).unwrap_or_else(|_| header_only(&frame))
}

/// Writes a code alone.
pub(super) fn fit_code(query: &BadQuery, config: &DnsConfig, transport: Transport) -> Vec<u8> {
    let frame = Frame { head: query.head, asked: query.asked.as_ref(), edns: query.edns };
    let answer = Answer {
        rcode: query.rcode,
        is_authoritative: false,
        answers: Vec::new(),
        authorities: Vec::new(),
        extended: None,
    };
    let budget = Budget::new(query.edns, config, transport);
    write(&frame, &answer, &budget, config).unwrap_or_else(|_| header_only(&frame))
}

/// How many records an answer could hold at most, whatever else stands in it.
pub(super) fn records_max(transport: Transport) -> usize {
    match transport {
        Transport::Udp => usize::from(UDP_ANSWER_BYTES_MAX) / RECORD_BYTES_MIN,
        Transport::Tcp => TCP_ANSWER_RECORDS_MAX,
    }
}

/// What an answer repeats of its query.
struct Frame<'a> {
    /// The header's part.
    head: Head,
    /// The question.
    asked: Option<&'a Asked>,
    /// Whether there is an OPT record, and what it asks for.
    edns: Option<Edns>,
}

/// What may be sent.
struct Budget {
    /// The whole message.
    bytes: u16,
    /// Records in the answer section.
    records: usize,
}

impl Budget {
    fn new(edns: Option<Edns>, config: &DnsConfig, transport: Transport) -> Self {
        let plain = UDP_ANSWER_BYTES_PLAIN;
        match transport {
            Transport::Tcp => Self { bytes: u16::MAX, records: TCP_ANSWER_RECORDS_MAX },
            // RFC 6891 §6.2.3: less than 512 is taken for 512.
            Transport::Udp => match edns.map_or(plain, |edns| edns.udp_size.max(plain)) {
                // Consul's limit, for clients that know nothing newer.
                size if size <= plain => Self {
                    bytes: plain,
                    records: usize::from(config.settings.udp_answer_limit.clamp(1, 8)),
                },
                size => Self { bytes: size.min(UDP_ANSWER_BYTES_MAX), records: usize::MAX },
            },
        }
    }
}

/// Where in the message names stand that records point at.
struct Anchors {
    /// The name of the question, if it was written.
    question: Option<u16>,
    /// How many labels it has.
    labels: usize,
}

fn write(
    frame: &Frame<'_>,
    answer: &Answer,
    budget: &Budget,
    config: &DnsConfig,
) -> Result<Vec<u8>, ProtoError> {
    let opt = frame.edns.map(|edns| opt_record(edns, answer));
    let opt_bytes = opt.as_ref().map_or(Ok(0), encoded_bytes)?;
    let mut bytes = Vec::with_capacity(usize::from(UDP_ANSWER_BYTES_PLAIN));
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_max_size(budget.bytes.saturating_sub(opt_bytes));
    if config.settings.disable_compression {
        encoder.set_name_encoding(NameEncoding::Uncompressed);
    }
    let header = encoder.place::<Header>()?;
    let mut counts = HeaderCounts::default();
    let mut anchors = Anchors { question: None, labels: 0 };
    if let Some(asked) = frame.asked {
        let at = u16::try_from(encoder.offset()).unwrap_or_default();
        asked.name.emit(&mut encoder)?;
        encoder.emit_u16(asked.kind.into())?;
        encoder.emit_u16(asked.class)?;
        counts.queries = 1;
        anchors.labels = asked.name.iter().len();
        anchors.question = (!config.settings.disable_compression).then_some(at);
    }
    let writer = Writer { anchors: &anchors, asked: frame.asked, config };
    let offered = answer.answers.iter().take(budget.records);
    let answers = writer.offers(&mut encoder, offered);
    counts.answers = answers.count;
    let mut is_cut = answers.points.len() < answer.answers.len();
    let authorities = writer.offers(&mut encoder, answer.authorities.iter());
    counts.authorities = authorities.count;
    is_cut |= authorities.points.len() < answer.authorities.len() && answer.answers.is_empty();
    for helped in [&answers, &authorities] {
        counts.additionals += writer.sets(&mut encoder, helped, |offer| &offer.addresses);
    }
    for helped in [&answers, &authorities] {
        counts.additionals += writer.sets(&mut encoder, helped, |offer| &offer.texts);
    }
    if let Some(opt) = &opt {
        encoder.set_max_size(budget.bytes);
        opt.emit(&mut encoder)?;
        counts.additionals += 1;
    }
    let mut metadata = metadata(frame.head, answer.rcode);
    metadata.authoritative = answer.is_authoritative;
    metadata.truncation = is_cut && config.settings.enable_truncate;
    header.replace(&mut encoder, Header { metadata, counts })?;
    drop(encoder);
    Ok(bytes)
}

/// The header of every answer. Bits that have no meaning yet stay 0, and AD and CD are clear, since we do
/// not validate (RFC 4035 §3.1.6).
fn metadata(head: Head, rcode: ResponseCode) -> Metadata {
    let mut metadata = Metadata::new(head.id, MessageType::Response, head.opcode);
    metadata.recursion_desired = head.recursion_desired;
    metadata.response_code = rcode;
    metadata
}

/// What is sent where even the code could not be written: SERVFAIL, in twelve bytes.
fn header_only(frame: &Frame<'_>) -> Vec<u8> {
    let id = frame.head.id.to_be_bytes();
    let flags = (0x8000u16 | u16::from(ResponseCode::ServFail)).to_be_bytes();
    id.into_iter().chain(flags).chain([0; 8]).collect()
}

/// RFC 6891 §6.1.1: a query with an OPT record gets one. Its options are ours alone: what we do not know
/// is not echoed (§6.1.2).
fn opt_record(edns: Edns, answer: &Answer) -> EdnsOut {
    let mut out = EdnsOut::new();
    out.set_max_payload(UDP_ANSWER_BYTES_MAX);
    out.set_version(0);
    // RFC 3225 §3: copied.
    out.set_dnssec_ok(edns.dnssec_ok);
    out.set_rcode_high(answer.rcode.high());
    if let Some(ExtendedError { code, text }) = &answer.extended {
        let data = code.to_be_bytes().into_iter().chain(text.bytes()).collect();
        out.options_mut().insert(EdnsOption::Unknown(OPTION_EXTENDED_ERROR, data));
    }
    out
}

fn encoded_bytes(opt: &EdnsOut) -> Result<u16, ProtoError> {
    let mut bytes = Vec::new();
    opt.emit(&mut BinEncoder::new(&mut bytes))?;
    Ok(u16::try_from(bytes.len()).unwrap_or(u16::MAX))
}

/// Entries of a section that were written.
struct Written<'a> {
    /// How many.
    count: u16,
    /// Each with the place of the name in its data, if it has one.
    points: Vec<(&'a Offer, Option<u16>)>,
}

/// What writing a record needs to know.
struct Writer<'a> {
    /// Names that are pointed at.
    anchors: &'a Anchors,
    /// The question, for names that are written in full.
    asked: Option<&'a Asked>,
    /// The operator's settings.
    config: &'a DnsConfig,
}

impl Writer<'_> {
    /// Writes offers until one does not fit.
    fn offers<'e>(
        &self,
        encoder: &mut BinEncoder<'_>,
        offers: impl Iterator<Item = &'e Offer>,
    ) -> Written<'e> {
        let mut written = Written { count: 0, points: Vec::new() };
        for offer in offers {
            let start = encoder.offset();
            let Ok(data_at) = self.record(encoder, &offer.record, None) else {
                take_back(encoder, start);
                break;
            };
            // A target stands behind priority, weight and port (RFC 2782).
            let name_at = u16::try_from(data_at + SRV_NUMBERS_BYTES).ok();
            let is_location = offer.record.data.record_type().is_srv();
            let point = name_at.filter(|at| is_location && *at <= POINTER_MAX);
            written.points.push((offer, point));
            written.count += 1;
        }
        written
    }

    /// Writes the additional sets that fit, each whole.
    fn sets(
        &self,
        encoder: &mut BinEncoder<'_>,
        helped: &Written<'_>,
        set: fn(&Offer) -> &[Rr],
    ) -> u16 {
        let mut count: u16 = 0;
        for (offer, point) in &helped.points {
            let start = encoder.offset();
            let records = set(offer);
            let fits = records.iter().all(|record| self.record(encoder, record, *point).is_ok());
            match u16::try_from(records.len()) {
                Ok(length) if fits => count = count.saturating_add(length),
                _ => take_back(encoder, start),
            }
        }
        count
    }

    /// Writes a record; says where its data begins.
    fn record(
        &self,
        encoder: &mut BinEncoder<'_>,
        record: &Rr,
        point: Option<u16>,
    ) -> Result<usize, ProtoError> {
        self.owner(encoder, &record.owner, point)?;
        encoder.emit_u16(record.data.record_type().into())?;
        encoder.emit_u16(CLASS_IN)?;
        encoder.emit_u32(record.ttl.0)?;
        let length = encoder.place::<u16>()?;
        let data_at = encoder.offset();
        record.data.emit(encoder)?;
        let bytes = u16::try_from(encoder.len_since_place(&length)).unwrap_or(u16::MAX);
        length.replace(encoder, bytes)?;
        Ok(data_at)
    }

    /// Writes whom a record is about: a pointer wherever the name stands in the message already.
    fn owner(
        &self,
        encoder: &mut BinEncoder<'_>,
        owner: &Owner,
        point: Option<u16>,
    ) -> Result<(), ProtoError> {
        match owner {
            Owner::Question => self.suffix(encoder, self.anchors.labels),
            Owner::Suffix(labels) => self.suffix(encoder, *labels),
            Owner::Pointed(name) => {
                match point.filter(|_| !self.config.settings.disable_compression) {
                    Some(at) => encoder.emit_u16(POINTER | at),
                    None => name.emit(encoder),
                }
            }
            Owner::Named(name) => name.emit(encoder),
        }
    }

    /// Writes the last labels of the question's name.
    fn suffix(&self, encoder: &mut BinEncoder<'_>, labels: usize) -> Result<(), ProtoError> {
        let Some(asked) = self.asked else { return Err(ProtoError::Message("no question")) };
        let Some(at) = self.anchors.question else {
            return asked.name.trim_to(labels).emit(encoder);
        };
        let skipped = self.anchors.labels.saturating_sub(labels);
        let before: usize = asked.name.iter().take(skipped).map(|label| 1 + label.len()).sum();
        encoder.emit_u16(POINTER | at.saturating_add(u16::try_from(before).unwrap_or_default()))
    }
}

fn take_back(encoder: &mut BinEncoder<'_>, start: usize) {
    encoder.set_offset(start);
    encoder.trim();
}

/// The option of extended errors (RFC 8914 §2).
const OPTION_EXTENDED_ERROR: u16 = 15;

/// The shortest record: a pointer, type, class, TTL and length (RFC 1035 §3.2.1).
const RECORD_BYTES_MIN: usize = 12;

/// The two bits that make a pointer (RFC 1035 §4.1.4).
const POINTER: u16 = 0xC000;

/// The farthest place that a pointer reaches.
const POINTER_MAX: u16 = 0x3FFF;

/// Bytes before the target in an SRV record's data.
const SRV_NUMBERS_BYTES: usize = 6;
