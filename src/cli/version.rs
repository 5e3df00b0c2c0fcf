//! Prints what this program is and what it speaks.

use clap::Args;
use serde_json::json;

use crate::cli::fault::Fault;
use crate::cli::output::Output;
use crate::cli::table::Layout;

/// `lictor version`
#[derive(Args, Default)]
pub(super) struct Flags {
    /// `pretty` or `json`
    #[arg(long, value_name = "FORMAT", default_value_t)]
    format: Layout,
    /// Nothing more is taken.
    #[arg(hide = true)]
    others: Vec<String>,
}

/// Does it; other arguments are ignored, as scripts written for Consul expect.
pub(super) fn run(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    print(flags, output)
}

/// The words of `version` and of `--version`.
pub(super) fn print(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    let version = env!("CARGO_PKG_VERSION");
    match flags.format {
        Layout::Pretty => output.text(&format!(
            "Lictor v{version}\nProtocol {PROTOCOL} spoken by default, understands {PROTOCOL} to {PROTOCOL_MAX}"
        )),
        // Consul's keys, which its tools read.
        Layout::Json => output.json(&json!({
            "Version": version,
            "Revision": "",
            "Prerelease": "",
            "RPC": { "Default": PROTOCOL, "Min": PROTOCOL, "Max": PROTOCOL_MAX },
        })),
    }
}

/// The protocol that Consul's members speak by default.
const PROTOCOL: u8 = 2;

/// The newest one that they understand.
const PROTOCOL_MAX: u8 = 3;
