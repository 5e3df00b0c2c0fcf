//! The doors between those who write the catalog and those who read it.
//!
//! [`Publisher`] is held by whoever applies commands; [`Reader`] is cloned to everybody else. Reading is
//! one pointer load and takes no lock. [`Propose`] is the door for writes: who holds it hands in a Command
//! and waits for its Reply, and knows neither Raft nor where the leader is.
//!
//! Deliberately absent: anything asynchronous but `tokio::sync`.

mod view;

mod wait;

mod propose;

mod renewals;

mod cluster;

mod servers;

pub use self::cluster::{Cluster, Consistency, Peer, PeerChange, Pulse};
pub use self::propose::{Propose, ProposeFault, Proposed};
pub use self::renewals::Renewals;
pub use self::servers::ServerHealth;
pub use self::view::{Publisher, Reader, publisher};
pub use self::wait::Waiter;
