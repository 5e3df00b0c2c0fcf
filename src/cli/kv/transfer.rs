//! A tree ⇄ JSON: `[{"key", "flags", "value" in base64}]`, indented by tabs, as Consul's files are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::ser::PrettyFormatter;

use crate::cli::arguments::too_many;
use crate::cli::client::{Client, ClientFlags, Request, decode};
use crate::cli::fault::Fault;
use crate::cli::kv::{PairJson, key_or_prefix, path_of, read_all};
use crate::cli::output::Output;

/// `lictor kv export`
#[derive(Args)]
pub(in crate::cli) struct ExportFlags {
    /// Prefix; all keys without one
    #[arg(value_name = "PREFIX")]
    others: Vec<String>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// `lictor kv import`
#[derive(Args)]
pub(in crate::cli) struct ImportFlags {
    /// Put before every key
    #[arg(long, default_value = "")]
    prefix: String,
    /// JSON, `@file`, or `-` for stdin
    #[arg(value_name = "DATA")]
    others: Vec<String>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// An entry in the file.
#[derive(Deserialize, Serialize)]
struct Exported {
    /// Its key.
    key: String,
    /// A number for its owner.
    #[serde(default)]
    flags: u64,
    /// Its value in base64.
    #[serde(default)]
    value: String,
}

/// Writes a tree to stdout.
pub(super) fn export(flags: &ExportFlags, output: &mut Output) -> Result<(), Fault> {
    let prefix = key_or_prefix(&flags.others)?;
    let client = Client::open(&flags.client, output)?;
    let doing = "Error querying agent";
    let request = Request::get(doing, path_of(prefix)?).with("recurse", None);
    let entries: Vec<PairJson> = match client.ask_maybe(&request)? {
        Some(body) => decode(doing, &body)?,
        None => Vec::new(),
    };
    let exported = entries.into_iter().map(|entry| Exported {
        key: entry.key,
        flags: entry.flags,
        value: entry.value.unwrap_or_default(),
    });
    let exported: Vec<Exported> = exported.collect();
    let mut text = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"\t");
    let mut writer = serde_json::Serializer::with_formatter(&mut text, formatter);
    exported
        .serialize(&mut writer)
        .map_err(|error| Fault::Refused(format!("Error exporting KV data: {error}")))?;
    output.bytes(&text)
}

/// Reads a tree and writes every entry of it; nothing is written unless all of it can be read.
pub(super) fn import(flags: &ImportFlags, output: &mut Output) -> Result<(), Fault> {
    let data = match flags.others.as_slice() {
        [] => return Err(Fault::Refused("Error! Missing DATA argument".to_owned())),
        [data] => match data.strip_prefix('@') {
            Some(file) => read_all(file)?,
            None if data == "-" => read_all("-")?,
            None => data.clone().into_bytes(),
        },
        more => return Err(too_many("1", more.len())),
    };
    let entries: Vec<Exported> = serde_json::from_slice(&data).map_err(|error| Fault::Advised {
        text: format!("Cannot unmarshal data: {error}"),
        hint: "expected what `lictor kv export` prints; `@file` reads a file".to_owned(),
    })?;
    let mut decoded = Vec::with_capacity(entries.len());
    for entry in entries {
        let key = format!("{}{}", flags.prefix, entry.key);
        let value = STANDARD.decode(&entry.value).map_err(|error| {
            Fault::Refused(format!("Error base 64 decoding value for key {key}: {error}"))
        })?;
        decoded.push((key, entry.flags, value));
    }
    let client = Client::open(&flags.client, output)?;
    for (key, number, value) in decoded {
        let doing = format!("Error! Failed writing data for key {key}");
        let mut request = Request::put(&doing, path_of(&key)?, value);
        if number != 0 {
            request = request.with("flags", Some(number.to_string()));
        }
        if !decode::<bool>(&doing, &client.ask(&request)?)? {
            return Err(Fault::Refused(format!("{doing}: it was refused")));
        }
        output.text(&format!("Imported: {key}"))?;
    }
    Ok(())
}
