//! The key/value store: reading, writing, and moving trees as JSON.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use serde::{Deserialize, Serialize};

use crate::cli::arguments::too_many;
use crate::cli::client::endpoint;
use crate::cli::fault::Fault;
use crate::cli::output::Output;
use crate::model::limits;

mod get;

mod put;

mod delete;

mod transfer;

/// What to do.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// Reads a value, or lists keys
    Get(get::Flags),
    /// Writes a value
    Put(put::Flags),
    /// Deletes a key, or all below a prefix
    Delete(delete::Flags),
    /// Writes a tree as JSON
    Export(transfer::ExportFlags),
    /// Reads a tree from JSON
    Import(transfer::ImportFlags),
}

/// An entry, as the API states it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PairJson {
    /// How often it was locked.
    lock_index: u64,
    /// Its key.
    key: String,
    /// A number for its owner.
    flags: u64,
    /// Its value in base64; `None` for an empty one.
    value: Option<String>,
    /// The session that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    /// When it was created.
    create_index: u64,
    /// When it was last changed.
    modify_index: u64,
}

/// Does it.
pub(super) fn run(verb: &Verb, output: &mut Output) -> Result<(), Fault> {
    match verb {
        Verb::Get(flags) => get::run(flags, output),
        Verb::Put(flags) => put::run(flags, output),
        Verb::Delete(flags) => delete::run(flags, output),
        Verb::Export(flags) => transfer::export(flags, output),
        Verb::Import(flags) => transfer::import(flags, output),
    }
}

impl PairJson {
    /// The value's bytes.
    fn value(&self, doing: &str) -> Result<Vec<u8>, Fault> {
        let text = self.value.as_deref().unwrap_or_default();
        STANDARD
            .decode(text)
            .map_err(|error| Fault::Garbled { doing: doing.to_owned(), reason: error.to_string() })
    }
}

/// The path of a key. Slashes stay, except where a step is `.` or `..`, which URLs would swallow.
fn path_of(key: &str) -> Result<String, Fault> {
    let is_dots = |step: &str| matches!(step, "." | "..");
    if is_dots(key) {
        return Err(Fault::Refused(format!("Error! The key {key} cannot be told over HTTP")));
    }
    let slash = if key.split('/').any(is_dots) { "%2F" } else { "/" };
    let steps: Vec<String> = key.split('/').map(endpoint::encode).collect();
    Ok(format!("/v1/kv/{}", steps.join(slash)))
}

/// The one key or prefix among the arguments, without the slash that Consul's clients drop.
fn key_or_prefix(others: &[String]) -> Result<&str, Fault> {
    match others {
        [] => Ok(""),
        [key] => Ok(key.strip_prefix('/').unwrap_or(key)),
        more => Err(too_many("1", more.len())),
    }
}

fn missing_key() -> Fault {
    Fault::Refused("Error! Missing KEY argument".to_owned())
}

/// Bytes of a file, or of stdin for `-`.
fn read_all(file: &str) -> Result<Vec<u8>, Fault> {
    let mut source: Box<dyn Read> = match file {
        "-" => Box::new(std::io::stdin()),
        _ => Box::new(fs_err::File::open(file).map_err(Fault::File)?),
    };
    let mut bytes = Vec::new();
    let most = u64::try_from(limits::CLIENT_BODY_BYTES_MAX).unwrap_or(u64::MAX);
    source.by_ref().take(most).read_to_end(&mut bytes).map_err(Fault::File)?;
    if bytes.len() == limits::CLIENT_BODY_BYTES_MAX {
        return Err(Fault::Refused(format!("Error! {file} is longer than {most} bytes")));
    }
    Ok(bytes)
}
