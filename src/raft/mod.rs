//! Raft: Commands → agreed and durable log entries → applied, published, answered.
//!
//! ```text
//!   propose ──► openraft ──► log/ (thread, one sync a group) ──► machine/ ──► View, then Reply
//!                                  │ watermark/                      │ keeper
//!                                  ▼                                 ▼
//!                              raft/ on disk                     state/ on disk (mirror)
//! ```
//! Invariants
//! - Nothing is acknowledged before it is durable, applied and published.
//! - What was acknowledged is there after any crash, or the server refuses to start and says why.
//! - A failed disk stops writes, never reads: the last View stays. Only a restart tries the disk again, because
//!   after a failed sync nobody knows what is on it. A full disk is refused beforehand and forgiven when there
//!   is room.
//! - A damaged mirror is made anew while the log holds everything since the beginning; later it is refused.
//! - A restored backup takes the place of everything in memory and on disk in one step, and revisions go on from the
//!   higher of the two sides.
//! - A peer's number is drawn once for a data dir and never used again.
//!
//! Deliberately absent: an RPC between servers ([`network`] says that nobody can be reached), and
//! membership changes of its own accord other than founding a cluster of one and following its address.
//!
//! Limits: [`crate::model::limits::COMMAND_BYTES_MAX`] a command,
//! [`crate::model::limits::PROPOSED_BYTES_MAX`] in flight.

mod node;

mod types;

mod responder;

mod machine;

mod log;

mod meta;

mod watermark;

mod home;

mod health;

mod network;

mod fault;

pub use self::fault::{DamageFault, RaftFault};
pub use self::home::DataDir;
pub use self::log::entry::EntryFault;
pub use self::machine::Saved;
pub use self::node::{RaftNode, RaftOptions, start};
pub use self::watermark::WatermarkFault;
