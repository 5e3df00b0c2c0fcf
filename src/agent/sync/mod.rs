//! Anti-entropy: what the agent states × what the catalog has on this node → Commands.
//!
//! The agent is right about its own node, with three exceptions: `serfHealth` and the service `consul` are
//! the leader's, and the tags of a service with `enable_tag_override` are whoever's wrote them last: stating the
//! service anew is such a word, comparing is none. What others made of them becomes what the agent states.
//! The Commands of one difference do not depend on each other, but for the first where the node itself is
//! missing or different, and the last where a service has more to say than fits beside it:
//! [`Difference::first`], [`Difference::last`].
//! Limits: the checks of one Command have [`SYNC_CHECKS_BYTES_MAX`] together, so that many checks that
//! turn at once, or print much, are told in several Commands instead of one that is too large.

pub(in crate::agent) mod task;

mod timer;

mod deferral;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::ordmap::DiffItem;

use crate::agent::{LocalCheck, LocalView};
use crate::catalog::Command;
use crate::catalog::command::{
    CheckState, Deregistration, DeregistrationTarget, Machine, Registration,
};
use crate::catalog::state::NodeEntry;
use crate::model::check::{Check, SERF_HEALTH};
use crate::model::definition::ServiceDefinition;
use crate::model::limits::SYNC_CHECKS_BYTES_MAX;
use crate::model::name::{CheckId, NodeName, ServiceId, Tag};
use crate::model::node::Node;
use crate::model::service::{CONSUL_SERVICE, Service};

/// What the agent states.
#[derive(Clone, Copy, Debug)]
pub(in crate::agent) struct Stated<'a> {
    /// The name of its node.
    pub(in crate::agent) node: &'a NodeName,
    /// What it says of the machine.
    pub(in crate::agent) machine: &'a Machine,
    /// Its services and checks.
    pub(in crate::agent) local: &'a LocalView,
    /// Checks whose output is to be told even if nothing else of them changed.
    pub(in crate::agent) outputs_due: &'a BTreeSet<CheckId>,
}

/// What has to be told.
#[derive(Debug, Default, PartialEq)]
pub(in crate::agent) struct Difference {
    /// To be done before the others.
    pub(in crate::agent) first: Option<Command>,
    /// In any order.
    pub(in crate::agent) others: Vec<Command>,
    /// In any order, once the others are done: checks for which there was no room beside their service.
    pub(in crate::agent) last: Vec<Command>,
    /// Checks of which only the output differs: told later (`check_update_interval`).
    pub(in crate::agent) outputs: BTreeSet<CheckId>,
    /// Services whose tags others changed, as they may: the agent states them so from now on.
    pub(in crate::agent) adopted: Vec<Adopted>,
}

/// A service whose tags others changed.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::agent) struct Adopted {
    /// As it is stated.
    pub(in crate::agent) before: Arc<ServiceDefinition>,
    /// With the tags that the catalog has.
    pub(in crate::agent) after: Arc<ServiceDefinition>,
}

/// What of both sides is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct Scope {
    /// These services.
    services: BTreeSet<ServiceId>,
    /// These checks.
    checks: BTreeSet<CheckId>,
    /// Services that were stated anew: all of that counts, whoever else may change their tags.
    restated: BTreeSet<ServiceId>,
}

impl Scope {
    /// All that either side has.
    pub(in crate::agent) fn whole(entry: Option<&Arc<NodeEntry>>, local: &LocalView) -> Self {
        let entry = entry.into_iter();
        let services = entry.clone().flat_map(|entry| entry.services.keys());
        let checks = entry.flat_map(|entry| entry.checks.keys());
        Self {
            services: services.chain(local.services.keys()).cloned().collect(),
            checks: checks.chain(local.checks.keys()).cloned().collect(),
            restated: BTreeSet::new(),
        }
    }

    /// What changed on either side. Costs as much as that, not as much as there is.
    pub(in crate::agent) fn changed(
        before: (&NodeEntry, &LocalView),
        after: (&NodeEntry, &LocalView),
    ) -> Self {
        let mut scope = Self::default();
        scope.services.extend(before.0.services.diff(&after.0.services).map(key_of));
        scope.services.extend(before.1.services.diff(&after.1.services).map(key_of));
        scope.checks.extend(before.0.checks.diff(&after.0.checks).map(key_of));
        scope.checks.extend(before.1.checks.diff(&after.1.checks).map(key_of));
        scope
    }

    /// Notes which services were stated anew between two moments.
    pub(in crate::agent) fn restate(&mut self, before: &LocalView, after: &LocalView) {
        self.restated.extend(before.services.diff(&after.services).map(key_of));
    }

    /// The same of what is still to be told.
    pub(in crate::agent) fn restate_open(&mut self, scope: &Self) {
        self.restated = self.services.intersection(&scope.restated).cloned().collect();
    }

    /// What was stated anew has been told: from now on others' tags count again.
    pub(in crate::agent) fn forget_restated(&mut self) {
        self.restated.clear();
    }

    /// These checks.
    pub(in crate::agent) fn of_checks(checks: &BTreeSet<CheckId>) -> Self {
        Self { checks: checks.clone(), ..Self::default() }
    }

    /// All that is told by these.
    pub(in crate::agent) fn of_commands(commands: &[Command]) -> Self {
        let mut scope = Self::default();
        for command in commands {
            if let Command::Register(registration) = command {
                scope
                    .services
                    .extend(registration.service.iter().map(|service| service.id.clone()));
                scope.checks.extend(registration.checks.iter().map(|check| check.id.clone()));
            } else if let Command::Deregister(deregistration) = command {
                match &deregistration.target {
                    DeregistrationTarget::Service(id) => drop(scope.services.insert(id.clone())),
                    DeregistrationTarget::Check(id) => drop(scope.checks.insert(id.clone())),
                    DeregistrationTarget::Node => {}
                }
            }
        }
        scope
    }

    pub(in crate::agent) fn extend(&mut self, other: Self) {
        self.services.extend(other.services);
        self.checks.extend(other.checks);
        self.restated.extend(other.restated);
    }

    pub(in crate::agent) fn checks(&self) -> &BTreeSet<CheckId> {
        &self.checks
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map` hands over")]
fn key_of<K: Clone, V>(difference: DiffItem<'_, '_, K, V>) -> K {
    match difference {
        DiffItem::Add(key, _)
        | DiffItem::Update { new: (key, _), .. }
        | DiffItem::Remove(key, _) => key.clone(),
    }
}

/// What the catalog has to be told of all that is in scope.
pub(in crate::agent) fn diff(
    entry: Option<&Arc<NodeEntry>>,
    stated: &Stated<'_>,
    scope: &Scope,
) -> Difference {
    let mut difference = Difference::default();
    if entry.is_none_or(|entry| !is_same_machine(&entry.node, stated.machine)) {
        difference.first = Some(register(stated, Some(stated.machine.clone()), None, Vec::new()));
    }
    let mut checks = differing_checks(entry, stated, scope, &mut difference.outputs);
    let services = scope.services.iter();
    for (id, local) in services.filter_map(|id| stated.local.services.get_key_value(id)) {
        let before = entry.and_then(|entry| entry.services.get(id));
        let theirs = before.filter(|_| !scope.restated.contains(id));
        let theirs = theirs.filter(|_| local.definition.enable_tag_override).map(|it| &it.tags);
        if let Some(tags) = theirs.filter(|tags| **tags != local.definition.tags) {
            let after = ServiceDefinition { tags: tags.clone(), ..(*local.definition).clone() };
            let before = Arc::clone(&local.definition);
            difference.adopted.push(Adopted { before, after: Arc::new(after) });
        }
        let tags = theirs.unwrap_or(&local.definition.tags);
        let service = as_service(&local.definition, tags, before);
        let checks = checks.remove(&Some(id.clone())).unwrap_or_default();
        let is_same = before.is_some_and(|before| is_same_service(before, &service));
        if !is_same || !checks.is_empty() {
            let service = (!is_same).then_some(service);
            let mut chunks = chunks(checks).into_iter();
            let beside = chunks.next().unwrap_or_default();
            difference.others.push(register(stated, None, service, beside));
            difference.last.extend(chunks.map(|checks| register(stated, None, None, checks)));
        }
    }
    for checks in checks.into_values().flat_map(chunks) {
        difference.others.push(register(stated, None, None, checks));
    }
    if let Some(entry) = entry {
        difference.others.extend(surplus(entry, stated, scope));
    }
    difference
}

/// The checks that the catalog lacks or has differently, by service.
fn differing_checks(
    entry: Option<&Arc<NodeEntry>>,
    stated: &Stated<'_>,
    scope: &Scope,
    outputs: &mut BTreeSet<CheckId>,
) -> BTreeMap<Option<ServiceId>, Vec<CheckState>> {
    let mut checks: BTreeMap<Option<ServiceId>, Vec<CheckState>> = BTreeMap::new();
    for id in &scope.checks {
        let Some(local) = stated.local.checks.get(id) else { continue };
        let state = as_state(local);
        let before = entry.and_then(|entry| entry.checks.get(id));
        match before.map_or(Likeness::Different, |before| compare(before, &state)) {
            Likeness::Same => continue,
            Likeness::OutputDiffers if !stated.outputs_due.contains(id) => {
                outputs.insert(id.clone());
                continue;
            }
            Likeness::OutputDiffers | Likeness::Different => {}
        }
        checks.entry(state.service_id.clone()).or_default().push(state);
    }
    checks
}

/// Checks in the same order, no more in one piece than fit into one Command; a larger one goes alone.
fn chunks(checks: Vec<CheckState>) -> Vec<Vec<CheckState>> {
    let mut chunks: Vec<Vec<CheckState>> = Vec::new();
    let mut room = 0;
    for check in checks {
        let bytes = encoded_bytes(&check);
        match chunks.last_mut() {
            Some(chunk) if bytes <= room => {
                room -= bytes;
                chunk.push(check);
            }
            Some(_) | None => {
                room = SYNC_CHECKS_BYTES_MAX.saturating_sub(bytes);
                chunks.push(vec![check]);
            }
        }
    }
    chunks
}

/// What a check takes in an encoded Command, at most: text is encoded as it is.
fn encoded_bytes(check: &CheckState) -> usize {
    // Only others' registrations state a definition.
    let CheckState { id, name, status: _, notes, output, service_id, kind, definition: _ } = check;
    let service_id = service_id.as_ref().map_or(0, |id| id.as_str().len());
    let texts = [id.as_str(), name, notes, output, kind];
    CHECK_FRAME_BYTES + service_id + texts.iter().map(|text| text.len()).sum::<usize>()
}

/// What the catalog has on this node and nobody states.
fn surplus(entry: &NodeEntry, stated: &Stated<'_>, scope: &Scope) -> Vec<Command> {
    let local = stated.local;
    let is_kept = |id: &ServiceId| id.folded() == CONSUL_SERVICE || local.services.contains_key(id);
    let services = scope.services.iter();
    let services = services.filter(|id| entry.services.contains_key(*id) && !is_kept(id));
    let services = services.map(|id| DeregistrationTarget::Service(id.clone()));
    let checks = scope.checks.iter().filter_map(|id| entry.checks.get(id)).filter(|check| {
        let is_leaders = check.id.as_str().eq_ignore_ascii_case(SERF_HEALTH);
        // A check of a service that goes, or of the leader's, goes or stays with it.
        let is_decided = match &check.service {
            Some(service) => {
                service.id.folded() == CONSUL_SERVICE || !local.services.contains_key(&service.id)
            }
            None => false,
        };
        !is_leaders && !is_decided && !local.checks.contains_key(&check.id)
    });
    let checks = checks.map(|check| DeregistrationTarget::Check(check.id.clone()));
    services
        .chain(checks)
        .map(|target| Command::Deregister(Deregistration { node: stated.node.clone(), target }))
        .collect()
}

fn register(
    stated: &Stated<'_>,
    machine: Option<Machine>,
    service: Option<Service>,
    checks: Vec<CheckState>,
) -> Command {
    let node = stated.node.clone();
    Command::Register(Box::new(Registration { node, machine, service, checks }))
}

fn is_same_machine(node: &Node, machine: &Machine) -> bool {
    let Machine { id, address, tagged_addresses, meta } = machine;
    (id.is_empty() || node.id == *id)
        && node.address == *address
        && node.tagged_addresses == *tagged_addresses
        && node.meta == *meta
}

/// A definition as the catalog would hold it, with these tags.
fn as_service(
    definition: &ServiceDefinition,
    tags: &[Tag],
    before: Option<&Arc<Service>>,
) -> Service {
    Service {
        id: definition.id.clone(),
        name: definition.name.clone(),
        tags: tags.to_vec(),
        address: definition.address.clone(),
        tagged_addresses: definition.tagged_addresses.clone(),
        meta: definition.meta.clone(),
        port: definition.port,
        weights: definition.weights,
        enable_tag_override: definition.enable_tag_override,
        create_revision: before.map(|before| before.create_revision).unwrap_or_default(),
        modify_revision: before.map(|before| before.modify_revision).unwrap_or_default(),
    }
}

fn is_same_service(before: &Service, after: &Service) -> bool {
    // The revisions were copied, so whatever else a service gets one day is compared too.
    before == after
}

fn as_state(local: &LocalCheck) -> CheckState {
    let definition = &local.definition;
    CheckState {
        id: definition.id.clone(),
        name: definition.name.clone(),
        status: local.status,
        notes: definition.notes.clone(),
        output: local.output.clone(),
        service_id: definition.service_id.clone(),
        kind: definition.probe.kind().to_owned(),
        definition: None,
    }
}

/// How the catalog's check compares to the agent's.
enum Likeness {
    /// Nothing differs.
    Same,
    /// Only what it printed.
    OutputDiffers,
    /// Something that counts.
    Different,
}

fn compare(before: &Check, after: &CheckState) -> Likeness {
    let is_same = before.name == after.name
        && before.status == after.status
        && before.notes == after.notes
        && before.kind == after.kind
        && before.definition == after.definition
        && before.service.as_ref().map(|service| &service.id) == after.service_id.as_ref();
    match (is_same, before.output == after.output) {
        (true, true) => Likeness::Same,
        (true, false) => Likeness::OutputDiffers,
        (false, _) => Likeness::Different,
    }
}

/// Field names, status and lengths of an encoded check, at most.
const CHECK_FRAME_BYTES: usize = 128;

#[cfg(test)]
mod tests;
