//! Catalog ⇄ bytes: a saved state, what Consul calls a snapshot.
//!
//! `LICTORB1`, then for each row a key length and a value length (u32, little endian), key and value; then
//! two zero lengths and the CRC-32 of all before. Rows and their order are those of [`crate::catalog::row`].

use crate::catalog::row::RowFault;
use crate::catalog::state::Catalog;

/// Why bytes are no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupFault {
    /// They do not begin as one.
    #[error("this is no backup, or one of a newer format")]
    Format,
    /// They end too early.
    #[error("the backup is cut short at byte {0}")]
    Short(usize),
    /// They were changed.
    #[error("the backup is damaged: its checksum does not match")]
    Checksum,
    /// A row is damaged.
    #[error(transparent)]
    Row(#[from] RowFault),
}

/// Writes a backup.
#[must_use]
pub fn encode(catalog: &Catalog) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for (key, value) in catalog.rows() {
        let key = key.to_bytes();
        bytes.extend_from_slice(&length(&key));
        bytes.extend_from_slice(&length(&value));
        bytes.extend_from_slice(&key);
        bytes.extend_from_slice(&value);
    }
    bytes.extend_from_slice(&[0; 8]);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads a backup.
///
/// # Errors
/// [`BackupFault`], where a byte is missing, was added or changed.
pub fn decode(bytes: &[u8]) -> Result<Catalog, BackupFault> {
    if !bytes.starts_with(MAGIC) {
        return Err(BackupFault::Format);
    }
    let (body, checksum) = bytes.split_last_chunk::<4>().ok_or(BackupFault::Short(bytes.len()))?;
    let mut catalog = Catalog::default();
    let mut at = MAGIC.len();
    loop {
        let key_bytes = read_length(body, &mut at)?;
        let value_bytes = read_length(body, &mut at)?;
        if key_bytes == 0 {
            break;
        }
        let key = take(body, &mut at, key_bytes)?;
        let value = take(body, &mut at, value_bytes)?;
        catalog.load_row(key, value)?;
    }
    if at != body.len() || crc32fast::hash(body).to_le_bytes() != *checksum {
        return Err(BackupFault::Checksum);
    }
    Ok(catalog)
}

fn length(bytes: &[u8]) -> [u8; 4] {
    // Keys and values are bounded by `limits`, far below 4 GiB.
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes()
}

fn read_length(body: &[u8], at: &mut usize) -> Result<usize, BackupFault> {
    let bytes = take(body, at, 4)?;
    let bytes: [u8; 4] = bytes.try_into().map_err(|_| BackupFault::Short(*at))?;
    usize::try_from(u32::from_le_bytes(bytes)).map_err(|_| BackupFault::Checksum)
}

fn take<'a>(body: &'a [u8], at: &mut usize, count: usize) -> Result<&'a [u8], BackupFault> {
    let end = at.checked_add(count).ok_or(BackupFault::Checksum)?;
    let slice = body.get(*at..end).ok_or(BackupFault::Short(body.len()))?;
    *at = end;
    Ok(slice)
}

/// How a backup of this format begins.
const MAGIC: &[u8] = b"LICTORB1";

#[cfg(test)]
mod tests;
