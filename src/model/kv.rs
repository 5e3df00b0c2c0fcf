//! An entry of the key/value store.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::model::name::Key;
use crate::model::number::Revision;
use crate::model::session::SessionId;

/// A key and what stands under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvPair {
    /// Where it stands.
    pub key: Key,
    /// Any bytes, at most [`crate::model::limits::KV_VALUE_BYTES_MAX`].
    pub value: Bytes,
    /// A number that the client chose.
    #[serde(default)]
    pub flags: u64,
    /// How often a lock on it was acquired.
    #[serde(default)]
    pub lock_index: u64,
    /// The session that holds its lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// When it was created.
    #[serde(default)]
    pub create_revision: Revision,
    /// When it last changed.
    #[serde(default)]
    pub modify_revision: Revision,
}

impl KvPair {
    /// What stands under a key where nothing does.
    #[must_use]
    pub fn empty(key: Key) -> Self {
        Self {
            key,
            value: Bytes::new(),
            flags: 0,
            lock_index: 0,
            session: None,
            create_revision: Revision(0),
            modify_revision: Revision(0),
        }
    }
}
