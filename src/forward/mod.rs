//! Names that are not ours: an [`Ask`](crate::dns::outside::Ask) → what a recursor says
//! ([`Fetched`](crate::dns::outside::Fetched)).
//!
//! ```text
//!   Ask ── cache ──► Fetched                     cache/     Ask × Now → Found            pure
//!    │ nothing, or stale                         choice/    who is asked next            pure
//!    ▼                                           question/  Ask ⇄ wire, and what counts  pure
//!   flight: one fetch for all who ask the same   probe/     loops                        pure
//!    │ choice: which recursor, in which form     address/   configuration → addresses    pure
//!    ▼
//!   exchange: a socket, a query, the reply that fits it
//! ```
//!
//! Invariants
//! - What comes from the wrong address or port, has another id, another question or (over UDP) other letters is
//!   no answer (RFC 5452 §9). It ends no wait; after [`WRONG_REPLIES_MAX`] of them the question goes over TCP.
//! - A recursor that does not repeat letters is found out over TCP, where nobody off the path can speak for it,
//!   and is asked in lower case from then on. One that neither repeats letters nor speaks TCP is useless to us.
//! - An answer is kept and told whole, under its own question only. What an answer says about other names is
//!   never used for them, so there is no bailiwick to check.
//! - Equal questions that are under way together are asked once. That is also why a loop that no probe has found
//!   costs a time-out and no storm: the question that comes back waits for itself.
//! - A recursor is never given up: one that fails is asked after the others. Only one that forwards to us is left
//!   out, for as long as probes show it.
//! - What a client sent beside its question (EDNS options, cookies) is not passed on.
//!
//! Limits: [`RECURSORS_MAX`] recursors, [`FORWARDS_MAX`] questions under way, [`FORWARD_TIME_MAX`] for each,
//! [`FORWARD_CACHE_BYTES_MAX`] of answers, kept for [`FORWARD_TTL_MAX_SECS`] and told [`FORWARD_STALE_MAX`]
//! longer where nobody answers.
//!
//! Deliberately absent: recursion from the root, DNSSEC validation, prefetching, cookies to recursors (RFC 7873
//! helps where many share a path; ours are few and near), DNS over TLS, and kept TCP connections: TCP is for the
//! rare answer that does not fit. hickory-resolver is absent too: it validates, searches and caches by its own
//! rules, of which serving stale answers, our limits and the order of recursors are no part; hickory-proto reads
//! and writes the messages.
//!
//! [`WRONG_REPLIES_MAX`]: crate::model::limits::WRONG_REPLIES_MAX
//! [`RECURSORS_MAX`]: crate::model::limits::RECURSORS_MAX
//! [`FORWARDS_MAX`]: crate::model::limits::FORWARDS_MAX
//! [`FORWARD_TIME_MAX`]: crate::model::limits::FORWARD_TIME_MAX
//! [`FORWARD_CACHE_BYTES_MAX`]: crate::model::limits::FORWARD_CACHE_BYTES_MAX
//! [`FORWARD_TTL_MAX_SECS`]: crate::model::limits::FORWARD_TTL_MAX_SECS
//! [`FORWARD_STALE_MAX`]: crate::model::limits::FORWARD_STALE_MAX

mod forwarder;

mod flight;

mod exchange;

mod question;

mod cache;

mod choice;

mod probe;

mod patrol;

mod address;

mod surroundings;

mod clock;

mod count;

mod fault;

#[cfg(test)]
mod scripted;

pub use self::choice::Standing;
pub use self::fault::Fault;
pub use self::forwarder::{Forwarder, Stats};
#[doc(hidden)]
pub use self::question::{Hearing, hear};
