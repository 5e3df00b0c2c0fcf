//! Coordinates of nodes: where they are in the catalog, and what is nearest to a node.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::catalog::state::{Catalog, NodeEntry};
use crate::model::coordinate::Coordinate;
use crate::model::name::NodeName;
use crate::model::number::Revision;

/// Where a node is, in each network segment that it measures in. Most know one, whose name is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCoordinates {
    /// By segment; never empty.
    pub segments: BTreeMap<String, Coordinate>,
    /// When any of them last changed.
    pub revision: Revision,
}

impl NodeCoordinates {
    /// The estimated round trip to another node; nothing where they have no segment in common.
    ///
    /// As Consul does, the one segment of a node decides, be it this one's or the other's: only servers are in many.
    #[must_use]
    pub fn round_trip(&self, other: &Self) -> Option<Duration> {
        let only = |of: &Self| (of.segments.len() == 1).then(|| of.segments.keys().next().cloned());
        let segment = only(self).or_else(|| only(other)).flatten().unwrap_or_default();
        Some(self.segments.get(&segment)?.round_trip(other.segments.get(&segment)?))
    }
}

/// Who looks for what is near.
#[derive(Clone, Copy, Debug)]
pub struct Seeker<'s> {
    /// The agent that is asked: `_agent`.
    pub agent: &'s NodeName,
    /// The client's address, if it is known: `_ip`.
    pub client: Option<IpAddr>,
}

/// A node from which distances are measured.
pub struct Near<'a> {
    /// The catalog that knows the others.
    catalog: &'a Catalog,
    /// Where the node is.
    from: &'a NodeCoordinates,
}

impl Near<'_> {
    /// Sorts by the estimated round trip to the node that each item is on. Those as far as each other keep their
    /// order, and so do those of unknown distance, behind all others.
    pub fn sort<T>(&self, items: &mut [T], node_of: impl Fn(&T) -> &NodeName) {
        items.sort_by_cached_key(|item| {
            let to = self.catalog.coordinates.get(node_of(item));
            let distance = to.and_then(|to| self.from.round_trip(to));
            (distance.is_none(), distance)
        });
    }
}

impl Catalog {
    /// The node that a `near` means; nothing where it is no node's name, or that of none at the client's address.
    #[must_use]
    pub fn near_node(&self, near: &str, seeker: &Seeker<'_>) -> Option<NodeName> {
        match near {
            NEAR_AGENT => Some(seeker.agent.clone()),
            NEAR_CLIENT => {
                let ip = seeker.client?.to_canonical();
                self.nodes_at(ip).next().map(|entry| entry.node.name.clone())
            }
            name => NodeName::new(name).ok(),
        }
    }

    /// Measures from a node, by folded name; nothing where it is not known where that is.
    #[must_use]
    pub fn near(&self, folded_node: &str) -> Option<Near<'_>> {
        let from = self.coordinates.get(folded_node)?;
        Some(Near { catalog: self, from })
    }

    /// Where a node is, by folded name.
    #[must_use]
    pub fn node_coordinates(&self, folded_node: &str) -> Option<&NodeCoordinates> {
        self.coordinates.get(folded_node).map(AsRef::as_ref)
    }

    /// All nodes of which it is known where they are, by name.
    pub fn coordinates(&self) -> impl Iterator<Item = (&NodeEntry, &NodeCoordinates)> {
        let known = self.coordinates.iter();
        known.filter_map(|(name, known)| Some((self.nodes.get(name)?.as_ref(), known.as_ref())))
    }

    /// When it last changed where a node is; for an unknown one, when a node last vanished.
    #[must_use]
    pub fn node_coordinates_revision(&self, folded_node: &str) -> Revision {
        let known = self.node_coordinates(folded_node);
        known.map_or(self.tables.node_extinction, |known| known.revision).max(self.tables.restored)
    }
}

/// Near to the agent that is asked.
const NEAR_AGENT: &str = "_agent";

/// Near to the client, by its address.
pub const NEAR_CLIENT: &str = "_ip";

#[cfg(test)]
mod tests;
