//! Catalog ⇄ rows: the state as a sorted list of keys and values, for the mirror on disk and backups.
//!
//! A row's key is a table's letter and the folded names, parted by a zero byte, which no name can hold.
//! A value is MessagePack with field names: a reader ignores fields that it does not know. What can be
//! derived from other rows (joined instances, reverse addresses) is not stored.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog::command::StagePart;
use crate::catalog::coordinates::NodeCoordinates;
use crate::catalog::state::Catalog;
use crate::model::check::Check;
use crate::model::kv::KvPair;
use crate::model::name::{CheckId, Key, NodeName, ServiceId, ServiceName};
use crate::model::node::Node;
use crate::model::number::Revision;
use crate::model::prepared_query::{PreparedQuery, PreparedQueryId};
use crate::model::service::Service;
use crate::model::session::{Session, SessionId};
use crate::model::time::Now;

/// The identity of a row. The order of the variants is the order of loading: a service's node comes
/// before it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowKey {
    /// When the tables last changed.
    Tables,
    /// What the leader does with servers by itself.
    Autopilot,
    /// A node with its revision.
    Node(NodeName),
    /// Where a node is in the network.
    Coordinates(NodeName),
    /// A prepared query.
    PreparedQuery(PreparedQueryId),
    /// A service instance.
    Service(NodeName, ServiceId),
    /// A check.
    Check(NodeName, CheckId),
    /// When a service last changed.
    ServiceRevision(ServiceName),
    /// A key.
    Key(Key),
    /// A deleted key.
    Tombstone(Key),
    /// A session.
    Session(SessionId),
    /// Until when nobody may have the lock of a key.
    LockDelay(Key),
    /// A part of a backup that is about to be restored.
    Staged(u32),
}

/// What a row could not be read for.
#[derive(Debug, thiserror::Error)]
pub enum RowFault {
    /// The key is none that this version writes.
    #[error("a row of an unknown table: {0:?}")]
    Table(Vec<u8>),
    /// The value does not decode.
    #[error("the row {key:?} cannot be read")]
    Value {
        /// Its key.
        key: String,
        /// Why.
        source: rmp_serde::decode::Error,
    },
    /// A service or check without its node.
    #[error("the row {0:?} belongs to a node that is not there")]
    Orphan(String),
}

/// A node as it is stored.
#[derive(Serialize, Deserialize)]
struct NodeRow {
    /// The node.
    node: Node,
    /// When anything on it last changed.
    revision: Revision,
}

/// Where a node is, as it is stored.
#[derive(Serialize, Deserialize)]
struct CoordinatesRow {
    /// Its folded name.
    node: NodeName,
    /// Where it is.
    known: NodeCoordinates,
}

/// A service instance as it is stored.
#[derive(Serialize, Deserialize)]
struct ServiceRow {
    /// Its node.
    node: NodeName,
    /// The instance.
    service: Service,
}

/// A revision under a name, as it is stored: the value carries the name's spelling.
#[derive(Serialize, Deserialize)]
struct NamedRevision {
    /// The name.
    name: String,
    /// When.
    revision: Revision,
}

/// A tombstone as it is stored.
#[derive(Serialize, Deserialize)]
struct TombstoneRow {
    /// The key.
    name: Key,
    /// When it was deleted.
    revision: Revision,
}

/// A lock delay as it is stored.
#[derive(Serialize, Deserialize)]
struct LockDelayRow {
    /// The key whose lock it is.
    key: Key,
    /// Until when.
    until: Now,
}

impl RowKey {
    /// The key's bytes. Sorting them sorts the rows into loading order.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let session;
        let (letter, first, second) = match self {
            Self::Tables => (b'A', &[][..], None),
            Self::Autopilot => (b'B', &[][..], None),
            Self::Node(node) => (b'N', node.folded().as_bytes(), None),
            Self::Coordinates(node) => (b'O', node.folded().as_bytes(), None),
            Self::PreparedQuery(id) => (b'Q', id.as_str().as_bytes(), None),
            Self::Service(node, id) => (b'S', node.folded().as_bytes(), Some(id.folded())),
            Self::Check(node, id) => (b'T', node.folded().as_bytes(), Some(id.folded())),
            Self::ServiceRevision(name) => (b'U', name.folded().as_bytes(), None),
            Self::Key(key) => (b'V', key.as_bytes(), None),
            Self::Tombstone(key) => (b'W', key.as_bytes(), None),
            Self::Session(id) => {
                session = id.to_string();
                (b'X', session.as_bytes(), None)
            }
            Self::LockDelay(key) => (b'Y', key.as_bytes(), None),
            Self::Staged(number) => return [&b"Z"[..], &number.to_be_bytes()].concat(),
        };
        let mut bytes = vec![letter];
        bytes.extend_from_slice(first);
        if let Some(second) = second {
            bytes.push(0);
            bytes.extend_from_slice(second.as_bytes());
        }
        bytes
    }
}

impl Catalog {
    /// The value of a row, or nothing where the row is gone.
    #[must_use]
    pub fn row(&self, key: &RowKey) -> Option<Vec<u8>> {
        match key {
            RowKey::Tables => Some(encode(&self.tables)),
            RowKey::Autopilot => self.autopilot.as_ref().map(|entry| encode(&**entry)),
            RowKey::Node(name) => self.nodes.get(name).map(|entry| {
                encode(&NodeRow { node: (*entry.node).clone(), revision: entry.revision })
            }),
            RowKey::Coordinates(name) => self.coordinates.get(name).and_then(|known| {
                let node = NodeName::new(name.folded()).ok()?;
                Some(encode(&CoordinatesRow { node, known: (**known).clone() }))
            }),
            RowKey::PreparedQuery(id) => self.prepared_query(id).map(|query| encode(&**query)),
            RowKey::Service(name, id) => {
                let service = self.nodes.get(name)?.services.get(id)?;
                // Folded: a node that is spelled anew must not change the rows of its services.
                let node = NodeName::new(name.folded()).ok()?;
                Some(encode(&ServiceRow { node, service: (**service).clone() }))
            }
            RowKey::Check(name, id) => {
                self.nodes.get(name)?.checks.get(id).map(|check| encode(&**check))
            }
            RowKey::ServiceRevision(name) => self.services.get(name).map(|entry| {
                encode(&NamedRevision {
                    name: entry.name.as_str().to_owned(),
                    revision: entry.revision,
                })
            }),
            RowKey::Key(key) => self.kv.get(key).map(|entry| encode(&**entry)),
            RowKey::Tombstone(key) => self
                .tombstones
                .get(key)
                .map(|revision| encode(&TombstoneRow { name: key.clone(), revision: *revision })),
            RowKey::Session(id) => self.sessions.get(id).map(|session| encode(&**session)),
            RowKey::LockDelay(key) => {
                let delay = |until: &Now| LockDelayRow { key: key.clone(), until: *until };
                self.lock_delays.get(key).map(|until| encode(&delay(until)))
            }
            RowKey::Staged(number) => {
                let staged = self.staged.as_ref()?;
                let (restore, bytes) = (staged.restore.clone(), staged.parts.get(number)?.clone());
                Some(encode(&StagePart { restore, number: *number, bytes }))
            }
        }
    }

    /// All rows, in loading order.
    pub fn rows(&self) -> impl Iterator<Item = (RowKey, Vec<u8>)> + '_ {
        let nodes = self.nodes.keys().map(|name| RowKey::Node(name.clone()));
        let coordinates = self.coordinates.keys().map(|name| RowKey::Coordinates(name.clone()));
        let prepared = self.prepared.keys().map(|id| RowKey::PreparedQuery(id.clone()));
        let services = self.nodes.iter().flat_map(|(name, entry)| {
            entry.services.keys().map(|id| RowKey::Service(name.clone(), id.clone()))
        });
        let checks = self.nodes.iter().flat_map(|(name, entry)| {
            entry.checks.keys().map(|id| RowKey::Check(name.clone(), id.clone()))
        });
        let revisions = self.services.keys().map(|name| RowKey::ServiceRevision(name.clone()));
        let keys = self.kv.keys().map(|key| RowKey::Key(key.clone()));
        let tombstones = self.tombstones.keys().map(|key| RowKey::Tombstone(key.clone()));
        let sessions = self.sessions.keys().map(|id| RowKey::Session(*id));
        let delays = self.lock_delays.keys().map(|key| RowKey::LockDelay(key.clone()));
        let staged = self.staged.iter().flat_map(|staged| staged.parts.keys());
        [RowKey::Tables, RowKey::Autopilot]
            .into_iter()
            .chain(nodes)
            .chain(coordinates)
            .chain(prepared)
            .chain(services)
            .chain(checks)
            .chain(revisions)
            .chain(keys)
            .chain(tombstones)
            .chain(sessions)
            .chain(delays)
            .chain(staged.copied().map(RowKey::Staged))
            .filter_map(|key| self.row(&key).map(|value| (key, value)))
    }

    /// Puts a stored row back. Rows must come in the order of their keys.
    ///
    /// # Errors
    /// [`RowFault`], where the row is none that [`Catalog::rows`] could have written here.
    pub fn load_row(&mut self, key: &[u8], value: &[u8]) -> Result<(), RowFault> {
        let shown = || String::from_utf8_lossy(key).into_owned();
        let orphan = || RowFault::Orphan(shown());
        match key.first() {
            Some(b'A') => self.tables = decode(key, value)?,
            Some(b'B') => self.autopilot = Some(Arc::new(decode(key, value)?)),
            Some(b'N') => {
                let row: NodeRow = decode(key, value)?;
                self.put_node(&Arc::new(row.node), row.revision);
            }
            Some(b'O') => {
                let row: CoordinatesRow = decode(key, value)?;
                let entry = self.nodes.get(&row.node).ok_or_else(orphan)?;
                self.coordinates.insert(entry.node.name.clone(), Arc::new(row.known));
            }
            Some(b'Q') => {
                let query: PreparedQuery = decode(key, value)?;
                self.put_prepared(&Arc::new(query));
            }
            Some(b'S') => {
                let row: ServiceRow = decode(key, value)?;
                if !self.nodes.contains_key(&row.node) {
                    return Err(orphan());
                }
                let mut service = row.service;
                self.share_service(&mut service);
                self.put_service(&row.node, &Arc::new(service), Revision(0));
            }
            Some(b'T') => {
                let mut check: Check = decode(key, value)?;
                if !self.nodes.contains_key(&check.node) {
                    return Err(orphan());
                }
                self.share_check(&mut check);
                self.put_check(&Arc::new(check), Revision(0));
            }
            Some(b'U') => {
                let row: NamedRevision = decode(key, value)?;
                let name = ServiceName::new(&row.name).map_err(|_| orphan())?;
                let entry = Arc::make_mut(self.services.get_mut(&name).ok_or_else(orphan)?);
                // The first instance that was loaded need not be the one that named the service.
                entry.name = name;
                entry.revision = row.revision;
            }
            Some(b'V') => {
                let entry: KvPair = decode(key, value)?;
                self.put_pair(&Arc::new(entry));
            }
            Some(b'W') => {
                let row: TombstoneRow = decode(key, value)?;
                self.tombstones.insert(row.name, row.revision);
            }
            Some(b'X') => {
                let session: Session = decode(key, value)?;
                self.put_session(&Arc::new(session));
            }
            Some(b'Y') => {
                let row: LockDelayRow = decode(key, value)?;
                self.delay_lock(&row.key, row.until);
            }
            Some(b'Z') => {
                let part: StagePart = decode(key, value)?;
                self.put_part(&part).ok_or_else(orphan)?;
            }
            _ => return Err(RowFault::Table(key.to_vec())),
        }
        Ok(())
    }
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    match rmp_serde::to_vec_named(value) {
        Ok(bytes) => bytes,
        // These types hold only text, numbers and lists, and a Vec takes every write.
        Err(fault) => unreachable!("a row did not encode: {fault}"),
    }
}

fn decode<'a, T: Deserialize<'a>>(key: &[u8], value: &'a [u8]) -> Result<T, RowFault> {
    rmp_serde::from_slice(value).map_err(|source| RowFault::Value {
        key: String::from_utf8_lossy(key).into_owned(),
        source,
    })
}
