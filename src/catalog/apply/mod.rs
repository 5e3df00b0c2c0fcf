//! `Command × Catalog → Reply + Changes`, at one log position. Pure: the same catalog and command give
//! the same result on every peer.

mod kv;

mod session;

mod coordinates;

mod registration;

mod autopilot;

mod restore;

mod transaction;

mod prepared_query;

use crate::catalog::command::Command;
use crate::catalog::reply::{Changes, Reply};
use crate::catalog::row::RowKey;
use crate::catalog::state::Catalog;
use crate::model::number::Revision;
use crate::model::time::Now;

/// Applies one command at `revision`, the position that the log gave it, which was proposed at `now`.
///
/// A command that is refused, or that changes nothing, touches no topic, and no row but the tables' own and
/// those of lock delays that have passed.
pub fn apply(
    catalog: &mut Catalog,
    revision: Revision,
    now: Now,
    command: &Command,
) -> (Reply, Changes) {
    let mut changes = Changes::default();
    catalog.tables.clock = now;
    session::forget_lock_delays(catalog, &mut changes);
    let reply = match command {
        Command::Register(registration) => {
            registration::register(catalog, revision, registration, &mut changes)
        }
        Command::Welcome(registration) => {
            registration::welcome(catalog, revision, registration, &mut changes)
        }
        Command::Deregister(deregistration) => {
            registration::deregister(catalog, revision, deregistration, &mut changes)
        }
        Command::KvSet(set) => kv::set(catalog, revision, set, &mut changes),
        Command::KvAcquire(lock) => kv::acquire(catalog, revision, lock, &mut changes),
        Command::KvRelease(lock) => kv::release(catalog, revision, lock, &mut changes),
        Command::KvDelete(delete) => kv::delete(catalog, revision, delete, &mut changes),
        Command::KvDeleteTree(tree) => kv::delete_tree(catalog, revision, tree, &mut changes),
        Command::ReapTombstones(reap) => kv::reap_tombstones(catalog, revision, reap, &mut changes),
        Command::SessionCreate(created) => {
            session::create(catalog, revision, created, &mut changes)
        }
        Command::SessionDestroy(destroy) => {
            session::destroy(catalog, revision, destroy, &mut changes)
        }
        Command::UpdateCoordinate(update) => {
            coordinates::update(catalog, revision, update, &mut changes)
        }
        Command::AutopilotSet(set) => autopilot::set(catalog, revision, set, &mut changes),
        Command::StagePart(part) => restore::stage(catalog, revision, part, &mut changes),
        Command::Restore(restore) => restore::restore(catalog, revision, restore, &mut changes),
        Command::DropStaged(drop) => restore::drop_staged(catalog, revision, drop, &mut changes),
        Command::Transact(transaction) => {
            transaction::transact(catalog, revision, &transaction.operations, &mut changes)
        }
        Command::PreparedQueryCreate(query) => {
            prepared_query::create(catalog, revision, query, &mut changes)
        }
        Command::PreparedQueryUpdate(query) => {
            prepared_query::update(catalog, revision, query, &mut changes)
        }
        Command::PreparedQueryDelete(delete) => {
            prepared_query::delete(catalog, revision, delete, &mut changes)
        }
        Command::Unknown => Reply::Done(revision),
    };
    // A backup that was restored may be ahead of the log; whoever counts goes on from there.
    catalog.tables.applied = catalog.tables.applied.max(revision);
    changes.rows.insert(RowKey::Tables);
    (reply, changes)
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(in crate::catalog) use self::tests::random as random_command;
