//! What can be wrong with a data dir, each with what to do about it.

use std::any::Any;
use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::raft::log::entry::EntryFault;
use crate::raft::watermark::WatermarkFault;

/// Why a server cannot take part.
#[derive(Debug, thiserror::Error)]
pub enum RaftFault {
    /// Another process writes there.
    #[error(
        "the data dir `{}` is owned by another process (pid {pid}): stop that one, or choose another `-data-dir`",
        path.display()
    )]
    Owned {
        /// The data dir.
        path: PathBuf,
        /// What the owner wrote into the lock file.
        pid: String,
    },
    /// Written by a newer version.
    #[error(
        "the data dir `{}` has format {found}, this version knows formats up to {known}: \
         start the newer version that wrote it, or choose an empty `-data-dir`",
        path.display()
    )]
    Newer {
        /// The data dir.
        path: PathBuf,
        /// What it says.
        found: u64,
        /// What we know.
        known: u64,
    },
    /// Its format cannot be told.
    #[error(
        "`{}` does not say which format the data dir has: it is damaged, or this is no data dir of lictor; \
         choose an empty `-data-dir`, or put the file back from a backup",
        .0.display()
    )]
    Format(PathBuf),
    /// The file system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The system gives no thread for the log.
    #[error("cannot start the log's thread")]
    Thread(#[source] io::Error),
    /// The mirror does not take the last changes.
    #[error("cannot write the state in `{}`", path.display())]
    Unwritten {
        /// The mirror.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A database cannot be opened.
    #[error(
        "cannot open `{}`: it is damaged, or another program has it open; if it is damaged: {ADVICE}",
        path.display()
    )]
    Open {
        /// The database.
        path: PathBuf,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A database does not understand its own files.
    #[error("the database in `{}` is damaged: {ADVICE}", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The log is not what was acknowledged.
    #[error("the log in `{}` is damaged: {ADVICE}", path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// How it is damaged.
        source: Box<DamageFault>,
    },
    /// The mirror is not what was written.
    #[error("the state in `{}` is damaged: {ADVICE}", path.display())]
    Mirror {
        /// The mirror.
        path: PathBuf,
        /// How it is damaged.
        source: Box<DamageFault>,
    },
    /// openraft does not start.
    #[error("the consensus does not start")]
    Consensus(#[source] Box<dyn Error + Send + Sync>),
}

impl RaftFault {
    /// Whether what is stored is not what was written, as far as can be told: a file system that refuses says
    /// nothing of that.
    pub(in crate::raft) fn is_damage(&self) -> bool {
        match self {
            Self::Open { source, .. } => match source.downcast_ref::<fjall::Error>() {
                Some(fjall::Error::Io(error)) => matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::UnexpectedEof
                        | io::ErrorKind::InvalidData
                ),
                Some(fjall::Error::Locked) => false,
                Some(_) | None => true,
            },
            Self::Damaged { .. } | Self::Log { .. } | Self::Mirror { .. } => true,
            Self::Owned { .. }
            | Self::Newer { .. }
            | Self::Format(_)
            | Self::Io(_)
            | Self::Thread(_)
            | Self::Unwritten { .. }
            | Self::Consensus(_) => false,
        }
    }
}

/// Opens a database with `open`. fjall panics on some damage in a journal; that is a fault like any other, and
/// nothing that the panic left half-done is used afterwards.
pub(in crate::raft) fn open_guarded<T>(
    path: &Path,
    open: impl FnOnce() -> Result<T, RaftFault>,
) -> Result<T, RaftFault> {
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|panic| {
        Err(RaftFault::Damaged { path: path.into(), source: describe(&*panic).into() })
    })
}

/// A panic of the database, as a reason.
pub(in crate::raft) fn describe(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("the database does not understand its own file: {}", text.unwrap_or("no reason given"))
}

/// How stored data is damaged.
#[derive(Debug, thiserror::Error)]
pub enum DamageFault {
    /// The database does not give it out.
    #[error("it cannot be read")]
    Read {
        /// Why not.
        source: fjall::Error,
    },
    /// An entry is.
    #[error(transparent)]
    Entry(#[from] EntryFault),
    /// Entries are missing between two that are there.
    #[error("log entry {due} is missing before entry {found}")]
    Hole {
        /// What should be there.
        due: u64,
        /// What is.
        found: u64,
    },
    /// A mark beside the rows is.
    #[error("`{0}` does not match its checksum")]
    Meta(&'static str),
    /// The watermark is.
    #[error(transparent)]
    Watermark(#[from] WatermarkFault),
    /// There is a log without the file that says how long it was.
    #[error("`{}` is missing", .0.display())]
    NoWatermark(PathBuf),
    /// Acknowledged entries are gone.
    #[error("it lost acknowledged data: it ends at entry {found}, but entry {noted} was durable")]
    Short {
        /// Where it ends.
        found: String,
        /// Where it ended.
        noted: String,
    },
    /// An acknowledged vote is gone.
    #[error("it lost acknowledged data: it holds the vote {found}, but {noted} was durable")]
    Vote {
        /// What it holds.
        found: String,
        /// What it held.
        noted: String,
    },
    /// The number of this peer is not what it was.
    #[error("it belongs to peer {found}, but the watermark to peer {noted}")]
    NodeId {
        /// What the log says.
        found: String,
        /// What the watermark says.
        noted: u64,
    },
    /// A row of the state is.
    #[error(transparent)]
    Row(#[from] crate::catalog::row::RowFault),
    /// The state is older than what the log still has.
    #[error("it ends at entry {applied}, but the log begins after entry {purged}")]
    Behind {
        /// Where the state ends.
        applied: String,
        /// What the log forgot.
        purged: u64,
    },
}

/// What to do with a damaged data dir.
const ADVICE: &str = "this server must not go on with it; move the data dir away and join the cluster as a new \
     server, or put the whole data dir back from a backup of the file system";
