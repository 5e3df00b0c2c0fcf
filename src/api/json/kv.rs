//! Entries of the key/value store.

use std::fmt::{self, Write as _};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use crate::api::json::Shown;
use crate::model::kv::KvPair;
use crate::model::number::Revision;
use crate::model::session::SessionId;

/// An entry.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct KvPairJson<'a> {
    /// How often a lock on it was acquired.
    lock_index: u64,
    /// Where it stands.
    key: KeyText<'a>,
    /// A number that the client chose.
    flags: u64,
    /// What stands there, in base64 (RFC 4648 §4); `null` for nothing.
    value: Base64<'a>,
    /// Who holds its lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Shown<'a, SessionId>>,
    /// When it was created.
    create_index: Revision,
    /// When it last changed.
    modify_index: Revision,
}

impl<'a> KvPairJson<'a> {
    /// Shows an entry.
    pub(in crate::api) fn new(entry: &'a KvPair) -> Self {
        Self {
            lock_index: entry.lock_index,
            key: KeyText(entry.key.as_bytes()),
            flags: entry.flags,
            value: Base64(&entry.value),
            session: entry.session.as_ref().map(Shown),
            create_index: entry.create_revision,
            modify_index: entry.modify_revision,
        }
    }
}

/// A key as text: JSON can hold nothing else, so each byte that is none is a replacement character, as in Go.
#[derive(PartialEq, Eq)]
pub(in crate::api) struct KeyText<'a>(pub &'a [u8]);

impl Serialize for KeyText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.collect_str(self),
        }
    }
}

impl fmt::Display for KeyText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            out.write_str(chunk.valid())?;
            for _ in chunk.invalid() {
                out.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

/// Bytes in base64 (RFC 4648 §4); `null` for none.
pub(in crate::api) struct Base64<'a>(pub &'a [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            serializer.serialize_none()
        } else {
            serializer.collect_str(&Base64Display::new(self.0, &STANDARD))
        }
    }
}
