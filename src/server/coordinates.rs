//! Tells the catalog where this node is in the network: at the origin, as long as there is nobody to measure
//! against.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::catalog::Command;
use crate::catalog::command::CoordinateUpdate;
use crate::catalog::reply::Topic;
use crate::intake::Config;
use crate::model::coordinate::Coordinate;
use crate::model::name::NodeName;
use crate::publish::{Propose, Reader};

/// Tells it until `stop`, whenever the catalog has the node and says otherwise; not at all where the operator does
/// not want it.
pub(in crate::server) fn tell(
    config: &Config,
    node: &NodeName,
    reader: &Reader,
    propose: &Arc<dyn Propose>,
    stop: &CancellationToken,
) -> impl Future<Output = ()> + Send + use<> {
    let is_wanted = !config.disable_coordinates;
    let telling = keep_told(node.clone(), reader.clone(), Arc::clone(propose), stop.clone());
    async move {
        if is_wanted {
            telling.await;
        }
    }
}

async fn keep_told(
    node: NodeName,
    reader: Reader,
    propose: Arc<dyn Propose>,
    stop: CancellationToken,
) {
    let here = Coordinate::origin();
    let mut changed =
        reader.waiter(vec![Topic::Node(node.clone()), Topic::NodeCoordinates(node.clone())]);
    loop {
        let is_due = {
            let view = reader.load();
            let told =
                view.node_coordinates(node.folded()).and_then(|known| known.segments.get(""));
            view.node(node.folded()).is_some() && told != Some(&here)
        };
        if is_due {
            let (node, segment) = (node.clone(), String::new());
            let update = CoordinateUpdate { node, segment, coordinate: here };
            if let Err(fault) = propose.propose(Command::UpdateCoordinate(Box::new(update))).await {
                tracing::debug!(%fault, "the catalog was not told where this node is");
            }
        }
        tokio::select! {
            // A stop goes first. A leader that was missing is tried again in time.
            biased;
            () = stop.cancelled() => return,
            () = changed.changed() => {}
            () = tokio::time::sleep(RETRY_INTERVAL) => {}
        }
    }
}

/// Time between two tries (Consul's shortest time between two updates of a node).
const RETRY_INTERVAL: Duration = Duration::from_secs(15);
