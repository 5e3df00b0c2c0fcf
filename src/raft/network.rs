//! The way to other peers. There is none yet: every peer is reported as unreachable, which is what openraft
//! has to believe of it until servers have an RPC between them.

use std::future::Future;

use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{RaftNetworkFactory, RaftNetworkV2};

use crate::raft::machine::Saved;
use crate::raft::types::{PeerNode, TypeConfig, Vote};

/// Makes the connections to peers.
pub(in crate::raft) struct Network;

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Connection;

    async fn new_client(&mut self, target: u64, node: &PeerNode) -> Connection {
        Connection { target, node: node.clone() }
    }
}

/// The way to one peer.
pub(in crate::raft) struct Connection {
    /// Its number.
    target: u64,
    /// Its name and address.
    node: PeerNode,
}

impl Connection {
    fn unreachable(&self) -> Unreachable<TypeConfig> {
        let Self { target, node } = self;
        let PeerNode { name, address } = node;
        Unreachable::from_string(format!(
            "peer {target} ({name} at {address}): no RPC between servers"
        ))
    }
}

impl RaftNetworkV2<TypeConfig> for Connection {
    type SnapshotData = Saved;

    async fn append_entries(
        &mut self,
        _request: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    async fn vote(
        &mut self,
        _request: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    // The default grants without asking, which would defeat the pre-vote.
    async fn pre_vote(
        &mut self,
        _request: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        Err(RPCError::Unreachable(self.unreachable()))
    }

    async fn full_snapshot(
        &mut self,
        _vote: Vote,
        _snapshot: openraft::alias::SnapshotOf<TypeConfig, Saved>,
        _cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        Err(StreamingError::Unreachable(self.unreachable()))
    }
}
