//! What the log thread writes to: the disk, or a test's idea of a failing one.

use std::io;
use std::ops::Range;

use bytes::Bytes;

use crate::raft::types::{LogId, Vote};
use crate::raft::watermark::Marks;

/// What becomes durable together.
#[derive(Default)]
pub(in crate::raft) struct CommitGroup {
    /// Encoded entries by index.
    pub(in crate::raft) rows: Vec<(u64, Bytes)>,
    /// The last of them.
    pub(in crate::raft) last: Option<LogId>,
    /// A new vote.
    pub(in crate::raft) vote: Option<Vote>,
    /// What is known to be agreed on.
    pub(in crate::raft) committed: Option<LogId>,
    /// Everything up to here is not needed any more.
    pub(in crate::raft) purged: Option<LogId>,
}

/// A durable place for groups. Any error ends writing for good.
pub(in crate::raft) trait Journal: Send + 'static {
    /// Writes a group; durable on return.
    fn write(&mut self, group: &CommitGroup) -> io::Result<()>;

    /// Removes all entries from an index on; durable on return.
    fn truncate(&mut self, from: u64) -> io::Result<()>;

    /// Removes purged entries, some time.
    fn sweep(&mut self, range: Range<u64>) -> io::Result<()>;

    /// The marks that were noted last.
    fn marks(&self) -> Marks;

    /// Notes what is durable: survives the end of the process.
    fn note(&mut self, marks: Marks) -> io::Result<()>;

    /// Makes the notes survive a power loss.
    fn sync_notes(&mut self) -> io::Result<()>;
}
