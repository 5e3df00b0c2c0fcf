//! Everything that is tested from outside: one crate, since each further one links the program again.
//!
//! Suggested reading: `harness` (starts agents), then a runner and any of its data files: `dns`
//! (`tests/dns/*.dns`), `http` (`tests/http/*.http`), `cli` (`tests/cli/*.txt`, run by
//! `transcript`); `tidy` is what may stand where.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_collect,
    reason = "a test says what is wrong by panicking, and its texts are short"
)]

mod harness;

mod ports;

mod dns;

mod http;

mod transcript;

mod cli;

mod lifecycle;

mod durability;

mod snapshot;

mod connections;

mod sessions;

mod served;

mod checks;

mod fuzz;

mod tidy;
