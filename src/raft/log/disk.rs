//! The log on disk: two keyspaces of the database `raft/`. `log` holds entries by index (u64, big endian), `meta`
//! what is known beside them.
//!
//! The traps of fjall that shape this: never `clear()` a keyspace (its journals would never be freed,
//! fjall#288), no journal compression (a recovery encodes anew to check), no FIFO compaction (it drops what is
//! still needed), at least 64 MiB of journals (sparse until they are filled).

use std::io;
use std::ops::{Bound, Range};
use std::path::Path;

use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use serde::{Deserialize, Serialize};

use crate::raft::fault::DamageFault;
use crate::raft::log::entry;
use crate::raft::log::journal::{CommitGroup, Journal};
use crate::raft::meta;
use crate::raft::types::{Entry, LogId, Vote};
use crate::raft::watermark::{Marks, Watermark};

/// The open database; clones are the same one.
#[derive(Clone)]
pub(in crate::raft) struct Disk {
    /// All of it.
    database: Database,
    /// Entries.
    log: Keyspace,
    /// What is known beside the entries.
    meta: Keyspace,
}

/// What the log holds besides its entries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::raft) struct LogMeta {
    /// The number of this peer.
    pub(in crate::raft) node_id: Option<u64>,
    /// The vote.
    pub(in crate::raft) vote: Option<Vote>,
    /// The last entry that is known to be agreed on.
    pub(in crate::raft) committed: Option<LogId>,
    /// The last entry that was purged.
    pub(in crate::raft) purged: Option<LogId>,
}

/// The entries that a log holds, as a start finds them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::raft) struct Extent {
    /// The first index that has a row, purged or not.
    pub(in crate::raft) first: Option<u64>,
    /// The last entry, or the last purged one.
    pub(in crate::raft) last: Option<LogId>,
    /// The entry at the watermark, if it is there.
    pub(in crate::raft) at_watermark: Option<LogId>,
}

impl Disk {
    /// Opens or creates the database.
    pub(in crate::raft) fn open(path: &Path) -> Result<Self, fjall::Error> {
        let database = Database::builder(path)
            .cache_size(CACHE_BYTES)
            .worker_threads(1)
            .max_journaling_size(JOURNALS_BYTES)
            .journal_compression(CompressionType::None)
            .manual_journal_persist(true)
            .open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        let log = database.keyspace("log", options)?;
        let meta = database.keyspace("meta", options)?;
        Ok(Self { database, log, meta })
    }

    /// Reads what is known beside the entries.
    pub(in crate::raft) fn meta(&self) -> Result<LogMeta, DamageFault> {
        Ok(LogMeta {
            node_id: meta::get(&self.meta, NODE_ID)?,
            vote: meta::get(&self.meta, VOTE)?,
            committed: meta::get(&self.meta, COMMITTED)?,
            purged: meta::get(&self.meta, PURGED)?,
        })
    }

    /// Writes this peer's number, durably.
    pub(in crate::raft) fn put_node_id(&self, node_id: u64) -> Result<(), fjall::Error> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        batch.insert(&self.meta, NODE_ID, meta::encode(&node_id));
        batch.commit()
    }

    /// Reads every entry after `purged`: each has to be whole, and none may be missing between two.
    pub(in crate::raft) fn survey(
        &self,
        purged: Option<LogId>,
        watermark: Option<LogId>,
    ) -> Result<Extent, DamageFault> {
        let mut extent = Extent { last: purged, ..Extent::default() };
        let start = purged.map_or(0, |id| id.index + 1);
        for row in self.log.iter() {
            let (index, bytes) = pair(row)?;
            extent.first = extent.first.or(Some(index));
            if index < start {
                continue;
            }
            let id = entry::decode(index, &bytes)?.log_id;
            let due = extent.last.map_or(0, |last| last.index + 1);
            if index != due {
                return Err(DamageFault::Hole { due, found: index });
            }
            extent.last = Some(id);
            if watermark.is_some_and(|mark| mark.index == index) {
                extent.at_watermark = Some(id);
            }
        }
        Ok(extent)
    }

    /// Reads all entries of a range, or the first of them that have `bytes_max` bytes together, but at least
    /// one.
    pub(in crate::raft) fn read(
        &self,
        range: Range<u64>,
        bytes_max: usize,
    ) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut bytes_read = 0;
        for (due, row) in (range.start..).zip(self.log.range(keys(&range))) {
            let (index, bytes) = pair(row).map_err(io::Error::other)?;
            if index != due {
                return Err(io::Error::other(DamageFault::Hole { due, found: index }));
            }
            bytes_read += bytes.len();
            if bytes_max < bytes_read && !entries.is_empty() {
                return Ok(entries);
            }
            entries.push(entry::decode(index, &bytes).map_err(io::Error::other)?);
        }
        if entries.last().map_or(range.start, |entry| entry.log_id.index + 1) < range.end {
            let due = range.start + entries.len() as u64;
            return Err(io::Error::other(DamageFault::Hole { due, found: range.end }));
        }
        Ok(entries)
    }
}

/// The log thread's end of the database, with the watermark beside it.
pub(in crate::raft) struct DiskJournal {
    /// The database.
    pub(in crate::raft) disk: Disk,
    /// What is said to be durable.
    pub(in crate::raft) watermark: Watermark,
}

impl Journal for DiskJournal {
    fn write(&mut self, group: &CommitGroup) -> io::Result<()> {
        let disk = &self.disk;
        let mut batch = disk.database.batch().durability(Some(PersistMode::SyncData));
        for (index, bytes) in &group.rows {
            batch.insert(&disk.log, index.to_be_bytes(), &**bytes);
        }
        if let Some(vote) = &group.vote {
            batch.insert(&disk.meta, VOTE, meta::encode(vote));
        }
        if let Some(committed) = &group.committed {
            batch.insert(&disk.meta, COMMITTED, meta::encode(committed));
        }
        if let Some(purged) = &group.purged {
            batch.insert(&disk.meta, PURGED, meta::encode(purged));
        }
        batch.commit().map_err(plain)
    }

    fn truncate(&mut self, from: u64) -> io::Result<()> {
        self.remove(from..u64::MAX, PersistMode::SyncData)
    }

    fn sweep(&mut self, range: Range<u64>) -> io::Result<()> {
        // What is purged already stays purged: nothing is lost if this is forgotten.
        self.remove(range, PersistMode::Buffer)
    }

    fn marks(&self) -> Marks {
        self.watermark.marks().clone()
    }

    fn note(&mut self, marks: Marks) -> io::Result<()> {
        self.watermark.write(marks)
    }

    fn sync_notes(&mut self) -> io::Result<()> {
        self.watermark.sync()
    }
}

impl DiskJournal {
    fn remove(&self, range: Range<u64>, mode: PersistMode) -> io::Result<()> {
        let mut batch = self.disk.database.batch().durability(Some(mode));
        for row in self.disk.log.range(keys(&range)) {
            batch.remove(&self.disk.log, row.key().map_err(io::Error::other)?);
        }
        batch.commit().map_err(plain)
    }
}

/// What the file system said, where it was that.
pub(in crate::raft) fn plain(fault: fjall::Error) -> io::Error {
    match fault {
        fjall::Error::Io(error) => error,
        other => io::Error::other(other),
    }
}

fn keys(range: &Range<u64>) -> (Bound<[u8; 8]>, Bound<[u8; 8]>) {
    (Bound::Included(range.start.to_be_bytes()), Bound::Excluded(range.end.to_be_bytes()))
}

fn pair(row: fjall::Guard) -> Result<(u64, fjall::Slice), DamageFault> {
    let (key, bytes) = row.into_inner().map_err(|source| DamageFault::Read { source })?;
    let key: [u8; 8] = (*key).try_into().map_err(|_| DamageFault::Meta("a key of the log"))?;
    Ok((u64::from_be_bytes(key), bytes))
}

/// Key of the peer's number.
const NODE_ID: &str = "node_id";

/// Key of the vote.
const VOTE: &str = "vote";

/// Key of the last entry that is known to be agreed on.
const COMMITTED: &str = "committed";

/// Key of the last purged entry.
const PURGED: &str = "purged";

/// Blocks kept in memory: the tail serves nearly all reads.
const CACHE_BYTES: u64 = 512 * 1024;

/// Entries kept in memory until they go to a table.
const MEMTABLE_BYTES: u64 = 4 * 1024 * 1024;

/// Journals on disk, which a start reads through; fjall's least.
const JOURNALS_BYTES: u64 = 64 * 1024 * 1024;
