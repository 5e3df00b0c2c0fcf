//! What is fuzzed: a function a target, which takes any bytes and panics where a rule does not hold.
//!
//! Two crates have this module: the fuzz crate, where libFuzzer makes the bytes up, and the crate of tests, where
//! `cargo test` replays the corpora that stayed.
//!
//! ```sh
//! cargo install cargo-fuzz
//! cargo fuzzing zone -- -max_total_time=600 -max_len=4096 -dict=tests/fuzz/dictionaries/zone.dict
//! cargo fuzz cmin -s none --fuzz-dir tests/fuzz --target-dir target/fuzz zone -- -use_counters=0
//! ```
//! The last line throws out of the corpus what leads nowhere new. No sanitizer is used: there is no `unsafe` here, and
//! any toolchain will do. An input that made a target fail stays in the corpus, named after what was wrong.

mod world;

pub(crate) mod query;

pub(crate) mod text;

pub(crate) mod zone;

pub(crate) mod reply;

pub(crate) mod config;

pub(crate) mod stream;

pub(crate) mod filter;

pub(crate) mod template;
