//! What the leader does with servers by itself: set, or set if nobody else did.

use std::sync::Arc;

use crate::catalog::command::AutopilotSet;
use crate::catalog::reply::{Changes, Reply};
use crate::catalog::row::RowKey;
use crate::catalog::state::Catalog;
use crate::model::autopilot::AutopilotEntry;
use crate::model::number::Revision;

/// Puts settings in place. Those that are there already keep their revision.
pub(super) fn set(
    catalog: &mut Catalog,
    revision: Revision,
    set: &AutopilotSet,
    changes: &mut Changes,
) -> Reply {
    let before = catalog.autopilot.as_deref();
    let modified = before.map(|entry| entry.modify_revision).unwrap_or_default();
    if set.cas.is_some_and(|cas| cas != modified) {
        return Reply::CasMismatch;
    }
    if before.is_some_and(|entry| entry.settings == set.settings) {
        return Reply::Done(revision);
    }
    let after = AutopilotEntry {
        settings: set.settings.clone(),
        create_revision: before.map_or(revision, |entry| entry.create_revision),
        modify_revision: revision,
    };
    catalog.autopilot = Some(Arc::new(after));
    changes.rows.insert(RowKey::Autopilot);
    Reply::Done(revision)
}
