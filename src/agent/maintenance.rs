//! Maintenance: a check that is critical for as long as it is there.

use crate::model::check::{NODE_MAINTENANCE, SERVICE_MAINTENANCE_PREFIX};
use crate::model::definition::{CheckDefinition, Probe};
use crate::model::health::Status;
use crate::model::name::{CheckId, NameFault, ServiceId};

/// The check that takes a service out of every answer.
///
/// # Errors
/// [`NameFault`], where the id is so long that no check id can hold it.
pub(in crate::agent) fn of_service(
    id: &ServiceId,
    reason: &str,
) -> Result<CheckDefinition, NameFault> {
    Ok(CheckDefinition {
        service_id: Some(id.clone()),
        ..check(service_check_id(id)?, "Service Maintenance Mode", reason, SERVICE_REASON)
    })
}

/// The check that takes the whole node out of every answer.
pub(in crate::agent) fn of_node(reason: &str) -> Result<CheckDefinition, NameFault> {
    Ok(check(node_check_id()?, "Node Maintenance Mode", reason, NODE_REASON))
}

pub(in crate::agent) fn service_check_id(id: &ServiceId) -> Result<CheckId, NameFault> {
    CheckId::new(&format!("{SERVICE_MAINTENANCE_PREFIX}{id}"))
}

pub(in crate::agent) fn node_check_id() -> Result<CheckId, NameFault> {
    CheckId::new(NODE_MAINTENANCE)
}

fn check(id: CheckId, name: &str, reason: &str, reason_default: &str) -> CheckDefinition {
    CheckDefinition {
        id,
        name: name.to_owned(),
        notes: if reason.is_empty() { reason_default } else { reason }.to_owned(),
        service_id: None,
        initial_status: Some(Status::Critical),
        probe: Probe::Maintenance,
        success_before_passing: 0,
        failures_before_warning: 0,
        failures_before_critical: 0,
        output_bytes_max: None,
        deregister_after: None,
        token: String::new(),
    }
}

/// Consul's note where no reason was given, which dashboards show.
const SERVICE_REASON: &str = "Maintenance mode is enabled for this service, but no reason was \
    provided. This is a default message.";

/// The same for a node.
const NODE_REASON: &str = "Maintenance mode is enabled for this node, but no reason was provided. \
    This is a default message.";
