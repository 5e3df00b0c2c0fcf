//! `/v1/agent/monitor` → the agent's log, as it grows.

use clap::Args;

use crate::cli::arguments::none_of;
use crate::cli::client::{Client, ClientFlags, Request};
use crate::cli::fault::Fault;
use crate::cli::output::Output;

/// `lictor monitor`
#[derive(Args)]
pub(super) struct Flags {
    /// Shows lines of this level and above: trace, debug, info, warn or err
    #[arg(long, value_name = "LEVEL", default_value = "INFO")]
    log_level: String,
    /// Shows each line as a JSON object
    #[arg(long)]
    log_json: bool,
    /// Nothing more is taken.
    #[arg(hide = true)]
    others: Vec<String>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// Does it, until the agent ends or somebody interrupts.
pub(super) fn run(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    none_of(&flags.others)?;
    let client = Client::open_patient(&flags.client, output)?;
    let mut request = Request::get("Error starting monitor", "/v1/agent/monitor")
        .with("loglevel", Some(flags.log_level.clone()));
    if flags.log_json {
        request = request.with("logjson", None);
    }
    client.follow(&request, |bytes| output.piece(bytes))?;
    output.note("the agent ended the log: it stopped, or was restarted");
    Ok(())
}
