//! CHAOS questions → who answers: `version.bind`, `id.server` and their like (RFC 4892 §2).

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{RData, RecordType};

use crate::dns::answer::Answer;
use crate::dns::question::Asked;
use crate::dns::reason::Why;
use crate::dns::record::{Offer, Owner};
use crate::model::dns_config::DnsConfig;
use crate::model::number::Ttl;

/// Answers a question of class CHAOS.
pub(super) fn identify(asked: &Asked<'_>, config: &DnsConfig) -> Answer {
    let text = config.settings.enable_identity.then(|| text(asked.name.folded(), config)).flatten();
    let Some(text) = text else {
        return Answer { why: Some(Why::Outside), ..Answer::bare(ResponseCode::Refused) };
    };
    let is_wanted = matches!(asked.kind, RecordType::TXT | RecordType::ANY);
    // A string of a TXT record has at most 255 bytes, as names have.
    let data = is_wanted.then(|| RData::TXT(TXT::from_bytes(vec![text.as_bytes()])));
    // RFC 4892 §3: a TTL of 0, since the next answer may be another server's.
    let offers = data.map(|data| Offer::alone(Owner::Question, Ttl(0), data));
    Answer::positive(offers.into_iter().collect())
}

fn text<'c>(folded: &[u8], config: &'c DnsConfig) -> Option<&'c str> {
    match folded {
        b"\x07version\x04bind\0" | b"\x07version\x06server\0" => Some(VERSION),
        b"\x08hostname\x04bind\0" | b"\x02id\x06server\0" => Some(config.node.as_str()),
        _ => None,
    }
}

/// What we are.
const VERSION: &str = concat!("lictor ", env!("CARGO_PKG_VERSION"));
