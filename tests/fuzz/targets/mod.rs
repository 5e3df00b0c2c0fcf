//! What is fuzzed: a function a target, which takes any bytes and panics where a rule does not hold.
//!
//! Two crates have this module: the fuzz crate, where libFuzzer makes the bytes up, and the crate of tests, where
//! `cargo test` replays the corpora that stayed.

mod world;

pub(crate) mod query;

pub(crate) mod text;

pub(crate) mod zone;

pub(crate) mod reply;

pub(crate) mod config;

pub(crate) mod stream;
