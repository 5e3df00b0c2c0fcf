//! What a catalog is made of: persistent maps, shared between all its clones.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use crate::catalog::coordinates::NodeCoordinates;
use crate::catalog::prepared::Prepared;
use crate::model::address::Address;
use crate::model::autopilot::AutopilotEntry;
use crate::model::check::Check;
use crate::model::health::Status;
use crate::model::kv::KvPair;
use crate::model::name::{CheckId, Key, NodeName, ServiceId, ServiceName};
use crate::model::node::Node;
use crate::model::number::Revision;
use crate::model::prepared_query::PreparedQueryId;
use crate::model::service::Service;
use crate::model::session::{Session, SessionId};
use crate::model::time::Now;

/// The whole replicated state.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Machines, with what runs on them.
    pub(in crate::catalog) nodes: OrdMap<NodeName, Arc<NodeEntry>>,
    /// Which node has a UUID.
    pub(in crate::catalog) node_ids: OrdMap<String, NodeName>,
    /// Instances by what they serve.
    pub(in crate::catalog) services: OrdMap<ServiceName, Arc<ServiceEntry>>,
    /// Nodes by address, for reverse names.
    pub(in crate::catalog) node_addresses: OrdSet<(IpAddr, NodeName)>,
    /// Instances with an address of their own, for reverse names.
    pub(in crate::catalog) service_addresses: OrdSet<(IpAddr, ServiceName, NodeName, ServiceId)>,
    /// Where nodes are in the network.
    pub(in crate::catalog) coordinates: OrdMap<NodeName, Arc<NodeCoordinates>>,
    /// The key/value store.
    pub(in crate::catalog) kv: OrdMap<Key, Arc<KvPair>>,
    /// When keys that are gone were deleted, so that indexes of what is left do not go backwards.
    pub(in crate::catalog) tombstones: OrdMap<Key, Revision>,
    /// Sessions.
    pub(in crate::catalog) sessions: OrdMap<SessionId, Arc<Session>>,
    /// Which sessions end with a node.
    pub(in crate::catalog) node_sessions: OrdSet<(NodeName, SessionId)>,
    /// Which sessions depend on a check.
    pub(in crate::catalog) check_sessions: OrdSet<(NodeName, CheckId, SessionId)>,
    /// Which locks a session holds; no entry for one that holds none.
    pub(in crate::catalog) session_keys: OrdMap<SessionId, OrdSet<Key>>,
    /// Until when nobody may have the lock of a key, whether that is there or not.
    pub(in crate::catalog) lock_delays: OrdMap<Key, Now>,
    /// The same in the order in which they end.
    pub(in crate::catalog) lock_delay_ends: OrdSet<(Now, Key)>,
    /// What the leader does with servers by itself; nothing until the first leader says so.
    pub(in crate::catalog) autopilot: Option<Arc<AutopilotEntry>>,
    /// A backup that is about to be restored.
    pub(in crate::catalog) staged: Option<Arc<Staged>>,
    /// Prepared queries.
    pub(in crate::catalog) prepared: OrdMap<PreparedQueryId, Arc<Prepared>>,
    /// Which prepared query has a folded name.
    pub(in crate::catalog) prepared_names: OrdMap<String, PreparedQueryId>,
    /// Which template answers names that begin so, folded; the empty beginning is one.
    pub(in crate::catalog) prepared_templates: OrdMap<String, PreparedQueryId>,
    /// Which prepared queries end with a session.
    pub(in crate::catalog) prepared_sessions: OrdSet<(SessionId, PreparedQueryId)>,
    /// Folded names of prepared queries that have dots, their labels from the right.
    pub(in crate::catalog) prepared_dotted: OrdSet<String>,
    /// When tables as a whole last changed.
    pub(in crate::catalog) tables: Tables,
}

/// When each table last changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tables {
    /// The last command that was applied, whether it changed anything or not.
    pub applied: Revision,
    /// When it was proposed, by the clock of who proposed it.
    #[serde(default)]
    pub clock: Now,
    /// Any node.
    pub nodes: Revision,
    /// The last time that a node vanished.
    pub node_extinction: Revision,
    /// Any service instance.
    pub services: Revision,
    /// The last time that the last instance of a service vanished.
    pub service_extinction: Revision,
    /// Any check.
    pub checks: Revision,
    /// Any key.
    pub kv: Revision,
    /// Any prepared query.
    #[serde(default)]
    pub prepared_queries: Revision,
    /// The newest tombstone that was reaped: older deletions are forgotten.
    pub tombstones_reaped: Revision,
    /// Any session.
    #[serde(default)]
    pub sessions: Revision,
    /// The last time that a session ended.
    #[serde(default)]
    pub session_extinction: Revision,
    /// Any node's coordinates.
    #[serde(default)]
    pub coordinates: Revision,
    /// The last time that a backup took the place of everything; no answer is older than that.
    #[serde(default)]
    pub restored: Revision,
}

/// A backup that is set aside until all its parts are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Which restore.
    pub restore: String,
    /// Its parts from 0 on, without a gap; never none.
    pub parts: OrdMap<u32, Bytes>,
}

/// A node and what runs on it.
#[derive(Clone, Debug)]
pub struct NodeEntry {
    /// The machine.
    pub node: Arc<Node>,
    /// Its service instances.
    pub services: OrdMap<ServiceId, Arc<Service>>,
    /// Its checks, those of its services included.
    pub checks: OrdMap<CheckId, Arc<Check>>,
    /// Those of its checks that are about the whole machine, by id; its instances share the list.
    pub node_checks: Arc<Vec<Arc<Check>>>,
    /// When any of these last changed.
    pub revision: Revision,
}

/// A service and its instances.
#[derive(Clone, Debug)]
pub struct ServiceEntry {
    /// The name, as the first instance spelled it.
    pub name: ServiceName,
    /// Instances in order of node and id.
    pub instances: OrdMap<(NodeName, ServiceId), Arc<Instance>>,
    /// When an instance, its node or one of its checks last changed, came or went.
    pub revision: Revision,
}

/// One instance, joined with everything that an answer needs.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The machine that it runs on.
    pub node: Arc<Node>,
    /// The service.
    pub service: Arc<Service>,
    /// Checks of the whole machine, by id.
    pub node_checks: Arc<Vec<Arc<Check>>>,
    /// Checks of this instance, by id.
    pub service_checks: Vec<Arc<Check>>,
}

impl Instance {
    /// All checks that decide about it: the node's, then its own.
    pub fn checks(&self) -> impl Iterator<Item = &Arc<Check>> {
        self.node_checks.iter().chain(&self.service_checks)
    }

    /// The worst word of all its checks.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::worst(self.checks().map(|check| check.status))
    }

    /// The first of its checks that say what [`Instance::status`] says; nothing if it has none.
    #[must_use]
    pub fn deciding_check(&self) -> Option<&Arc<Check>> {
        let status = self.status();
        self.checks().find(|check| check.status == status)
    }

    /// Where it is reached: its own address, else its node's.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.service.address.as_ref().unwrap_or(&self.node.address)
    }

    /// Its share of the traffic, by its health; nothing while critical.
    #[must_use]
    pub fn weight(&self) -> u16 {
        match self.status() {
            Status::Passing => self.service.weights.passing,
            Status::Warning => self.service.weights.warning,
            Status::Critical => 0,
        }
    }

    /// Whether it carries a tag, in any case of letters.
    #[must_use]
    pub fn has_tag(&self, folded_tag: &str) -> bool {
        self.service.tags.iter().any(|tag| tag.folded() == folded_tag)
    }
}

impl Catalog {
    /// When each table last changed.
    #[must_use]
    pub fn tables(&self) -> Tables {
        self.tables
    }
}
