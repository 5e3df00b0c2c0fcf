//! Why DNS answers a question as it does, station by station: what `dns` finds out, the API sends as JSON, and
//! the command line reads.
//!
//! Names of fields and the words of [`Verdict`] are for programs and stay; all other texts are for people.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::health::Status;
use crate::model::limits::UDP_ANSWER_BYTES_MAX;
use crate::model::transport::Transport;

/// What somebody wants to have explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enquiry {
    /// The name, as it stands in zone files.
    pub name: String,
    /// The type's word or `TYPEn`.
    pub kind: String,
    /// How the query would come.
    pub transport: Transport,
    /// Bytes that the client takes in one datagram; nothing without EDNS.
    pub udp_size: Option<u16>,
    /// Whether DNSSEC records are wanted (DO); only with EDNS.
    pub dnssec_ok: bool,
    /// From where the query would come.
    pub client: IpAddr,
}

impl Enquiry {
    /// The UDP size of a query that states none: what today's resolvers offer.
    pub const UDP_SIZE_DEFAULT: u16 = UDP_ANSWER_BYTES_MAX;
}

/// The five stations of a query. Question, each name with its target and outcome, answer, message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// What was asked.
    pub question: QuestionReport,
    /// Each name that was looked up: the one that was asked, then what it is an alias of. None where the answer
    /// depends on no name.
    pub names: Vec<NameReport>,
    /// What recursors have to be asked first, each as `NAME TYPE`; they were not asked for this. Where there is
    /// any, neither answer nor message are known.
    pub asks: Vec<String>,
    /// What there is to say.
    pub answer: Option<AnswerReport>,
    /// What is sent of it.
    pub message: Option<MessageReport>,
}

/// The first station: what was asked, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionReport {
    /// The name, with a dot at its end; empty where the query has no question.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The class.
    pub class: String,
    /// How it came.
    pub transport: Transport,
    /// From where.
    pub client: IpAddr,
    /// Flags that are set: `rd`, `cd`.
    pub flags: Vec<String>,
    /// The client's OPT record, if it sent one.
    pub edns: Option<EdnsReport>,
}

/// What a client's OPT record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdnsReport {
    /// Bytes that it takes in one datagram.
    pub udp_size: u16,
    /// Whether it wants DNSSEC records.
    pub dnssec_ok: bool,
    /// Options that matter to the answer.
    pub options: Vec<String>,
}

/// The second and third station of one name: what it means, and what is known of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameReport {
    /// The name.
    pub name: String,
    /// What it stands below.
    pub zone: ZoneReport,
    /// What it means there: ``service `web`, tag `v1` ``.
    pub meaning: String,
    /// What is known: `2 of 3 instances may be told`.
    pub outcome: String,
    /// When that last changed; nothing where it is not the catalog's.
    pub revision: Option<u64>,
    /// Every instance of the service that the name means, in the catalog's order.
    pub instances: Vec<InstanceReport>,
}

/// The suffix that a name stands below.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneReport {
    /// What kind of suffix it is.
    pub kind: ZoneKind,
    /// It; the root where the name is not ours.
    pub apex: String,
}

/// What kind of suffix a name stands below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneKind {
    /// A domain of the catalog.
    Domain,
    /// A zone file's.
    StaticZone,
    /// Addresses backwards.
    Reverse,
    /// None of ours.
    Outside,
}

/// What became of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceReport {
    /// Its machine.
    pub node: String,
    /// Its id.
    pub service_id: String,
    /// Where it is reached.
    pub address: String,
    /// At which port.
    pub port: u16,
    /// The worst word of its checks.
    pub status: Status,
    /// Whether it is told.
    pub verdict: Verdict,
    /// The rule that decided, with the values that it decided by.
    pub reason: String,
}

/// Whether an instance is told, or which rule drops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is in the message.
    Told,
    /// It may be told, but there is no message.
    Kept,
    /// The agent's token may not see it.
    Hidden,
    /// It lacks the tag that was asked for.
    OtherTag,
    /// It, or its node, lacks metadata that was asked for.
    OtherMeta,
    /// A proxy of the mesh was asked for.
    Mesh,
    /// A check is critical.
    Critical,
    /// A check warns, and `only_passing` is set.
    Warning,
    /// It has no record of the type that was asked for.
    OtherType,
    /// Another instance has the same record.
    Duplicate,
    /// It is only reached by a host name, which is no record beside addresses.
    AliasBesideAddresses,
    /// DNS cannot spell where it is reached.
    Unspellable,
    /// The answer has as many records as it may have.
    OverLimit,
}

impl Verdict {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Kept => "kept",
            Self::Hidden => "hidden",
            Self::OtherTag => "other_tag",
            Self::OtherMeta => "other_meta",
            Self::Mesh => "mesh",
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::OtherType => "other_type",
            Self::Duplicate => "duplicate",
            Self::AliasBesideAddresses => "alias_beside_addresses",
            Self::Unspellable => "unspellable",
            Self::OverLimit => "over_limit",
        }
    }
}

/// The fourth station: what there is to say, before anybody asks whether it fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerReport {
    /// The code: `NOERROR`.
    pub rcode: String,
    /// Whether we are the authority (AA).
    pub is_authoritative: bool,
    /// The answer section: `NAME TTL CLASS TYPE DATA`.
    pub answers: Vec<String>,
    /// Whether each message has its answers in an order of its own, drawn by chance.
    pub is_shuffled: bool,
    /// How many of the answers a message has at most; nothing for all.
    pub answers_max: Option<usize>,
    /// The authority section.
    pub authorities: Vec<String>,
    /// The additional section, the OPT record left out.
    pub additionals: Vec<String>,
    /// What the message says of itself (RFC 8914).
    pub errors: Vec<ExtendedError>,
    /// Until when a listener answers the same question from its cache, or why it does not.
    pub cache: String,
}

/// An extended error (RFC 8914 §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendedError {
    /// The registered number.
    pub code: u16,
    /// For people.
    pub text: String,
}

/// The fifth station: what is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageReport {
    /// How long the message is.
    pub bytes: usize,
    /// How long it may be.
    pub bytes_max: usize,
    /// Records that its answer section may have, whatever their length; nothing for any number.
    pub records_max: Option<usize>,
    /// Whether it says that answers are missing (TC).
    pub is_truncated: bool,
    /// Records in the answer section.
    pub answers: usize,
    /// Records in the authority section.
    pub authorities: usize,
    /// Records in the additional section, the OPT record left out.
    pub additionals: usize,
    /// What the answer has and the message lacks, and why.
    pub left_out: Vec<String>,
}
