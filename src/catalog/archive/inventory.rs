//! Catalog → how much of what is in it.

use crate::catalog::row::RowKey;
use crate::catalog::state::Catalog;

/// How much there is of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// What: `services`.
    pub name: &'static str,
    /// How many.
    pub count: usize,
    /// How many bytes they take as they are stored.
    pub bytes: usize,
}

/// Counts what is in a catalog, by kind, those that are there in the order of their rows.
#[must_use]
pub fn inventory(catalog: &Catalog) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for (key, value) in catalog.rows() {
        let Some(name) = name_of(&key) else { continue };
        let bytes = key.to_bytes().len() + value.len();
        match kinds.iter_mut().find(|kind| kind.name == name) {
            Some(kind) => {
                kind.count += 1;
                kind.bytes += bytes;
            }
            None => kinds.push(Kind { name, count: 1, bytes }),
        }
    }
    kinds
}

/// What people call a row; nothing for those that only say when something changed.
fn name_of(key: &RowKey) -> Option<&'static str> {
    match key {
        RowKey::Tables | RowKey::ServiceRevision(_) | RowKey::Staged(_) => None,
        RowKey::Autopilot => Some("autopilot settings"),
        RowKey::Node(_) => Some("nodes"),
        RowKey::Coordinates(_) => Some("coordinates of nodes"),
        RowKey::Service(..) => Some("services"),
        RowKey::Check(..) => Some("checks"),
        RowKey::Key(_) => Some("keys"),
        RowKey::Tombstone(_) => Some("deleted keys"),
        RowKey::PreparedQuery(_) => Some("prepared queries"),
        RowKey::Session(_) => Some("sessions"),
        RowKey::LockDelay(_) => Some("lock delays"),
    }
}
