//! Bytes of a query → bytes of its answer: DNS without sockets, clock or randomness of its own.
//!
//! Five stations, each a file, each a value that can be looked at: bytes → `Question` → `Target` →
//! `Outcome` → `Answer` → bytes. [`respond`] is the only maker of DNS answers.
//!
//! Invariants
//! - An answer (QR=1) is never answered, the id always comes back, and nothing that a client sends ends in
//!   a panic.
//! - A question that can be read is echoed as it was spelled, and the records that answer it point at that
//!   echo, so that resolvers that scramble the case of letters find it again.
//! - Nothing is said about our names while the View is unready: SERVFAIL is asked again soon, NXDOMAIN
//!   would be kept.
//! - An OPT record in the query is answered by one in the answer, whatever else had to be left out.
//!
//! Deliberately absent: forwarding, static zones, the answer cache; they are other sources of an Outcome
//! and another store of bytes, and leave the stations as they are.

use std::net::SocketAddr;

use crate::catalog::View;
use crate::model::dns_config::DnsConfig;
use crate::model::time::Now;

pub mod outside;

mod question;

mod target;

mod resolve;

mod answer;

mod instances;

mod record;

mod fit;

pub mod query;

pub mod text;

pub use self::query::{QueryFault, QueryOptions, query};

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram, and one back.
    Udp,
    /// A stream: answers may be as long as DNS allows.
    Tcp,
}

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

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Send this message back.
    Reply(Vec<u8>),
    /// Say nothing: it was no query, or nobody could receive the answer.
    Ignore,
}

/// Answers one query from one View.
///
/// `now` dates what a stale View says; nothing is stale yet, so that it is not looked at. The generator
/// decides the order of records, and with it which ones a short answer leaves out.
#[must_use]
pub fn respond(
    view: &View,
    config: &DnsConfig,
    incoming: &Incoming<'_>,
    _now: Now,
    rng: &mut fastrand::Rng,
) -> Outgoing {
    let question = match question::read(incoming) {
        Ok(question) => question,
        Err(question::Unanswered::Ignored) => return Outgoing::Ignore,
        Err(question::Unanswered::Bad(query)) => {
            return Outgoing::Reply(fit::fit_code(&query, config, incoming.transport));
        }
    };
    let target = target::locate(&question.asked.name, config);
    let outcome = resolve::resolve(&target, view, config);
    let records_max = fit::records_max(incoming.transport);
    let scene = answer::Scene { question: &question, target: &target, config, view, records_max };
    let answer = answer::answer(&scene, &outcome, rng);
    Outgoing::Reply(fit::fit(&question, &answer, config, incoming.transport))
}

#[cfg(test)]
mod tests;
