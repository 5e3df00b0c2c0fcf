//! Backup ⇄ the file that people keep, in the layout of Consul's snapshots: a gzip tar with `meta.json`,
//! `state.bin` (the backup) and `SHA256SUMS`.
//!
//! Behind it stands a seal: an empty gzip member, which every tool skips, whose comment is the SHA-256 of all bytes
//! before it. Some bits of a gzip file mean nothing to those who unpack it, and so no checksum inside it can vouch
//! for them; with the seal, a file that is cut at any byte or has any other bit is refused.
//!
//! Both ways go piece by piece: writing takes the memory of one row, reading that of the catalog that is read.
//! A snapshot is good only if all of it is: [`read()`] returns nothing before gzip, tar, checksums, backup, audit and
//! seal were looked at.
//!
//! Limits: [`crate::model::limits::SNAPSHOT_STATE_BYTES_MAX`], [`crate::model::limits::SNAPSHOT_RATIO_MAX`],
//! [`crate::model::limits::SNAPSHOT_TEXT_BYTES_MAX`].

mod write;

mod read;

mod seal;

mod inventory;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

pub use self::inventory::{Kind, inventory};
pub use self::read::{Archive, ArchiveFault, read};
pub use self::write::write;

/// `meta.json`: what a snapshot says about itself, under Consul's names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Description {
    /// Of this description.
    pub version: u32,
    /// Term, index and the milliseconds since 1970.
    #[serde(rename = "ID")]
    pub id: String,
    /// The last revision that is in it.
    pub index: u64,
    /// The election in which it was made.
    pub term: u64,
    /// The servers' addresses as Consul packs them: base64 of MessagePack.
    #[serde(default)]
    pub peers: Option<String>,
    /// The servers.
    #[serde(default)]
    pub configuration: Configuration,
    /// When the servers last changed; Consul tells it, nothing follows from it.
    #[serde(default)]
    pub configuration_index: u64,
    /// The size of `state.bin`, in bytes.
    pub size: u64,
}

/// The servers of the cluster that made it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Configuration {
    /// Each.
    #[serde(default)]
    pub servers: Vec<Server>,
}

/// A server of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Server {
    /// 0 for one that votes, 1 for another.
    pub suffrage: u8,
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// Where it is reached.
    pub address: String,
}

impl Description {
    /// Describes a state; its size is for the writer to say.
    #[must_use]
    pub fn new(index: u64, term: u64, time_ms: u64, servers: Vec<Server>) -> Self {
        let addresses: Vec<&str> = servers.iter().map(|server| server.address.as_str()).collect();
        Self {
            version: VERSION,
            id: format!("{term}-{index}-{time_ms}"),
            index,
            term,
            peers: rmp_serde::to_vec(&addresses).ok().map(|bytes| STANDARD.encode(bytes)),
            configuration: Configuration { servers },
            configuration_index: 1,
            size: 0,
        }
    }
}

/// The version of a description, Consul's too.
const VERSION: u32 = 1;

/// The description.
const META: &str = "meta.json";

/// The backup.
const STATE: &str = "state.bin";

/// SHA-256 of both, a line each.
const SUMS: &str = "SHA256SUMS";

#[cfg(test)]
mod tests;
