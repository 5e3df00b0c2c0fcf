//! The replicated state with its position in the log, and its encoding as a backup that one peer sends another.

use serde::{Deserialize, Serialize};

use crate::catalog::backup::{self, BackupFault};
use crate::catalog::{Catalog, View};
use crate::model::number::Revision;
use crate::raft::types::{LogId, StoredMembership};

/// The catalog, and up to which entry it is what the log says. A clone costs a few reference counts.
#[derive(Clone, Default)]
pub(in crate::raft) struct Replica {
    /// The catalog.
    pub(in crate::raft) catalog: Catalog,
    /// What stands beside it.
    pub(in crate::raft) position: Position,
}

/// Where in the log a state is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::raft) struct Position {
    /// The last entry that was applied.
    #[serde(default)]
    pub(in crate::raft) applied: Option<LogId>,
    /// Who belonged to the cluster then.
    #[serde(default)]
    pub(in crate::raft) membership: StoredMembership,
    /// How far revisions are ahead of log positions. A restored backup raises it: a log cannot jump, and
    /// revisions must not go back.
    #[serde(default)]
    pub(in crate::raft) index_base: u64,
}

impl Position {
    /// Follows a command that took a revision ahead of its log position, as a restored backup does, which may come
    /// from a longer log: the next position then has the next revision.
    pub(in crate::raft) fn follow(&mut self, revision: Revision, taken: Revision) {
        self.index_base = self.index_base.saturating_add(taken.0.saturating_sub(revision.0));
    }

    /// The revision of a log position. The first entry has revision 1, since 0 means "never".
    pub(in crate::raft) fn revision(&self, index: u64) -> Revision {
        Revision(index.saturating_add(1).saturating_add(self.index_base))
    }
}

impl Replica {
    /// The state as readers get it.
    pub(in crate::raft) fn view(&self) -> View {
        View::new(self.catalog.clone())
    }
}

/// A state that was set aside for a peer that is too far behind for the log. The catalog's parts are shared with
/// the living state, so keeping one costs what changed since.
#[derive(Clone)]
pub struct Saved {
    /// The catalog.
    pub(in crate::raft) catalog: Catalog,
    /// How far revisions are ahead of log positions.
    pub(in crate::raft) index_base: u64,
}

impl Saved {
    /// The bytes that go to the peer: `index_base` (little endian), then a backup.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.index_base.to_le_bytes().to_vec();
        bytes.extend(backup::encode(&self.catalog));
        bytes
    }

    /// Reads what [`Saved::encode`] wrote.
    ///
    /// # Errors
    /// [`BackupFault`], where a byte is missing, was added or changed.
    pub fn decode(bytes: &[u8]) -> Result<Self, BackupFault> {
        let (index_base, rest) = bytes
            .split_first_chunk::<8>()
            .ok_or_else(|| BackupFault::Short(u64::try_from(bytes.len()).unwrap_or(u64::MAX)))?;
        let catalog = backup::decode(rest)?;
        Ok(Self { catalog, index_base: u64::from_le_bytes(*index_base) })
    }
}
