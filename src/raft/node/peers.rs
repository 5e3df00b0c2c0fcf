//! Who belongs to the cluster and who leads it, changed by an operator.

use std::collections::BTreeSet;

use openraft::ChangeMembers;

use crate::publish::{PeerChange, ProposeFault};
use crate::raft::health::refusal;
use crate::raft::node::RaftNode;

impl RaftNode {
    pub(super) async fn change_peers(&self, change: PeerChange) -> Result<(), ProposeFault> {
        match change {
            PeerChange::Remove(id) => self.remove_peer(id).await,
            PeerChange::Lead(id) => self.hand_over(id).await,
        }
    }

    async fn remove_peer(&self, id: u64) -> Result<(), ProposeFault> {
        let members = self.metrics().membership_config;
        let is_voter = members.voter_ids().any(|voter| voter == id);
        if is_voter && members.voter_ids().count() <= 1 {
            let text = "Need at least one voter in configuration: this is the only one, and what it keeps is kept \
                        nowhere else";
            return Err(ProposeFault::Peers(text.to_owned()));
        }
        let ids = BTreeSet::from([id]);
        let change = if is_voter {
            ChangeMembers::RemoveVoters(ids)
        } else {
            ChangeMembers::RemoveNodes(ids)
        };
        let changed = self.inner.raft.change_membership(change, false).await;
        changed.map(|_| ()).map_err(|fault| ProposeFault::Peers(fault.to_string()))
    }

    async fn hand_over(&self, to: Option<u64>) -> Result<(), ProposeFault> {
        let cluster = self.describe();
        let mut others =
            cluster.peers.iter().filter(|peer| peer.is_voter && peer.id != self.inner.id);
        let found = match to {
            None => others.next(),
            Some(to) => others.find(|peer| peer.id == to),
        };
        let Some(found) = found else {
            let text = match to {
                Some(to) if to == self.inner.id => "this server leads already",
                Some(_) => "that server does not vote, so it cannot lead",
                None => "there is no other server that votes, so none that could lead",
            };
            return Err(ProposeFault::Peers(format!("failed to transfer leadership: {text}")));
        };
        let told = self.inner.raft.trigger().transfer_leader(found.id).await;
        told.map_err(|fault| refusal(&fault.to_string()))
    }
}
