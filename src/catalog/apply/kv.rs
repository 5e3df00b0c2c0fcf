//! Keys and values: set, lock, delete, and the tombstones that keep indexes from going backwards.

use std::sync::Arc;

use crate::catalog::command::{KvDelete, KvDeleteTree, KvLock, KvSet, ReapTombstones};
use crate::catalog::reply::{Changes, NoLock, Reject, Reply, Topic};
use crate::catalog::row::RowKey;
use crate::catalog::state::Catalog;
use crate::model::kv::KvPair;
use crate::model::name::Key;
use crate::model::number::Revision;
use crate::model::session::SessionId;

/// Puts a value under a key. A value that is there already keeps its revision and wakes nobody; who holds
/// the lock keeps it.
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
    let before = before.as_deref();
    let after = KvPair {
        key: set.key.clone(),
        value: set.value.clone(),
        flags: set.flags,
        lock_index: before.map_or(0, |entry| entry.lock_index),
        session: before.and_then(|entry| entry.session),
        create_revision: revision,
        modify_revision: revision,
    };
    store(catalog, revision, before, after, changes);
    Reply::Done(revision)
}

/// Puts a value under a key for who has its lock or gets it now.
pub(super) fn acquire(
    catalog: &mut Catalog,
    revision: Revision,
    lock: &KvLock,
    changes: &mut Changes,
) -> Reply {
    if !catalog.sessions.contains_key(&lock.session) {
        return Reply::Rejected(Reject::SessionUnknown(lock.session));
    }
    if catalog.lock_delays.contains_key(&lock.key) {
        return Reply::NoLock(NoLock::Delayed);
    }
    let before = catalog.kv.get(&lock.key).cloned();
    let before = before.as_deref();
    let acquired = before.map_or(0, |entry| entry.lock_index);
    let lock_index = match before.and_then(|entry| entry.session) {
        Some(holder) if holder != lock.session => return Reply::NoLock(NoLock::Held),
        Some(_) => acquired,
        None => acquired + 1,
    };
    let after = locked(lock, lock_index, Some(lock.session), revision);
    store(catalog, revision, before, after, changes);
    Reply::Done(revision)
}

/// Puts a value under a key for who has its lock, and frees that.
pub(super) fn release(
    catalog: &mut Catalog,
    revision: Revision,
    lock: &KvLock,
    changes: &mut Changes,
) -> Reply {
    let Some(before) = catalog.kv.get(&lock.key).cloned() else {
        return Reply::NoLock(NoLock::NotHeld);
    };
    if before.session != Some(lock.session) {
        return Reply::NoLock(NoLock::NotHeld);
    }
    let after = locked(lock, before.lock_index, None, revision);
    store(catalog, revision, Some(&before), after, changes);
    Reply::Done(revision)
}

/// Frees a lock whose holder is gone; the value stays.
pub(super) fn unlock(catalog: &mut Catalog, revision: Revision, key: &Key, changes: &mut Changes) {
    let Some(before) = catalog.kv.get(key).cloned() else { return };
    let after = KvPair { session: None, modify_revision: revision, ..(*before).clone() };
    store(catalog, revision, Some(&before), after, changes);
}

/// Takes a key away and says so.
pub(super) fn remove(catalog: &mut Catalog, revision: Revision, key: &Key, changes: &mut Changes) {
    bury(catalog, revision, key, changes);
    changes.topics.insert(Topic::Key(key.clone()));
}

fn locked(
    lock: &KvLock,
    lock_index: u64,
    session: Option<SessionId>,
    revision: Revision,
) -> KvPair {
    KvPair {
        key: lock.key.clone(),
        value: lock.value.clone(),
        flags: lock.flags,
        lock_index,
        session,
        create_revision: revision,
        modify_revision: revision,
    }
}

/// Puts an entry in the place of another one, which it shares the time of creation with. One that is there
/// already keeps its revision and wakes nobody.
fn store(
    catalog: &mut Catalog,
    revision: Revision,
    before: Option<&KvPair>,
    mut after: KvPair,
    changes: &mut Changes,
) {
    if let Some(before) = before {
        after.create_revision = before.create_revision;
        after.modify_revision = before.modify_revision;
        if after == *before {
            return;
        }
        after.modify_revision = revision;
    }
    let key = after.key.clone();
    catalog.put_pair(&Arc::new(after));
    catalog.tombstones.remove(&key);
    changes.rows.insert(RowKey::Tombstone(key.clone()));
    note_key(catalog, revision, &key, changes);
    changes.topics.insert(Topic::Key(key));
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
    remove(catalog, revision, &delete.key, changes);
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
    catalog.remove_pair(key);
    catalog.tombstones.insert(key.clone(), revision);
    changes.rows.insert(RowKey::Tombstone(key.clone()));
    note_key(catalog, revision, key, changes);
}

fn note_key(catalog: &mut Catalog, revision: Revision, key: &Key, changes: &mut Changes) {
    catalog.tables.kv = revision;
    changes.rows.insert(RowKey::Key(key.clone()));
}
