//! `/v1/internal/ui/*`: nodes with all that is on them, and services summed up.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::api::json::check::CheckJson;
use crate::api::json::service::ServiceJson;
use crate::api::json::{Empty, Shown, stated};
use crate::catalog::Instance;
use crate::model::address::Address;
use crate::model::check::Check;
use crate::model::health::Status;
use crate::model::name::{ServiceName, Tag};
use crate::model::node::{Meta, Node};
use crate::model::service::Service;

/// A machine with its services and checks.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct NodeDumpJson<'a> {
    /// Its UUID.
    #[serde(rename = "ID")]
    id: &'a str,
    /// Its name.
    node: &'a str,
    /// Where it is reached.
    address: Shown<'a, Address>,
    /// Addresses by network.
    tagged_addresses: Option<&'a BTreeMap<String, String>>,
    /// Free-form metadata.
    meta: Option<&'a Meta>,
    /// Its services.
    services: Vec<ServiceJson<'a>>,
    /// Its checks, those of its services included.
    checks: Vec<CheckJson<'a>>,
}

impl<'a> NodeDumpJson<'a> {
    /// Shows a machine.
    pub(in crate::api) fn new(
        node: &'a Node,
        services: impl Iterator<Item = &'a Service>,
        checks: impl Iterator<Item = &'a Check>,
    ) -> Self {
        Self {
            id: &node.id,
            node: node.name.as_str(),
            address: Shown(&node.address),
            tagged_addresses: stated(&node.tagged_addresses),
            meta: stated(&node.meta),
            services: services.map(ServiceJson::new).collect(),
            checks: checks.map(CheckJson::new).collect(),
        }
    }
}

/// A service, with what its instances and their checks add up to.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct ServiceSummaryJson<'a> {
    /// The service.
    name: &'a str,
    /// The labels that any instance carries.
    tags: Option<BTreeSet<&'a str>>,
    /// The machine of each instance, in order.
    nodes: Vec<&'a str>,
    /// How many instances.
    instance_count: usize,
    /// Checks that pass; one of a machine counts for each of its instances, as in Consul.
    checks_passing: usize,
    /// Checks that warn.
    checks_warning: usize,
    /// Checks that are critical.
    checks_critical: usize,
    /// Which programs registered instances, by their metadata.
    external_sources: Option<BTreeSet<&'a str>>,
    /// The mesh's.
    gateway_config: Empty,
}

impl<'a> ServiceSummaryJson<'a> {
    /// Sums instances up; nothing without any.
    pub(in crate::api) fn new(
        name: &'a ServiceName,
        instances: impl Iterator<Item = &'a Instance>,
    ) -> Option<Self> {
        let (mut tags, mut external_sources) = (BTreeSet::new(), BTreeSet::new());
        let mut nodes = Vec::new();
        let (mut passing, mut warning, mut critical) = (0, 0, 0);
        for instance in instances {
            nodes.push(instance.node.name.as_str());
            tags.extend(instance.service.tags.iter().map(Tag::as_str));
            external_sources.extend(instance.service.meta.get(EXTERNAL_SOURCE).map(String::as_str));
            for check in instance.checks() {
                match check.status {
                    Status::Passing => passing += 1,
                    Status::Warning => warning += 1,
                    Status::Critical => critical += 1,
                }
            }
        }
        let some = |set: BTreeSet<&'a str>| (!set.is_empty()).then_some(set);
        (!nodes.is_empty()).then(|| Self {
            name: name.as_str(),
            tags: some(tags),
            instance_count: nodes.len(),
            nodes,
            checks_passing: passing,
            checks_warning: warning,
            checks_critical: critical,
            external_sources: some(external_sources),
            gateway_config: Empty::default(),
        })
    }
}

/// What a service is connected with through the mesh; newer web interfaces ask for it.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct TopologyJson {
    /// What it speaks: nothing is known.
    protocol: &'static str,
    /// Whether its traffic is redirected.
    transparent_proxy: bool,
    /// Whom it calls.
    upstreams: [Empty; 0],
    /// Who calls it.
    downstreams: [Empty; 0],
    /// Whether something was left out.
    #[serde(rename = "FilteredByACLs")]
    filtered_by_acls: bool,
}

/// The metadata by which programs such as Nomad mark what they register.
const EXTERNAL_SOURCE: &str = "external-source";
