//! Cluster × Members → how the servers are, and by which id clients know each.

use std::time::Duration;

use crate::catalog::View;
use crate::model::member::{Member, MemberStatus};
use crate::model::name::NodeName;
use crate::publish::cluster::{Cluster, Peer};

/// How the servers are, as far as one of them knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHealth {
    /// Whether each of [`Cluster::peers`] is well, in their order.
    pub is_well: Vec<bool>,
    /// Whether all of them are, and at least one votes.
    pub is_whole: bool,
    /// How many voters may fail before nothing can be agreed on.
    pub failure_tolerance: usize,
}

impl Cluster {
    /// How the servers are, seen from the one on node `own`: a well one has heard the leader within `contact_max`.
    /// Another one than this tells nothing of itself yet, so it does not count as well.
    #[must_use]
    pub fn health(
        &self,
        own: &NodeName,
        members: &[Member],
        contact_max: Duration,
    ) -> ServerHealth {
        let is_alive = |node: &NodeName| {
            let member = members.iter().find(|member| member.name == *node);
            member.is_some_and(|member| member.status == MemberStatus::Alive)
        };
        let hears = self.is_leader || self.last_contact <= contact_max;
        let can_work = self.is_sound && self.leader.is_some() && hears;
        let is_well = |peer: &Peer| can_work && peer.node == *own && is_alive(&peer.node);
        let is_well: Vec<bool> = self.peers.iter().map(is_well).collect();
        let voters = self.peers.iter().filter(|peer| peer.is_voter).count();
        let well = self.peers.iter().zip(&is_well).filter(|(peer, well)| peer.is_voter && **well);
        let majority = voters / 2 + 1;
        ServerHealth {
            failure_tolerance: well.count().saturating_sub(majority),
            is_whole: 0 < voters && is_well.iter().all(|is_well| *is_well),
            is_well,
        }
    }
}

impl Peer {
    /// What clients know a server by: its node's UUID, or its number in the cluster where the catalog does not know
    /// the node; `own` is this machine's node and UUID.
    #[must_use]
    pub fn client_id(&self, view: &View, own: (&NodeName, &str)) -> String {
        let (own_node, own_id) = own;
        let known = view.node(self.node.folded()).map(|entry| entry.node.id.as_str());
        match known.filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None if self.node == *own_node => own_id.to_owned(),
            None => self.id.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::SocketAddr;

    use super::*;

    /// A sound cluster of voters `n1`, `n2`, … that this server leads.
    fn cluster(voters: u64) -> Cluster {
        let peer = |id| Peer {
            id,
            node: NodeName::new(&format!("n{id}")).unwrap(),
            address: SocketAddr::from(([127, 0, 0, 1], 8300)),
            is_voter: true,
        };
        let peers = (1..=voters).map(peer).collect();
        Cluster { peers, leader: Some(1), is_leader: true, is_sound: true, ..Cluster::default() }
    }

    /// What `n1` says of it, where its gossip knows it so.
    fn check(cluster: &Cluster, status: MemberStatus, is_well: &[bool], failure_tolerance: usize) {
        let own = NodeName::new("n1").unwrap();
        let (address, port, tags) = ([127, 0, 0, 1].into(), 8301, BTreeMap::new());
        let members = [Member { name: own.clone(), address, port, tags, status }];
        let health = cluster.health(&own, &members, Duration::from_millis(200));
        let is_whole = !is_well.is_empty() && !is_well.contains(&false);
        let expected = ServerHealth { is_well: is_well.to_vec(), is_whole, failure_tolerance };
        assert_eq!(health, expected, "{cluster:?}");
    }

    #[test]
    fn a_server_is_well_that_works_hears_and_is_seen() {
        check(&cluster(0), MemberStatus::Alive, &[], 0);
        check(&cluster(1), MemberStatus::Alive, &[true], 0);
        check(&cluster(1), MemberStatus::Failed, &[false], 0);
        check(&cluster(2), MemberStatus::Alive, &[true, false], 0);
        let unsound = Cluster { is_sound: false, ..cluster(1) };
        check(&unsound, MemberStatus::Alive, &[false], 0);
        let leaderless = Cluster { leader: None, is_leader: false, ..cluster(1) };
        check(&leaderless, MemberStatus::Alive, &[false], 0);
        let last_contact = Duration::from_millis(200);
        let hears = Cluster { leader: Some(2), is_leader: false, last_contact, ..cluster(1) };
        check(&hears, MemberStatus::Alive, &[true], 0);
        let last_contact = Duration::from_millis(201);
        check(&Cluster { last_contact, ..hears }, MemberStatus::Alive, &[false], 0);
    }

    #[test]
    fn a_cluster_bears_what_is_well_beyond_a_majority() {
        let mut cluster = cluster(3);
        // All three are this node, so that all are well.
        cluster.peers.iter_mut().for_each(|peer| peer.node = NodeName::new("n1").unwrap());
        check(&cluster, MemberStatus::Alive, &[true, true, true], 1);
        cluster.peers[2].is_voter = false;
        check(&cluster, MemberStatus::Alive, &[true, true, true], 0);
    }

    #[test]
    fn a_server_is_known_by_its_nodes_uuid_or_by_its_number() {
        let (view, own) = (View::default(), NodeName::new("n1").unwrap());
        let ids = cluster(2)
            .peers
            .iter()
            .map(|peer| peer.client_id(&view, (&own, "uuid")))
            .collect::<Vec<_>>();
        assert_eq!(ids, ["uuid", "2"]);
    }
}
