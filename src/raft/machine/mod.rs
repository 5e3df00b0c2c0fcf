//! The machine: agreed entries → catalog, View and Replies, in this order.
//!
//! A portion of entries is applied, one View is published for all of it, and only then do the writers get their
//! Replies: who wrote reads it. Nothing is published before [`StateMachine::open`], so that after a restart nobody
//! sees less than was seen before.

pub(in crate::raft) mod state;

pub(in crate::raft) mod mirror;

pub(in crate::raft) mod keeper;

use std::io;
use std::sync::{Arc, Mutex};

use futures_util::{Stream, StreamExt};
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder, Snapshot, SnapshotMeta};

use crate::catalog::Reply;
use crate::catalog::apply::apply;
use crate::catalog::reply::Changes;
use crate::model::lock::lock;
use crate::publish::Publisher;
use crate::raft::machine::keeper::Keeper;
use crate::raft::machine::state::Replica;
pub use crate::raft::machine::state::Saved;
use crate::raft::types::{Entry, LogId, StoredMembership, TypeConfig};

/// The state machine that openraft drives; it lives in one task and needs no lock.
pub(in crate::raft) struct StateMachine {
    /// What was applied.
    state: Replica,
    /// Where Views go.
    publisher: Arc<Publisher>,
    /// Whether they go there.
    is_open: bool,
    /// Who brings changes to the mirror.
    keeper: Arc<Keeper>,
    /// The state that was saved last.
    saved: Arc<Mutex<Option<SavedState>>>,
}

/// A saved state with its position in the log.
type SavedState = openraft::alias::SnapshotOf<TypeConfig, Saved>;

/// Entries that were applied and are not published yet.
#[derive(Default)]
struct Portion {
    /// What they touched.
    changes: Changes,
    /// Who gets which Reply.
    replies: Vec<(ApplyResponder<TypeConfig>, Reply)>,
    /// How many they are.
    entries: u64,
    /// The size of their commands.
    bytes: usize,
}

impl StateMachine {
    pub(in crate::raft) fn new(
        state: Replica,
        publisher: Arc<Publisher>,
        keeper: Arc<Keeper>,
    ) -> Self {
        Self { state, publisher, is_open: false, keeper, saved: Arc::default() }
    }

    /// Publishes what was applied, and from now on everything that will be.
    pub(in crate::raft) fn open(&mut self) {
        self.is_open = true;
        self.publisher.replace(self.state.view());
    }

    fn apply_entry(&mut self, entry: Entry, portion: &mut Portion) -> Reply {
        let revision = self.state.position.revision(entry.log_id.index);
        portion.entries += 1;
        self.state.position.applied = Some(entry.log_id);
        match entry.payload {
            EntryPayload::Blank => Reply::Done(revision),
            EntryPayload::Membership(membership) => {
                self.state.position.membership =
                    StoredMembership::new(Some(entry.log_id), membership);
                Reply::Done(revision)
            }
            EntryPayload::Normal(proposal) => {
                let (catalog, now) = (&mut self.state.catalog, proposal.at());
                let (reply, changes) = apply(catalog, revision, now, proposal.command());
                self.state.position.follow(revision, self.state.catalog.tables().applied);
                portion.changes.merge(changes);
                portion.bytes += proposal.bytes().len();
                reply
            }
        }
    }

    /// Publishes, then answers, then leaves the rows to the keeper.
    async fn finish(&mut self, portion: Portion) -> io::Result<()> {
        let Portion { changes, replies, entries, bytes } = portion;
        if self.is_open {
            self.publisher.publish_changes(self.state.view(), &changes);
        }
        for (responder, reply) in replies {
            responder.send(reply);
        }
        if changes.is_everything {
            // In one batch with the position: the rows of before and of after never stand beside each other.
            self.keeper.count(entries, bytes);
            return self.keeper.replace(self.state.clone()).await;
        }
        if self.keeper.note(self.state.clone(), changes.rows, entries, bytes) {
            self.keeper.flush().await?;
        }
        Ok(())
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = Saved;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let position = &self.state.position;
        Ok((position.applied, position.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + OptionalSend,
    {
        let mut portion = Portion::default();
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let reply = self.apply_entry(entry, &mut portion);
            if let Some(responder) = responder {
                portion.replies.push((responder, reply));
            }
            if PORTION_MAX <= portion.entries {
                self.finish(std::mem::take(&mut portion)).await?;
            }
        }
        if portion.entries == 0 { Ok(()) } else { self.finish(portion).await }
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let (keeper, saved) = (Arc::clone(&self.keeper), Arc::clone(&self.saved));
        Builder { state: self.state.clone(), keeper, saved }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<crate::raft::types::LeaderId, u64, crate::raft::types::PeerNode>,
        saved: Saved,
    ) -> io::Result<()> {
        let mut state = Replica { catalog: saved.catalog.clone(), ..Replica::default() };
        state.position.applied = meta.last_log_id;
        state.position.membership = meta.last_membership.clone();
        state.position.index_base = saved.index_base;
        self.keeper.replace(state.clone()).await?;
        self.state = state;
        *lock(&self.saved) = Some(Snapshot { meta: meta.clone(), snapshot: saved });
        if self.is_open {
            self.publisher.replace(self.state.view());
        }
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SavedState>> {
        Ok(lock(&self.saved).clone())
    }
}

/// Saves a state: what it shows must be durable in the mirror before the log may forget it.
pub(in crate::raft) struct Builder {
    /// The state as it was when saving it was asked for.
    state: Replica,
    /// Who brings it to the mirror.
    keeper: Arc<Keeper>,
    /// Where it is kept for peers.
    saved: Arc<Mutex<Option<SavedState>>>,
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    type SnapshotData = Saved;

    async fn build_snapshot(&mut self) -> io::Result<SavedState> {
        // The mirror may get ahead of this state; never behind it.
        self.keeper.persist().await?;
        let Replica { catalog, position } = self.state.clone();
        let meta =
            SnapshotMeta { last_log_id: position.applied, last_membership: position.membership };
        let saved = Snapshot { meta, snapshot: Saved { catalog, index_base: position.index_base } };
        let mut current = lock(&self.saved);
        if current.as_ref().map(|current| current.meta.last_log_id) <= Some(saved.meta.last_log_id)
        {
            *current = Some(saved.clone());
        }
        Ok(saved)
    }
}

/// Entries behind one View: bounds how long the first writer of them waits.
const PORTION_MAX: u64 = 512;

#[cfg(test)]
mod tests;
