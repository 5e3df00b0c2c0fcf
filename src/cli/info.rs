//! `Stats` of `/v1/agent/self` → sections of `key = value`.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::Args;
use serde::Deserialize;

use crate::cli::client::Request;
use crate::cli::fault::Fault;
use crate::cli::listing::ListingFlags;
use crate::cli::output::Output;

/// `lictor info`
#[derive(Args)]
pub(super) struct Flags {
    /// Whom to ask, and for whom.
    #[command(flatten)]
    listing: ListingFlags,
}

/// The part of the answer that is shown.
#[derive(Deserialize)]
struct SelfJson {
    /// Section → key → value.
    #[serde(rename = "Stats", default)]
    stats: BTreeMap<String, BTreeMap<String, String>>,
}

/// Does it.
pub(super) fn run(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    let client = flags.listing.open(output)?;
    let agent: SelfJson =
        client.ask_json(&Request::get("Error querying agent", "/v1/agent/self"))?;
    flags.listing.print(&agent.stats, output, sections)
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
    text.truncate(text.trim_end_matches('\n').len());
    text
}
