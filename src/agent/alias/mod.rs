//! Alias checks: each says what the checks of another service or node say.
//!
//! An alias of an alias follows through to the checks behind it, each seen once. So two aliases that
//! follow each other, or one that is a check of what it follows, cannot keep each other critical for ever,
//! as Consul 1.8's do.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::agent::LocalView;
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

/// Brings every alias check up to date; whether any of them changed. `node` is this agent's.
pub(in crate::agent) fn settle(local: &mut LocalView, view: &View, node: &NodeName) -> bool {
    let mut words = Vec::new();
    for (id, check) in &local.checks {
        if let Probe::Alias { .. } = check.definition.probe {
            words.push((id.clone(), follow(local, view, node, id)));
        }
    }
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
pub(in crate::agent) fn nodes_followed(local: &LocalView, node: &NodeName) -> BTreeSet<NodeName> {
    let probes = local.checks.values().map(|check| &check.definition.probe);
    let nodes = probes.filter_map(|probe| match probe {
        Probe::Alias { node, .. } => node.clone(),
        Probe::Ttl { .. }
        | Probe::Http { .. }
        | Probe::Tcp { .. }
        | Probe::Udp { .. }
        | Probe::Script { .. }
        | Probe::Maintenance => None,
    });
    nodes.filter(|followed| followed != node).collect()
}

/// What one alias check says.
fn follow(local: &LocalView, view: &View, node: &NodeName, id: &CheckId) -> Word {
    let mut search = Search { local, view, node, seen: BTreeSet::new(), found: Vec::new() };
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
            | Probe::Script { .. }
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
                let checks = self.local.checks.iter();
                let ids = checks.filter(|(_, check)| follows(check.definition.service_id.as_ref()));
                Ok(ids.map(|(id, _)| id.clone()).collect())
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
