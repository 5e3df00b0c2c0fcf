//! Instance → Ruling: whether a prepared query means it, and which of its rules says no.

use std::collections::BTreeMap;

use crate::catalog::state::Instance;
use crate::model::check::Check;
use crate::model::health::Status;
use crate::model::prepared_query::ServiceQuery;

/// A service query, folded once so that each instance is compared and nothing more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The service, folded.
    pub service: String,
    /// Whether instances that warn are left out too.
    only_passing: bool,
    /// Ids of checks that do not count, folded.
    ignored: Vec<String>,
    /// Tags that are needed, folded.
    needed: Vec<String>,
    /// Tags that are forbidden, folded.
    forbidden: Vec<String>,
    /// Metadata of the node.
    node_meta: BTreeMap<String, String>,
    /// Metadata of the service.
    service_meta: BTreeMap<String, String>,
    /// Whether nothing is meant: there are no proxies of a mesh.
    is_mesh: bool,
}

/// Whether an instance is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It is.
    Kept,
    /// A check is critical that counts.
    Critical,
    /// A check warns that counts, and `OnlyPassing` is set.
    Warning,
    /// Its node lacks metadata.
    NodeMeta,
    /// It lacks metadata.
    ServiceMeta,
    /// It lacks a tag, or carries one that is forbidden.
    Tags,
    /// The mesh's proxies are meant, and it is none.
    Mesh,
}

impl Filter {
    /// What a service query means.
    #[must_use]
    pub fn new(service: &ServiceQuery) -> Self {
        let folded = |text: &String| text.to_lowercase();
        let needed = service.tags.iter().filter(|tag| !tag.starts_with('!')).map(folded);
        let forbidden = service.tags.iter().filter_map(|tag| tag.strip_prefix('!'));
        Self {
            service: service.service.to_lowercase(),
            only_passing: service.only_passing,
            ignored: service.ignore_check_ids.iter().map(folded).collect(),
            needed: needed.collect(),
            forbidden: forbidden.map(str::to_lowercase).collect(),
            node_meta: service.node_meta.clone(),
            service_meta: service.service_meta.clone(),
            is_mesh: service.connect,
        }
    }

    /// The same for the mesh's proxies.
    #[must_use]
    pub fn for_mesh(self) -> Self {
        Self { is_mesh: true, ..self }
    }

    /// Judges an instance: the first rule that says no, health last.
    #[must_use]
    pub fn judge(&self, instance: &Instance) -> Ruling {
        if self.is_mesh {
            return Ruling::Mesh;
        }
        let carries = |meta: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>| {
            wanted.iter().all(|(key, value)| meta.get(key) == Some(value))
        };
        if !carries(&instance.node.meta, &self.node_meta) {
            return Ruling::NodeMeta;
        }
        if !carries(&instance.service.meta, &self.service_meta) {
            return Ruling::ServiceMeta;
        }
        let has = |tag: &String| instance.has_tag(tag);
        if !self.needed.iter().all(has) || self.forbidden.iter().any(has) {
            return Ruling::Tags;
        }
        match self.status(instance) {
            Status::Critical => Ruling::Critical,
            Status::Warning if self.only_passing => Ruling::Warning,
            Status::Passing | Status::Warning => Ruling::Kept,
        }
    }

    /// The worst word of the checks that count.
    #[must_use]
    pub fn status(&self, instance: &Instance) -> Status {
        Status::worst(instance.checks().filter(|check| self.counts(check)).map(|c| c.status))
    }

    /// Whether a check counts.
    #[must_use]
    pub fn counts(&self, check: &Check) -> bool {
        !self.ignored.iter().any(|id| check.id.folded() == id)
    }
}
