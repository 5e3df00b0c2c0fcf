//! The human's side: arguments → a command → lines on stdout, an exit code, errors with a hint.
//!
//! Invariants: stdout carries data only, through one [`output::Output`]; every error is printed in one
//! place ([`fault::report`]); exit codes are Consul's: 0 done, 1 refused or broken, 2 no member matched,
//! 127 no such command.
//! Deliberately absent: knowledge of the catalog. Commands speak HTTP and DNS to an agent as anybody could.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cli::arguments::CommandLine;
use crate::cli::fault::Fault;
use crate::cli::output::Output;

mod arguments;

mod fault;

mod output;

mod table;

mod listing;

mod client;

mod agent;

mod validate;

mod version;

mod reload;

mod members;

mod info;

mod rtt;

mod event;

mod monitor;

mod kv;

mod snapshot;

mod operator;

mod services;

mod catalog;

mod dig;

/// Runs the command line; the only caller is main.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let mut output = Output::of_process();
    match dispatch(arguments, &mut output) {
        Ok(code) => code,
        Err(fault) => fault::report(&fault, &mut output),
    }
}

/// Service discovery over DNS, from a replicated, health-checked catalog
#[derive(Parser)]
#[command(name = "lictor", disable_help_subcommand = true)]
struct Lictor {
    /// What to do.
    #[command(subcommand)]
    noun: Noun,
}

/// The first word of a command.
#[derive(Subcommand)]
enum Noun {
    /// Runs an agent
    Agent(agent::Flags),
    /// Lists datacenters, nodes and services
    #[command(subcommand)]
    Catalog(catalog::Verb),
    /// Asks the agent's DNS and prints the whole message
    Dig(dig::Flags),
    /// Fires a user event
    Event(event::Flags),
    /// Shows numbers about a running agent
    Info(info::Flags),
    /// Reads and writes the key/value store
    #[command(subcommand)]
    Kv(kv::Verb),
    /// Lists the members of the cluster
    Members(members::Flags),
    /// Shows the agent's log as it grows
    Monitor(monitor::Flags),
    /// Shows and changes who agrees on the catalog
    #[command(subcommand)]
    Operator(operator::Verb),
    /// Makes the agent read its configuration again
    Reload(reload::Flags),
    /// Estimates the round trip time between two nodes
    Rtt(rtt::Flags),
    /// Registers and deregisters services with the agent
    #[command(subcommand)]
    Services(services::Verb),
    /// Saves, restores and inspects the whole state
    #[command(subcommand)]
    Snapshot(snapshot::Verb),
    /// Checks configuration files and folders
    Validate(validate::Flags),
    /// Prints the version
    Version(version::Flags),
}

/// Arguments → what was asked for → done.
fn dispatch(arguments: Vec<OsString>, output: &mut Output) -> Result<ExitCode, Fault> {
    let mut tree = command_tree();
    let rewritten = match arguments::rewrite(arguments, &tree)? {
        CommandLine::Run(rewritten) => rewritten,
        CommandLine::Version => {
            return version::print(&version::Flags::default(), output).map(|()| DONE);
        }
        CommandLine::Help(path) => {
            let help = arguments::find(&mut tree, &path).map(clap::Command::render_help);
            let help = help.map(|help| help.to_string()).unwrap_or_default();
            return output.text(help.trim_end()).map(|()| DONE);
        }
    };
    let matches =
        tree.try_get_matches_from_mut(rewritten).map_err(|error| Fault::from_clap(&error))?;
    let lictor = Lictor::from_arg_matches(&matches).map_err(|error| Fault::from_clap(&error))?;
    match lictor.noun {
        Noun::Agent(flags) => return agent::run(flags),
        Noun::Catalog(verb) => catalog::run(&verb, output)?,
        Noun::Dig(flags) => dig::run(&flags, output)?,
        Noun::Event(flags) => event::run(&flags, output)?,
        Noun::Info(flags) => info::run(&flags, output)?,
        Noun::Kv(verb) => kv::run(&verb, output)?,
        Noun::Members(flags) => members::run(&flags, output)?,
        Noun::Monitor(flags) => monitor::run(&flags, output)?,
        Noun::Operator(verb) => operator::run(&verb, output)?,
        Noun::Reload(flags) => reload::run(&flags, output)?,
        Noun::Rtt(flags) => rtt::run(&flags, output)?,
        Noun::Services(verb) => services::run(&verb, output)?,
        Noun::Snapshot(verb) => snapshot::run(&verb, output)?,
        Noun::Validate(flags) => validate::run(&flags, output)?,
        Noun::Version(flags) => version::run(&flags, output)?,
    }
    Ok(DONE)
}

/// Every command with its flags, built, so that usage lines carry the whole path.
fn command_tree() -> clap::Command {
    let mut tree = settle(Lictor::command());
    tree.build();
    tree
}

/// Go's flags, for a command and all below it: a repeated flag is no error, help is ours to find, and
/// what stands after the flags is ours to count.
fn settle(command: clap::Command) -> clap::Command {
    command
        .args_override_self(true)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .after_help(
            "Flags come before other arguments, with one dash or two: `-token x`, `--token=x`.",
        )
        .mut_subcommands(settle)
}

/// What a command that did its work ends with.
const DONE: ExitCode = ExitCode::SUCCESS;
