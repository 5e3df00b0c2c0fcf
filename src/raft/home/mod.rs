//! The data dir: who owns it, which format it has, and whether its log is what was acknowledged.
//!
//! | file | holds |
//! |---|---|
//! | `LOCK` | the owner's lock and pid |
//! | `format` | the version of everything beside it |
//! | `watermark` | how far the log was durable |
//! | `raft/` | the log |
//! | `state/` | the mirror of the catalog |
//! | `state.damaged/` | a mirror that could not be read, if the log could stand in for it |
//!
//! The watermark is made before the log, so a log without one has lost it.
//!
//! All of it is the owner's alone: values often are secrets.

use std::fs::DirBuilder;
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;
use fs_err::{self as fs, File, OpenOptions};
use nix::fcntl::{Flock, FlockArg};
use uuid::Uuid;

use crate::raft::fault::{DamageFault, RaftFault, open_guarded};
use crate::raft::log::disk::{Disk, DiskJournal, Extent, LogMeta};
use crate::raft::types::LogId;
use crate::raft::watermark::{Marks, Watermark, WatermarkFault};

/// A data dir that this process owns until it is dropped.
#[must_use = "the data dir is unlocked as soon as this is dropped"]
#[derive(Debug)]
pub struct DataDir {
    /// Where it is.
    path: PathBuf,
    /// The lock.
    _lock: Flock<std::fs::File>,
}

/// A log that passed all examinations.
pub(in crate::raft) struct OpenLog {
    /// Where entries are read.
    pub(in crate::raft) disk: Disk,
    /// Where they are written.
    pub(in crate::raft) journal: DiskJournal,
    /// What is known beside the entries.
    pub(in crate::raft) meta: LogMeta,
    /// Which entries there are.
    pub(in crate::raft) extent: Extent,
    /// The number of this peer.
    pub(in crate::raft) node_id: u64,
}

impl DataDir {
    /// Takes the data dir, creating it where there is none.
    ///
    /// # Errors
    /// [`RaftFault`], where another process has it, a newer version wrote it, or the file system refuses.
    pub fn open(path: &Path) -> Result<Self, RaftFault> {
        make_private_dir(path)?;
        let lock = take_lock(path)?;
        check_format(path)?;
        Ok(Self { path: path.into(), _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the mirror of the catalog is.
    pub(in crate::raft) fn mirror_path(&self) -> PathBuf {
        self.path.join("state")
    }

    /// Moves a damaged mirror to `state.damaged`, over one that was moved there before.
    ///
    /// # Errors
    /// [`RaftFault::Io`], where the file system refuses.
    pub(in crate::raft) fn set_mirror_aside(&self) -> Result<(), RaftFault> {
        let (path, aside) = (self.mirror_path(), self.path.join("state.damaged"));
        match fs::remove_dir_all(&aside) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(source.into());
            }
            Ok(()) | Err(_) => {}
        }
        Ok(fs::rename(&path, &aside)?)
    }

    /// Opens the log, creating it where there is none, and compares it with the watermark.
    ///
    /// # Errors
    /// [`RaftFault`], where it is not what was acknowledged.
    pub(in crate::raft) fn open_log(&self) -> Result<OpenLog, RaftFault> {
        let path = self.path.join("raft");
        open_guarded(&path, || self.open_log_in(&path))
    }

    fn open_log_in(&self, path: &Path) -> Result<OpenLog, RaftFault> {
        let damage = |source| RaftFault::Log { path: path.into(), source: Box::new(source) };
        let watermark = self.open_watermark(path).map_err(damage)?;
        make_private_dir(path)?;
        let open =
            |source: fjall::Error| RaftFault::Open { path: path.into(), source: source.into() };
        let disk = Disk::open(path).map_err(open)?;
        let mut meta = disk.meta().map_err(damage)?;
        let marks = watermark.marks();
        let extent = disk.survey(meta.purged, marks.last).map_err(damage)?;
        let is_new = meta == LogMeta::default() && extent == Extent::default();
        if is_new && marks.last.is_none() && marks.vote.is_none() {
            disk.put_node_id(marks.node_id).map_err(open)?;
            meta.node_id = Some(marks.node_id);
        }
        compare(marks, &meta, &extent).map_err(damage)?;
        let node_id = marks.node_id;
        let journal = DiskJournal { disk: disk.clone(), watermark };
        Ok(OpenLog { disk, journal, meta, extent, node_id })
    }

    fn open_watermark(&self, log: &Path) -> Result<Watermark, DamageFault> {
        let path = self.path.join("watermark");
        if let Some(watermark) = Watermark::open(&path)? {
            return Ok(watermark);
        }
        if log.exists() {
            return Err(DamageFault::NoWatermark(path));
        }
        let marks = Marks { node_id: new_node_id(), ..Marks::default() };
        let watermark = Watermark::create(&path, marks)?;
        sync_dir(&self.path).map_err(WatermarkFault::Io)?;
        Ok(watermark)
    }
}

/// Makes a folder, where it is missing, that nobody else can look into; one that is there stays as it is.
pub(in crate::raft) fn make_private_dir(path: &Path) -> Result<(), RaftFault> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(path);
    created.map_err(|source| {
        // The system says of a file in the way that it exists, which sounds as if that were fine.
        let is_file = source.kind() == io::ErrorKind::AlreadyExists;
        let source = if is_file { io::ErrorKind::NotADirectory.into() } else { source };
        let text = format!("cannot create `{}`: {source}", path.display());
        io::Error::new(source.kind(), text).into()
    })
}

/// A number that no peer had before. It is drawn, not derived from anything that survives a wiped data dir: who
/// forgot the log must not vote under the name of who had it. 53 bits, so that any JSON reader keeps it whole.
pub(in crate::raft) fn new_node_id() -> u64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    ((high ^ low.rotate_left(32)) >> 11).max(1)
}

/// Finds what the log lost since the watermark was written.
fn compare(marks: &Marks, meta: &LogMeta, extent: &Extent) -> Result<(), DamageFault> {
    let short = |found: Option<LogId>, noted: Option<LogId>| {
        Err(DamageFault::Short { found: show(found), noted: show(noted) })
    };
    if meta.node_id != Some(marks.node_id) {
        let nothing = meta.node_id.is_none() && extent.last.is_none();
        if nothing {
            return short(None, marks.last);
        }
        let found = meta.node_id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
        return Err(DamageFault::NodeId { found, noted: marks.node_id });
    }
    if meta.purged.map(|id| id.index) < marks.purged.map(|id| id.index) {
        return short(meta.purged, marks.purged);
    }
    if extent.last.map(|id| id.index) < marks.last.map(|id| id.index) {
        return short(extent.last, marks.last);
    }
    let is_purged = marks.last.map(|id| id.index) <= meta.purged.map(|id| id.index);
    if !is_purged && extent.at_watermark != marks.last {
        return short(extent.at_watermark, marks.last);
    }
    let holds = marks.vote.as_ref().is_none_or(|noted| {
        // Votes are only partially ordered: what is not known to be as new is lost.
        meta.vote.as_ref().is_some_and(|vote| noted <= vote)
    });
    if !holds {
        let text = |vote: &Option<crate::raft::types::Vote>| {
            vote.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
        };
        return Err(DamageFault::Vote { found: text(&meta.vote), noted: text(&marks.vote) });
    }
    Ok(())
}

fn show(id: Option<LogId>) -> String {
    id.map_or_else(
        || "nothing".to_owned(),
        |id| format!("{} of term {}", id.index, id.leader_id.term),
    )
}

fn take_lock(data_dir: &Path) -> Result<Flock<std::fs::File>, RaftFault> {
    let path = data_dir.join("LOCK");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path)?.into_file();
    let refused = |verb: &str, source: io::Error| {
        let text = format!("cannot {verb} `{}`: {source}", path.display());
        RaftFault::Io(io::Error::new(source.kind(), text))
    };
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut lock) => {
            let note = |file: &mut std::fs::File| {
                file.set_len(0)?;
                writeln!(file, "{}", std::process::id())
            };
            note(&mut lock).map_err(|source| refused("write", source))?;
            Ok(lock)
        }
        Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
            let mut pid = String::new();
            // Only a hint for people: without it the fault is the same.
            let is_read = Read::by_ref(&mut file).take(20).read_to_string(&mut pid).is_ok();
            let pid = pid.trim();
            let pid = if is_read && !pid.is_empty() { pid } else { "unknown" };
            Err(RaftFault::Owned { path: data_dir.into(), pid: pid.to_owned() })
        }
        Err((_, errno)) => Err(refused("lock", errno.into())),
    }
}

fn check_format(data_dir: &Path) -> Result<(), RaftFault> {
    let path = data_dir.join("format");
    let mut text = String::new();
    match File::open(&path).and_then(|file| file.take(64).read_to_string(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return if data_dir.join("raft").exists() {
                Err(RaftFault::Format(path))
            } else {
                write_format(data_dir, &path)
            };
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(RaftFault::Format(path));
        }
        Err(error) => return Err(error.into()),
    }
    let found = text.trim().strip_prefix("lictor ").and_then(|number| number.parse().ok());
    match found {
        Some(found) if FORMAT < found => {
            Err(RaftFault::Newer { path: data_dir.into(), found, known: FORMAT })
        }
        Some(1..=FORMAT) => Ok(()),
        _ => Err(RaftFault::Format(path)),
    }
}

/// Writes the file whole or not at all.
fn write_format(data_dir: &Path, path: &Path) -> Result<(), RaftFault> {
    let temporary = data_dir.join("format.new");
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&temporary)?;
        writeln!(file, "lictor {FORMAT}")?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_dir(data_dir)
    };
    Ok(write()?)
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// What this version writes.
const FORMAT: u64 = 1;

#[cfg(test)]
mod tests;
