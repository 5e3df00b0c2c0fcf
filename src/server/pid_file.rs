//! The file that names this process, for service managers of the older kind.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::server::ServerFault;

/// A file that holds our process id and is removed when it is dropped.
pub(in crate::server) struct PidFile {
    /// Where it is.
    path: PathBuf,
}

impl PidFile {
    /// Writes it, over whatever an earlier process left there.
    pub(in crate::server) fn write(path: &Path) -> Result<Self, ServerFault> {
        fs::write(path, format!("{}\n", std::process::id())).map_err(ServerFault::File)?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(fault) = fs::remove_file(&self.path) {
            tracing::warn!(%fault, "the pid file could not be removed");
        }
    }
}
