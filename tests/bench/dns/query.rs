//! Names → queries, answers → whether they are right.

/// What an answer has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// What was sent.
    Same,
    /// So many bytes.
    Bytes(usize),
    /// A DNS answer.
    Dns {
        /// Its code.
        rcode: u8,
        /// Answers that it has at least.
        answers_min: u16,
    },
}

/// A query for a name's records; with EDNS, as resolvers ask, unless it is plain.
pub(crate) fn encode(name: &str, kind: u16, id: u16, is_plain: bool) -> Vec<u8> {
    let [id_high, id_low] = id.to_be_bytes();
    let additionals = u8::from(!is_plain);
    let recursion_desired = 1;
    let mut query = vec![id_high, id_low, recursion_desired, 0, 0, 1, 0, 0, 0, 0, 0, additionals];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap_or(0));
        query.extend(label.bytes());
    }
    query.push(0);
    query.extend(kind.to_be_bytes());
    query.extend(CLASS_IN.to_be_bytes());
    if !is_plain {
        query.push(0);
        query.extend(TYPE_OPT.to_be_bytes());
        query.extend(UDP_BYTES_MAX.to_be_bytes());
        // Extended code, version, flags; no options.
        query.extend([0; 6]);
    }
    query
}

/// Whether an answer is what it has to be. `sent` is the query, where it is known.
pub(crate) fn is_right(answer: &[u8], sent: Option<&[u8]>, expected: Expected) -> bool {
    let (rcode, answers_min) = match expected {
        Expected::Same => return sent.is_none_or(|sent| sent == answer),
        Expected::Bytes(bytes) => return answer.len() == bytes,
        Expected::Dns { rcode, answers_min } => (rcode, answers_min),
    };
    let Some(&[_, _, flags, flags_low, 0, 1, high, low, ..]) = answer.get(..12) else {
        return false;
    };
    let is_response = flags & 0x80 != 0;
    // Name, type and class stand in the same place of both, and a query without EDNS ends with them.
    let question_end = sent.and_then(|sent| {
        let name = sent.get(FIRST_LABEL..)?.iter().position(|&byte| byte == 0)?;
        Some(FIRST_LABEL + name + 5)
    });
    let is_same_question = match (sent, question_end) {
        (Some(sent), Some(end)) => sent.get(12..end) == answer.get(12..end),
        (Some(_), None) => false,
        (None, _) => true,
    };
    is_response
        && flags_low & 0x0F == rcode
        && answers_min <= u16::from_be_bytes([high, low])
        && is_same_question
}

/// The id of a message.
pub(crate) fn id(message: &[u8]) -> usize {
    match message {
        [high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    }
}

/// Where a query's first label stands, behind its length.
pub(crate) const FIRST_LABEL: usize = 13;

/// An address of IPv4.
pub(crate) const TYPE_A: u16 = 1;

/// A service's place (RFC 2782).
pub(crate) const TYPE_SRV: u16 = 33;

/// EDNS (RFC 6891).
const TYPE_OPT: u16 = 41;

/// The Internet.
const CLASS_IN: u16 = 1;

/// What was asked for is there.
pub(crate) const NOERROR: u8 = 0;

/// There is no such name.
pub(crate) const NXDOMAIN: u8 = 3;

/// Largest answer that is asked for, in bytes (DNS flag day 2020).
const UDP_BYTES_MAX: u16 = 1_232;
