//! Everything that is tested from outside: one crate, since each further one links the program again.
//!
//! Suggested reading: `harness` (starts agents), then a runner and any of its data files: `dns`
//! (`tests/dns/*.dns`), `http` (`tests/http/*.http`), `cli` (`tests/cli/*.txt`); `tidy` is what may stand where.

mod dns;
