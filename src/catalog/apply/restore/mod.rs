//! A backup in the place of everything: its parts are set aside one by one, and one command puts the whole in
//! place, or leaves all as it was.

use std::sync::Arc;

use imbl::OrdMap;

use crate::catalog::backup;
use crate::catalog::command::{DropStaged, Restore, StagePart};
use crate::catalog::pieces::Pieces;
use crate::catalog::reply::{Changes, Reject, Reply};
use crate::catalog::row::RowKey;
use crate::catalog::state::{Catalog, Staged, Tables};
use crate::model::number::Revision;

/// Sets a part aside. The first one of a restore takes the place of what another one left.
pub(super) fn stage(
    catalog: &mut Catalog,
    revision: Revision,
    part: &StagePart,
    changes: &mut Changes,
) -> Reply {
    if part.number == 0 {
        forget(catalog, changes);
    }
    if catalog.put_part(part).is_none() {
        return Reply::Rejected(Reject::RestoreLost);
    }
    changes.rows.insert(RowKey::Staged(part.number));
    Reply::Done(revision)
}

/// Puts what was set aside in the place of everything.
///
/// The revision of the restore is above that of every command before it here, and above that of every command in
/// the backup: whatever a reader was told by either, the answers of now are newer.
pub(super) fn restore(
    catalog: &mut Catalog,
    revision: Revision,
    restore: &Restore,
    changes: &mut Changes,
) -> Reply {
    let is_whole = |staged: &&Arc<Staged>| {
        staged.restore == restore.restore && staged.part_count() == restore.parts
    };
    let Some(staged) = catalog.staged.as_ref().filter(is_whole).cloned() else {
        return Reply::Rejected(Reject::RestoreLost);
    };
    let parts = Pieces::new(staged.parts.values().cloned().map(Ok));
    let read = backup::read(parts).map_err(|fault| fault.to_string());
    let sound = read.and_then(|restored| match restored.audit().first() {
        None => Ok(restored),
        Some(wrong) => Err(wrong.clone()),
    });
    let restored = match sound {
        Ok(restored) => restored,
        Err(why) => {
            forget(catalog, changes);
            return Reply::Rejected(Reject::RestoreDamaged(why));
        }
    };
    let (last, now) = (restored.tables.applied, catalog.tables.clock);
    let revision = revision.max(Revision(last.0.saturating_add(1)));
    *catalog = restored;
    catalog.staged = None;
    catalog.tables = Tables {
        applied: revision,
        clock: now,
        nodes: revision,
        node_extinction: revision,
        services: revision,
        service_extinction: revision,
        checks: revision,
        kv: revision,
        prepared_queries: revision,
        tombstones_reaped: revision,
        sessions: revision,
        session_extinction: revision,
        coordinates: revision,
        restored: revision,
    };
    // Every key that is not there counts as deleted by the restore.
    catalog.tombstones = OrdMap::new();
    *changes = Changes { is_everything: true, ..Changes::default() };
    Reply::Done(revision)
}

/// Gives a restore up.
pub(super) fn drop_staged(
    catalog: &mut Catalog,
    revision: Revision,
    drop: &DropStaged,
    changes: &mut Changes,
) -> Reply {
    if catalog.staged.as_ref().is_some_and(|staged| staged.restore == drop.restore) {
        forget(catalog, changes);
    }
    Reply::Done(revision)
}

fn forget(catalog: &mut Catalog, changes: &mut Changes) {
    let Some(staged) = catalog.staged.take() else { return };
    changes.rows.extend(staged.parts.keys().copied().map(RowKey::Staged));
}

impl Catalog {
    /// Adds a part to those that are set aside. Nothing if it does not follow on them.
    pub(in crate::catalog) fn put_part(&mut self, part: &StagePart) -> Option<()> {
        if part.number == 0 && self.staged.is_none() {
            let (restore, parts) = (part.restore.clone(), OrdMap::new());
            self.staged = Some(Arc::new(Staged { restore, parts }));
        }
        let staged = self.staged.as_mut()?;
        if staged.restore != part.restore || staged.part_count() != part.number {
            return None;
        }
        Arc::make_mut(staged).parts.insert(part.number, part.bytes.clone());
        Some(())
    }

    /// The same catalog without what is set aside: what people keep.
    #[must_use]
    pub fn without_staged(&self) -> Self {
        Self { staged: None, ..self.clone() }
    }
}

impl Staged {
    /// How many parts there are.
    #[must_use]
    pub fn part_count(&self) -> u32 {
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(in crate::catalog::apply) use self::tests::random;
