//! Checks: as the catalog holds them, and as the agent that runs them does.

use serde::Serialize;

use crate::agent::{LocalCheck, LocalView};
use crate::api::json::Empty;
use crate::api::json::service::Tags;
use crate::model::check::{Check, NODE_MAINTENANCE, SERVICE_MAINTENANCE_PREFIX};
use crate::model::number::Revision;

/// A check.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct CheckJson<'a> {
    /// The node that it is about.
    node: &'a str,
    /// Unique on its node.
    #[serde(rename = "CheckID")]
    check_id: &'a str,
    /// For people.
    name: &'a str,
    /// What it says.
    status: &'static str,
    /// For people.
    notes: &'a str,
    /// What the last run printed.
    output: &'a str,
    /// The service that it is about; empty for the whole node.
    #[serde(rename = "ServiceID")]
    service_id: &'a str,
    /// That service's name.
    service_name: &'a str,
    /// That service's labels.
    service_tags: Tags<'a>,
    /// What kind of probe it is.
    r#type: &'a str,
    /// How it is done: the agent's affair, which the catalog does not hold.
    definition: Empty,
    /// When it was first registered.
    create_index: Revision,
    /// When it last changed.
    modify_index: Revision,
}

impl<'a> CheckJson<'a> {
    /// Shows a check of the catalog.
    pub(in crate::api) fn new(check: &'a Check) -> Self {
        let service = check.service.as_ref();
        Self {
            node: check.node.as_str(),
            check_id: check.id.as_str(),
            name: &check.name,
            status: check.status.as_str(),
            notes: &check.notes,
            output: &check.output,
            service_id: service.map_or("", |service| service.id.as_str()),
            service_name: service.map_or("", |service| service.name.as_str()),
            service_tags: Tags(service.map_or(&[], |service| &service.tags)),
            r#type: &check.kind,
            definition: Empty {},
            create_index: check.create_revision,
            modify_index: check.modify_revision,
        }
    }

    /// Shows a check of the agent on `node`; its revisions are the catalog's affair.
    pub(in crate::api) fn local(
        check: &'a LocalCheck,
        local: &'a LocalView,
        node: &'a str,
    ) -> Self {
        let definition = &*check.definition;
        let id = definition.id.as_str();
        let is_maintenance = id == NODE_MAINTENANCE || id.starts_with(SERVICE_MAINTENANCE_PREFIX);
        let service = definition.service_id.as_ref().and_then(|id| local.services.get(id));
        let service = service.map(|service| &*service.definition);
        Self {
            node,
            check_id: id,
            name: &definition.name,
            status: check.status.as_str(),
            notes: &definition.notes,
            output: &check.output,
            service_id: definition.service_id.as_ref().map_or("", |id| id.as_str()),
            service_name: service.map_or("", |service| service.name.as_str()),
            service_tags: Tags(service.map_or(&[], |service| &service.tags)),
            r#type: if is_maintenance { "maintenance" } else { definition.probe.kind() },
            definition: Empty {},
            create_index: Revision(0),
            modify_index: Revision(0),
        }
    }
}
