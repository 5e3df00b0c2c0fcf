//! Alias checks: each says what the checks of another service or node say.
//!
//! An alias of an alias follows through to the checks behind it, each seen once. So two aliases that
//! follow each other, or one that is a check of what it follows, cannot keep each other critical for ever,
//! as Consul 1.8's do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use crate::agent::{LocalCheck, LocalView};
use crate::catalog::View;
use crate::model::definition::Probe;
use crate::model::health::Status;
use crate::model::name::{CheckId, NodeName, ServiceId};

/// What an alias check says now.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::agent) struct Word {
    /// The worst of what it follows.
    pub(in crate::agent) status: Status,
    /// Why.
    pub(in crate::agent) output: String,
}

/// Which checks are aliases, and which ones they could follow: kept up to date, so that a heartbeat does not
/// have to look at every check of the machine.
#[derive(Debug, Default)]
pub(in crate::agent) struct Index {
    /// The checks that this was brought in line with.
    seen: OrdMap<CheckId, Arc<LocalCheck>>,
    /// Aliases.
    aliases: BTreeSet<CheckId>,
    /// Every check by what it is about.
    checks: BTreeMap<Option<ServiceId>, BTreeSet<CheckId>>,
}

impl Index {
    /// Takes notice of what changed since the last time.
    pub(in crate::agent) fn align(&mut self, local: &LocalView) {
        let before = std::mem::replace(&mut self.seen, local.checks.clone());
        for difference in before.diff(&local.checks) {
            let (old, new) = match difference {
                DiffItem::Add(_, new) => (None, Some(new)),
                DiffItem::Update { old: (_, old), new: (_, new) } => (Some(old), Some(new)),
                DiffItem::Remove(_, old) => (Some(old), None),
            };
            old.inspect(|check| self.remove(check));
            new.inspect(|check| self.insert(check));
        }
    }

    fn insert(&mut self, check: &LocalCheck) {
        let definition = &check.definition;
        if let Probe::Alias { .. } = definition.probe {
            self.aliases.insert(definition.id.clone());
        }
        self.checks.entry(definition.service_id.clone()).or_default().insert(definition.id.clone());
    }

    fn remove(&mut self, check: &LocalCheck) {
        let definition = &check.definition;
        self.aliases.remove(&definition.id);
        if let Some(checks) = self.checks.get_mut(&definition.service_id) {
            checks.remove(&definition.id);
            if checks.is_empty() {
                self.checks.remove(&definition.service_id);
            }
        }
    }
}

/// Brings every alias check up to date; whether any of them changed. `node` is this agent's.
pub(in crate::agent) fn settle(
    local: &mut LocalView,
    index: &mut Index,
    view: &View,
    node: &NodeName,
) -> bool {
    index.align(local);
    let follow = |id: &CheckId| (id.clone(), follow(local, index, view, node, id));
    let words: Vec<(CheckId, Word)> = index.aliases.iter().map(follow).collect();
    let mut is_changed = false;
    for (id, word) in words {
        let Some(check) = local.checks.get_mut(&id) else { continue };
        if check.status != word.status || check.output != word.output {
            let check = Arc::make_mut(check);
            check.status = word.status;
            check.output = word.output;
            is_changed = true;
        }
    }
    is_changed
}

/// The other nodes that this agent's aliases follow.
pub(in crate::agent) fn nodes_followed(
    local: &LocalView,
    index: &mut Index,
    node: &NodeName,
) -> BTreeSet<NodeName> {
    index.align(local);
    let checks = index.aliases.iter().filter_map(|id| local.checks.get(id));
    let nodes = checks.filter_map(|check| match &check.definition.probe {
        Probe::Alias { node, .. } => node.clone(),
        Probe::Ttl { .. }
        | Probe::Http { .. }
        | Probe::Tcp { .. }
        | Probe::Udp { .. }
        | Probe::Grpc { .. }
        | Probe::H2Ping { .. }
        | Probe::Script { .. }
        | Probe::Docker { .. }
        | Probe::OsService { .. }
        | Probe::Maintenance => None,
    });
    nodes.filter(|followed| followed != node).collect()
}

/// What one alias check says.
fn follow(local: &LocalView, index: &Index, view: &View, node: &NodeName, id: &CheckId) -> Word {
    let mut search = Search { local, index, view, node, seen: BTreeSet::new(), found: Vec::new() };
    let mut waiting = vec![id.clone()];
    // Each check is expanded once, so this ends after at most as many steps as there are checks.
    while let Some(id) = waiting.pop() {
        if !search.seen.insert(id.clone()) {
            continue;
        }
        let Some(check) = local.checks.get(&id) else { continue };
        match &check.definition.probe {
            Probe::Alias { node, service } => {
                let expanded = search.expand(node.as_ref(), service.as_ref());
                match expanded {
                    Ok(ids) => waiting.extend(ids),
                    Err(output) => return Word { status: Status::Critical, output },
                }
            }
            Probe::Ttl { .. }
            | Probe::Http { .. }
            | Probe::Tcp { .. }
            | Probe::Udp { .. }
            | Probe::Grpc { .. }
            | Probe::H2Ping { .. }
            | Probe::Script { .. }
            | Probe::Docker { .. }
            | Probe::OsService { .. }
            | Probe::Maintenance => {
                let name = &check.definition.name;
                search.found.push((check.status, name.clone(), check.output.clone()));
            }
        }
    }
    conclude(search.found)
}

/// A walk from one alias to the checks behind it.
struct Search<'a> {
    /// What this agent states.
    local: &'a LocalView,
    /// The same by what it is about.
    index: &'a Index,
    /// What the catalog knows of other nodes.
    view: &'a View,
    /// This agent's node.
    node: &'a NodeName,
    /// Checks of this agent that were looked at.
    seen: BTreeSet<CheckId>,
    /// What was found: status, name and output of checks that are no aliases.
    found: Vec<(Status, String, String)>,
}

impl Search<'_> {
    /// This agent's checks that an alias follows; those of another node go right into `found`.
    fn expand(
        &mut self,
        node: Option<&NodeName>,
        service: Option<&ServiceId>,
    ) -> Result<Vec<CheckId>, String> {
        let follows = |of: Option<&ServiceId>| of.is_none() || of == service;
        match node.filter(|node| *node != self.node) {
            None => {
                if let Some(id) = service.filter(|id| !self.local.services.contains_key(*id)) {
                    return Err(format!("Service {id} could not be found on node {}", self.node));
                }
                let of = |service: &Option<ServiceId>| {
                    self.index.checks.get(service).into_iter().flatten().cloned()
                };
                let own = service.map(|service| of(&Some(service.clone())));
                Ok(of(&None).chain(own.into_iter().flatten()).collect())
            }
            Some(node) => {
                let Some(entry) = self.view.node(node.folded()) else {
                    return Err(format!("Node {node} could not be found"));
                };
                if let Some(id) = service.filter(|id| !entry.services.contains_key(*id)) {
                    return Err(format!("Service {id} could not be found on node {node}"));
                }
                let checks = entry.checks.values();
                let checks = checks.filter(|check| follows(check.service.as_ref().map(|s| &s.id)));
                self.found.extend(checks.map(|c| (c.status, c.name.clone(), c.output.clone())));
                Ok(Vec::new())
            }
        }
    }
}

/// The worst of what was found, in Consul's words.
fn conclude(found: Vec<(Status, String, String)>) -> Word {
    let is_empty = found.is_empty();
    let worst = found.into_iter().max_by(|(one, ..), (other, ..)| one.cmp(other));
    match worst {
        Some((status @ (Status::Warning | Status::Critical), name, output)) => {
            Word { status, output: format!("Aliased check {name:?} failing: {output}") }
        }
        Some((Status::Passing, ..)) | None => Word {
            status: Status::Passing,
            output: if is_empty { "No checks found." } else { "All checks passing." }.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests;
