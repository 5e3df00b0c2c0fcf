//! The mirror on disk: catalog rows ⇄ the database `state/`, changed rows and their position in the log in one
//! atomic batch. A start reads it and applies the rest of the log.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::catalog::row::RowKey;
use crate::raft::fault::{DamageFault, RaftFault, open_guarded};
use crate::raft::home::make_private_dir;
use crate::raft::log::disk::plain;
use crate::raft::machine::state::Replica;
use crate::raft::meta;

/// The open database.
pub(in crate::raft) struct Mirror {
    /// All of it.
    database: Database,
    /// The catalog's rows, in their order of loading.
    rows: Keyspace,
    /// The position in the log.
    meta: Keyspace,
}

impl Mirror {
    /// Opens or creates the database and reads what it holds.
    ///
    /// # Errors
    /// [`RaftFault`], where it cannot be read.
    pub(in crate::raft) fn open(path: &Path) -> Result<(Self, Replica), RaftFault> {
        let open =
            |source: fjall::Error| RaftFault::Open { path: path.into(), source: source.into() };
        let damage = |source| RaftFault::Mirror { path: path.into(), source: Box::new(source) };
        make_private_dir(path)?;
        open_guarded(path, || {
            let mirror = Self::open_database(path).map_err(open)?;
            let state = mirror.load().map_err(damage)?;
            Ok((mirror, state))
        })
    }

    fn open_database(path: &Path) -> Result<Self, fjall::Error> {
        let database = Database::builder(path)
            .cache_size(CACHE_BYTES)
            .worker_threads(1)
            .max_journaling_size(JOURNALS_BYTES)
            .journal_compression(CompressionType::None)
            .manual_journal_persist(true)
            .open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        let rows = database.keyspace("rows", options)?;
        let meta = database.keyspace("meta", options)?;
        Ok(Self { database, rows, meta })
    }

    fn load(&self) -> Result<Replica, DamageFault> {
        let mut state = Replica::default();
        if let Some(position) = meta::get(&self.meta, POSITION)? {
            state.position = position;
        }
        for row in self.rows.iter() {
            let (key, value) = row.into_inner().map_err(|source| DamageFault::Read { source })?;
            state.catalog.load_row(&key, &value)?;
        }
        Ok(state)
    }

    /// Writes changed rows and the position; survives the end of the process.
    pub(in crate::raft) fn write(
        &self,
        state: &Replica,
        rows: &BTreeSet<RowKey>,
    ) -> io::Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        for key in rows {
            match state.catalog.row(key) {
                Some(value) => batch.insert(&self.rows, key.to_bytes(), value),
                None => batch.remove(&self.rows, key.to_bytes()),
            }
        }
        batch.insert(&self.meta, POSITION, meta::encode(&state.position));
        batch.commit().map_err(plain)
    }

    /// Replaces everything, durably.
    pub(in crate::raft) fn replace(&self, state: &Replica) -> io::Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        let mut kept = BTreeSet::new();
        for (key, value) in state.catalog.rows() {
            let key = key.to_bytes();
            batch.insert(&self.rows, key.clone(), value);
            kept.insert(key);
        }
        // `clear` would pin the journals (fjall#288), and a key may stand in a batch only once.
        for row in self.rows.iter() {
            let key = row.key().map_err(io::Error::other)?;
            if !kept.contains(&*key) {
                batch.remove(&self.rows, key);
            }
        }
        batch.insert(&self.meta, POSITION, meta::encode(&state.position));
        batch.commit().map_err(plain)
    }

    /// Makes all that was written survive a power loss.
    pub(in crate::raft) fn sync(&self) -> io::Result<()> {
        self.database.persist(PersistMode::SyncAll).map_err(plain)
    }
}

/// Key of the position in the log; data dirs know it by this name.
const POSITION: &str = "place";

/// Blocks kept in memory: rows are read once, at start.
const CACHE_BYTES: u64 = 256 * 1024;

/// Rows kept in memory until they go to a table.
const MEMTABLE_BYTES: u64 = 4 * 1024 * 1024;

/// Journals on disk, which a start reads through; fjall's least.
const JOURNALS_BYTES: u64 = 64 * 1024 * 1024;
