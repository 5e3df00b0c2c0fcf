//! Parameters → which nodes and instances of an answer stay: `node-meta`, `tag`, `passing`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::catalog::reply::Topic;
use crate::catalog::state::ServiceEntry;
use crate::catalog::{Instance, View};
use crate::model::health::Status;
use crate::model::node::Node;
use crate::model::number::Revision;

/// Which nodes stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct NodeSelection {
    /// Metadata that a node must carry, all of it. Of a key that is named twice, the last word counts.
    meta: BTreeMap<String, String>,
    /// Whether the nodes of another cluster are asked for, of which none is known.
    is_foreign: bool,
}

impl NodeSelection {
    /// Reads `node-meta=key:value`, which may be repeated.
    pub(in crate::api) fn new(call: &Call) -> Self {
        let pair = |text: &str| {
            let (key, value) = text.split_once(':').unwrap_or((text, ""));
            (key.to_owned(), value.to_owned())
        };
        let meta = call.params.all("node-meta").map(pair).collect();
        Self { meta, is_foreign: call.names_peer() }
    }

    /// Whether it may drop anything.
    pub(in crate::api) fn is_stated(&self) -> bool {
        self.is_foreign || !self.meta.is_empty()
    }

    /// What an answer made of `own` depends on: where metadata selects, on the nodes too.
    pub(in crate::api) fn topics(&self, own: Topic) -> Vec<Topic> {
        if self.meta.is_empty() { vec![own] } else { vec![own, Topic::Nodes] }
    }

    /// When such an answer last changed, if `own` did at this revision.
    pub(in crate::api) fn revision(&self, own: Revision, view: &View) -> Revision {
        if self.meta.is_empty() { own } else { own.max(view.tables().nodes) }
    }

    /// Whether a node stays.
    pub(in crate::api) fn admits(&self, node: &Node) -> bool {
        !self.is_foreign && self.meta.iter().all(|(key, value)| node.meta.get(key) == Some(value))
    }
}

/// Which instances stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct InstanceSelection {
    /// Which nodes.
    nodes: NodeSelection,
    /// Folded tags that an instance must carry, all of them.
    tags: Vec<String>,
    /// Which health.
    health: Health,
}

/// Which health an instance must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    /// Whatever.
    Any,
    /// All checks pass.
    Passing,
}

impl InstanceSelection {
    /// Reads `node-meta` and `tag`, which may be repeated.
    pub(in crate::api) fn new(call: &Call) -> Self {
        Self {
            nodes: NodeSelection::new(call),
            // An empty one is a tag that nothing carries, as in Consul.
            tags: call.params.all("tag").map(str::to_lowercase).collect(),
            health: Health::Any,
        }
    }

    /// Whether it may drop anything.
    pub(in crate::api) fn is_stated(&self) -> bool {
        self.nodes.is_stated() || !self.tags.is_empty() || self.health == Health::Passing
    }

    /// Reads `passing` too.
    ///
    /// # Errors
    /// [`Fault::Invalid`], where it is neither true nor false.
    pub(in crate::api) fn with_health(call: &Call) -> Result<Self, Fault> {
        let health = if call.switch("passing")? { Health::Passing } else { Health::Any };
        Ok(Self { health, ..Self::new(call) })
    }

    /// The instances of a service that stay and that the caller may see; none of one that is not there.
    pub(in crate::api) fn of<'a>(
        &'a self,
        call: &'a Call,
        entry: Option<&'a Arc<ServiceEntry>>,
    ) -> impl Iterator<Item = &'a Arc<Instance>> {
        let instances = entry.into_iter().flat_map(|entry| entry.instances.values());
        instances.filter(|instance| self.admits(instance) && call.shows_instance(instance))
    }

    /// Whether an instance stays.
    fn admits(&self, instance: &Instance) -> bool {
        let has_health = match self.health {
            Health::Any => true,
            Health::Passing => instance.status() == Status::Passing,
        };
        has_health
            && self.nodes.admits(&instance.node)
            && self.tags.iter().all(|tag| instance.has_tag(tag))
    }
}
