//! Ask → the query that a recursor gets; the bytes that come back → Verdict.
//!
//! A forger off the path does not see our query. It has to guess the port (the shell takes a fresh socket for
//! each query), the id, and one bit for each letter of the name: both sides of this file keep those guesses
//! from paying (RFC 5452 §4 and §9). What does not fit is no answer at all: the wait goes on.

use hickory_proto::ProtoError;
use hickory_proto::op::{Edns, Header, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, BinEncodable};

use crate::dns::outside::{Ask, Told};
use crate::model::limits::UDP_ANSWER_BYTES_MAX;

/// What nobody else knows about a query.
#[derive(Clone, Copy, Debug)]
pub(in crate::forward) struct Secret {
    /// The message's id.
    pub(in crate::forward) id: u16,
    /// A bit for each octet of the name, the lowest first: whether its letter changes its case.
    pub(in crate::forward) letters: [u64; 4],
}

/// How a query is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::forward) struct Form {
    /// What it travels by.
    pub(in crate::forward) by: By,
    /// How its name is spelt.
    pub(in crate::forward) letters: Letters,
    /// Whether it has an OPT record.
    pub(in crate::forward) edns: Extension,
}

/// What a query travels by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::forward) enum By {
    /// Datagrams.
    Udp,
    /// A connection, into which nobody off the path can write.
    Tcp,
}

/// How the name of a query is spelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::forward) enum Letters {
    /// Each letter in a random case, which the reply has to repeat.
    Scrambled,
    /// In lower case, for a recursor that does not repeat them.
    Plain,
}

/// Whether a query has an OPT record (RFC 6891).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::forward) enum Extension {
    /// It has.
    Edns,
    /// It has not, for a recursor that stumbles over it (RFC 6891 §6.2.2).
    None,
}

/// A query as it was written.
#[derive(Clone, Debug)]
pub(in crate::forward) struct Asked {
    /// The message.
    pub(in crate::forward) bytes: Vec<u8>,
    /// Its id.
    id: u16,
    /// Its name, in the case that was sent.
    name: Name,
    /// Its type.
    kind: RecordType,
    /// Whether DNSSEC records are wanted.
    dnssec_ok: bool,
}

/// What a datagram or message is to a query.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::forward) enum Verdict {
    /// No answer to it.
    Wrong(Wrong),
    /// An answer to it, but for the case of the letters.
    OtherCase,
    /// An answer of which only a part fitted.
    Truncated,
    /// An answer.
    Told(Told, Echo),
    /// An answer that says nothing: any code but NOERROR and NXDOMAIN.
    Error(ResponseCode, Extension),
    /// An answer that cannot be read.
    Nonsense,
}

/// Why a message is no answer to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::forward) enum Wrong {
    /// It is shorter than a head.
    Short,
    /// It is no reply, or one to something else than a question.
    Kind,
    /// Its id is another one.
    Id,
    /// Its question is another one, or not one.
    Question,
}

/// How an answer repeats the letters of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::forward) enum Echo {
    /// As they were sent.
    Exact,
    /// In another case. Only TCP's answers are believed then.
    Folded,
}

/// Writes the query for a question: RD, CD and DO as asked, and no option of a client's.
///
/// # Errors
/// Where the name does not fit into a message, which no name of a client's does.
pub(in crate::forward) fn write(
    ask: &Ask,
    form: Form,
    secret: Secret,
) -> Result<Asked, ProtoError> {
    let name = match form.letters {
        Letters::Scrambled => scramble(&ask.name, secret.letters)?,
        Letters::Plain => ask.name.to_lowercase(),
    };
    let mut message = Message::new(secret.id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.metadata.checking_disabled = ask.checking_disabled;
    message.add_query(Query::query(name.clone(), ask.kind));
    if form.edns == Extension::Edns {
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_ANSWER_BYTES_MAX).set_dnssec_ok(ask.dnssec_ok);
        message.set_edns(edns);
    }
    let bytes = message.to_bytes()?;
    Ok(Asked { bytes, id: secret.id, name, kind: ask.kind, dnssec_ok: ask.dnssec_ok })
}

/// Says what bytes are that came back from the address that was asked.
pub(in crate::forward) fn judge(asked: &Asked, by: By, bytes: &[u8]) -> Verdict {
    let mut decoder = BinDecoder::new(bytes);
    let Ok(head) = Header::read(&mut decoder) else { return Verdict::Wrong(Wrong::Short) };
    if head.metadata.id != asked.id {
        return Verdict::Wrong(Wrong::Id);
    }
    if head.metadata.message_type != MessageType::Response || head.metadata.op_code != OpCode::Query
    {
        return Verdict::Wrong(Wrong::Kind);
    }
    let question = match head.counts.queries {
        1 => Query::read(&mut decoder),
        _ => return Verdict::Wrong(Wrong::Question),
    };
    let is_same = |question: &Query| {
        question.query_class() == DNSClass::IN
            && question.query_type() == asked.kind
            && *question.name() == asked.name
    };
    let Some(question) = question.ok().filter(is_same) else {
        return Verdict::Wrong(Wrong::Question);
    };
    let question_end = decoder.index();
    let echo = if question.name().eq_case(&asked.name) { Echo::Exact } else { Echo::Folded };
    if (by, echo) == (By::Udp, Echo::Folded) {
        return Verdict::OtherCase;
    }
    if head.metadata.truncation {
        // What is there of it is not worth reading: RFC 2181 §9.
        return Verdict::Truncated;
    }
    let bytes = plain(bytes, question_end);
    let mut decoder = BinDecoder::new(&bytes);
    let Ok(message) = Message::read(&mut decoder) else { return Verdict::Nonsense };
    if !decoder.is_empty() {
        return Verdict::Nonsense;
    }
    match message.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {
            Verdict::Told(clean(message, asked), echo)
        }
        code => {
            let extension = if message.edns.is_some() { Extension::Edns } else { Extension::None };
            Verdict::Error(code, extension)
        }
    }
}

/// A made-up reply against one query, by either transport.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Hearing {
    /// The query.
    pub query: Vec<u8>,
    /// What the reply tells if it comes as a datagram.
    pub by_udp: Option<Told>,
    /// What it tells if it comes over a connection.
    pub by_tcp: Option<Told>,
}

/// What a reply tells whose asker drew such an id and letters; for `tests/fuzz`, which makes replies up.
///
/// # Errors
/// As [`write`].
#[doc(hidden)]
pub fn hear(ask: &Ask, id: u16, letters: [u64; 4], reply: &[u8]) -> Result<Hearing, ProtoError> {
    let form = Form { by: By::Udp, letters: Letters::Scrambled, edns: Extension::Edns };
    let asked = write(ask, form, Secret { id, letters })?;
    let told = |by| match judge(&asked, by, reply) {
        Verdict::Told(told, _) => Some(told),
        Verdict::Wrong(_)
        | Verdict::OtherCase
        | Verdict::Truncated
        | Verdict::Error(..)
        | Verdict::Nonsense => None,
    };
    let (by_udp, by_tcp) = (told(By::Udp), told(By::Tcp));
    Ok(Hearing { query: asked.bytes, by_udp, by_tcp })
}

/// A message whose question is in lower case: the names behind it point into it (RFC 1035 §4.1.4), and would
/// carry our scrambled letters on. Lengths of labels are below any letter.
fn plain(bytes: &[u8], question_end: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(question) = bytes.get_mut(HEAD_BYTES..question_end) {
        // The type and class behind the name stay as they are.
        let name_bytes = question.len().saturating_sub(TYPE_AND_CLASS_BYTES);
        question.iter_mut().take(name_bytes).for_each(u8::make_ascii_lowercase);
    }
    bytes
}

/// What of an answer is told on, in the order in which it came.
fn clean(message: Message, asked: &Asked) -> Told {
    // RFC 4035 §3.2.1: who did not ask for DNSSEC records gets none, but for the type that was asked for.
    let message = message.maybe_strip_dnssec_records(asked.dnssec_ok);
    let keep = |records: Vec<Record>| -> Vec<Record> {
        let is_data = |record: &Record| {
            let is_meta = matches!(
                record.record_type(),
                RecordType::OPT | RecordType::TSIG | RecordType::SIG
            );
            record.dns_class == DNSClass::IN && !is_meta
        };
        records.into_iter().filter(is_data).collect()
    };
    Told {
        rcode: message.metadata.response_code,
        answers: keep(message.answers),
        authorities: keep(message.authorities),
        additionals: keep(message.additionals),
        stale: None,
    }
}

/// The form in which a recursor is asked again after such a verdict; nothing where it has had its turn. Each
/// step goes one way, so there are at most three.
pub(in crate::forward) fn again(form: Form, verdict: &Verdict) -> Option<Form> {
    match (form.by, form.edns, verdict) {
        // Many wrong replies, or one with other letters: somebody guesses, or the recursor does not repeat
        // letters. Over TCP nobody off the path guesses, and the letters need not be compared.
        (By::Udp, _, Verdict::Truncated | Verdict::OtherCase | Verdict::Wrong(_)) => {
            Some(Form { by: By::Tcp, ..form })
        }
        (
            _,
            Extension::Edns,
            Verdict::Error(ResponseCode::FormErr | ResponseCode::NotImp, Extension::None),
        ) => Some(Form { edns: Extension::None, ..form }),
        _ => None,
    }
}

/// Changes the case of the letters whose bit is set (draft-vixie-dnsext-dns0x20).
fn scramble(name: &Name, bits: [u64; 4]) -> Result<Name, ProtoError> {
    let mut place = 0_usize;
    let mut flip = |octet: u8| {
        let word = bits.get(place / 64).copied().unwrap_or_default();
        let is_set = word >> (place % 64) & 1 == 1;
        place += 1;
        if is_set && octet.is_ascii_alphabetic() { octet ^ 0x20 } else { octet }
    };
    let labels: Vec<Vec<u8>> =
        name.iter().map(|label| label.iter().map(|octet| flip(*octet)).collect()).collect();
    let mut scrambled = Name::from_labels(labels.iter().map(Vec::as_slice))?;
    scrambled.set_fqdn(true);
    Ok(scrambled)
}

/// The head of a message, in bytes (RFC 1035 §4.1.1).
const HEAD_BYTES: usize = 12;

/// What stands behind a question's name, in bytes (RFC 1035 §4.1.2).
const TYPE_AND_CLASS_BYTES: usize = 4;

#[cfg(test)]
mod tests;
