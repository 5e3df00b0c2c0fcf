//! Entry ⇄ bytes: CRC-32 of all that follows (little endian), a version byte, MessagePack with field names.
//!
//! The checksum is ours because fjall's journal takes whatever it cannot decode for its end.

use bytes::Bytes;
use openraft::{EntryPayload, LogId as RaftLogId};
use serde::{Deserialize, Serialize};

use crate::model::time::Now;
use crate::raft::types::{Entry, LeaderId, LogId, Membership, Proposal};

/// Why bytes are no entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryFault {
    /// Too short to hold what every entry has.
    #[error("log entry {0} is cut short")]
    Short(u64),
    /// They were changed.
    #[error("log entry {0} is damaged: its checksum does not match")]
    Checksum(u64),
    /// Written by a newer version.
    #[error("log entry {index} has format {version}; this version reads format {VERSION}")]
    Version {
        /// Which entry.
        index: u64,
        /// What it has.
        version: u8,
    },
    /// They do not decode.
    #[error("log entry {index} cannot be read")]
    Decode {
        /// Which entry.
        index: u64,
        /// Why.
        source: rmp_serde::decode::Error,
    },
    /// An entry stands where another belongs.
    #[error("log entry {found} stands where log entry {index} belongs")]
    Misplaced {
        /// Where it stands.
        index: u64,
        /// What it says that it is.
        found: u64,
    },
}

/// An entry as it is stored.
#[derive(Serialize, Deserialize)]
struct EntryRow {
    /// Its position.
    index: u64,
    /// The term in which it was proposed.
    term: u64,
    /// The leader of that term.
    leader: u64,
    /// When it was proposed; the first versions did not write that.
    #[serde(default)]
    at: Now,
    /// What it carries.
    payload: Payload,
}

/// What an entry carries, as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Payload {
    /// Nothing: a new leader's first entry.
    Blank,
    /// An encoded command.
    Command(Bytes),
    /// Who belongs to the cluster from here on.
    Membership(Membership),
}

/// Encodes an entry.
pub(in crate::raft) fn encode(entry: &Entry) -> Bytes {
    let payload = match &entry.payload {
        EntryPayload::Blank => Payload::Blank,
        EntryPayload::Normal(proposal) => Payload::Command(proposal.bytes().clone()),
        EntryPayload::Membership(membership) => Payload::Membership(membership.clone()),
    };
    let LogId { leader_id: LeaderId { term, node_id: leader }, index } = entry.log_id;
    let at = match &entry.payload {
        EntryPayload::Normal(proposal) => proposal.at(),
        EntryPayload::Blank | EntryPayload::Membership(_) => Now::default(),
    };
    let row = EntryRow { index, term, leader, at, payload };
    let mut bytes = vec![0, 0, 0, 0, VERSION];
    if let Err(fault) = rmp_serde::encode::write_named(&mut bytes, &row) {
        // These types hold only bytes, text and numbers, and a Vec takes every write.
        unreachable!("an entry did not encode: {fault}");
    }
    if let Some((checksum, rest)) = bytes.split_first_chunk_mut::<4>() {
        *checksum = crc32fast::hash(rest).to_le_bytes();
    }
    Bytes::from(bytes)
}

/// Decodes the entry that was found at `index`.
///
/// # Errors
/// [`EntryFault`], where the bytes are not what [`encode`] wrote there.
pub(in crate::raft) fn decode(index: u64, bytes: &[u8]) -> Result<Entry, EntryFault> {
    let (checksum, rest) = bytes.split_first_chunk::<4>().ok_or(EntryFault::Short(index))?;
    if crc32fast::hash(rest).to_le_bytes() != *checksum {
        return Err(EntryFault::Checksum(index));
    }
    let (version, body) = rest.split_first().ok_or(EntryFault::Short(index))?;
    if *version != VERSION {
        return Err(EntryFault::Version { index, version: *version });
    }
    let unreadable = |source| EntryFault::Decode { index, source };
    let row: EntryRow = rmp_serde::from_slice(body).map_err(unreadable)?;
    if row.index != index {
        return Err(EntryFault::Misplaced { index, found: row.index });
    }
    let payload = match row.payload {
        Payload::Blank => EntryPayload::Blank,
        Payload::Command(bytes) => {
            EntryPayload::Normal(Proposal::decode(bytes, row.at).map_err(unreadable)?)
        }
        Payload::Membership(membership) => EntryPayload::Membership(membership),
    };
    let leader_id = LeaderId { term: row.term, node_id: row.leader };
    Ok(Entry { log_id: RaftLogId { leader_id, index }, payload })
}

/// The format of an entry.
const VERSION: u8 = 1;
