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
use crate::publish::{Cluster, Peer};

/// The servers, in the order of the cluster's own list.
pub(in crate::api) fn servers(api: &Api, cluster: &Cluster, view: &View) -> Vec<ServerJson> {
    let own = (&api.options.node, api.options.node_id.as_str());
    let server = |peer: &Peer| ServerJson {
        id: peer.client_id(view, own),
        node: peer.node.as_str().to_owned(),
        address: peer.address.to_string(),
        leader: cluster.leader == Some(peer.id),
        protocol_version: RAFT_PROTOCOL,
        voter: peer.is_voter,
    };
    cluster.peers.iter().map(server).collect()
}

/// The version of Consul's protocol whose rules hold here: servers are known by ids.
const RAFT_PROTOCOL: &str = "3";
