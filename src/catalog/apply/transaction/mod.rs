//! Transactions: operations that are done together or not at all.
//!
//! They are done on a clone of the catalog, which costs a few reference counts and takes the original's place
//! only if nothing failed. All failures are told, not only the first: each operation sees what those before it
//! did, also in a transaction that has failed already.

use bytes::Bytes;

use crate::catalog::apply::{kv, registration, session};
use crate::catalog::command::{KvLock, Registration};
use crate::catalog::operation::{Conflict, Failure, Found, Operation, Subject};
use crate::catalog::reply::{Changes, NoLock, Reply};
use crate::catalog::state::Catalog;
use crate::model::kv::KvPair;
use crate::model::limits::TRANSACTION_FOUND_BYTES_MAX;
use crate::model::name::Key;
use crate::model::number::Revision;
use crate::model::session::SessionId;

/// Does operations in their order; all of them or none.
pub(super) fn transact(
    catalog: &mut Catalog,
    revision: Revision,
    operations: &[Operation],
    changes: &mut Changes,
) -> Reply {
    let mut draft = catalog.clone();
    let mut touched = Changes::default();
    match run(&mut draft, revision, operations, &mut touched) {
        Ok(found) => {
            *catalog = draft;
            changes.merge(touched);
            Reply::Transacted(found)
        }
        Err(failures) => Reply::Aborted(failures),
    }
}

impl Catalog {
    /// Does operations that only look ([`Operation::is_read`]); of others, says what they would find.
    ///
    /// # Errors
    /// Those that cannot be done, in their order.
    pub fn look(&self, operations: &[Operation]) -> Result<Vec<Found>, Vec<Failure>> {
        run(&mut self.clone(), self.tables.applied, operations, &mut Changes::default())
    }
}

fn run(
    catalog: &mut Catalog,
    revision: Revision,
    operations: &[Operation],
    changes: &mut Changes,
) -> Result<Vec<Found>, Vec<Failure>> {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let mut bytes: usize = 0;
    for (place, operation) in operations.iter().enumerate() {
        match step(catalog, revision, operation, changes) {
            Ok(more) => {
                bytes += more.iter().map(Found::bytes).sum::<usize>();
                if TRANSACTION_FOUND_BYTES_MAX < bytes {
                    failures.push(Failure { place, conflict: Conflict::FoundTooMuch });
                    return Err(failures);
                }
                found.extend(more);
            }
            Err(conflict) => failures.push(Failure { place, conflict }),
        }
    }
    if failures.is_empty() { Ok(found) } else { Err(failures) }
}

/// Does one operation: what it found.
fn step(
    catalog: &mut Catalog,
    revision: Revision,
    operation: &Operation,
    changes: &mut Changes,
) -> Result<Vec<Found>, Conflict> {
    match operation {
        Operation::KvGet { key } => {
            let pair = pair(catalog, key).ok_or_else(|| Conflict::KeyMissing(key.clone()))?;
            Ok(vec![Found::Key(pair)])
        }
        Operation::KvGetOrEmpty { key } => {
            Ok(vec![Found::Key(pair(catalog, key).unwrap_or_else(|| KvPair::empty(key.clone())))])
        }
        Operation::KvGetTree { prefix } => {
            let pairs = catalog.keys_with_prefix(prefix);
            Ok(pairs.map(|pair| Found::Key((**pair).clone())).collect())
        }
        Operation::KvCheckIndex { key, revision } => check_index(catalog, key, *revision),
        Operation::KvCheckSession { key, session } => check_holder(catalog, key, *session),
        Operation::KvCheckNotExists { key } => match pair(catalog, key) {
            Some(_) => Err(Conflict::KeyExists(key.clone())),
            None => Ok(Vec::new()),
        },
        Operation::KvSet(set) => {
            let stale = || Conflict::KeySetStale(set.key.clone());
            done(kv::set(catalog, revision, set, changes), stale)?;
            Ok(bare(catalog, &set.key))
        }
        Operation::KvAcquire(lock) => {
            locked(kv::acquire(catalog, revision, lock, changes), catalog, lock)
        }
        Operation::KvRelease(lock) => {
            locked(kv::release(catalog, revision, lock, changes), catalog, lock)
        }
        Operation::KvDelete(delete) => {
            let stale = || Conflict::KeyDeleteStale(delete.key.clone());
            done(kv::delete(catalog, revision, delete, changes), stale)
        }
        Operation::KvDeleteTree(tree) => {
            kv::delete_tree(catalog, revision, tree, changes);
            Ok(Vec::new())
        }
        Operation::Get { subject } => {
            let found = find(catalog, subject).ok_or_else(|| Conflict::Missing(subject.clone()))?;
            Ok(vec![found])
        }
        Operation::GetNodeById { id } => {
            let entry = catalog.node_by_id(id);
            let entry = entry.ok_or_else(|| Conflict::NodeIdMissing(id.clone()))?;
            Ok(vec![Found::Node((*entry.node).clone())])
        }
        Operation::Register { subject, registration, cas } => {
            register(catalog, revision, subject, registration, *cas, changes)
        }
        Operation::Deregister { subject, cas } => {
            deregister(catalog, revision, subject, *cas, changes)
        }
        Operation::SessionDestroy(destroy) => {
            session::destroy(catalog, revision, destroy, changes);
            Ok(Vec::new())
        }
        Operation::Unknown => Err(Conflict::Unknown),
    }
}

fn check_index(catalog: &Catalog, key: &Key, wanted: Revision) -> Result<Vec<Found>, Conflict> {
    let pair = pair(catalog, key).ok_or_else(|| Conflict::IndexMissing(key.clone()))?;
    let found = pair.modify_revision;
    if found != wanted {
        return Err(Conflict::IndexDiffers { key: key.clone(), found, wanted });
    }
    Ok(bare(catalog, key))
}

fn check_holder(
    catalog: &Catalog,
    key: &Key,
    wanted: Option<SessionId>,
) -> Result<Vec<Found>, Conflict> {
    let pair = pair(catalog, key).ok_or_else(|| Conflict::HolderMissing(key.clone()))?;
    let found = pair.session;
    if found != wanted {
        return Err(Conflict::HolderDiffers { key: key.clone(), found, wanted });
    }
    Ok(bare(catalog, key))
}

fn register(
    catalog: &mut Catalog,
    revision: Revision,
    subject: &Subject,
    registration: &Registration,
    cas: Option<Revision>,
    changes: &mut Changes,
) -> Result<Vec<Found>, Conflict> {
    let stale = || Conflict::SetStale(subject.clone());
    // Revision 0 is "must not exist", and what does not exist has revision 0.
    let modified = find(catalog, subject).map(|found| found.modify_revision()).unwrap_or_default();
    if cas.is_some_and(|cas| cas != modified) {
        return Err(stale());
    }
    done(registration::register(catalog, revision, registration, changes), stale)?;
    Ok(find(catalog, subject).into_iter().collect())
}

fn deregister(
    catalog: &mut Catalog,
    revision: Revision,
    subject: &Subject,
    cas: Option<Revision>,
    changes: &mut Changes,
) -> Result<Vec<Found>, Conflict> {
    // Unlike a key, what is not there cannot be deleted at a revision.
    let modified = find(catalog, subject).map(|found| found.modify_revision());
    if cas.is_some() && cas != modified {
        return Err(Conflict::DeleteStale(subject.clone()));
    }
    registration::deregister(catalog, revision, &subject.deregistration(), changes);
    Ok(Vec::new())
}

fn find(catalog: &Catalog, subject: &Subject) -> Option<Found> {
    match subject {
        Subject::Node(node) => Some(Found::Node((*catalog.nodes.get(node)?.node).clone())),
        Subject::Service(node, id) => {
            let entry = catalog.nodes.get(node)?;
            Some(Found::Service(entry.node.name.clone(), (**entry.services.get(id)?).clone()))
        }
        Subject::Check(node, id) => {
            Some(Found::Check((**catalog.nodes.get(node)?.checks.get(id)?).clone()))
        }
    }
}

fn pair(catalog: &Catalog, key: &Key) -> Option<KvPair> {
    catalog.kv.get(key).map(|pair| (**pair).clone())
}

/// An entry without its value, which who wrote it knows.
fn bare(catalog: &Catalog, key: &Key) -> Vec<Found> {
    let pair = pair(catalog, key);
    pair.map(|pair| Found::Key(KvPair { value: Bytes::new(), ..pair })).into_iter().collect()
}

/// What became of a change that finds nothing; `stale` says so of one that names another revision.
fn done(reply: Reply, stale: impl FnOnce() -> Conflict) -> Result<Vec<Found>, Conflict> {
    match reply {
        Reply::Done(_) => Ok(Vec::new()),
        Reply::Rejected(reject) => Err(Conflict::Rejected(reject)),
        Reply::CasMismatch => Err(stale()),
        Reply::NoLock(_) | Reply::Transacted(_) | Reply::Aborted(_) => {
            unreachable!("only locks and transactions are answered so: {reply:?}")
        }
    }
}

/// What became of a change to a lock.
fn locked(reply: Reply, catalog: &Catalog, lock: &KvLock) -> Result<Vec<Found>, Conflict> {
    let key = lock.key.clone();
    match reply {
        Reply::NoLock(NoLock::Held) => Err(Conflict::LockHeld(key)),
        Reply::NoLock(NoLock::NotHeld) => Err(Conflict::LockNotHeld(key)),
        Reply::NoLock(NoLock::Delayed) => Err(Conflict::LockDelayed(key)),
        other => {
            done(other, || Conflict::LockHeld(key))?;
            Ok(bare(catalog, &lock.key))
        }
    }
}

#[cfg(test)]
pub(in crate::catalog::apply) mod tests;
