//! Canonical Value → the first settings of the autopilot.

use crate::intake::build::set;
use crate::intake::read::{self, Notes};
use crate::intake::value::Value;
use crate::model::autopilot::Autopilot;

/// Reads `autopilot`.
pub(crate) fn settings(notes: &mut Notes, root: &Value) -> Autopilot {
    let mut autopilot = Autopilot::default();
    let Some(stated) = root.entry("autopilot") else { return autopilot };
    set(&mut autopilot.cleanup_dead_servers, read::flag(stated, "cleanup_dead_servers"));
    set(&mut autopilot.last_contact_threshold, read::duration(stated, "last_contact_threshold"));
    let number = |notes: &mut Notes, key| {
        let number = read::bounded(notes, stated, key, 0..=i64::MAX);
        number.and_then(|number| u64::try_from(number).ok())
    };
    set(&mut autopilot.max_trailing_logs, number(notes, "max_trailing_logs"));
    set(&mut autopilot.min_quorum, number(notes, "min_quorum"));
    let time = read::duration(stated, "server_stabilization_time");
    set(&mut autopilot.server_stabilization_time, time);
    set(&mut autopilot.disable_upgrade_migration, read::flag(stated, "disable_upgrade_migration"));
    read::text(stated, "redundancy_zone_tag").clone_into(&mut autopilot.redundancy_zone_tag);
    read::text(stated, "upgrade_version_tag").clone_into(&mut autopilot.upgrade_version_tag);
    autopilot
}
