//! Server CPU per DNS query, side by side and in one run: a UDP echo, lictor, Knot, NSD, Consul.
//!
//! ```text
//! cargo bench --bench dns -- [--consul PATH] [--columns echo,lictor] [--only a3,nxdomain] [--seconds 1]
//! ```
//!
//! Each server runs on one core and the generator on another, which keeps a fixed number of queries in flight,
//! so that a server never waits for work. What is told is the CPU time of all threads of the server over the
//! answers that arrived; rounds interleave the columns, and medians are told. Losses and wrong answers are
//! counted, and shown where there are any. Knot and NSD are used if they are installed.
//!
//! Suggested reading: `lines` (what is asked), `data` (of what), `servers`, `load` (how), then `table`.

#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

mod lines;

mod query;

mod data;

mod servers;

mod process;

mod echo;

mod load;

mod stream;

mod register;

mod table;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::lines::Line;
use crate::servers::Column;

/// Server CPU per DNS query, in nanoseconds, of several servers in one run.
#[derive(Parser, Debug)]
#[command(name = "dns")]
struct Options {
    /// Lines of the table, all by default
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Line>,
    /// Its columns; all that are installed by default
    #[arg(long, value_delimiter = ',', value_enum)]
    columns: Vec<Column>,
    /// Time of one measurement
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Rounds, of which the median is told
    #[arg(long, default_value_t = 3)]
    rounds: usize,
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
    /// Sockets that ask
    #[arg(long, default_value_t = 4)]
    sockets: usize,
    /// Queries in flight on each
    #[arg(long, default_value_t = 48)]
    window: usize,
    /// Asks without EDNS
    #[arg(long)]
    plain: bool,
    /// Serves instead of measuring: sends back this many bytes, or with 0 what came
    #[arg(long, value_name = "BYTES", hide = true)]
    serve_echo: Option<usize>,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let result = match options.serve_echo {
        Some(bytes) => echo::serve(bytes),
        None => table::measure(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
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
