//! `Stats` of `/v1/agent/self` → sections of `key = value`.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::Args;
use serde::Deserialize;

use crate::cli::arguments::none_of;
use crate::cli::client::{Client, ClientFlags, Request};
use crate::cli::fault::Fault;
use crate::cli::output::Output;
use crate::cli::table::Format;

/// `lictor info`
#[derive(Args)]
pub(super) struct Flags {
    /// `pretty` or `json`
    #[arg(long, value_name = "FORMAT", default_value_t)]
    format: Format,
    /// Nothing more is taken.
    #[arg(hide = true)]
    others: Vec<String>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// The part of the answer that is shown.
#[derive(Deserialize)]
struct Agent {
    /// Section → key → value.
    #[serde(rename = "Stats", default)]
    stats: BTreeMap<String, BTreeMap<String, String>>,
}

/// Does it.
pub(super) fn run(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    none_of(&flags.others)?;
    let client = Client::open(&flags.client, output)?;
    let agent: Agent = client.ask_json(&Request::get("Error querying agent", "/v1/agent/self"))?;
    match flags.format {
        Format::Json => output.json(&serde_json::json!(agent.stats)),
        Format::Pretty => output.text(sections(&agent.stats).trim_end_matches('\n')),
    }
}

fn sections(stats: &BTreeMap<String, BTreeMap<String, String>>) -> String {
    let mut text = String::new();
    for (section, pairs) in stats {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{section}:");
        for (key, value) in pairs {
            let _ = writeln!(text, "\t{key} = {value}");
        }
    }
    text
}
