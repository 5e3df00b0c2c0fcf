//! A key and a value → `/v1/kv/KEY`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use crate::cli::arguments::FLAGS_FIRST;
use crate::cli::client::{Client, ClientFlags, Request, decode};
use crate::cli::fault::Fault;
use crate::cli::kv::{missing_key, path_of, read_all};
use crate::cli::output::Output;

/// `lictor kv put`
#[derive(Args)]
pub(in crate::cli) struct Flags {
    /// Takes the lock of the key for the session
    #[arg(long)]
    acquire: bool,
    /// The value is written in base64
    #[arg(long)]
    base64: bool,
    /// Writes only if the entry did not change since `-modify-index`; 0: only if there is none
    #[arg(long)]
    cas: bool,
    /// A number for your own use
    #[arg(long = "flags", value_name = "NUMBER")]
    number: Option<u64>,
    /// The `ModifyIndex` for `-cas`
    #[arg(long, value_name = "NUMBER")]
    modify_index: Option<u64>,
    /// Gives the lock of the key back
    #[arg(long)]
    release: bool,
    /// The session for `-acquire` and `-release`
    #[arg(long, value_name = "ID", default_value = "")]
    session: String,
    /// KEY and VALUE; `@file` reads a file, `-` stdin
    #[arg(value_name = "KEY [VALUE]")]
    others: Vec<OsString>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// Does it.
pub(super) fn run(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    let (key, value) = match flags.others.as_slice() {
        [] => return Err(missing_key()),
        [key] => (key, Vec::new()),
        [key, value] => (key, value_of(value)?),
        more => {
            let text = format!("Error! Too many arguments (expected 1 or 2, got {})", more.len());
            return Err(Fault::Advised { text, hint: FLAGS_FIRST.to_owned() });
        }
    };
    let key = key
        .to_str()
        .ok_or_else(|| Fault::Refused(format!("Error! The key is not UTF-8: {}", key.display())))?;
    if key.starts_with('/') {
        return Err(Fault::Refused(format!(
            "Error! Failed writing data: Invalid key. Key must not begin with a '/': {key}"
        )));
    }
    let value = if flags.base64 { decoded(&value)? } else { value };
    // Consul takes 0 for "not stated" here, and so cannot write "only if there is none".
    if flags.cas && flags.modify_index.is_none() {
        return Err(Fault::Refused("Must specify -modify-index with -cas!".to_owned()));
    }
    if (flags.acquire || flags.release) && flags.session.is_empty() {
        return Err(Fault::Refused(
            "Error! Missing -session (required with -acquire and -release)".to_owned(),
        ));
    }
    let client = Client::open(&flags.client, output)?;
    let mut request = Request::put(DOING, path_of(key)?, value);
    if let Some(number) = flags.number {
        request = request.with("flags", Some(number.to_string()));
    }
    let way = Way::of(flags);
    match way {
        Way::Cas => {
            let index = flags.modify_index.unwrap_or_default().to_string();
            request = request.with("cas", Some(index));
        }
        Way::Acquire => request = request.with("acquire", Some(flags.session.clone())),
        Way::Release => request = request.with("release", Some(flags.session.clone())),
        Way::Plain => {}
    }
    if decode::<bool>(DOING, &client.ask(&request)?)? {
        return output.text(&match way {
            Way::Plain | Way::Cas => format!("Success! Data written to: {key}"),
            Way::Acquire => format!("Success! Lock acquired on: {key}"),
            Way::Release => format!("Success! Lock released on: {key}"),
        });
    }
    Err(Fault::Refused(match way {
        Way::Plain => format!("Error! Did not write to {key}"),
        Way::Cas => format!("Error! Did not write to {key}: CAS failed"),
        Way::Acquire => "Error! Did not acquire lock".to_owned(),
        Way::Release => "Error! Did not release lock".to_owned(),
    }))
}

/// On what condition to write.
#[derive(Clone, Copy)]
enum Way {
    /// On none.
    Plain,
    /// Nobody else wrote.
    Cas,
    /// Nobody holds the lock.
    Acquire,
    /// We hold the lock.
    Release,
}

impl Way {
    /// Where several are asked for, the first in Consul's order counts.
    fn of(flags: &Flags) -> Self {
        match (flags.cas, flags.acquire, flags.release) {
            (true, _, _) => Self::Cas,
            (_, true, _) => Self::Acquire,
            (_, _, true) => Self::Release,
            (false, false, false) => Self::Plain,
        }
    }
}

/// The bytes of a value: stdin for `-`, a file for `@file`, itself else.
fn value_of(text: &OsStr) -> Result<Vec<u8>, Fault> {
    let bytes = text.as_bytes();
    match bytes.strip_prefix(b"@") {
        Some(file) => read_all(&String::from_utf8_lossy(file)),
        None if bytes == b"-" => read_all("-"),
        None => Ok(bytes.to_vec()),
    }
}

fn decoded(value: &[u8]) -> Result<Vec<u8>, Fault> {
    // Files end in a line end.
    STANDARD
        .decode(value.trim_ascii())
        .map_err(|error| Fault::Refused(format!("Error! Cannot base 64 decode data: {error}")))
}

/// Consul's words for it.
const DOING: &str = "Error! Failed writing data";
