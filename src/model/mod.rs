//! The vocabulary that every other room speaks: validated names, numbers with units, and the things a
//! catalog holds.
//!
//! Invariants: a value of these types is legal by construction, so no other room validates again; names
//! are folded once, here, and compare by their folded form.
//! Deliberately absent: I/O, clocks, randomness, and any crate but serde.

pub mod limits;

pub(crate) mod lock;

pub mod fault;

pub mod name;

pub mod number;

pub mod time;

pub mod address;

pub mod health;

pub mod node;

pub mod meta;

pub mod service;

pub mod check;

pub mod kv;

pub mod session;

pub mod coordinate;

pub mod event;

pub mod prepared_query;

pub mod definition;

pub mod dns_config;

pub mod forward_config;

pub mod member;

pub mod autopilot;

pub mod transport;

pub mod explanation;
