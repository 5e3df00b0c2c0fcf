//! Bytes as a recursor's reply to a fixed question: what is believed fits the question, and whatever is believed can
//! be told on.

use std::sync::{Arc, LazyLock};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{DNSClass, RecordType};
use lictor::dns::outside::{Ask, Fetched, Outside, Told};
use lictor::dns::query::EdnsOptions;
use lictor::dns::{QueryOptions, Transport, Worker, query, text};
use lictor::forward::hear;

use super::world::ODD;

/// Judges bytes as a reply, and answers with what is believed of it.
pub(crate) fn reply(bytes: &[u8]) {
    let hearing = hear(&ASK, ID, LETTERS, bytes).unwrap();
    let question = &hearing.query[HEAD_BYTES..QUESTION_END];
    for (told, is_udp) in [(hearing.by_udp, true), (hearing.by_tcp, false)] {
        let Some(told) = told else { continue };
        let echo = &bytes[HEAD_BYTES..QUESTION_END];
        assert_eq!(bytes[..2], hearing.query[..2], "another id");
        assert_eq!(bytes[2] & 0xFA, QR, "no reply, of another kind, or cut");
        assert_eq!(bytes[4..6], [0, 1], "another number of questions");
        assert!(echo.eq_ignore_ascii_case(question), "another question");
        assert!(!is_udp || echo == question, "other letters");
        check_told(&told);
        tell_on(told);
    }
}

fn check_told(told: &Told) {
    let rcode = told.rcode;
    assert!(matches!(rcode, ResponseCode::NoError | ResponseCode::NXDomain), "{rcode}");
    for record in told.answers.iter().chain(&told.authorities).chain(&told.additionals) {
        assert_eq!(record.dns_class, DNSClass::IN, "{record}");
        let kind = record.record_type();
        assert!(!matches!(kind, RecordType::OPT | RecordType::TSIG | RecordType::SIG), "{record}");
    }
}

/// Answers a client with it: once as what was asked for, once as what aliases lead to.
fn tell_on(told: Told) {
    let fetched = Always(Fetched::Told(Arc::new(told)));
    let edns = EdnsOptions { dnssec_ok: true, ..EdnsOptions::default() };
    let secure = QueryOptions { edns: Some(edns), ..QueryOptions::default() };
    for name in ["www.example.org", "outside.alias.test", "mx.alias.test", "named.service.consul"] {
        let bytes = query(name, "A", &secure, ID).unwrap();
        let mut worker = Worker::new(fastrand::Rng::with_seed(0));
        for (transport, size_max) in [(Transport::Udp, 1_232), (Transport::Tcp, 65_535)] {
            let reply = ODD.ask(&bytes, transport, &fetched, &mut worker).unwrap();
            let shown = text::show(&reply);
            assert!(shown.starts_with("status "), "{name}: {shown}");
            assert!(shown.contains("\nedns version 0"), "{name}: {shown}");
            assert!(reply.len() <= size_max, "{name}: {shown}");
        }
    }
}

/// Whatever is asked, the same is known.
struct Always(Fetched);

impl Outside for Always {
    fn look(&self, _: &Ask) -> Option<Fetched> {
        Some(self.0.clone())
    }
}

/// What was asked.
static ASK: LazyLock<Ask> = LazyLock::new(|| Ask {
    name: lictor::zone::zone_name("www.example.org").unwrap(),
    kind: RecordType::A,
    dnssec_ok: true,
    checking_disabled: false,
});

/// The id that was drawn for it.
const ID: u16 = 0x1c70;

/// The letters that were drawn: every third is a capital.
const LETTERS: [u64; 4] = [0x9249_2492_4924_9249; 4];

/// Bytes of a header (RFC 1035 §4.1.1).
const HEAD_BYTES: usize = 12;

/// Where the question ends: the name's 17 bytes, type and class.
const QUESTION_END: usize = HEAD_BYTES + 17 + 4;

/// The bit of a header's third byte that tells replies from queries.
const QR: u8 = 0x80;
