//! A service instance, as the catalog holds it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::address::Address;
use crate::model::limits::SERVICE_TAGS_MAX;
use crate::model::name::{NameFault, ServiceId, ServiceName, Tag};
use crate::model::node::Meta;
use crate::model::number::{Revision, Weights};

/// The id of the service that the leader keeps on nodes of servers. Consul's, since clients look for it.
pub const CONSUL_SERVICE: &str = "consul";

/// An address and port for one network, of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaggedAddress {
    /// Address or host name. As in Consul any text will do: only who knows the network connects to it.
    pub address: String,
    /// Port; 0 where none was given.
    #[serde(default)]
    pub port: u16,
}

/// Why texts are no tags of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagsFault {
    /// There are this many, more than [`SERVICE_TAGS_MAX`].
    TooMany(usize),
    /// Those at these places are none.
    Unusable(Vec<(usize, NameFault)>),
}

impl fmt::Display for TagsFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(count) => {
                write!(out, "there are {count} tags, {SERVICE_TAGS_MAX} are allowed")
            }
            Self::Unusable(faults) => match faults.first() {
                Some((index, fault)) => write!(out, "tag {}: {fault}", index + 1),
                None => Ok(()),
            },
        }
    }
}

impl std::error::Error for TagsFault {}

/// The tags of a service. An empty text is none: scripts that split an empty list write one, and nothing could ask
/// for it.
///
/// # Errors
/// [`TagsFault`], where there are too many, or some are unusable.
pub fn parse_tags(texts: &[&str]) -> Result<Vec<Tag>, TagsFault> {
    if SERVICE_TAGS_MAX < texts.len() {
        return Err(TagsFault::TooMany(texts.len()));
    }
    let mut tags = Vec::with_capacity(texts.len());
    let mut faults = Vec::new();
    for (index, text) in texts.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
        match Tag::new(text) {
            Ok(tag) => tags.push(tag),
            Err(fault) => faults.push((index, fault)),
        }
    }
    if faults.is_empty() { Ok(tags) } else { Err(TagsFault::Unusable(faults)) }
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
