//! Names → the zone that knows most about each.

use std::sync::Arc;

use hickory_proto::rr::Name;

use crate::zone::StaticZone;
use crate::zone::tree::{Branch, downward};

/// All zones of a server, by their apex; one name has one zone.
///
/// Finding one costs a hash probe for each label of the name that a zone's apex has, and not more with
/// thousands of zones.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    /// The zone at each apex.
    tree: Branch<Option<Arc<StaticZone>>>,
    /// In the order in which they came.
    all: Vec<Arc<StaticZone>>,
}

impl Zones {
    /// These zones. Of two with the same apex the later one is left out.
    #[must_use]
    pub fn new(zones: impl IntoIterator<Item = Arc<StaticZone>>) -> Self {
        let mut made = Self::default();
        for zone in zones {
            let place = &mut made.tree.grow(downward(zone.apex())).value;
            if place.is_none() {
                *place = Some(Arc::clone(&zone));
                made.all.push(zone);
            }
        }
        made
    }

    /// The zone whose apex is the longest suffix of a name. Compare [`StaticZone::apex`] with other things
    /// that may own the name, as the catalog's domain.
    #[must_use]
    pub fn find(&self, name: &Name) -> Option<&StaticZone> {
        self.within(name, name.iter().len())
    }

    /// Every zone, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<StaticZone>> {
        self.all.iter()
    }

    /// Whether there is no zone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether a zone's apex is a name, or stands below it.
    #[must_use]
    pub fn has_at_or_below(&self, name: &Name) -> bool {
        // Nothing but apexes and what leads to them is in the tree.
        downward(name).try_fold(&self.tree, Branch::get).is_some() && !self.is_empty()
    }

    /// The zone of most labels, at most so many, that a name is in.
    #[must_use]
    pub fn within(&self, name: &Name, labels: usize) -> Option<&StaticZone> {
        let mut branch = &self.tree;
        let mut found = branch.value.as_deref();
        for label in downward(name).take(labels) {
            let Some(next) = branch.get(label) else { break };
            branch = next;
            found = branch.value.as_deref().or(found);
        }
        found
    }
}
