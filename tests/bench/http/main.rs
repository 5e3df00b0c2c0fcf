//! The HTTP API side by side with Consul's, in one run: throughput, wake-ups, memory of watchers and instances.
//!
//! ```text
//! cargo bench --bench http -- --consul PATH [--lictor PATH] [--only get16,watch150] [--rounds 3]
//! ```
//!
//! Both are single servers that keep their state on disk, unless a line says otherwise. To be read, each runs on one
//! core and the generator on another; to be written to and to be waited for, it may use both. What watchers wait for is
//! written while other keys are. The generator speaks HTTP over plain sockets and costs a fraction of what the servers
//! do. Rounds interleave the two, medians are told, and beside each stands the limit that it has to keep. Where a line's
//! limit is broken, the exit code is 2.
//!
//! Suggested reading: `lines` (what is measured, and the limits), `wire` (how), `watch`, `fill`, then `table`.

#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
#![expect(clippy::cast_precision_loss, reason = "the figures that are shown have four digits")]

mod lines;

mod servers;

#[path = "../dns/process.rs"]
mod process;

mod wire;

mod load;

mod watch;

mod fill;

mod table;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::lines::Line;

/// The HTTP API beside Consul's, in one run.
#[derive(Parser, Debug)]
#[command(name = "http")]
struct Options {
    /// Lines of the table, all by default
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Line>,
    /// Time of one throughput measurement
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Rounds, of which the median is told
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Instances that are registered
    #[arg(long, default_value_t = 100_000)]
    instances: usize,
    /// Registers one by one although transactions are there
    #[arg(long)]
    one_by_one: bool,
    /// Consul to compare with
    #[arg(long, value_name = "PATH")]
    consul: Option<PathBuf>,
    /// lictor, if not the one that was just built
    #[arg(long, value_name = "PATH", default_value = env!("CARGO_BIN_EXE_lictor"))]
    lictor: PathBuf,
    /// Core of the server
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// Core of the generator
    #[arg(long, default_value_t = 1)]
    client_core: usize,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match table::measure(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(fault) => {
            use io::Write;
            let _ = writeln!(io::stderr(), "error: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// An error in words.
fn fault(words: impl Into<String>) -> io::Error {
    io::Error::other(words.into())
}
