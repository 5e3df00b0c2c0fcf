//! Configuration and zone files → `Configuration is valid!`, or every fault with its place.

use std::path::PathBuf;

use clap::Args;

use crate::cli::fault::Fault;
use crate::cli::output::Output;
use crate::intake::{self, Language, LoadFault, Sources};

/// `lictor validate`
#[derive(Args)]
pub(super) struct Flags {
    /// Says nothing where there is nothing to complain about
    #[arg(long)]
    quiet: bool,
    /// `json` or `hcl`, for files whose name does not say
    #[arg(long, value_name = "FORMAT")]
    config_format: Option<String>,
    /// A file, as `agent` takes it
    #[arg(long, value_name = "FILE")]
    config_file: Vec<PathBuf>,
    /// A folder, as `agent` takes it
    #[arg(long, value_name = "DIR")]
    config_dir: Vec<PathBuf>,
    /// A folder of zone files, as `agent` takes it
    #[arg(long, value_name = "DIR")]
    zones_dir: Option<PathBuf>,
    /// Files and folders
    #[arg(value_name = "FILE_OR_DIR")]
    paths: Vec<PathBuf>,
}

/// Does it.
pub(super) fn run(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    let paths = flags.config_file.iter().chain(&flags.config_dir).chain(&flags.paths);
    let sources = Sources {
        // The files are a part of a configuration: flags of `agent` may state the data dir.
        dev: true,
        paths: paths.cloned().collect(),
        format: flags.config_format.as_deref().map(format_of).transpose()?,
        ..Sources::default()
    };
    let mut faults = Vec::new();
    let mut warnings = Vec::new();
    let mut zones_dir = flags.zones_dir.clone();
    if !sources.paths.is_empty() {
        match intake::load(&sources) {
            Ok(loaded) => {
                warnings.extend(loaded.warnings);
                zones_dir = zones_dir.or(loaded.config.zones_dir);
            }
            Err(fault) => faults.extend(fault.faults),
        }
    } else if zones_dir.is_none() {
        return Err(Fault::Refused(
            "Must specify at least one config file or directory".to_owned(),
        ));
    }
    if let Some(folder) = zones_dir {
        let loaded = intake::load_zones(&folder);
        faults.extend(loaded.faults().cloned());
        warnings.extend(loaded.warnings.iter().map(ToString::to_string));
    }
    if !flags.quiet {
        for warning in warnings {
            output.note(&format!("warning: {warning}"));
        }
    }
    if !faults.is_empty() {
        return Err(Fault::Load(LoadFault { faults }));
    }
    if flags.quiet { Ok(()) } else { output.text("Configuration is valid!") }
}

/// The word of `-config-format`.
pub(super) fn format_of(word: &str) -> Result<Language, Fault> {
    match word {
        "json" => Ok(Language::Json),
        "hcl" => Ok(Language::Hcl),
        _ => Err(Fault::Refused("-config-format must be either 'hcl' or 'json'".to_owned())),
    }
}
