//! The whole state ⇄ a file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::catalog::archive::{self, Archive, Kind};
use crate::cli::arguments::too_many;
use crate::cli::client::{Client, ClientFlags, Request};
use crate::cli::fault::Fault;
use crate::cli::output::Output;
use crate::cli::table::{Layout, row, show, show_under};

/// What to do.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// Saves the state to a file
    Save(TransferFlags),
    /// Puts a saved state in the place of everything
    Restore(TransferFlags),
    /// Shows what is in a file, without an agent
    Inspect(InspectFlags),
}

/// `lictor snapshot save`, `lictor snapshot restore`
#[derive(Args)]
pub(super) struct TransferFlags {
    /// The file
    #[arg(value_name = "FILE")]
    others: Vec<String>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// `lictor snapshot inspect`
#[derive(Args)]
pub(super) struct InspectFlags {
    /// `pretty` or `json`
    #[arg(long, value_name = "FORMAT", default_value_t)]
    format: Layout,
    /// The file
    #[arg(value_name = "FILE")]
    others: Vec<String>,
}

/// Does it.
pub(super) fn run(verb: &Verb, output: &mut Output) -> Result<(), Fault> {
    match verb {
        Verb::Save(flags) => save(flags, output),
        Verb::Restore(flags) => restore(flags, output),
        Verb::Inspect(flags) => inspect(flags, output),
    }
}

/// Saves under another name first: what stands under the right one was verified.
fn save(flags: &TransferFlags, output: &mut Output) -> Result<(), Fault> {
    let file = file_of(&flags.others)?;
    let client = Client::open_patient(&flags.client, output)?;
    let unverified = PathBuf::from(format!("{file}.unverified.tmp{}", std::process::id()));
    let saved = save_as(&client, &unverified).and_then(|archive| {
        fs_err::rename(&unverified, file).map_err(refused("Error renaming snapshot file"))?;
        Ok(archive.description.index)
    });
    if saved.is_err() {
        // It may never have been there.
        let _ = fs_err::remove_file(&unverified);
    }
    output.text(&format!("Saved and verified snapshot to index {}", saved?))
}

fn save_as(client: &Client, path: &Path) -> Result<Archive, Fault> {
    let mut unverified =
        fs_err::File::create(path).map_err(refused("Error writing unverified snapshot file"))?;
    let request = Request::get("Error saving snapshot", "/v1/snapshot");
    client.follow(&request, |piece| unverified.write_all(piece).map_err(Fault::File))?;
    unverified
        .flush()
        .and_then(|()| unverified.sync_all())
        .map_err(refused("Error writing unverified snapshot file"))?;
    open(path, "Error verifying snapshot file")
}

fn restore(flags: &TransferFlags, output: &mut Output) -> Result<(), Fault> {
    let file = file_of(&flags.others)?;
    let client = Client::open_patient(&flags.client, output)?;
    let opened = fs_err::File::open(file).map_err(refused("Error opening snapshot file"))?;
    client.upload(&Request::put("Error restoring snapshot", "/v1/snapshot", vec![]), opened)?;
    output.text("Restored snapshot")
}

fn inspect(flags: &InspectFlags, output: &mut Output) -> Result<(), Fault> {
    let file = file_of(&flags.others)?;
    let Archive { description, catalog } = open(Path::new(file), "Error verifying snapshot")?;
    let kinds = archive::inventory(&catalog);
    if flags.format == Layout::Json {
        let kinds = kinds
            .iter()
            .map(|kind| json!({ "Name": kind.name, "Count": kind.count, "Size": kind.bytes }));
        return output.json(&json!({
            "Meta": {
                "ID": description.id, "Size": description.size, "Index": description.index,
                "Term": description.term, "Version": description.version,
            },
            "Stats": kinds.collect::<Vec<_>>(),
        }));
    }
    let pair = |name: &str, value: &dyn std::fmt::Display| row(&[name, &value.to_string()]);
    let meta = [
        pair("ID         ", &description.id),
        pair("Size", &description.size),
        pair("Index", &description.index),
        pair("Term", &description.term),
        pair("Version", &description.version),
    ];
    output.text(&format!("{}\n\n{}", show(&meta), show_kinds(&kinds)))
}

fn show_kinds(kinds: &[Kind]) -> String {
    let rows = kinds
        .iter()
        .map(|kind| row(&[kind.name, &kind.count.to_string(), &kind.bytes.to_string()]));
    show_under(&["Kind", "Count", "Bytes"], rows)
}

/// Reads a snapshot, and so verifies it.
fn open(path: &Path, doing: &str) -> Result<Archive, Fault> {
    let file = fs_err::File::open(path).map_err(refused("Error opening snapshot file"))?;
    let read = archive::read(file, &mut |_| {});
    read.map_err(|fault| Fault::Refused(format!("{doing}: {fault}")))
}

fn file_of(others: &[String]) -> Result<&str, Fault> {
    match others {
        [] => Err(Fault::Refused("Missing FILE argument".to_owned())),
        [file] => Ok(file),
        more => Err(too_many("1", more.len())),
    }
}

fn refused(doing: &str) -> impl Fn(std::io::Error) -> Fault {
    move |fault| Fault::Refused(format!("{doing}: {fault}"))
}
