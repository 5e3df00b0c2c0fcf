//! Answers → numbers: what DNS listeners count, under Consul's names and our own.
//!
//! Handles are looked up once: the facade's macros would hash names and labels for every query.

use std::time::Instant;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use metrics::{Counter, Histogram};

use crate::dns::{Said, Transport};
use crate::server::clock;

/// One listener's counters.
pub(in crate::server) struct Meter {
    /// Queries.
    queries: Counter,
    /// Queries that nothing was sent back for.
    ignored: Counter,
    /// Answers that were kept from before.
    hits: Counter,
    /// Answers that were made anew.
    misses: Counter,
    /// Answers that lack records, and say so.
    truncated: Counter,
    /// Answers from a catalog that may not be current.
    stale: Counter,
    /// Answers by type and code, as far as there were any.
    answers: [[Option<Counter>; RCODES]; KINDS],
    /// The time that answers took, in milliseconds.
    latency: Histogram,
    /// The same of reverse names.
    latency_ptr: Histogram,
    /// How many were answered since the last `begin`.
    answered: usize,
    /// How many of them were about reverse names.
    answered_ptr: usize,
    /// The word of the transport.
    transport: &'static str,
}

impl Meter {
    /// Counts what is answered at once.
    pub(in crate::server) fn new(transport: Transport) -> Self {
        Self::with_word(match transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        })
    }

    /// Counts what is answered once others were asked.
    pub(in crate::server) fn waiting() -> Self {
        Self::with_word("forwarded")
    }

    fn with_word(transport: &'static str) -> Self {
        Self {
            queries: metrics::counter!("consul.dns.queries", "transport" => transport),
            ignored: metrics::counter!("lictor.dns.ignored", "transport" => transport),
            hits: metrics::counter!("lictor.dns.cache", "result" => "hit"),
            misses: metrics::counter!("lictor.dns.cache", "result" => "miss"),
            truncated: metrics::counter!("lictor.dns.truncated", "transport" => transport),
            stale: metrics::counter!("consul.dns.stale_queries"),
            answers: [const { [const { None }; RCODES] }; KINDS],
            latency: metrics::histogram!("consul.dns.domain_query"),
            latency_ptr: metrics::histogram!("consul.dns.ptr_query"),
            answered: 0,
            answered_ptr: 0,
            transport,
        }
    }

    /// Begins to measure a batch.
    pub(in crate::server) fn begin(&mut self) -> Instant {
        (self.answered, self.answered_ptr) = (0, 0);
        clock::monotonic()
    }

    /// Ends it: each of its answers took an equal part of the time.
    pub(in crate::server) fn end(&mut self, begun: Instant) {
        let Ok(count) = u32::try_from(self.answered) else { return };
        if count == 0 {
            return;
        }
        let each_ms = ((clock::monotonic() - begun) / count).as_secs_f64() * 1_000.0;
        let others = self.answered - self.answered_ptr;
        for (latency, count) in [(&self.latency, others), (&self.latency_ptr, self.answered_ptr)] {
            if 0 < count {
                latency.record_many(each_ms, count);
            }
        }
    }

    /// Counts an answer.
    pub(in crate::server) fn count(&mut self, said: &Said) {
        self.answered += 1;
        self.answered_ptr += usize::from(said.kind == Some(RecordType::PTR));
        self.queries.increment(1);
        if said.is_cached { &self.hits } else { &self.misses }.increment(1);
        if said.is_truncated {
            self.truncated.increment(1);
        }
        if said.is_stale {
            self.stale.increment(1);
        }
        let (kind, kind_word) = kind_of(said.kind);
        let (rcode, rcode_word) = rcode_of(said.rcode);
        if let Some(counter) = self.answers.get_mut(kind).and_then(|row| row.get_mut(rcode)) {
            let transport = self.transport;
            let counter = counter.get_or_insert_with(|| {
                metrics::counter!(
                    "lictor.dns.answers",
                    "type" => kind_word, "rcode" => rcode_word, "transport" => transport
                )
            });
            counter.increment(1);
        }
    }

    /// Counts a query that nothing is sent back for.
    pub(in crate::server) fn count_ignored(&mut self) {
        self.queries.increment(1);
        self.ignored.increment(1);
    }
}

/// A type's row and word. Types that nobody asks for share one, so that nobody can make up new numbers.
fn kind_of(kind: Option<RecordType>) -> (usize, &'static str) {
    match kind {
        Some(RecordType::A) => (0, "A"),
        Some(RecordType::AAAA) => (1, "AAAA"),
        Some(RecordType::SRV) => (2, "SRV"),
        Some(RecordType::ANY) => (3, "ANY"),
        Some(RecordType::TXT) => (4, "TXT"),
        Some(RecordType::PTR) => (5, "PTR"),
        Some(RecordType::SOA) => (6, "SOA"),
        Some(RecordType::NS) => (7, "NS"),
        Some(RecordType::HTTPS) => (8, "HTTPS"),
        Some(_) => (9, "other"),
        None => (10, "none"),
    }
}

/// A code's column and word.
fn rcode_of(rcode: ResponseCode) -> (usize, &'static str) {
    match rcode {
        ResponseCode::NoError => (0, "NOERROR"),
        ResponseCode::FormErr => (1, "FORMERR"),
        ResponseCode::ServFail => (2, "SERVFAIL"),
        ResponseCode::NXDomain => (3, "NXDOMAIN"),
        ResponseCode::NotImp => (4, "NOTIMP"),
        ResponseCode::Refused => (5, "REFUSED"),
        _ => (6, "other"),
    }
}

/// Rows of types.
const KINDS: usize = 11;

/// Columns of codes.
const RCODES: usize = 7;
