//! Nodes: `/v1/catalog/nodes`, `/v1/catalog/node`, and the `Node` of health answers.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::api::json::service::ServiceJson;
use crate::api::json::{Shown, stated};
use crate::model::address::Address;
use crate::model::node::{Meta, Node};
use crate::model::number::Revision;

/// A machine.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct NodeJson<'a> {
    /// Its UUID.
    #[serde(rename = "ID")]
    id: &'a str,
    /// Its name.
    node: &'a str,
    /// Where it is reached.
    address: Shown<'a, Address>,
    /// Ours.
    datacenter: &'a str,
    /// Addresses by network.
    tagged_addresses: Option<&'a BTreeMap<String, String>>,
    /// Free-form metadata.
    meta: Option<&'a Meta>,
    /// When it was first registered.
    create_index: Revision,
    /// When it last changed.
    modify_index: Revision,
}

impl<'a> NodeJson<'a> {
    /// Shows a machine.
    pub(in crate::api) fn new(node: &'a Node, datacenter: &'a str) -> Self {
        Self {
            id: &node.id,
            node: node.name.as_str(),
            address: Shown(&node.address),
            datacenter,
            tagged_addresses: stated(&node.tagged_addresses),
            meta: stated(&node.meta),
            create_index: node.create_revision,
            modify_index: node.modify_revision,
        }
    }
}

/// A machine and its services by id: `/v1/catalog/node/:n`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct NodeServicesJson<'a> {
    /// The machine.
    node: NodeJson<'a>,
    /// Its services.
    services: ServicesById<'a>,
}

impl<'a> NodeServicesJson<'a> {
    /// Shows a machine and some of its services.
    pub(in crate::api) fn new(
        node: &'a Node,
        services: Vec<ServiceJson<'a>>,
        datacenter: &'a str,
    ) -> Self {
        Self { node: NodeJson::new(node, datacenter), services: ServicesById(services) }
    }
}

/// Services of a machine by id.
struct ServicesById<'a>(Vec<ServiceJson<'a>>);

impl Serialize for ServicesById<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|service| (service.id, service)))
    }
}

/// A machine and its services in a list: `/v1/catalog/node-services/:n`; both `null` for an unknown one.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct NodeServiceListJson<'a> {
    /// The machine.
    node: Option<NodeJson<'a>>,
    /// Its services.
    services: Option<Vec<ServiceJson<'a>>>,
}

impl<'a> NodeServiceListJson<'a> {
    /// Shows a machine and some of its services.
    pub(in crate::api) fn new(
        node: Option<(&'a Node, Vec<ServiceJson<'a>>)>,
        datacenter: &'a str,
    ) -> Self {
        let (node, services) = node.unzip();
        Self { node: node.map(|node| NodeJson::new(node, datacenter)), services }
    }
}
