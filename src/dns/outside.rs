//! What others know: questions that a recursor is asked, and what it said, as answers need them.
//!
//! `dns` states what it lacks as an [`Ask`]; whoever runs it fetches that and calls it again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, Record, RecordType};

/// A question for somebody else, of class IN. Two are equal if one answer serves both: the case of letters
/// does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    /// The name.
    pub name: Name,
    /// The type of record.
    pub kind: RecordType,
    /// Whether DNSSEC records are wanted too (DO, RFC 3225).
    pub dnssec_ok: bool,
    /// Whether what does not validate is wanted all the same (CD, RFC 4035 §3.2.2).
    pub checking_disabled: bool,
}

/// Where `dns` looks for what others said.
pub trait Outside {
    /// What came of a question, if that is known; it is not waited for.
    fn look(&self, ask: &Ask) -> Option<Fetched>;
}

/// Nobody outside was asked anything.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Outside for Nothing {
    fn look(&self, _: &Ask) -> Option<Fetched> {
        None
    }
}

/// What came of an [`Ask`].
#[derive(Clone, Debug)]
pub enum Fetched {
    /// Somebody answered.
    Told(Arc<Told>),
    /// Nobody did.
    Failed(Failure),
}

/// An answer of somebody else's.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// NOERROR or NXDOMAIN: any other code is no answer.
    pub rcode: ResponseCode,
    /// The answer section; TTLs are what is left of them now. Names that are the question's, or end as it does,
    /// may be in lower case, whatever the question's letters.
    pub answers: Vec<Record>,
    /// The authority section.
    pub authorities: Vec<Record>,
    /// The additional section, without OPT and signatures of the message.
    pub additionals: Vec<Record>,
    /// For how long it should not be told any more, where nobody could be asked again (RFC 8767).
    pub stale: Option<Duration>,
}

/// Why nobody answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Each recursor was silent or unreachable.
    Unreachable,
    /// Recursors answered, but with errors or nonsense.
    Useless,
    /// The question came back to us: a recursor forwards to this agent.
    Loop,
    /// Too many questions are under way.
    Overloaded,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Unreachable => "no recursor could be reached",
            Self::Useless => "no recursor gave an answer",
            Self::Loop => "the recursors forward to this agent",
            Self::Overloaded => "too many questions are under way",
        })
    }
}
