//! A key or prefix → gone.

use clap::Args;
use reqwest::Method;

use crate::cli::client::{Client, ClientFlags, Request, decode};
use crate::cli::fault::Fault;
use crate::cli::kv::{key_or_prefix, missing_key, path_of};
use crate::cli::output::Output;

/// `lictor kv delete`
#[derive(Args)]
pub(in crate::cli) struct Flags {
    /// Deletes only if the entry did not change since `-modify-index`
    #[arg(long)]
    cas: bool,
    /// The `ModifyIndex` for `-cas`
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    modify_index: u64,
    /// Deletes all below the prefix
    #[arg(long)]
    recurse: bool,
    /// Key, or prefix with `-recurse`
    #[arg(value_name = "KEY_OR_PREFIX")]
    others: Vec<String>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// Does it.
pub(super) fn run(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    let key = key_or_prefix(&flags.others)?;
    if key.is_empty() && !flags.recurse {
        return Err(missing_key());
    }
    let refused = |text: &str| Err(Fault::Refused(text.to_owned()));
    match (flags.cas, flags.modify_index, flags.recurse) {
        (true, 0, _) => return refused("Must specify -modify-index with -cas!"),
        (false, 1.., _) => return refused("Cannot specify -modify-index without -cas!"),
        (true, _, true) => return refused("Cannot specify both -cas and -recurse!"),
        (true, _, false) | (false, 0, _) => {}
    }
    let client = Client::open(&flags.client, output)?;
    let doing = if flags.recurse {
        format!("Error! Did not delete prefix {key}")
    } else {
        format!("Error! Did not delete key {key}")
    };
    let mut request = Request::put(&doing, path_of(key)?, Vec::new());
    request.method = Method::DELETE;
    if flags.recurse {
        request = request.with("recurse", None);
    }
    if flags.cas {
        request = request.with("cas", Some(flags.modify_index.to_string()));
    }
    if !decode::<bool>(&doing, &client.ask(&request)?)? {
        return Err(Fault::Refused(format!("{doing}: CAS failed")));
    }
    output.text(&if flags.recurse {
        format!("Success! Deleted keys with prefix: {key}")
    } else {
        format!("Success! Deleted key: {key}")
    })
}
