//! Bytes of a query → bytes of its answer: DNS without sockets, clock or randomness of its own.
//!
//! Five stations, each a file, each a value that can be looked at: bytes → `Question` → `Target` →
//! `Outcome` → `Answer` → bytes. An alias sends its target through the stations in the middle once more
//! ([`chain`]). The last station has two halves: a [`sheet::Sheet`] is the Answer in bytes, and [`fit::fit`] copies
//! what is told of it into a message; a Sheet may be kept ([`cache`]). [`respond`] is the only maker of DNS answers,
//! and [`explain`] shows what it came by.
//!
//! Invariants
//! - An answer (QR=1) is never answered, the id always comes back, and nothing that a client sends ends in
//!   a panic.
//! - A question that can be read is echoed as it was spelled, and the records that answer it point at that
//!   echo, so that resolvers that scramble the case of letters find it again.
//! - What the agent's token may not see is answered as if it were not there.
//! - Nothing is said about our names while the View is unready: SERVFAIL is asked again soon, NXDOMAIN
//!   would be kept.
//! - An OPT record in the query is answered by one in the answer, whatever else had to be left out.
//! - A cached answer and one that is made anew are the same bytes: both are a [`sheet::Sheet`] that goes
//!   through [`fit::fit`], which alone asks the generator.
//!
//! Deliberately absent: sockets, the clock, waiting. What only others know is stated as an
//! [`outside::Ask`], and the query answered once somebody fetched it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::acl::{Authorizer, Tokens};
use crate::catalog::View;
use crate::model::time::Now;
pub use crate::model::transport::Transport;
use crate::zone::Zones;

mod qname;

mod wire;

mod subnet;

mod question;

mod addresses;

mod target;

mod verdict;

mod prepared;

mod resolve;

mod chain;

mod answer;

mod instances;

mod reach;

mod numbered;

mod elsewhere;

mod identity;

mod setup;

mod record;

mod reason;

mod pen;

mod sheet;

mod fit;

mod opt;

mod cookie;

mod cache;

pub mod explain;

pub mod outside;

pub mod query;

pub mod text;

use self::answer::{Answer, Scene};
use self::cache::Cache;
use self::chain::Nobody;
pub use self::cookie::CookieSecret;
use self::fit::{Envelope, Scratch};
use self::outside::{Ask, Outside};
pub use self::query::{QueryFault, QueryOptions, query};
use self::question::{Asked, CLASS_CHAOS, Question, Unanswered};
pub use self::reason::Unhealthy;
use self::reason::{Reason, Why};
use self::resolve::{Asker, Outcome};
pub use self::setup::Setup;
use self::target::{Target, Zone};

/// A query as it came from a socket.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The message, without the length that precedes it on a stream.
    pub bytes: &'a [u8],
    /// How it came.
    pub transport: Transport,
    /// From where.
    pub source: SocketAddr,
}

/// What answers are made of, as it is at one moment.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The catalog.
    pub view: &'a View,
    /// What the agent's token may see of it: the rest is told to nobody.
    pub acl: &'a Authorizer,
    /// Who knows what the tokens open that prepared queries bring themselves.
    pub tokens: &'a dyn Tokens,
    /// The settings.
    pub config: &'a Arc<Setup>,
    /// The moment.
    pub now: Now,
    /// How long ago the catalog was last known to be current.
    pub age: Duration,
    /// What cookies are made with.
    pub cookie_secret: CookieSecret,
    /// Zones from files.
    pub zones: &'a Arc<Zones>,
    /// What others said.
    pub outside: &'a dyn Outside,
}

impl Known<'_> {
    /// Whether the catalog is older than what may be told.
    fn is_too_old(&self) -> bool {
        self.config.settings.stale_age_max < self.age
    }
}

/// What one thread keeps between two queries.
pub struct Worker {
    /// Decides the order of records, and with it which ones a short answer leaves out.
    pub rng: fastrand::Rng,
    /// Answers of before.
    cache: Option<Cache>,
    /// Room to write in.
    scratch: Scratch,
}

impl Worker {
    /// A worker that remembers answers.
    #[must_use]
    pub fn new(rng: fastrand::Rng) -> Self {
        Self { rng, cache: Some(Cache::new()), scratch: Scratch::default() }
    }

    /// A worker that makes each answer anew. It says the same.
    #[must_use]
    pub fn without_cache(rng: fastrand::Rng) -> Self {
        Self { rng, cache: None, scratch: Scratch::default() }
    }
}

/// What is to be done about a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Send back what was written.
    Reply(Said),
    /// Ask others, and answer the query once [`Known::outside`] knows what came of it.
    Fetch(Vec<Ask>),
    /// Say nothing: it was no query, or nobody could receive the answer.
    Ignore,
}

/// What an answer was, for who counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The type that was asked for, if a question could be read.
    pub kind: Option<RecordType>,
    /// The code.
    pub rcode: ResponseCode,
    /// Whether answers were left out.
    pub is_truncated: bool,
    /// Whether it was made before.
    pub is_cached: bool,
    /// Whether what it is made of may not be true any more.
    pub is_stale: bool,
    /// The instances of a service that was denied because of their checks.
    pub unhealthy: Option<Unhealthy>,
}

/// Answers one query, into `out`.
#[must_use]
pub fn respond(
    known: &Known<'_>,
    incoming: &Incoming<'_>,
    worker: &mut Worker,
    out: &mut Vec<u8>,
) -> Outgoing {
    let question = match question::read(incoming) {
        Ok(question) => question,
        Err(Unanswered::Ignored) => return Outgoing::Ignore,
        Err(Unanswered::Bad(query)) => {
            let (head, asked, edns) = (query.head, query.asked.as_ref(), query.edns.as_ref());
            let envelope = Envelope { head, asked, edns, incoming, known };
            return Outgoing::Reply(write(&envelope, &Answer::bare(query.rcode), worker, out));
        }
    };
    let (asked, edns) = (Some(&question.asked), question.edns.as_ref());
    let envelope = Envelope { head: question.head, asked, edns, incoming, known };
    if let Some(answer) = answer_without_catalog(&question, known, incoming) {
        return Outgoing::Reply(write(&envelope, &answer, worker, out));
    }
    respond_from_stations(&envelope, &question, worker, out)
}

/// Answers that need no name to be looked up.
fn answer_without_catalog(
    question: &Question<'_>,
    known: &Known<'_>,
    incoming: &Incoming<'_>,
) -> Option<Answer> {
    if !known.config.access.allows(incoming.source.ip()) {
        let why = Some(Why::Prohibited);
        return Some(Answer { why, ..Answer::bare(ResponseCode::Refused) });
    }
    if question.asked.class == CLASS_CHAOS {
        return Some(identity::identify(&question.asked, known.config));
    }
    None
}

/// The five stations, or the Sheet that they led to before.
fn respond_from_stations(
    envelope: &Envelope<'_>,
    question: &Question<'_>,
    worker: &mut Worker,
    out: &mut Vec<u8>,
) -> Outgoing {
    let (asked, known) = (&question.asked, envelope.known);
    let Worker { rng, cache, scratch } = worker;
    if let Some(sheet) = cache.as_mut().and_then(|cache| cache.find(asked, known)) {
        let is_truncated = fit::fit(envelope, sheet, scratch, rng, out);
        let said = envelope.said(sheet, is_truncated);
        return Outgoing::Reply(Said { is_cached: true, ..said });
    }
    let target = target::locate(asked, known);
    let outcome = resolve::resolve(asked, &target, Asker::of(question), known);
    let denied = denied(&target, &outcome, asked, known);
    if let (Some(cache), Some((domain_at, reason))) = (cache.as_mut(), denied)
        && let Some(sheet) = cache.find_denial(domain_at, reason, known.view)
    {
        let is_truncated = fit::fit(envelope, sheet, scratch, rng, out);
        return Outgoing::Reply(envelope.said(sheet, is_truncated));
    }
    let scene = Scene { asked, target: &target, known };
    let (answer, basis) = chain::follow_from(&scene, &outcome, question, rng, &mut Nobody);
    if !answer.missing.is_empty() {
        return Outgoing::Fetch(answer.missing);
    }
    let is_compressed = known.config.compresses();
    let Ok(sheet) = sheet::write(&answer, Some(asked), is_compressed) else {
        return Outgoing::Reply(fail(envelope, out));
    };
    let is_truncated = fit::fit(envelope, &sheet, scratch, rng, out);
    let said = envelope.said(&sheet, is_truncated);
    match (cache, basis, denied) {
        (Some(cache), Some(basis), _) => cache.keep(asked, sheet, basis, known.view),
        (Some(cache), None, Some((domain_at, _))) => cache.keep_denial(domain_at, sheet),
        (Some(_), None, None) | (None, _, _) => {}
    }
    Outgoing::Reply(said)
}

/// Where our domain begins in a name of it that does not exist, and why it does not; nothing for other names, and
/// where nothing may be pointed at.
fn denied(
    target: &Target<'_>,
    outcome: &Outcome<'_>,
    asked: &Asked<'_>,
    known: &Known<'_>,
) -> Option<(usize, Reason)> {
    match (target.zone, outcome) {
        (Zone::Domain(domain), Outcome::NoName(reason))
            if std::ptr::eq(domain, known.config.main_domain()) && known.config.compresses() =>
        {
            Some((asked.name.suffix_at(domain.label_count), *reason))
        }
        _ => None,
    }
}

/// Writes an answer that is not kept.
fn write(envelope: &Envelope<'_>, answer: &Answer, worker: &mut Worker, out: &mut Vec<u8>) -> Said {
    let is_compressed = envelope.known.config.compresses();
    let Ok(sheet) = sheet::write(answer, envelope.asked, is_compressed) else {
        return fail(envelope, out);
    };
    let is_truncated = fit::fit(envelope, &sheet, &mut worker.scratch, &mut worker.rng, out);
    envelope.said(&sheet, is_truncated)
}

/// What is left where an answer cannot be written.
fn fail(envelope: &Envelope<'_>, out: &mut Vec<u8>) -> Said {
    fit::header_only(envelope.head, out);
    Said {
        kind: envelope.asked.map(|asked| asked.kind),
        rcode: ResponseCode::ServFail,
        is_truncated: false,
        is_cached: false,
        is_stale: false,
        unhealthy: None,
    }
}

#[cfg(test)]
mod tests;
