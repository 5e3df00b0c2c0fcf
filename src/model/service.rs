//! A service instance, as the catalog holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::address::Address;
use crate::model::name::{ServiceId, ServiceName, Tag};
use crate::model::node::Meta;
use crate::model::number::{Revision, Weights};

/// The id of the service that the leader keeps on nodes of servers. Consul's, since clients look for it.
pub const CONSUL_SERVICE: &str = "consul";

/// An address and port for one network, of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaggedAddress {
    /// Address or host name.
    pub address: String,
    /// Port; 0 where none was given.
    #[serde(default)]
    pub port: u16,
}

/// One instance of a service on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Unique on its node.
    pub id: ServiceId,
    /// What clients ask for.
    pub name: ServiceName,
    /// Labels, in the order in which they were given.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Its own address; without one it is reached at its node's.
    #[serde(default)]
    pub address: Option<Address>,
    /// Addresses by the network that they are for.
    #[serde(default)]
    pub tagged_addresses: BTreeMap<String, TaggedAddress>,
    /// Free-form metadata.
    #[serde(default)]
    pub meta: Meta,
    /// Port; 0 where none was given.
    #[serde(default)]
    pub port: u16,
    /// Share of the traffic by health.
    #[serde(default)]
    pub weights: Weights,
    /// Whether others may change the tags in the catalog without the owning agent putting them back.
    #[serde(default)]
    pub enable_tag_override: bool,
    /// When it was first registered.
    #[serde(default)]
    pub create_revision: Revision,
    /// When it last changed.
    #[serde(default)]
    pub modify_revision: Revision,
}
