//! What a database keeps beside its rows ⇄ bytes: a CRC-32 (little endian) and MessagePack with field names.

use fjall::Keyspace;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::raft::fault::DamageFault;

/// Reads the value under a key, if there is one.
///
/// # Errors
/// [`DamageFault`], where it cannot be read or is not what was written.
pub(in crate::raft) fn get<T: DeserializeOwned>(
    meta: &Keyspace,
    key: &'static str,
) -> Result<Option<T>, DamageFault> {
    let bytes = meta.get(key).map_err(|source| DamageFault::Read { source })?;
    let Some(bytes) = bytes else { return Ok(None) };
    let (checksum, body) = bytes.split_first_chunk::<4>().ok_or(DamageFault::Meta(key))?;
    if crc32fast::hash(body).to_le_bytes() != *checksum {
        return Err(DamageFault::Meta(key));
    }
    rmp_serde::from_slice(body).map(Some).map_err(|_| DamageFault::Meta(key))
}

/// The bytes to store for a value.
pub(in crate::raft) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    if let Err(fault) = rmp_serde::encode::write_named(&mut bytes, value) {
        // Votes, log ids and places hold only text, numbers and lists, and a Vec takes every write.
        unreachable!("a value beside the rows did not encode: {fault}");
    }
    if let Some((checksum, body)) = bytes.split_first_chunk_mut::<4>() {
        *checksum = crc32fast::hash(body).to_le_bytes();
    }
    bytes
}
