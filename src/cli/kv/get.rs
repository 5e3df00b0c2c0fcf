//! `/v1/kv/KEY` → a value, a list of entries, or keys.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use crate::cli::client::{Client, ClientFlags, Request, decode};
use crate::cli::fault::Fault;
use crate::cli::kv::{PairJson, key_or_prefix, missing_key, path_of};
use crate::cli::output::Output;
use crate::cli::table::Layout;

/// `lictor kv get`
#[derive(Args)]
pub(in crate::cli) struct Flags {
    /// Prints values in base64
    #[arg(long)]
    base64: bool,
    /// Prints all that is known about an entry
    #[arg(long)]
    detailed: bool,
    /// Prints the keys below the prefix, to the next separator
    #[arg(long)]
    keys: bool,
    /// Prints all entries below the prefix
    #[arg(long)]
    recurse: bool,
    /// Where `-keys` cuts
    #[arg(long, value_name = "TEXT", default_value = "/")]
    separator: String,
    /// `pretty` or `json`
    #[arg(long, value_name = "FORMAT", default_value_t)]
    format: Layout,
    /// Key, or prefix with `-keys` and `-recurse`
    #[arg(value_name = "KEY_OR_PREFIX")]
    others: Vec<String>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// Does it.
pub(super) fn run(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    let key = key_or_prefix(&flags.others)?;
    if key.is_empty() && !flags.keys && !flags.recurse {
        return Err(missing_key());
    }
    let client = Client::open(&flags.client, output)?;
    let request = Request::get(DOING, path_of(key)?);
    if flags.keys {
        let separator = Some(flags.separator.clone());
        let body = client.ask_maybe(&request.with("keys", None).with("separator", separator))?;
        let keys: Vec<String> = match body {
            Some(body) => decode(DOING, &body)?,
            None => Vec::new(),
        };
        return match flags.format {
            Layout::Json => output.json(&serde_json::json!(keys)),
            Layout::Pretty => keys.iter().try_for_each(|key| output.text(key)),
        };
    }
    let request = if flags.recurse { request.with("recurse", None) } else { request };
    let body = client.ask_maybe(&request)?;
    let entries: Vec<PairJson> = match &body {
        Some(body) => decode(DOING, body)?,
        None if flags.recurse => Vec::new(),
        None => return Err(Fault::Refused(format!("Error! No key exists at: {key}"))),
    };
    if flags.format == Layout::Json {
        return output.json(&serde_json::json!(entries));
    }
    for (position, entry) in entries.iter().enumerate() {
        if flags.detailed && 0 < position {
            output.text("")?;
        }
        output.bytes(&shown(entry, flags)?)?;
    }
    Ok(())
}

fn shown(entry: &PairJson, flags: &Flags) -> Result<Vec<u8>, Fault> {
    let mut value = entry.value(DOING)?;
    if flags.base64 {
        value = STANDARD.encode(&value).into_bytes();
    }
    let mut text = String::new();
    if flags.detailed {
        let session = entry.session.as_deref().unwrap_or("-");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "CreateIndex      {}", entry.create_index);
        let _ = writeln!(text, "Flags            {}", entry.flags);
        let _ = writeln!(text, "Key              {}", entry.key);
        let _ = writeln!(text, "LockIndex        {}", entry.lock_index);
        let _ = writeln!(text, "ModifyIndex      {}", entry.modify_index);
        let _ = writeln!(text, "Session          {session}");
        text.push_str(if value.is_empty() { "Value" } else { "Value            " });
    } else if flags.recurse {
        text = format!("{}:", entry.key);
    }
    let mut bytes = text.into_bytes();
    bytes.extend(value);
    Ok(bytes)
}

/// Consul's words for it.
const DOING: &str = "Error querying agent";
