//! `/v1/operator/*`: who agrees on the catalog, what the leader does with them by itself, how much there is.

pub(in crate::api) mod raft;

pub(in crate::api) mod autopilot;

mod usage;

mod keyring;

pub(in crate::api) use self::keyring::keyring;
pub(in crate::api) use self::usage::usage;

use crate::api::Api;
use crate::api::json::operator::ServerJson;
use crate::catalog::View;
use crate::model::name::NodeName;
use crate::publish::{Cluster, Peer};

/// The servers, in the order of the cluster's own list.
pub(in crate::api) fn servers(api: &Api, cluster: &Cluster, view: &View) -> Vec<ServerJson> {
    let server = |peer: &Peer| ServerJson {
        id: id_of(api, view, &peer.node, peer.id),
        node: peer.node.as_str().to_owned(),
        address: peer.address.to_string(),
        leader: cluster.leader == Some(peer.id),
        protocol_version: RAFT_PROTOCOL,
        voter: peer.is_voter,
    };
    cluster.peers.iter().map(server).collect()
}

/// What clients know a server by: its node's UUID, or its number in the cluster where the catalog does not know
/// the node.
fn id_of(api: &Api, view: &View, node: &NodeName, number: u64) -> String {
    let known = view.node(node.folded()).map(|entry| entry.node.id.clone());
    match known.filter(|id| !id.is_empty()) {
        Some(id) => id,
        None if *node == api.options.node => api.options.node_id.clone(),
        None => number.to_string(),
    }
}

/// The version of Consul's protocol whose rules hold here: servers are known by ids.
const RAFT_PROTOCOL: &str = "3";
