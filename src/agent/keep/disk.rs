//! Bytes ⇄ files, so that a crash leaves the old content or the new, never half of it.

use std::ffi::OsStr;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;
use fs_err::{self as fs, File, OpenOptions};

use crate::agent::AgentFault;
use crate::model::limits::KEPT_FILE_BYTES_MAX;

/// A file to be written, or removed where there are no bytes.
#[derive(Debug)]
pub(in crate::agent) struct Write {
    /// Which.
    pub(in crate::agent) path: PathBuf,
    /// Its new content.
    pub(in crate::agent) bytes: Option<Vec<u8>>,
}

/// Makes a folder if it is missing; its numbered files, by number. What a crash left half-written goes.
pub(super) fn open_folder(folder: &Path) -> Result<Vec<(u64, PathBuf)>, AgentFault> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder).map_err(|fault| {
        AgentFault::Storage(format!("cannot create `{}`: {fault}", folder.display()))
    })?;
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(storage)? {
        let path = entry.map_err(storage)?.path();
        let extension = path.extension().and_then(OsStr::to_str);
        let number = path.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.parse().ok());
        match (number, extension) {
            (Some(number), Some("json")) => files.push((number, path)),
            (_, Some("tmp")) => {
                // It was never moved into place, so nobody was told that it is kept.
                let _ = fs::remove_file(&path);
            }
            _ => {}
        }
    }
    files.sort();
    Ok(files)
}

/// A file's bytes; `None` if there is no such file.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let mut bytes = Vec::new();
    file.take(KEPT_FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if KEPT_FILE_BYTES_MAX < u64::try_from(bytes.len()).unwrap_or(u64::MAX) {
        let text = format!(
            "`{}` has more than the {KEPT_FILE_BYTES_MAX} bytes that are allowed",
            path.display()
        );
        return Err(io::Error::other(text));
    }
    Ok(Some(bytes))
}

/// Moves a damaged file out of the way; what was done, for the log.
pub(super) fn set_aside(path: &Path) -> String {
    let aside = path.with_extension("json.damaged");
    match fs::rename(path, &aside) {
        Ok(()) => format!("it was set aside as `{}`", aside.display()),
        Err(fault) => format!("it could not be set aside: {fault}"),
    }
}

/// Carries writes out in order, then syncs the folders once each.
pub(super) fn carry_out(writes: &[Write]) -> Result<(), AgentFault> {
    let mut folders: Vec<&Path> = Vec::new();
    for write in writes {
        carry_out_one(write).map_err(storage)?;
        if let Some(folder) = write.path.parent().filter(|folder| !folders.contains(folder)) {
            folders.push(folder);
        }
    }
    for folder in folders {
        // A rename is durable only when its folder is (POSIX rename(2) says nothing of disks).
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(storage)?;
    }
    Ok(())
}

/// What a file does not let us do; which one is in the text.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn storage(fault: io::Error) -> AgentFault {
    AgentFault::Storage(fault.to_string())
}

fn carry_out_one(write: &Write) -> io::Result<()> {
    let Some(bytes) = &write.bytes else {
        return match fs::remove_file(&write.path) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
            Ok(()) | Err(_) => Ok(()),
        };
    };
    let beside = write.path.with_extension("tmp");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, &write.path)
}
