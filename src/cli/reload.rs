//! Makes the agent read its configuration again, as SIGHUP does.

use clap::Args;

use crate::cli::arguments::none_of;
use crate::cli::client::{Client, ClientFlags, Request};
use crate::cli::fault::Fault;
use crate::cli::output::Output;

/// `lictor reload`
#[derive(Args)]
pub(super) struct Flags {
    /// Nothing more is taken.
    #[arg(hide = true)]
    others: Vec<String>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// Does it.
pub(super) fn run(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    none_of(&flags.others)?;
    let client = Client::open(&flags.client, output)?;
    client.ask(&Request::put("Error reloading", "/v1/agent/reload", vec![]))?;
    output.text("Configuration reload triggered")
}
