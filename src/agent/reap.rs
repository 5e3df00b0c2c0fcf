//! Checks that were critical for too long → services to deregister (`deregister_critical_service_after`).

use std::collections::BTreeSet;
use std::time::Duration;

use crate::agent::LocalView;
use crate::model::health::Status;
use crate::model::name::{CheckId, ServiceId};
use crate::model::time::Now;

/// How often it is looked at, as Consul does.
pub(in crate::agent) const REAP_INTERVAL: Duration = Duration::from_secs(30);

/// The services that have a check which was critical for longer than it may be. `critical_since` knows
/// when a check turned critical.
pub(in crate::agent) fn overdue(
    local: &LocalView,
    critical_since: impl Fn(&CheckId) -> Option<Now>,
    now: Now,
) -> BTreeSet<ServiceId> {
    let mut services = BTreeSet::new();
    for (id, check) in &local.checks {
        let Some(service_id) = &check.definition.service_id else { continue };
        let Some(after) = check.definition.deregister_after else { continue };
        let Some(since) = critical_since(id) else { continue };
        if check.status == Status::Critical && after <= now.since(since) {
            services.insert(service_id.clone());
        }
    }
    services
}
