//! Files → Definitions, Config and StaticZones, with file:line:column in every error.
//!
//! ```text
//!   bytes ─ sources ─► json / lexer, hcl ─► Value ─ schema × keys ─► canonical Value ─ merge ─► one Value
//!                                                                                                 │
//!                        Config, ServiceDefinition, CheckDefinition ◄─ build, service, check ─────┘
//! ```
//! Invariants
//! - Every piece of a document knows where it was written, also after the merge.
//! - All faults of all sources are reported together; a document that no parser understands is one fault.
//! - Nothing is read beyond [`CONFIG_FILE_BYTES_MAX`] bytes, nested beyond [`DOCUMENT_DEPTH_MAX`] levels, or
//!   waited for: only regular files are opened.
//! - The HTTP bodies of definitions go the same way with [`schema::Author::Client`], and are told what is
//!   wrong in Consul's words.
//! - Zone files are read by `zone`; `zones` finds them and those that they include.
//!
//! Deliberately absent: HCL's interpolation; folders in folders; environment variables, which the command
//! line turns into [`FlagSetting`]s.
//!
//! [`CONFIG_FILE_BYTES_MAX`]: crate::model::limits::CONFIG_FILE_BYTES_MAX
//! [`DOCUMENT_DEPTH_MAX`]: crate::model::limits::DOCUMENT_DEPTH_MAX

mod fault;

mod value;

mod json;

mod lexer;

mod hcl;

mod schema;

mod keys;

mod definition_keys;

mod sources;

mod read;

mod check;

mod probe;

mod service;

mod body;

mod config;

mod debug;

mod network;

mod http;

mod build_dns;

mod build_forward;

mod build_autopilot;

mod telemetry;

mod build;

mod zones;

pub use self::body::{DecodeFault, check_from_json, service_from_json};
pub use self::config::{Addresses, Config, Limits, LogLevel, LogSettings, Ports};
pub use self::fault::{Fault, LoadFault, Place};
pub use self::http::{HttpAddress, HttpConfig, UnixSockets};
pub use self::network::private_ips;
pub use self::sources::{FlagSetting, Language, Sources};
pub use self::zones::{LoadedZones, RefusedZone, load_zone, load_zones};

use self::read::Notes;
use self::schema::Author;

/// A configuration and what should be said about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What was configured.
    pub config: Config,
    /// A line each: keys without effect, files that were skipped, values that were raised.
    pub warnings: Vec<String>,
}

/// Reads all sources.
///
/// # Errors
/// [`LoadFault`] with every fault that was found: files that cannot be read or understood, keys that are
/// not known, values of the wrong type, impossible values, and values that exclude each other.
pub fn load(sources: &Sources) -> Result<Loaded, LoadFault> {
    let gathered = sources::gather(sources);
    let mut notes = Notes::new(Author::Operator);
    let config = build::config(&mut notes, sources.dev, &gathered.root);
    let mut faults = gathered.faults;
    let is_complete = faults.is_empty();
    // What nobody stated may stand in a source that could not be read.
    let problems = notes.problems.into_iter().map(|problem| problem.fault);
    faults.extend(problems.filter(|fault| is_complete || fault.place.is_some()));
    if !faults.is_empty() {
        return Err(LoadFault { faults });
    }
    let mut warnings = gathered.warnings;
    warnings.extend(notes.warnings);
    Ok(Loaded { config, warnings })
}

#[cfg(test)]
mod tests;
