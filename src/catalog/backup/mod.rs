//! Catalog ⇄ bytes: a saved state, what Consul calls a snapshot.
//!
//! `LICTORB1`, then for each row a key length and a value length (u32, little endian), key and value; then
//! two zero lengths and the CRC-32 of all before. Rows and their order are those of [`crate::catalog::row`].
//! Both ways go row by row, so that neither needs the bytes in one piece.

use std::io::{self, Read};

use crate::catalog::row::{RowFault, RowKey};
use crate::catalog::state::Catalog;

/// Why bytes are no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupFault {
    /// They do not begin as one.
    #[error("this is no backup, or one of a newer format")]
    Format,
    /// They end too early.
    #[error("the backup is cut short at byte {0}")]
    Short(u64),
    /// They were changed.
    #[error("the backup is damaged: its checksum does not match")]
    Checksum,
    /// A row is damaged.
    #[error(transparent)]
    Row(#[from] RowFault),
    /// Where they come from gave out.
    #[error("the backup cannot be read: {0}")]
    Io(io::Error),
}

/// Writes a backup.
#[must_use]
pub fn encode(catalog: &Catalog) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(fault) = Writer::new(catalog).read_to_end(&mut bytes) {
        unreachable!("rows are in memory and a Vec takes every write: {fault}");
    }
    bytes
}

/// Reads a backup that is here as a whole.
///
/// # Errors
/// [`BackupFault`], where a byte is missing, was added or changed.
pub fn decode(bytes: &[u8]) -> Result<Catalog, BackupFault> {
    read(bytes)
}

/// Reads a backup to its end, which must be the source's.
///
/// # Errors
/// [`BackupFault`], where a byte is missing, was added or changed, or the source fails.
pub fn read(source: impl Read) -> Result<Catalog, BackupFault> {
    let mut source = Summed { source, sum: crc32fast::Hasher::new(), count: 0 };
    let mut magic = [0; MAGIC.len()];
    match source.fill(&mut magic) {
        Ok(()) if magic == *MAGIC => {}
        Ok(()) | Err(BackupFault::Short(_)) => return Err(BackupFault::Format),
        Err(fault) => return Err(fault),
    }
    let mut catalog = Catalog::default();
    let (mut key, mut value) = (Vec::new(), Vec::new());
    loop {
        let (key_bytes, value_bytes) = (source.length()?, source.length()?);
        if key_bytes == 0 {
            break;
        }
        source.take(key_bytes, &mut key)?;
        source.take(value_bytes, &mut value)?;
        catalog.load_row(&key, &value)?;
    }
    let sum = source.sum.clone().finalize();
    let mut stated = [0; 4];
    source.fill(&mut stated)?;
    if u32::from_le_bytes(stated) != sum || source.fill(&mut [0]).is_ok() {
        return Err(BackupFault::Checksum);
    }
    Ok(catalog)
}

/// A backup as something to read: made row by row, while it is read.
pub struct Writer<R> {
    /// Rows that are still to come.
    rows: R,
    /// The checksum of what was made.
    sum: crc32fast::Hasher,
    /// What was made and is not read yet.
    made: Vec<u8>,
    /// How much of it is read.
    at: usize,
    /// Whether the end was made.
    is_ended: bool,
}

impl<'a> Writer<Box<dyn Iterator<Item = (RowKey, Vec<u8>)> + 'a>> {
    /// Begins a backup.
    #[must_use]
    pub fn new(catalog: &'a Catalog) -> Self {
        let rows = Box::new(catalog.rows());
        let mut writer =
            Self { rows, sum: crc32fast::Hasher::new(), made: Vec::new(), at: 0, is_ended: false };
        writer.made.extend_from_slice(MAGIC);
        writer.sum.update(MAGIC);
        writer
    }
}

impl<R: Iterator<Item = (RowKey, Vec<u8>)>> Writer<R> {
    /// Makes the next row, or the end.
    fn make(&mut self) {
        self.made.clear();
        self.at = 0;
        let Some((key, value)) = self.rows.next() else {
            self.is_ended = true;
            self.made.extend_from_slice(&[0; 8]);
            self.sum.update(&self.made);
            self.made.extend_from_slice(&self.sum.clone().finalize().to_le_bytes());
            return;
        };
        let key = key.to_bytes();
        self.made.extend_from_slice(&length(&key));
        self.made.extend_from_slice(&length(&value));
        self.made.extend_from_slice(&key);
        self.made.extend_from_slice(&value);
        self.sum.update(&self.made);
    }
}

impl<R: Iterator<Item = (RowKey, Vec<u8>)>> Read for Writer<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.made.len() && !self.is_ended {
            self.make();
        }
        let mut rest = self.made.get(self.at..).unwrap_or_default();
        let count = rest.read(out)?;
        self.at += count;
        Ok(count)
    }
}

/// A source whose bytes are counted and summed.
struct Summed<R> {
    /// The source.
    source: R,
    /// The checksum of what was read.
    sum: crc32fast::Hasher,
    /// How much was read.
    count: u64,
}

impl<R: Read> Summed<R> {
    /// Reads exactly so much.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), BackupFault> {
        self.source.read_exact(out).map_err(|fault| match fault.kind() {
            io::ErrorKind::UnexpectedEof => BackupFault::Short(self.count),
            _ => BackupFault::Io(fault),
        })?;
        self.note(out);
        Ok(())
    }

    /// Reads exactly so much, and takes no more memory than there are bytes: a length may be damaged.
    fn take(&mut self, count: u32, out: &mut Vec<u8>) -> Result<(), BackupFault> {
        out.clear();
        let count = u64::from(count);
        let read = (&mut self.source).take(count).read_to_end(out).map_err(BackupFault::Io)?;
        self.note(out);
        if u64::try_from(read) == Ok(count) { Ok(()) } else { Err(BackupFault::Short(self.count)) }
    }

    fn length(&mut self) -> Result<u32, BackupFault> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn note(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        self.count += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    }
}

fn length(bytes: &[u8]) -> [u8; 4] {
    // Keys and values are bounded by `limits`, far below 4 GiB.
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes()
}

/// How a backup of this format begins.
pub(in crate::catalog) const MAGIC: &[u8; 8] = b"LICTORB1";

#[cfg(test)]
mod tests;
