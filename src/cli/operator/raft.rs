//! `/v1/operator/raft/*` → a table of the servers, and orders about them.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::cli::arguments::none_of;
use crate::cli::client::{Client, ClientFlags, Request};
use crate::cli::fault::Fault;
use crate::cli::listing::ListingFlags;
use crate::cli::output::Output;
use crate::cli::table::{row, show_under};

/// What to do.
#[derive(Subcommand)]
pub(in crate::cli) enum Verb {
    /// Lists the servers
    ListPeers(ListFlags),
    /// Takes a server out that will not come back
    RemovePeer(RemoveFlags),
    /// Lets another server lead
    TransferLeader(TransferFlags),
}

/// `lictor operator raft list-peers`
#[derive(Args)]
pub(in crate::cli) struct ListFlags {
    /// Whom to ask, and for whom.
    #[command(flatten)]
    listing: ListingFlags,
}

/// `lictor operator raft remove-peer`
#[derive(Args)]
pub(in crate::cli) struct RemoveFlags {
    /// Its address: `ip:port`
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Its id
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Nothing more is taken.
    #[arg(hide = true)]
    others: Vec<String>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// `lictor operator raft transfer-leader`
#[derive(Args)]
pub(in crate::cli) struct TransferFlags {
    /// The id of the one that shall lead; any other by default
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Nothing more is taken.
    #[arg(hide = true)]
    others: Vec<String>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// The servers, as the API states them.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ConfigurationJson {
    /// Each.
    servers: Vec<ServerJson>,
    /// When they last changed.
    index: u64,
}

/// A server, as the API states it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServerJson {
    /// Its id.
    #[serde(rename = "ID")]
    id: String,
    /// Its node.
    node: String,
    /// Where it is reached.
    address: String,
    /// Whether it leads.
    leader: bool,
    /// The version of the protocol among servers.
    #[serde(default)]
    protocol_version: String,
    /// Whether it votes.
    voter: bool,
}

/// Does it.
pub(super) fn run(verb: &Verb, output: &mut Output) -> Result<(), Fault> {
    match verb {
        Verb::ListPeers(flags) => list(flags, output),
        Verb::RemovePeer(flags) => remove(flags, output),
        Verb::TransferLeader(flags) => transfer(flags, output),
    }
}

fn list(flags: &ListFlags, output: &mut Output) -> Result<(), Fault> {
    let client = flags.listing.open(output)?;
    let request = Request::get("Error getting peers", "/v1/operator/raft/configuration");
    let found: ConfigurationJson = client.ask_json(&request)?;
    flags.listing.print(&found, output, |found| {
        let rows = found.servers.iter().map(|server| {
            let state = if server.leader { "leader" } else { "follower" };
            let voter = if server.voter { "true" } else { "false" };
            let (node, id, address) = (&server.node, &server.id, &server.address);
            row(&[node, id, address, state, voter, &server.protocol_version])
        });
        show_under(&["Node", "ID", "Address", "State", "Voter", "RaftProtocol"], rows)
    })
}

fn remove(flags: &RemoveFlags, output: &mut Output) -> Result<(), Fault> {
    none_of(&flags.others)?;
    let doing = "Error removing peer";
    let refused = |text: &str| Err(Fault::Refused(format!("{doing}: {text}")));
    let (kind, named) = match (&flags.address, &flags.id) {
        (None, None) => return refused("an address or id is required for the peer to remove"),
        (Some(_), Some(_)) => return refused("cannot give both an address and id"),
        (Some(address), None) => ("address", address),
        (None, Some(id)) => ("id", id),
    };
    let client = Client::open(&flags.client, output)?;
    let mut request = Request::get(doing, "/v1/operator/raft/peer").with(kind, Some(named.clone()));
    request.method = Method::DELETE;
    client.ask(&request)?;
    output.text(&format!("Removed peer with {kind} {named:?}"))
}

fn transfer(flags: &TransferFlags, output: &mut Output) -> Result<(), Fault> {
    none_of(&flags.others)?;
    let client = Client::open(&flags.client, output)?;
    let path = "/v1/operator/raft/transfer-leader";
    let mut request = Request::put("Error transferring leadership", path, vec![]);
    if flags.id.is_some() {
        request = request.with("id", flags.id.clone());
    }
    client.ask(&request)?;
    output.text("Success")
}
