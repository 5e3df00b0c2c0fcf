//! Registrations: nodes, services and checks come, change and go.

use std::sync::Arc;

use crate::catalog::apply::coordinates;
use crate::catalog::apply::session;
use crate::catalog::command::{
    CheckState, Deregistration, DeregistrationTarget, Machine, Registration,
};
use crate::catalog::reply::{Changes, Reject, Reply, Topic};
use crate::catalog::row::RowKey;
use crate::catalog::state::Catalog;
use crate::model::check::{Check, CheckedService, SERF_HEALTH};
use crate::model::health::Status;
use crate::model::name::{CheckId, NodeName, ServiceId, ServiceName};
use crate::model::node::Node;
use crate::model::number::Revision;
use crate::model::service::Service;

/// Puts a node, a service and checks in place; all of it or nothing.
pub(super) fn register(
    catalog: &mut Catalog,
    revision: Revision,
    registration: &Registration,
    changes: &mut Changes,
) -> Reply {
    if let Err(reject) = check_registration(catalog, registration) {
        return Reply::Rejected(reject);
    }
    if let Some(machine) = &registration.machine {
        put_node(catalog, revision, &registration.node, machine, changes);
    }
    if let Some(service) = &registration.service {
        put_service(catalog, revision, &registration.node, service, changes);
    }
    for check in &registration.checks {
        put_check(catalog, revision, &registration.node, check, changes);
    }
    Reply::Done(revision)
}

/// Does the same, but leaves a node as it is that is there already.
pub(super) fn welcome(
    catalog: &mut Catalog,
    revision: Revision,
    registration: &Registration,
    changes: &mut Changes,
) -> Reply {
    if catalog.nodes.contains_key(&registration.node) {
        let rest = Registration { machine: None, ..registration.clone() };
        return register(catalog, revision, &rest, changes);
    }
    register(catalog, revision, registration, changes)
}

/// Takes a node, a service or a check away. What is not there is gone already.
pub(super) fn deregister(
    catalog: &mut Catalog,
    revision: Revision,
    deregistration: &Deregistration,
    changes: &mut Changes,
) -> Reply {
    let node = &deregistration.node;
    match &deregistration.target {
        DeregistrationTarget::Node => remove_node(catalog, revision, node, changes),
        DeregistrationTarget::Service(id) => remove_service(catalog, revision, node, id, changes),
        DeregistrationTarget::Check(id) => remove_check(catalog, revision, node, id, changes),
    }
    Reply::Done(revision)
}

/// Finds the rule that forbids a registration, before anything is touched.
fn check_registration(catalog: &Catalog, registration: &Registration) -> Result<(), Reject> {
    let name = &registration.node;
    let entry = catalog.nodes.get(name);
    match &registration.machine {
        None if entry.is_none() => return Err(Reject::NodeUnknown(name.clone())),
        Some(machine) => check_identity(catalog, name, machine)?,
        None => {}
    }
    for check in &registration.checks {
        let Some(id) = &check.service_id else { continue };
        let is_new = registration.service.as_ref().is_some_and(|service| service.id == *id);
        let is_known = entry.is_some_and(|entry| entry.services.contains_key(id));
        if !is_new && !is_known {
            return Err(Reject::ServiceUnknown { node: name.clone(), service_id: id.clone() });
        }
    }
    Ok(())
}

/// A name that belongs to another UUID may be taken over only while its owner is not alive.
fn check_identity(catalog: &Catalog, name: &NodeName, machine: &Machine) -> Result<(), Reject> {
    let Some(entry) = catalog.nodes.get(name) else { return Ok(()) };
    let owner = &entry.node;
    let is_same = machine.id.is_empty() || owner.id.is_empty() || owner.id == machine.id;
    // Looked up by the folded form, as every name is.
    let serf_health = entry.checks.get(SERF_HEALTH.to_ascii_lowercase().as_str());
    let is_alive = serf_health.is_some_and(|check| check.status != Status::Critical);
    if is_same || !is_alive {
        return Ok(());
    }
    Err(Reject::NodeNameReserved {
        node: owner.name.clone(),
        owner_id: owner.id.clone(),
        owner_address: owner.address.to_string(),
    })
}

fn put_node(
    catalog: &mut Catalog,
    revision: Revision,
    name: &NodeName,
    machine: &Machine,
    changes: &mut Changes,
) {
    // A machine that comes back under another name is renamed: its old entry goes.
    if let Some(old) = catalog.node_ids.get(&machine.id).filter(|old| *old != name).cloned() {
        remove_node(catalog, revision, &old, changes);
    }
    let before = catalog.nodes.get(name).map(|entry| Arc::clone(&entry.node));
    let mut after = Node {
        name: name.clone(),
        id: machine.id.clone(),
        address: machine.address.clone(),
        tagged_addresses: machine.tagged_addresses.clone(),
        meta: machine.meta.clone(),
        create_revision: revision,
        modify_revision: revision,
    };
    if let Some(before) = before {
        after.create_revision = before.create_revision;
        after.modify_revision = before.modify_revision;
        if after.id.is_empty() {
            after.id.clone_from(&before.id);
        }
        if after == *before {
            return;
        }
        after.modify_revision = revision;
    }
    catalog.put_node(&Arc::new(after), revision);
    catalog.tables.nodes = revision;
    changes.topics.insert(Topic::Nodes);
    note_node(catalog, name, changes);
    note_services(catalog, name, None, changes);
}

fn put_service(
    catalog: &mut Catalog,
    revision: Revision,
    node: &NodeName,
    service: &Service,
    changes: &mut Changes,
) {
    let before = catalog.nodes.get(node).and_then(|entry| entry.services.get(&service.id)).cloned();
    let mut after =
        Service { create_revision: revision, modify_revision: revision, ..service.clone() };
    catalog.share_service(&mut after);
    if let Some(before) = before {
        after.create_revision = before.create_revision;
        after.modify_revision = before.modify_revision;
        if after == *before {
            return;
        }
        after.modify_revision = revision;
        if before.name != after.name {
            changes.rows.insert(RowKey::ServiceRevision(before.name.clone()));
            changes.topics.insert(Topic::Service(before.name.clone()));
        }
    }
    let id = after.id.clone();
    let name_before = before_name(catalog, node, &id);
    catalog.put_service(node, &Arc::new(after), revision);
    catalog.tables.services = revision;
    // Under its new name, it may leave nobody under the old one.
    if name_before.is_some_and(|name| !catalog.services.contains_key(&name)) {
        catalog.tables.service_extinction = revision;
    }
    changes.rows.insert(RowKey::Service(node.clone(), id.clone()));
    changes.topics.insert(Topic::Services);
    note_node(catalog, node, changes);
    note_services(catalog, node, Some(&id), changes);
    refresh_checked_service(catalog, revision, node, &id, changes);
}

fn before_name(catalog: &Catalog, node: &NodeName, id: &ServiceId) -> Option<ServiceName> {
    Some(catalog.nodes.get(node)?.services.get(id)?.name.clone())
}

/// Checks show their service's name and tags: keeps them up to date.
fn refresh_checked_service(
    catalog: &mut Catalog,
    revision: Revision,
    node: &NodeName,
    id: &ServiceId,
    changes: &mut Changes,
) {
    let Some(instance) = catalog.instance(node, id).cloned() else { return };
    let Service { name, tags, .. } = &*instance.service;
    let checked = CheckedService { id: id.clone(), name: name.clone(), tags: tags.clone() };
    for check in &instance.service_checks {
        if check.service.as_ref().is_some_and(|before| *before != checked) {
            let mut after = (**check).clone();
            after.service = Some(checked.clone());
            after.modify_revision = revision;
            store_check(catalog, revision, after, changes);
        }
    }
}

fn put_check(
    catalog: &mut Catalog,
    revision: Revision,
    node: &NodeName,
    state: &CheckState,
    changes: &mut Changes,
) {
    let Some(entry) = catalog.nodes.get(node) else { return };
    let service = state.service_id.as_ref().and_then(|id| entry.services.get(id));
    let mut after = Check {
        node: entry.node.name.clone(),
        id: state.id.clone(),
        name: state.name.clone(),
        status: state.status,
        notes: state.notes.clone(),
        output: state.output.clone(),
        service: service.map(|service| CheckedService {
            id: service.id.clone(),
            name: service.name.clone(),
            tags: service.tags.clone(),
        }),
        kind: state.kind.clone(),
        definition: state.definition.clone(),
        create_revision: revision,
        modify_revision: revision,
    };
    if let Some(before) = entry.checks.get(&state.id).cloned() {
        after.create_revision = before.create_revision;
        after.modify_revision = before.modify_revision;
        if after == *before {
            return;
        }
        after.modify_revision = revision;
        note_checked(catalog, node, &before, changes);
    }
    store_check(catalog, revision, after, changes);
}

fn store_check(catalog: &mut Catalog, revision: Revision, check: Check, changes: &mut Changes) {
    let check = Arc::new(check);
    catalog.put_check(&check, revision);
    catalog.tables.checks = revision;
    changes.rows.insert(RowKey::Check(check.node.clone(), check.id.clone()));
    changes.topics.insert(Topic::Checks);
    note_node(catalog, &check.node, changes);
    note_checked(catalog, &check.node, &check, changes);
    if check.status == Status::Critical {
        session::end_with_check(catalog, revision, &check.node, &check.id, changes);
    }
}

fn remove_node(catalog: &mut Catalog, revision: Revision, node: &NodeName, changes: &mut Changes) {
    let Some(entry) = catalog.nodes.get(node).cloned() else { return };
    session::end_with_node(catalog, revision, node, changes);
    for id in entry.services.keys() {
        remove_service(catalog, revision, node, id, changes);
    }
    for id in entry.checks.keys() {
        remove_check(catalog, revision, node, id, changes);
    }
    coordinates::forget(catalog, revision, node, changes);
    catalog.remove_bare_node(node);
    catalog.tables.nodes = revision;
    catalog.tables.node_extinction = revision;
    changes.topics.insert(Topic::Nodes);
    note_node(catalog, node, changes);
}

fn remove_service(
    catalog: &mut Catalog,
    revision: Revision,
    node: &NodeName,
    id: &ServiceId,
    changes: &mut Changes,
) {
    let Some(instance) = catalog.instance(node, id).cloned() else { return };
    let service = &instance.service;
    for check in &instance.service_checks {
        remove_check(catalog, revision, node, &check.id, changes);
    }
    catalog.remove_service(node, id, revision);
    catalog.tables.services = revision;
    if !catalog.services.contains_key(&service.name) {
        catalog.tables.service_extinction = revision;
    }
    changes.rows.insert(RowKey::Service(node.clone(), id.clone()));
    changes.rows.insert(RowKey::ServiceRevision(service.name.clone()));
    changes.topics.insert(Topic::Services);
    changes.topics.insert(Topic::Service(service.name.clone()));
    note_node(catalog, node, changes);
}

fn remove_check(
    catalog: &mut Catalog,
    revision: Revision,
    node: &NodeName,
    id: &CheckId,
    changes: &mut Changes,
) {
    let Some(check) = catalog.nodes.get(node).and_then(|entry| entry.checks.get(id)).cloned()
    else {
        return;
    };
    catalog.remove_check(node, id, revision);
    catalog.tables.checks = revision;
    changes.rows.insert(RowKey::Check(node.clone(), id.clone()));
    changes.topics.insert(Topic::Checks);
    note_node(catalog, node, changes);
    note_checked(catalog, node, &check, changes);
    session::end_with_check(catalog, revision, node, id, changes);
}

/// Notes that something on a node changed.
fn note_node(catalog: &Catalog, node: &NodeName, changes: &mut Changes) {
    let name = catalog.nodes.get(node).map_or(node, |entry| &entry.node.name).clone();
    changes.rows.insert(RowKey::Node(name.clone()));
    changes.topics.insert(Topic::Node(name));
}

/// Notes the services that a check decides about.
fn note_checked(catalog: &Catalog, node: &NodeName, check: &Check, changes: &mut Changes) {
    note_services(catalog, node, check.service.as_ref().map(|service| &service.id), changes);
}

/// Notes that one service of a node, or all of them, look different.
fn note_services(
    catalog: &Catalog,
    node: &NodeName,
    id: Option<&ServiceId>,
    changes: &mut Changes,
) {
    let Some(entry) = catalog.nodes.get(node) else { return };
    let mut note = |service: &Service| {
        changes.rows.insert(RowKey::ServiceRevision(service.name.clone()));
        changes.topics.insert(Topic::Service(service.name.clone()));
    };
    match id {
        Some(id) => entry.services.get(id).into_iter().for_each(|service| note(service)),
        None => entry.services.values().for_each(|service| note(service)),
    }
}
