//! Coordinates: nodes say where they are in the network.

use std::sync::Arc;

use crate::catalog::command::CoordinateUpdate;
use crate::catalog::reply::{Changes, Reject, Reply, Topic};
use crate::catalog::row::RowKey;
use crate::catalog::state::Catalog;
use crate::model::limits::COORDINATE_SEGMENTS_MAX;
use crate::model::name::NodeName;
use crate::model::number::Revision;

/// Notes where a node is. One that is not there may have gone while the message was under way.
pub(super) fn update(
    catalog: &mut Catalog,
    revision: Revision,
    update: &CoordinateUpdate,
    changes: &mut Changes,
) -> Reply {
    let Some(entry) = catalog.nodes.get(&update.node) else { return Reply::Done(revision) };
    let node = entry.node.name.clone();
    let mut known =
        catalog.coordinates.get(&node).map(|known| (**known).clone()).unwrap_or_default();
    let before = known.segments.get(&update.segment);
    if before == Some(&update.coordinate) {
        return Reply::Done(revision);
    }
    if before.is_none() && COORDINATE_SEGMENTS_MAX <= known.segments.len() {
        return Reply::Rejected(Reject::CoordinateSegments(node));
    }
    known.segments.insert(update.segment.clone(), update.coordinate);
    known.revision = revision;
    catalog.coordinates.insert(node.clone(), Arc::new(known));
    note(catalog, revision, &node, changes);
    Reply::Done(revision)
}

/// Forgets where a node was.
pub(super) fn forget(
    catalog: &mut Catalog,
    revision: Revision,
    node: &NodeName,
    changes: &mut Changes,
) {
    if catalog.coordinates.remove(node).is_some() {
        note(catalog, revision, node, changes);
    }
}

fn note(catalog: &mut Catalog, revision: Revision, node: &NodeName, changes: &mut Changes) {
    catalog.tables.coordinates = revision;
    changes.rows.insert(RowKey::Coordinates(node.clone()));
    changes.topics.insert(Topic::Coordinates);
    changes.topics.insert(Topic::NodeCoordinates(node.clone()));
}
