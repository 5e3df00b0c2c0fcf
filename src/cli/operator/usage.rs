//! `/v1/operator/usage` → a table of how much there is.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use crate::cli::client::Request;
use crate::cli::fault::Fault;
use crate::cli::listing::ListingFlags;
use crate::cli::output::Output;
use crate::cli::table::show_under;

/// What to count.
#[derive(Subcommand)]
pub(in crate::cli) enum Verb {
    /// Counts nodes, services and instances
    Instances(Flags),
}

/// `lictor operator usage instances`
#[derive(Args)]
pub(in crate::cli) struct Flags {
    /// Whom to ask, and for whom.
    #[command(flatten)]
    listing: ListingFlags,
}

/// How much there is, as the API states it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct UsageJson {
    /// By datacenter.
    usage: BTreeMap<String, CountsJson>,
    /// What else is said, for programs.
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// How much there is in one datacenter.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct CountsJson {
    /// Nodes.
    nodes: u64,
    /// Names of services.
    services: u64,
    /// Instances of all of them.
    service_instances: u64,
    /// Those that are not the servers themselves.
    billable_service_instances: u64,
    /// What else is said, for programs.
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// Does it.
pub(super) fn run(verb: &Verb, output: &mut Output) -> Result<(), Fault> {
    let Verb::Instances(flags) = verb;
    let client = flags.listing.open(output)?;
    let request = Request::get("Error fetching usage information", "/v1/operator/usage");
    let found: UsageJson = client.ask_json(&request)?;
    flags.listing.print(&found, output, |found| {
        let rows = found.usage.iter().map(|(datacenter, counts)| {
            let numbers = [
                counts.nodes,
                counts.services,
                counts.service_instances,
                counts.billable_service_instances,
            ];
            std::iter::once(datacenter.clone())
                .chain(numbers.map(|number| number.to_string()))
                .collect()
        });
        let heading = ["DC", "Nodes", "Services", "Instances", "Without servers"];
        show_under(&heading, rows)
    })
}
