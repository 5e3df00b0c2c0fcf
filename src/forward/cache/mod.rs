//! What recursors said, kept: Ask × Now → Found.
//!
//! An answer is kept whole under its question and told whole to the same question. Nothing of it ever answers
//! another one, so that an answer about one name cannot say anything about another. Time comes in.

use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{RData, Record, RecordType};
use hickory_proto::serialize::binary::BinEncodable;
use quick_cache::sync::{Cache as Kept, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::dns::outside::{Ask, Failure, Told};
use crate::model::limits::{
    FORWARD_NEGATIVE_TTL_MAX_SECS, FORWARD_STALE_MAX, FORWARD_TTL_MAX_SECS,
};
use crate::model::time::Now;

/// Answers by question, bounded in bytes. Entries that were asked for twice are pushed out only by others that
/// were (S3-FIFO's rule), so random names do not push out real ones.
pub(in crate::forward) struct Cache {
    /// The entries; each shard has a lock of its own, which is held for a look or a swap.
    kept: Kept<Ask, Entry, Bytes>,
}

/// What is known of a question.
#[derive(Clone, Debug)]
pub(in crate::forward) enum Found {
    /// Nothing.
    Missing,
    /// An answer, with what is left of its TTLs.
    Fresh(Arc<Told>),
    /// That nobody answered a moment ago, and nobody did before.
    Failed(Failure),
    /// An answer that should be told only where nobody gives a newer one (RFC 8767).
    Stale(Arc<Told>, Recheck),
}

/// Whether recursors should be asked for what is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::forward) enum Recheck {
    /// Now.
    Due,
    /// Later: they failed a moment ago (RFC 8767 §5, "failure recheck timer").
    Later,
}

/// What is kept of a question.
#[derive(Clone, Debug)]
enum Entry {
    /// An answer.
    Told(Answer),
    /// Why there is none, and until when that is believed.
    Failed(Failure, Now),
}

/// An answer as it came.
#[derive(Clone, Debug)]
struct Answer {
    /// The answer, with TTLs as they were then.
    told: Arc<Told>,
    /// When it came.
    at: Now,
    /// For how long it may be told.
    lifetime: Duration,
    /// Until when nobody is asked again, after a failure.
    paused_until: Now,
    /// What it takes, in bytes.
    bytes: u64,
}

/// Weighs entries.
#[derive(Clone)]
struct Bytes;

impl Cache {
    /// Nothing yet; at most so many bytes.
    pub(in crate::forward) fn new(bytes_max: u64) -> Self {
        let entries = usize::try_from(bytes_max / ENTRY_BYTES_USUAL).unwrap_or(usize::MAX);
        let mut options = OptionsBuilder::new();
        options.shards(SHARDS).weight_capacity(bytes_max).estimated_items_capacity(entries);
        #[expect(
            clippy::expect_used,
            reason = "it fails where one of the two capacities is missing"
        )]
        let options = options.build().expect("both capacities are set");
        let hasher = DefaultHashBuilder::default();
        Self { kept: Kept::with_options(options, Bytes, hasher, DefaultLifecycle::default()) }
    }

    /// What is known of a question.
    pub(in crate::forward) fn find(&self, ask: &Ask, now: Now) -> Found {
        match self.kept.get(ask) {
            Some(Entry::Failed(failure, until)) if now < until => Found::Failed(failure),
            Some(Entry::Told(answer)) => answer.found(now),
            Some(Entry::Failed(..)) | None => Found::Missing,
        }
    }

    /// Keeps an answer, where it may be kept at all.
    pub(in crate::forward) fn put(&self, ask: Ask, told: &Arc<Told>, now: Now) {
        let lifetime = lifetime(told, ask.kind);
        if lifetime.is_zero() {
            // What was known before is contradicted, or must not outlive this moment.
            self.kept.remove(&ask);
            return;
        }
        let bytes = size(told);
        let answer = Answer { told: Arc::clone(told), at: now, lifetime, paused_until: now, bytes };
        self.kept.insert(ask, Entry::Told(answer));
    }

    /// Keeps that nobody answered. An answer that may still be told is not forgotten for it.
    pub(in crate::forward) fn put_failure(&self, ask: Ask, failure: Failure, now: Now) {
        let entry = match self.kept.peek(&ask) {
            Some(Entry::Told(answer)) if answer.is_tellable(now) => {
                Entry::Told(Answer { paused_until: now.after(RECHECK_AFTER), ..answer })
            }
            _ => Entry::Failed(failure, now.after(FAILURE_KEPT)),
        };
        self.kept.insert(ask, entry);
    }

    /// How many questions are known, and how many bytes that takes.
    pub(in crate::forward) fn size(&self) -> (usize, u64) {
        (self.kept.len(), self.kept.weight())
    }
}

impl Answer {
    fn found(&self, now: Now) -> Found {
        let age = now.since(self.at);
        if age < self.lifetime {
            return Found::Fresh(aged(&self.told, age));
        }
        if !self.is_tellable(now) {
            return Found::Missing;
        }
        let recheck = if now < self.paused_until { Recheck::Later } else { Recheck::Due };
        Found::Stale(Arc::new(stale(&self.told, age.saturating_sub(self.lifetime))), recheck)
    }

    fn is_tellable(&self, now: Now) -> bool {
        now.since(self.at) < self.lifetime.saturating_add(FORWARD_STALE_MAX)
    }
}

impl Weighter<Ask, Entry> for Bytes {
    fn weight(&self, ask: &Ask, entry: &Entry) -> u64 {
        let fixed = size_of::<Ask>() + size_of::<Entry>() + ENTRY_BYTES_EXTRA + ask.name.len();
        let answer = match entry {
            Entry::Told(answer) => answer.bytes,
            Entry::Failed(..) => 0,
        };
        answer.saturating_add(u64::try_from(fixed).unwrap_or(u64::MAX))
    }
}

/// For how long an answer may be told; zero where it must not be kept.
fn lifetime(told: &Told, kind: RecordType) -> Duration {
    let positive = told.answers.iter().map(|record| ttl(record, FORWARD_TTL_MAX_SECS)).min();
    let is_answered =
        told.answers.iter().any(|record| kind.is_any() || record.record_type() == kind);
    let secs = if told.rcode == ResponseCode::NoError && is_answered {
        positive.unwrap_or_default()
    } else {
        // RFC 2308 §5: a "no" without an SOA is not kept. The aliases that lead to it end it too.
        let negative = told.authorities.iter().filter_map(negative_ttl).min().unwrap_or_default();
        positive.map_or(negative, |positive| positive.min(negative))
    };
    Duration::from_secs(secs.into())
}

/// RFC 2308 §5: a "no" lives for the lesser of the SOA's TTL and its last field.
fn negative_ttl(record: &Record) -> Option<u32> {
    match &record.data {
        RData::SOA(soa) => Some(ttl(record, FORWARD_NEGATIVE_TTL_MAX_SECS).min(soa.minimum)),
        _ => None,
    }
}

/// A record's TTL, bounded.
fn ttl(record: &Record, secs_max: u32) -> u32 {
    // RFC 2181 §8: with the top bit set it is zero.
    if record.ttl <= i32::MAX.unsigned_abs() { record.ttl.min(secs_max) } else { 0 }
}

/// An answer whose TTLs are what is left of them. Records beside the answer whose time is over are left out.
fn aged(told: &Arc<Told>, age: Duration) -> Arc<Told> {
    let age = u32::try_from(age.as_secs()).unwrap_or(u32::MAX);
    if age == 0 {
        return Arc::clone(told);
    }
    let mut told = Told::clone(told);
    for records in [&mut told.authorities, &mut told.additionals] {
        records.retain(|record| age < record.ttl);
    }
    each(&mut told, |record| record.ttl = record.ttl.saturating_sub(age));
    Arc::new(told)
}

/// An answer as it is told beyond its time.
fn stale(told: &Told, since: Duration) -> Told {
    let mut told = Told { stale: Some(since), ..told.clone() };
    each(&mut told, |record| record.ttl = STALE_TTL_SECS);
    told
}

/// An answer with the TTLs that clients may see: bounded, and a "no" with one for as long as it holds.
pub(in crate::forward) fn bounded(mut told: Told) -> Told {
    for record in &mut told.authorities {
        if let Some(ttl) = negative_ttl(record) {
            record.ttl = ttl;
        }
    }
    each(&mut told, |record| record.ttl = ttl(record, FORWARD_TTL_MAX_SECS));
    told
}

fn each(told: &mut Told, change: impl Fn(&mut Record)) {
    let sections = [&mut told.answers, &mut told.authorities, &mut told.additionals];
    sections.into_iter().flatten().for_each(change);
}

/// What an answer takes, in bytes: its records as they lie in memory, and what those point at, for which their
/// written form is taken.
fn size(told: &Told) -> u64 {
    let sections = [&told.answers, &told.authorities, &told.additionals];
    let record = |record: &Record| {
        size_of::<Record>() + record.name.len() + record.to_bytes().map_or(0, |bytes| bytes.len())
    };
    let records: usize = sections.into_iter().flatten().map(record).sum();
    u64::try_from(size_of::<Told>() + records).unwrap_or(u64::MAX)
}

/// TTL of what is told beyond its time, in seconds (RFC 8767 §4).
const STALE_TTL_SECS: u32 = 30;

/// How long after a failure nobody is asked for what is stale (RFC 8767 §5).
const RECHECK_AFTER: Duration = Duration::from_secs(30);

/// How long a failure is believed: long enough that a client that repeats itself does not make us do the same
/// (RFC 9520 §3.2: at least a second; RFC 2308 §7: at most five minutes).
const FAILURE_KEPT: Duration = Duration::from_secs(2);

/// Parts of the cache with a lock each.
const SHARDS: usize = 8;

/// An entry with one address, in bytes.
const ENTRY_BYTES_USUAL: u64 = 1_024;

/// What the cache itself needs for an entry, in bytes, and the allocator.
const ENTRY_BYTES_EXTRA: usize = 64;

#[cfg(test)]
mod tests;
