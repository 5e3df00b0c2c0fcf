//! Loop detection: a question with a name that nobody else asks goes to each recursor; where somebody asks us
//! that very question, the recursor forwards to us.
//!
//! A mark inside the query (an EDNS option) would be simpler, but resolvers do not pass options on, and boxes in
//! between drop queries that have unknown ones.
//!
//! The names stand below `example.com`, of which RFC 6761 §6.5 says that resolvers treat it like any name.
//! `test`, `invalid` or `local` would not do: unbound and others answer these themselves, and a loop would go
//! unseen. A resolver that validates remembers that nothing is below (RFC 8020, RFC 8198) and burdens nobody
//! with the next probe; in a loop there is nobody who could have told it so.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::ProtoError;
use hickory_proto::rr::{Name, RecordType};

use crate::dns::outside::Ask;
use crate::model::limits::RECURSORS_MAX;
use crate::model::time::Now;

/// The probes that were sent a moment ago.
#[derive(Debug, Default)]
pub(in crate::forward) struct Probes {
    /// The oldest first.
    sent: Vec<Sent>,
}

/// One probe.
#[derive(Debug)]
struct Sent {
    /// What makes its name one of a kind.
    nonce: u64,
    /// Whom it went to.
    recursor: SocketAddr,
    /// When.
    at: Now,
    /// Whether it came back to us.
    fate: Fate,
}

/// What became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::forward) enum Fate {
    /// Nobody asked us for it.
    Away,
    /// Somebody did.
    Returned,
}

impl Probes {
    /// Begins a probe, and forgets those whose time is over.
    pub(in crate::forward) fn begin(&mut self, nonce: u64, recursor: SocketAddr, now: Now) {
        self.sent.retain(|sent| now.since(sent.at) < REMEMBERED);
        if PROBES_MAX <= self.sent.len() {
            self.sent.remove(0);
        }
        self.sent.push(Sent { nonce, recursor, at: now, fate: Fate::Away });
    }

    /// Takes note of a question that came in. Where it is a probe of ours, who was sent it.
    pub(in crate::forward) fn returned(&mut self, nonce: u64, now: Now) -> Option<SocketAddr> {
        let mut recent = self.sent.iter_mut().filter(|sent| now.since(sent.at) < REMEMBERED);
        let sent = recent.find(|sent| sent.nonce == nonce)?;
        sent.fate = Fate::Returned;
        Some(sent.recursor)
    }

    /// What became of a probe.
    pub(in crate::forward) fn fate(&self, nonce: u64) -> Fate {
        let sent = self.sent.iter().find(|sent| sent.nonce == nonce);
        sent.map_or(Fate::Away, |sent| sent.fate)
    }
}

/// The question of a probe.
///
/// # Errors
/// Never, as long as the name is short.
pub(in crate::forward) fn ask(nonce: u64) -> Result<Ask, ProtoError> {
    let first = format!("{nonce:0NONCE_CHARS$x}");
    let mut labels = vec![first.as_bytes()];
    labels.extend(BELOW);
    let name = Name::from_labels(labels)?;
    Ok(Ask { name, kind: RecordType::TXT, dnssec_ok: false, checking_disabled: false })
}

/// The number in a probe's name, where a name is one; a look at the number of labels spares most the rest.
pub(in crate::forward) fn nonce(name: &Name) -> Option<u64> {
    if usize::from(name.num_labels()) != 1 + BELOW.len() {
        return None;
    }
    let mut labels = name.iter();
    let first = labels.next()?;
    if !labels.zip(BELOW).all(|(label, ours)| label.eq_ignore_ascii_case(ours)) {
        return None;
    }
    if first.len() != NONCE_CHARS || !first.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(first).ok()?, 16).ok()
}

/// The labels below which probes stand.
const BELOW: [&[u8]; 3] = [b"lictor-loop-probe", b"example", b"com"];

/// Hexadecimal digits of a probe's first label.
const NONCE_CHARS: usize = 16;

/// For how long a probe is known as ours: longer than any resolver holds a question.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Probes that are known at one time.
const PROBES_MAX: usize = 8 * RECURSORS_MAX;

#[cfg(test)]
mod tests;
