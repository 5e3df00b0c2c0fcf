//! Keys and values: set, delete, and the tombstones that keep indexes from going backwards.

use std::sync::Arc;

use crate::catalog::command::{KvDelete, KvDeleteTree, KvSet, ReapTombstones};
use crate::catalog::reply::{Changes, Reply, Topic};
use crate::catalog::row::RowKey;
use crate::catalog::state::Catalog;
use crate::model::kv::KvPair;
use crate::model::name::Key;
use crate::model::number::Revision;

/// Puts a value under a key. A value that is there already keeps its revision and wakes nobody.
pub(super) fn set(
    catalog: &mut Catalog,
    revision: Revision,
    set: &KvSet,
    changes: &mut Changes,
) -> Reply {
    let before = catalog.kv.get(&set.key).cloned();
    let modified = before.as_ref().map(|entry| entry.modify_revision).unwrap_or_default();
    // Revision 0 is "must not exist", and what does not exist has revision 0.
    if set.cas.is_some_and(|cas| cas != modified) {
        return Reply::CasMismatch;
    }
    if before.as_ref().is_some_and(|entry| entry.value == set.value && entry.flags == set.flags) {
        return Reply::Done(revision);
    }
    let after = KvPair {
        key: set.key.clone(),
        value: set.value.clone(),
        flags: set.flags,
        lock_index: before.as_ref().map_or(0, |entry| entry.lock_index),
        create_revision: before.as_ref().map_or(revision, |entry| entry.create_revision),
        modify_revision: revision,
    };
    catalog.kv.insert(set.key.clone(), Arc::new(after));
    catalog.tombstones.remove(&set.key);
    changes.rows.insert(RowKey::Tombstone(set.key.clone()));
    note_key(catalog, revision, &set.key, changes);
    changes.topics.insert(Topic::Key(set.key.clone()));
    Reply::Done(revision)
}

/// Takes a key away. A check-and-set on a key that is not there succeeds, as Consul's does.
pub(super) fn delete(
    catalog: &mut Catalog,
    revision: Revision,
    delete: &KvDelete,
    changes: &mut Changes,
) -> Reply {
    let Some(before) = catalog.kv.get(&delete.key) else { return Reply::Done(revision) };
    if delete.cas.is_some_and(|cas| cas != before.modify_revision) {
        return Reply::CasMismatch;
    }
    bury(catalog, revision, &delete.key, changes);
    changes.topics.insert(Topic::Key(delete.key.clone()));
    Reply::Done(revision)
}

/// Takes all keys away that begin with a text.
pub(super) fn delete_tree(
    catalog: &mut Catalog,
    revision: Revision,
    tree: &KvDeleteTree,
    changes: &mut Changes,
) -> Reply {
    let keys: Vec<Key> =
        catalog.keys_with_prefix(&tree.prefix).map(|entry| entry.key.clone()).collect();
    for key in &keys {
        bury(catalog, revision, key, changes);
    }
    if !keys.is_empty() {
        // One for all: a topic for each of a hundred thousand keys would cost more than the deletion.
        changes.topics.insert(Topic::KeyTree(tree.prefix.clone()));
    }
    Reply::Done(revision)
}

/// Forgets deletions. Every key that is not there counts as deleted at the newest forgotten one, so
/// indexes stay monotonic without the tombstones.
pub(super) fn reap_tombstones(
    catalog: &mut Catalog,
    revision: Revision,
    reap: &ReapTombstones,
    changes: &mut Changes,
) -> Reply {
    let old: Vec<(Key, Revision)> = catalog
        .tombstones
        .iter()
        .filter(|(_, at)| **at <= reap.revision)
        .map(|(key, at)| (key.clone(), *at))
        .collect();
    for (key, at) in old {
        catalog.tables.tombstones_reaped = catalog.tables.tombstones_reaped.max(at);
        catalog.tombstones.remove(&key);
        changes.rows.insert(RowKey::Tombstone(key));
    }
    Reply::Done(revision)
}

fn bury(catalog: &mut Catalog, revision: Revision, key: &Key, changes: &mut Changes) {
    catalog.kv.remove(key);
    catalog.tombstones.insert(key.clone(), revision);
    changes.rows.insert(RowKey::Tombstone(key.clone()));
    note_key(catalog, revision, key, changes);
}

fn note_key(catalog: &mut Catalog, revision: Revision, key: &Key, changes: &mut Changes) {
    catalog.tables.kv = revision;
    changes.rows.insert(RowKey::Key(key.clone()));
}
