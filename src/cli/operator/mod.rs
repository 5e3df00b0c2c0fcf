//! Who agrees on the catalog, and what the leader does with them by itself.

mod raft;

mod autopilot;

mod usage;

use clap::Subcommand;

use crate::cli::fault::Fault;
use crate::cli::output::Output;

/// About what.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// Lists servers, takes one out, lets another one lead
    #[command(subcommand)]
    Raft(raft::Verb),
    /// Shows and changes what the leader does with servers by itself
    #[command(subcommand)]
    Autopilot(autopilot::Verb),
    /// Counts what there is
    #[command(subcommand)]
    Usage(usage::Verb),
}

/// Does it.
pub(super) fn run(verb: &Verb, output: &mut Output) -> Result<(), Fault> {
    match verb {
        Verb::Raft(verb) => raft::run(verb, output),
        Verb::Autopilot(verb) => autopilot::run(verb, output),
        Verb::Usage(verb) => usage::run(verb, output),
    }
}
