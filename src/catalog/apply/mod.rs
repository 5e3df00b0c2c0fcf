//! `Command × Catalog → Reply + Changes`, at one log position. Pure: the same catalog and command give
//! the same result on every peer.

mod kv;

mod registration;

use crate::catalog::command::Command;
use crate::catalog::reply::{Changes, Reply};
use crate::catalog::row::RowKey;
use crate::catalog::state::Catalog;
use crate::model::number::Revision;

/// Applies one command at `revision`, the position that the log gave it.
///
/// A command that is refused, or that changes nothing, touches no row but the tables' own and no topic.
pub fn apply(catalog: &mut Catalog, revision: Revision, command: &Command) -> (Reply, Changes) {
    let mut changes = Changes::default();
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
        Command::KvDelete(delete) => kv::delete(catalog, revision, delete, &mut changes),
        Command::KvDeleteTree(tree) => kv::delete_tree(catalog, revision, tree, &mut changes),
        Command::ReapTombstones(reap) => kv::reap_tombstones(catalog, revision, reap, &mut changes),
        Command::Unknown => Reply::Done(revision),
    };
    catalog.tables.applied = revision;
    changes.rows.insert(RowKey::Tables);
    (reply, changes)
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(in crate::catalog) use self::tests::random as random_command;
