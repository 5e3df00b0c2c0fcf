//! Watermark: how far the log was durable, in a small file of its own, so that a log that comes back shorter
//! is noticed.
//!
//! fjall takes what it cannot decode in its journal for the journal's end and cuts the rest off, durable and
//! acknowledged or not (fjall#311). A peer that forgets what it acknowledged may elect a leader without it. So
//! the log thread notes here what it wrote *before* it acknowledges, and a start refuses a log that holds less.
//!
//! The file has two slots of one page each, written in turn: a torn write hits the older state, never the
//! newest. A write always reaches the kernel, which survives `kill -9`; the caller decides when to pay for the
//! sync that survives a power loss.

use std::io;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::{FileExt, OpenOptionsExt};
use fs_err::{File, OpenOptions};
use serde::{Deserialize, Serialize};

use crate::raft::types::{LogId, Vote};

/// What is known to be durable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::raft) struct Marks {
    /// The number of this peer.
    pub(in crate::raft) node_id: u64,
    /// The last entry, or the last one that was purged.
    #[serde(default)]
    pub(in crate::raft) last: Option<LogId>,
    /// The vote.
    #[serde(default)]
    pub(in crate::raft) vote: Option<Vote>,
    /// The last entry that was purged.
    #[serde(default)]
    pub(in crate::raft) purged: Option<LogId>,
}

/// Why a watermark cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WatermarkFault {
    /// The file system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Neither slot holds what was written there.
    #[error("`{}` is damaged: neither of its two slots is whole", .0.display())]
    Damaged(PathBuf),
}

/// The open file.
pub(in crate::raft) struct Watermark {
    /// It.
    file: File,
    /// How often it was written: even numbers go to the first slot.
    sequence: u64,
    /// What the newest slot holds.
    marks: Marks,
}

/// A slot's content.
#[derive(Serialize, Deserialize)]
struct Slot {
    /// The higher one is the newer.
    sequence: u64,
    /// What is known.
    marks: Marks,
}

impl Watermark {
    /// Creates the file, durably.
    pub(in crate::raft) fn create(path: &Path, marks: Marks) -> Result<Self, WatermarkFault> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(path)?;
        // The size never changes again, so that a data sync is enough.
        file.set_len(SLOT_BYTES * 2)?;
        let mut watermark = Self { file, sequence: 0, marks };
        watermark.write(watermark.marks.clone())?;
        watermark.file.sync_all()?;
        Ok(watermark)
    }

    /// Opens the file; nothing where there is none.
    pub(in crate::raft) fn open(path: &Path) -> Result<Option<Self>, WatermarkFault> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let slots = [0, SLOT_BYTES].map(|offset| read_slot(&file, offset));
        let newest = slots.into_iter().flatten().max_by_key(|slot| slot.sequence);
        let Slot { sequence, marks } =
            newest.ok_or_else(|| WatermarkFault::Damaged(path.into()))?;
        Ok(Some(Self { file, sequence, marks }))
    }

    /// What is known.
    pub(in crate::raft) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Hands new marks to the kernel.
    pub(in crate::raft) fn write(&mut self, marks: Marks) -> io::Result<()> {
        let sequence = self.sequence + 1;
        let mut bytes = vec![0; 8];
        rmp_serde::encode::write_named(&mut bytes, &Slot { sequence, marks: marks.clone() })
            .map_err(io::Error::other)?;
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let checksum = crc32fast::hash(bytes.get(8..).unwrap_or_default());
        for (place, byte) in
            bytes.iter_mut().zip(length.to_le_bytes().into_iter().chain(checksum.to_le_bytes()))
        {
            *place = byte;
        }
        self.file.write_all_at(&bytes, (sequence % 2) * SLOT_BYTES)?;
        self.sequence = sequence;
        self.marks = marks;
        Ok(())
    }

    /// Makes the newest marks survive a power loss.
    pub(in crate::raft) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// A slot: length and CRC-32 of the content (u32, little endian), then the content. Nothing if it is torn.
fn read_slot(file: &File, offset: u64) -> Option<Slot> {
    let mut page = vec![0; usize::try_from(SLOT_BYTES).ok()?];
    // A file that was cut short has fewer bytes; what is missing then does not match the checksum.
    let read = file.read_at(&mut page, offset).ok()?;
    let page = page.get(..read)?;
    let (length, rest) = page.split_first_chunk::<4>()?;
    let (checksum, _) = rest.split_first_chunk::<4>()?;
    let end = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let content = page.get(8..end)?;
    if crc32fast::hash(content).to_le_bytes() != *checksum {
        return None;
    }
    rmp_serde::from_slice(content).ok()
}

/// One page: disks and file systems write at least that much at once or not at all.
const SLOT_BYTES: u64 = 4096;

#[cfg(test)]
mod tests;
