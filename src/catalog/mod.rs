//! `Command × Catalog → Reply + Changes`: the replicated state, and the only code that writes it.
//!
//! Invariants
//! - [`apply::apply`] is the only writer. It is deterministic: time, identity and randomness arrive inside
//!   the Command, maps are ordered, and nothing is a float, so replicas stay byte-identical.
//! - A clone of a [`Catalog`] costs a few reference counts and shares all its parts with the original; a
//!   published clone ([`View`]) never changes.
//! - Every instance carries its node and checks, so a reader joins nothing.
//! - [`Catalog::audit`] knows every invariant between the maps and is empty after every command.
//!
//! Deliberately absent: tokio, hickory, clocks, randomness, hash maps.

pub mod state;

pub mod command;

pub mod operation;

pub mod reply;

pub mod apply;

pub mod lookup;

pub mod row;

pub mod pieces;

pub mod backup;

pub mod archive;

pub mod view;

pub mod coordinates;

pub mod prepared;

mod edit;

mod edit_locks;

mod share;

mod audit;

pub use self::command::Command;
pub use self::reply::{NoLock, Reject, Reply};
pub use self::state::{Catalog, Instance};
pub use self::view::View;
