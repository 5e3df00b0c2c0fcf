//! Checks: as the catalog holds them, and as the agent that runs them does.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::agent::{LocalCheck, LocalView};
use crate::api::json::service::Tags;
use crate::api::json::stated;
use crate::model::check::{Check, ForeignDefinition, NODE_MAINTENANCE, SERVICE_MAINTENANCE_PREFIX};
use crate::model::number::Revision;
use crate::model::time::GoDuration;

/// A check.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct CheckJson<'a> {
    /// The node that it is about.
    node: &'a str,
    /// Unique on its node.
    #[serde(rename = "CheckID")]
    pub check_id: &'a str,
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
    /// How it is done, where somebody registered that; empty for an agent's own.
    definition: DefinitionJson<'a>,
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
            definition: DefinitionJson::new(check.definition.as_deref()),
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
            definition: DefinitionJson::default(),
            create_index: Revision(0),
            modify_index: Revision(0),
        }
    }
}

/// How a check is done; what is not stated is left out.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DefinitionJson<'a> {
    /// From one run to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<String>,
    /// How long a run may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
    /// How long it may be critical before its service is deregistered.
    #[serde(skip_serializing_if = "Option::is_none")]
    deregister_critical_service_after: Option<String>,
    /// What to ask over HTTP.
    #[serde(rename = "HTTP", skip_serializing_if = "str::is_empty")]
    http: &'a str,
    /// Whether any certificate will do.
    #[serde(rename = "TLSSkipVerify", skip_serializing_if = "std::ops::Not::not")]
    tls_skip_verify: bool,
    /// Header lines to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'a BTreeMap<String, Vec<String>>>,
    /// The method to ask with.
    #[serde(skip_serializing_if = "str::is_empty")]
    method: &'a str,
    /// Body to send.
    #[serde(skip_serializing_if = "str::is_empty")]
    body: &'a str,
    /// What to connect to.
    #[serde(rename = "TCP", skip_serializing_if = "str::is_empty")]
    tcp: &'a str,
}

impl<'a> DefinitionJson<'a> {
    fn new(definition: Option<&'a ForeignDefinition>) -> Self {
        let Some(definition) = definition else { return Self::default() };
        let shown = |time: Duration| (!time.is_zero()).then(|| GoDuration(time).to_string());
        Self {
            interval: shown(definition.interval),
            timeout: shown(definition.timeout),
            deregister_critical_service_after: shown(definition.deregister_after),
            http: &definition.http,
            tls_skip_verify: definition.tls_skip_verify,
            header: stated(&definition.header),
            method: &definition.method,
            body: &definition.body,
            tcp: &definition.tcp,
        }
    }
}
