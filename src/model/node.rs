//! A catalog node: a machine that runs services.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::address::Address;
use crate::model::name::NodeName;
use crate::model::number::Revision;

/// Free-form text by key, ordered so that replicas and answers agree.
pub type Meta = BTreeMap<String, String>;

/// A machine in the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its unique name.
    pub name: NodeName,
    /// Its UUID, 36 characters; empty for a machine that was registered without one.
    #[serde(default)]
    pub id: String,
    /// Where it is reached.
    pub address: Address,
    /// Addresses by the network that they are for: `lan`, `wan`, `lan_ipv4` and so on.
    #[serde(default)]
    pub tagged_addresses: BTreeMap<String, String>,
    /// Free-form metadata.
    #[serde(default)]
    pub meta: Meta,
    /// When it was first registered.
    #[serde(default)]
    pub create_revision: Revision,
    /// When it last changed.
    #[serde(default)]
    pub modify_revision: Revision,
}
