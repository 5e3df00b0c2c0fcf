//! Bytes as a query, by UDP and TCP: what of it must come back, how long the reply may be, and that workers with and
//! without a cache say the same.

use std::sync::Arc;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record};
use lictor::dns::outside::{Ask, Failure, Fetched, Outside, Told};
use lictor::dns::{Transport, Worker, text};

use super::world::{ODD, PLAIN, World};

/// Asks two agents with different settings.
pub(crate) fn query(bytes: &[u8]) {
    check(&PLAIN, bytes);
    check(&ODD, bytes);
}

fn check(world: &World, bytes: &[u8]) {
    let mut worker = Worker::new(fastrand::Rng::with_seed(0));
    // The same question in other letters comes first: what was kept for it has to serve this one too.
    let other = in_other_letters(bytes);
    for transport in [Transport::Udp, Transport::Tcp] {
        let _ = world.ask(&other, transport, &Somebody, &mut worker);
        let reply = world.ask(bytes, transport, &Somebody, &mut worker);
        let is_query = HEAD_BYTES <= bytes.len() && bytes[2] & QR == 0;
        assert_eq!(reply.is_some(), is_query, "whether there is a reply");
        if let Some(reply) = reply {
            check_reply(bytes, transport, &reply);
            assert_eq!(
                world.ask(&reply, transport, &Somebody, &mut worker),
                None,
                "a reply's reply"
            );
        }
    }
}

/// Checks a reply against the query.
fn check_reply(bytes: &[u8], transport: Transport, reply: &[u8]) {
    let shown = text::show(reply);
    assert!(shown.starts_with("status "), "{shown}");
    let sent = Sent::read(bytes);
    assert_eq!(reply[..2], bytes[..2], "the id\n{shown}");
    // QR and the opcode.
    assert_eq!(reply[2] & 0xF8, QR | bytes[2] & 0x78, "{shown}");
    let echo = &reply[HEAD_BYTES..HEAD_BYTES + sent.question.len()];
    assert_eq!(u16_at(reply, 4), u16::from(!sent.question.is_empty()), "{shown}");
    assert_eq!(echo, sent.question, "the question\n{shown}");
    let message = Message::from_vec(reply).unwrap();
    // RFC 7873 §5.4: without a question it takes a cookie to get one.
    let is_opt_due = sent.udp_size.is_some();
    let may_lack = is_opt_due && sent.question.is_empty();
    assert!(message.edns.is_some() == is_opt_due || may_lack, "OPT\n{shown}");
    let size_max = match transport {
        Transport::Tcp => usize::from(u16::MAX),
        Transport::Udp => sent.udp_size.unwrap_or(512).clamp(512, 1_232).into(),
    };
    assert!(reply.len() <= size_max, "{} bytes, {size_max} are allowed\n{shown}", reply.len());
    if message.metadata.response_code == ResponseCode::NXDomain {
        assert!(sent.is_plain_query, "{shown}");
    }
}

/// What of a query comes back, read by other means than the server's.
struct Sent {
    /// Bytes of the one question; none where there is another number of them, or it cannot be read.
    question: Vec<u8>,
    /// The size that its OPT record says, if it has one.
    udp_size: Option<u16>,
    /// Whether there is anything to be looked up.
    is_plain_query: bool,
}

impl Sent {
    fn read(bytes: &[u8]) -> Self {
        let is_plain_query = bytes[2] & 0x78 == 0;
        let questions = u16_at(bytes, 4);
        let end = match questions {
            0 => Some(HEAD_BYTES),
            1 => name_end(bytes).map(|end| end + 4).filter(|end| *end <= bytes.len()),
            _ => None,
        };
        match end {
            Some(end) if is_plain_query => {
                let question = bytes[HEAD_BYTES..end].to_vec();
                Self { question, udp_size: udp_size(bytes, end), is_plain_query }
            }
            _ => Self { question: Vec::new(), udp_size: None, is_plain_query },
        }
    }
}

/// Where the name ends that a message begins with; nothing if it has a pointer, or is too long.
fn name_end(bytes: &[u8]) -> Option<usize> {
    let mut end = HEAD_BYTES;
    loop {
        match usize::from(*bytes.get(end)?) {
            0 => break,
            length if length < 64 => end += 1 + length,
            _ => return None,
        }
    }
    let length = end + 1 - HEAD_BYTES;
    (length <= 255).then_some(end + 1)
}

/// The size that the first OPT record says, if it is an additional one and everything before it can be read.
fn udp_size(bytes: &[u8], mut at: usize) -> Option<u16> {
    let others = usize::from(u16_at(bytes, 6)) + usize::from(u16_at(bytes, 8));
    for index in 0..others + usize::from(u16_at(bytes, 10)) {
        loop {
            match *bytes.get(at)? {
                0 => break at += 1,
                length @ 1..64 => at += 1 + usize::from(length),
                64..192 => return None,
                192.. => break at += 2,
            }
        }
        let head = bytes.get(at..at + 10)?;
        at += 10 + usize::from(u16_at(head, 8));
        if bytes.len() < at {
            return None;
        }
        if u16_at(head, 0) == OPT {
            return (others <= index).then(|| u16_at(head, 2));
        }
    }
    None
}

/// The query with the case of every letter changed.
fn in_other_letters(bytes: &[u8]) -> Vec<u8> {
    let mut other = bytes.to_vec();
    if let Some(name) = name_end(bytes).and_then(|end| other.get_mut(HEAD_BYTES..end)) {
        // Lengths of labels are below any letter.
        for byte in name.iter_mut().filter(|byte| byte.is_ascii_alphabetic()) {
            *byte ^= 0x20;
        }
    }
    other
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Recursors that know everything: what they say depends on its name alone.
struct Somebody;

impl Outside for Somebody {
    fn look(&self, ask: &Ask) -> Option<Fetched> {
        let name = || ask.name.clone();
        let name_of = |text| lictor::zone::zone_name(text).unwrap();
        let told = |rcode, answers, authorities| {
            let told = Told { rcode, answers, authorities, additionals: Vec::new(), stale: None };
            Some(Fetched::Told(Arc::new(told)))
        };
        let record = |owner: Name, data| Record::from_rdata(owner, 60, data);
        let soa = || {
            let (server, mailbox) = (name_of("ns.example.org"), name_of("host.example.org"));
            record(name_of("example.org"), RData::SOA(SOA::new(server, mailbox, 1, 2, 3, 4, 5)))
        };
        let alias = |to| record(name(), RData::CNAME(CNAME(name_of(to))));
        let kind = u16::from(ask.kind);
        let sum: usize = ask.name.iter().flatten().map(|byte| usize::from(*byte)).sum();
        match sum % 8 {
            0 => told(ResponseCode::NXDomain, Vec::new(), vec![soa()]),
            1 => told(ResponseCode::NoError, Vec::new(), vec![soa()]),
            2 => told(ResponseCode::NoError, vec![alias("web.service.consul")], Vec::new()),
            3 => told(ResponseCode::NoError, vec![alias("www.example.org")], Vec::new()),
            4 => Some(Fetched::Failed(Failure::Unreachable)),
            5 if kind == 16 => {
                let text = RData::TXT(TXT::new(vec!["x".repeat(250); 40]));
                told(ResponseCode::NoError, vec![record(name(), text)], Vec::new())
            }
            _ => {
                let address = |at| record(name(), RData::A(A::new(198, 51, 100, at)));
                told(ResponseCode::NoError, (0..40).map(address).collect(), Vec::new())
            }
        }
    }
}

/// Bytes of a header (RFC 1035 §4.1.1).
const HEAD_BYTES: usize = 12;

/// The bit of a header's third byte that tells replies from queries.
const QR: u8 = 0x80;

/// The type of OPT records (RFC 6891 §6.1.1).
const OPT: u16 = 41;
