//! `View × Members × Now → Commands`: what the leader does by itself. Pure.
//!
//! Invariants
//! - The leader owns a node's `serfHealth` and its service `consul`, nothing else: what a machine is
//!   (UUID, addresses, metadata) its agent says, so the two never undo each other's writes. Only a node
//!   that nobody registered yet, or whose name somebody else took over, is written here.
//! - What already agrees costs no Command.
//!
//! Deliberately absent: tokio, clocks, and the sending of what is returned.

mod reconcile;

mod tombstones;

mod sessions;

mod autopilot;

mod staging;

pub use self::autopilot::found as found_autopilot;
pub use self::reconcile::reconcile;
pub use self::sessions::SessionTimers;
pub use self::staging::StagingClock;
pub use self::tombstones::{SAMPLE_INTERVAL, TombstoneClock};
