//! Services: as the catalog and health answers show them, joined with their node, and as the agent does.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::api::json::check::CheckJson;
use crate::api::json::node::NodeJson;
use crate::api::json::{Empty, Shown, stated};
use crate::catalog::Instance;
use crate::model::address::Address;
use crate::model::definition::ServiceDefinition;
use crate::model::name::Tag;
use crate::model::node::Meta;
use crate::model::number::{Revision, Weights};
use crate::model::service::{Service, TaggedAddress};

/// Labels, in the order in which they were given.
pub(in crate::api) struct Tags<'a>(pub &'a [Tag]);

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Tag::as_str))
    }
}

/// A service's own address; empty if it has none.
struct OwnAddress<'a>(Option<&'a Address>);

impl Serialize for OwnAddress<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(address) => serializer.collect_str(address),
            None => serializer.serialize_str(""),
        }
    }
}

/// Addresses by network; left out where there are none.
struct TaggedAddresses<'a>(&'a BTreeMap<String, TaggedAddress>);

impl TaggedAddresses<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for TaggedAddresses<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(network, tagged)| {
            (network, AddressAndPort { address: &tagged.address, port: tagged.port })
        }))
    }
}

/// An address for one network.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AddressAndPort<'a> {
    /// Address or host name.
    address: &'a str,
    /// Port.
    port: u16,
}

/// Share of the traffic by health.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WeightsJson {
    /// While all checks pass.
    passing: u16,
    /// While a check warns.
    warning: u16,
}

impl WeightsJson {
    fn new(weights: Weights) -> Self {
        Self { passing: weights.passing, warning: weights.warning }
    }
}

/// The mesh's settings, of which we have none.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProxyJson {
    /// None.
    mesh_gateway: Empty,
    /// None.
    expose: Empty,
}

/// A service of a node.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct ServiceJson<'a> {
    /// Unique on its node.
    #[serde(rename = "ID")]
    pub id: &'a str,
    /// What clients ask for.
    service: &'a str,
    /// Labels.
    tags: Tags<'a>,
    /// Its own address.
    address: OwnAddress<'a>,
    /// Addresses by network.
    #[serde(skip_serializing_if = "TaggedAddresses::is_empty")]
    tagged_addresses: TaggedAddresses<'a>,
    /// Free-form metadata. Consul writes `null` for a catalog registration that states none and `{}` for an
    /// agent's; every client can read the latter.
    meta: &'a Meta,
    /// Port.
    port: u16,
    /// Share of the traffic.
    weights: WeightsJson,
    /// Whether the catalog's tags win.
    enable_tag_override: bool,
    /// The mesh's.
    proxy: ProxyJson,
    /// The mesh's.
    connect: Empty,
    /// When it was first registered.
    create_index: Revision,
    /// When it last changed.
    modify_index: Revision,
}

impl<'a> ServiceJson<'a> {
    /// Shows a service.
    pub(in crate::api) fn new(service: &'a Service) -> Self {
        Self {
            id: service.id.as_str(),
            service: service.name.as_str(),
            tags: Tags(&service.tags),
            address: OwnAddress(service.address.as_ref()),
            tagged_addresses: TaggedAddresses(&service.tagged_addresses),
            meta: &service.meta,
            port: service.port,
            weights: WeightsJson::new(service.weights),
            enable_tag_override: service.enable_tag_override,
            proxy: ProxyJson::default(),
            connect: Empty {},
            create_index: service.create_revision,
            modify_index: service.modify_revision,
        }
    }
}

/// An instance with its node: `/v1/catalog/service/:s`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct CatalogServiceJson<'a> {
    /// The node's UUID.
    #[serde(rename = "ID")]
    id: &'a str,
    /// The node's name.
    node: &'a str,
    /// The node's address.
    address: Shown<'a, Address>,
    /// Ours.
    datacenter: &'a str,
    /// The node's addresses by network.
    tagged_addresses: Option<&'a BTreeMap<String, String>>,
    /// The node's metadata.
    node_meta: Option<&'a Meta>,
    /// The mesh's word for what it is.
    service_kind: &'static str,
    /// Unique on its node.
    #[serde(rename = "ServiceID")]
    service_id: &'a str,
    /// What clients ask for.
    service_name: &'a str,
    /// Labels.
    service_tags: Tags<'a>,
    /// Its own address.
    service_address: OwnAddress<'a>,
    /// Addresses by network.
    #[serde(skip_serializing_if = "TaggedAddresses::is_empty")]
    service_tagged_addresses: TaggedAddresses<'a>,
    /// Share of the traffic.
    service_weights: WeightsJson,
    /// Free-form metadata.
    service_meta: &'a Meta,
    /// Port.
    service_port: u16,
    /// Whether the catalog's tags win.
    service_enable_tag_override: bool,
    /// The mesh's.
    service_proxy: ProxyJson,
    /// The mesh's.
    service_connect: Empty,
    /// When it was first registered.
    create_index: Revision,
    /// When it last changed.
    modify_index: Revision,
}

impl<'a> CatalogServiceJson<'a> {
    /// Shows an instance.
    pub(in crate::api) fn new(instance: &'a Instance, datacenter: &'a str) -> Self {
        let (node, service) = (&instance.node, &instance.service);
        Self {
            id: &node.id,
            node: node.name.as_str(),
            address: Shown(&node.address),
            datacenter,
            tagged_addresses: stated(&node.tagged_addresses),
            node_meta: stated(&node.meta),
            service_kind: "",
            service_id: service.id.as_str(),
            service_name: service.name.as_str(),
            service_tags: Tags(&service.tags),
            service_address: OwnAddress(service.address.as_ref()),
            service_tagged_addresses: TaggedAddresses(&service.tagged_addresses),
            service_weights: WeightsJson::new(service.weights),
            service_meta: &service.meta,
            service_port: service.port,
            service_enable_tag_override: service.enable_tag_override,
            service_proxy: ProxyJson::default(),
            service_connect: Empty {},
            create_index: service.create_revision,
            modify_index: service.modify_revision,
        }
    }
}

/// An instance with its node and checks: `/v1/health/service/:s`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct InstanceJson<'a> {
    /// The machine.
    node: NodeJson<'a>,
    /// The service.
    service: ServiceJson<'a>,
    /// The node's checks, then its own.
    checks: Checks<'a>,
}

impl<'a> InstanceJson<'a> {
    /// Shows an instance.
    pub(in crate::api) fn new(instance: &'a Instance, datacenter: &'a str) -> Self {
        Self {
            node: NodeJson::new(&instance.node, datacenter),
            service: ServiceJson::new(&instance.service),
            checks: Checks(instance),
        }
    }
}

/// The checks of an instance.
struct Checks<'a>(&'a Instance);

impl Serialize for Checks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.checks().map(|check| CheckJson::new(check)))
    }
}

/// A service as its agent states it: `/v1/agent/services`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct AgentServiceJson<'a> {
    /// Unique on the agent.
    #[serde(rename = "ID")]
    pub id: &'a str,
    /// What clients ask for.
    service: &'a str,
    /// Labels.
    tags: Tags<'a>,
    /// Free-form metadata.
    meta: &'a Meta,
    /// Port.
    port: u16,
    /// Its own address.
    address: OwnAddress<'a>,
    /// Addresses by network.
    #[serde(skip_serializing_if = "TaggedAddresses::is_empty")]
    tagged_addresses: TaggedAddresses<'a>,
    /// Share of the traffic.
    weights: WeightsJson,
    /// Whether the catalog's tags win.
    enable_tag_override: bool,
    /// Where it runs; newer clients look for it.
    datacenter: &'a str,
    /// A number that changes with all of this; only where one service is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_hash: Option<String>,
}

impl<'a> AgentServiceJson<'a> {
    /// Shows a service.
    pub(in crate::api) fn new(service: &'a ServiceDefinition, datacenter: &'a str) -> Self {
        Self {
            id: service.id.as_str(),
            service: service.name.as_str(),
            tags: Tags(&service.tags),
            meta: &service.meta,
            port: service.port,
            address: OwnAddress(service.address.as_ref()),
            tagged_addresses: TaggedAddresses(&service.tagged_addresses),
            weights: WeightsJson::new(service.weights),
            enable_tag_override: service.enable_tag_override,
            datacenter,
            content_hash: None,
        }
    }

    /// The same with its content's number.
    pub(in crate::api) fn with_hash(self, hash: String) -> Self {
        Self { content_hash: Some(hash), ..self }
    }
}
