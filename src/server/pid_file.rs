//! The file that names this process, for service managers of the older kind.

use std::fs;
use std::path::{Path, PathBuf};

use crate::server::ServerFault;

/// A file that holds our process id and is removed when it is dropped.
pub(in crate::server) struct PidFile {
    /// Where it is.
    path: PathBuf,
}

impl PidFile {
    /// Writes it, over whatever an earlier process left there.
    pub(in crate::server) fn write(path: &Path) -> Result<Self, ServerFault> {
        let at_path = |source| ServerFault::File { path: path.to_owned(), source };
        fs::write(path, format!("{}\n", std::process::id())).map_err(at_path)?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(fault) = fs::remove_file(&self.path) {
            tracing::warn!(%fault, path = %self.path.display(), "the pid file could not be removed");
        }
    }
}
