//! Catalog → what readers ask for, each with the revision that a blocking query compares.

use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;

use ipnet::IpNet;

use crate::catalog::state::{Catalog, Instance, NodeEntry, ServiceEntry, Staged};
use crate::model::autopilot::{Autopilot, AutopilotEntry};
use crate::model::kv::KvPair;
use crate::model::name::{Key, NodeName, ServiceId, ServiceName};
use crate::model::number::Revision;
use crate::model::session::{Session, SessionId};

impl Catalog {
    /// A node with what runs on it, by folded name.
    #[must_use]
    pub fn node(&self, folded_name: &str) -> Option<&Arc<NodeEntry>> {
        self.nodes.get(folded_name)
    }

    /// All nodes, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<NodeEntry>> {
        self.nodes.values()
    }

    /// How many nodes there are.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The node that has a UUID.
    #[must_use]
    pub fn node_by_id(&self, id: &str) -> Option<&Arc<NodeEntry>> {
        self.node_ids.get(id).and_then(|name| self.nodes.get(name))
    }

    /// When something on a node last changed; for an unknown one, when a node last vanished.
    #[must_use]
    pub fn node_revision(&self, folded_name: &str) -> Revision {
        let found = self.node(folded_name).map(|entry| entry.revision);
        found.unwrap_or(self.tables.node_extinction).max(self.tables.restored)
    }

    /// A service and its instances, by folded name.
    #[must_use]
    pub fn service(&self, folded_name: &str) -> Option<&Arc<ServiceEntry>> {
        self.services.get(folded_name)
    }

    /// All services, by name.
    pub fn services(&self) -> impl Iterator<Item = &Arc<ServiceEntry>> {
        self.services.values()
    }

    /// When a service last changed; for an unknown one, when a service last vanished.
    #[must_use]
    pub fn service_revision(&self, folded_name: &str) -> Revision {
        let found = self.service(folded_name).map(|entry| entry.revision);
        found.unwrap_or(self.tables.service_extinction).max(self.tables.restored)
    }

    /// One instance.
    #[must_use]
    pub fn instance(&self, node: &NodeName, id: &ServiceId) -> Option<&Arc<Instance>> {
        let service = self.nodes.get(node)?.services.get(id)?;
        self.services.get(&service.name)?.instances.get(&(node.clone(), id.clone()))
    }

    /// Nodes whose address this is, by name.
    pub fn nodes_at(&self, ip: IpAddr) -> impl Iterator<Item = &Arc<NodeEntry>> {
        self.nodes_within(ip, ip)
    }

    /// Nodes whose address is in a network, by address and name.
    pub fn nodes_in(&self, network: IpNet) -> impl Iterator<Item = &Arc<NodeEntry>> {
        self.nodes_within(network.network(), network.broadcast())
    }

    fn nodes_within(&self, first: IpAddr, last: IpAddr) -> impl Iterator<Item = &Arc<NodeEntry>> {
        let Ok(least) = NodeName::new(LEAST_NAME) else { unreachable!("a space is a name") };
        self.node_addresses
            .range((Bound::Included((first, least)), Bound::Unbounded))
            .take_while(move |(found, _)| *found <= last)
            .filter_map(|(_, name)| self.nodes.get(name))
    }

    /// Services that have an instance whose own address this is, and its node; by name.
    pub fn services_at(&self, ip: IpAddr) -> impl Iterator<Item = (&ServiceName, &NodeName)> {
        self.services_within(ip, ip)
    }

    /// Services that have an instance whose own address is in a network, and its node; by address and name.
    pub fn services_in(&self, network: IpNet) -> impl Iterator<Item = (&ServiceName, &NodeName)> {
        self.services_within(network.network(), network.broadcast())
    }

    fn services_within(
        &self,
        first: IpAddr,
        last: IpAddr,
    ) -> impl Iterator<Item = (&ServiceName, &NodeName)> {
        let least =
            (NodeName::new(LEAST_NAME), ServiceName::new(LEAST_NAME), ServiceId::new(LEAST_NAME));
        let (Ok(node), Ok(name), Ok(id)) = least else { unreachable!("a space is a name") };
        self.service_addresses
            .range((Bound::Included((first, name, node, id)), Bound::Unbounded))
            .take_while(move |(found, ..)| *found <= last)
            .map(|(_, name, node, _)| (name, node))
    }

    /// The entry under a key.
    #[must_use]
    pub fn key(&self, key: impl AsRef<[u8]>) -> Option<&Arc<KvPair>> {
        self.kv.get(key.as_ref())
    }

    /// When a key was last set or deleted, at least 1.
    #[must_use]
    pub fn key_revision(&self, key: impl AsRef<[u8]>) -> Revision {
        let key = key.as_ref();
        let gone = || self.tombstones.get(key).copied();
        let found = self.key(key).map(|entry| entry.modify_revision).or_else(gone);
        let found = found.unwrap_or(self.tables.tombstones_reaped);
        found.max(self.tables.restored).max(Revision(1))
    }

    /// The entries whose keys begin with a text, in order; all for an empty one.
    pub fn keys_with_prefix<'a>(
        &'a self,
        prefix: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> impl Iterator<Item = &'a Arc<KvPair>> {
        let prefix = prefix.as_ref();
        self.kv
            .range::<_, [u8]>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(_, entry)| entry)
    }

    /// When a key with this beginning was last set or deleted, at least 1.
    #[must_use]
    pub fn prefix_revision(&self, prefix: impl AsRef<[u8]>) -> Revision {
        let prefix = prefix.as_ref();
        if prefix.is_empty() {
            return self.tables.kv.max(Revision(1));
        }
        let set = self.keys_with_prefix(prefix).map(|entry| entry.modify_revision).max();
        let gone = self
            .tombstones
            .range::<_, [u8]>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(_, revision)| *revision)
            .max();
        set.max(gone).unwrap_or_default().max(self.tables.tombstones_reaped).max(Revision(1))
    }

    /// Tombstones that are kept.
    #[must_use]
    pub fn tombstone_count(&self) -> usize {
        self.tombstones.len()
    }

    /// When the key that has been gone for the longest was deleted.
    #[must_use]
    pub fn oldest_tombstone(&self) -> Option<Revision> {
        self.tombstones.values().min().copied()
    }

    /// A session.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<&Arc<Session>> {
        self.sessions.get(&id)
    }

    /// All sessions, by id.
    pub fn sessions(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.sessions.values()
    }

    /// The sessions that end with a node, by id.
    pub fn sessions_on<'a>(&'a self, node: &'a NodeName) -> impl Iterator<Item = &'a Arc<Session>> {
        self.node_sessions
            .range((node.clone(), SessionId::LEAST)..)
            .take_while(move |(found, _)| found == node)
            .filter_map(|(_, id)| self.sessions.get(id))
    }

    /// When a session began; for an unknown one, when a session last ended.
    #[must_use]
    pub fn session_revision(&self, id: SessionId) -> Revision {
        let found = self.session(id).map(|found| found.modify_revision);
        found.unwrap_or(self.tables.session_extinction).max(self.tables.restored)
    }

    /// When a session on a node last began, or one anywhere last ended.
    #[must_use]
    pub fn node_session_revision(&self, node: &NodeName) -> Revision {
        let begun = self.sessions_on(node).map(|session| session.modify_revision).max();
        begun.unwrap_or_default().max(self.tables.session_extinction)
    }

    /// What the leader does with servers by itself.
    #[must_use]
    pub fn autopilot(&self) -> Option<&Arc<AutopilotEntry>> {
        self.autopilot.as_ref()
    }

    /// The same, or the defaults where nothing was decided yet.
    #[must_use]
    pub fn autopilot_settings(&self) -> Autopilot {
        self.autopilot().map(|entry| entry.settings.clone()).unwrap_or_default()
    }

    /// A backup that is about to be restored.
    #[must_use]
    pub fn staged(&self) -> Option<&Arc<Staged>> {
        self.staged.as_ref()
    }

    /// All keys that are there.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.kv.keys()
    }
}

/// Sorts before every name that a client can choose: names hold no control characters, and this is the
/// first that is none.
const LEAST_NAME: &str = " ";
