//! `?near` → the order of an answer: what is nearest to a node, by estimated round trip, comes first.
//!
//! `near` is a node's name, `_agent` for this machine, or `_ip` for the node whose address the client has. Where it
//! is unknown which node that is, or where that node is, the order stays as it is: no error, as in Consul.

use crate::api::Api;
use crate::api::call::Call;
use crate::catalog::coordinates::Seeker;
use crate::model::name::NodeName;

/// The items in the order that `?near` asks for. `node_of` says which node an item is on.
pub(in crate::api) fn in_order<T>(
    api: &Api,
    call: &Call,
    items: impl Iterator<Item = T>,
    node_of: impl Fn(&T) -> &NodeName,
) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    let Some(text) = call.params.stated("near") else { return items };
    let view = api.services.reader.load();
    let near = view.near_node(text, &seeker(api, call));
    if let Some(near) = near.and_then(|node| view.near(node.folded())) {
        near.sort(&mut items, node_of);
    }
    items
}

/// Who a request looks for something near for.
pub(in crate::api) fn seeker<'a>(api: &'a Api, call: &Call) -> Seeker<'a> {
    Seeker { agent: &api.options.node, client: call.client }
}
