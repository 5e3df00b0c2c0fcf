//! Registration or deregistration × what the caller may do → go on, or 403.
//!
//! As Consul vets them: who may write a node may take anything of it away; a service may be moved to another
//! name only by who may write both; a node that a registration merely repeats needs no right.

use crate::acl::Authorizer;
use crate::agent::LocalView;
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::catalog::command::{Deregistration, DeregistrationTarget, Machine, Registration};
use crate::catalog::operation::Operation;
use crate::catalog::state::NodeEntry;
use crate::catalog::{Command, View};
use crate::model::definition::{CheckDefinition, ServiceDefinition};
use crate::model::name::{CheckId, NodeName, ServiceId};
use crate::model::service::Service;

/// Refuses a change of nodes, services and checks that the caller may not make.
///
/// # Errors
/// [`Fault::Denied`]; [`Fault::Refused`] where what is changed is not there.
pub(in crate::api) fn vet_catalog(
    acl: &Authorizer,
    view: &View,
    command: &Command,
) -> Result<(), Fault> {
    match command {
        Command::Register(registration) => vet_registration(acl, view, registration, false),
        Command::Welcome(registration) => vet_registration(acl, view, registration, true),
        Command::Deregister(deregistration) => vet_deregistration(acl, view, deregistration),
        // Every other Command has a door of its own, which asks for itself.
        Command::KvSet(_)
        | Command::KvAcquire(_)
        | Command::KvRelease(_)
        | Command::KvDelete(_)
        | Command::KvDeleteTree(_)
        | Command::SessionCreate(_)
        | Command::SessionDestroy(_)
        | Command::Transact(_)
        | Command::ReapTombstones(_)
        | Command::UpdateCoordinate(_)
        | Command::AutopilotSet(_)
        | Command::StagePart(_)
        | Command::Restore(_)
        | Command::DropStaged(_)
        | Command::PreparedQueryCreate(_)
        | Command::PreparedQueryUpdate(_)
        | Command::PreparedQueryDelete(_)
        | Command::Unknown => Err(Fault::Denied),
    }
}

/// Refuses a registration that the caller may not make.
///
/// # Errors
/// [`Fault::Denied`]; [`Fault::Refused`] for a check of a service that is not there.
pub(in crate::api) fn vet_registration(
    acl: &Authorizer,
    view: &View,
    registration: &Registration,
    is_kept: bool,
) -> Result<(), Fault> {
    if acl.allows_all() {
        return Ok(());
    }
    let node = &registration.node;
    let entry = view.node(node.folded());
    if changes_node(entry.map(|entry| &**entry), registration, is_kept) {
        permit(acl.node_write(node))?;
    }
    if let Some(service) = &registration.service {
        permit(acl.service_write(&service.name))?;
        if let Some(before) = entry.and_then(|entry| entry.services.get(&service.id)) {
            permit(acl.service_write(&before.name))?;
        }
    }
    for check in &registration.checks {
        let Some(id) = &check.service_id else {
            permit(acl.node_write(node))?;
            continue;
        };
        if registration.service.as_ref().is_some_and(|service| service.id == *id) {
            continue;
        }
        let Some(service) = entry.and_then(|entry| entry.services.get(id)) else {
            let text = format!("Unknown service '{id}' for check '{}'", check.id);
            return Err(Fault::Refused(text));
        };
        permit(acl.service_write(&service.name))?;
    }
    Ok(())
}

/// Whether a registration makes a node, or makes another of it. `is_kept`: one that is there stays as it is.
fn changes_node(entry: Option<&NodeEntry>, registration: &Registration, is_kept: bool) -> bool {
    let Some(entry) = entry else { return true };
    let Some(machine) = &registration.machine else { return false };
    let Machine { id, address, tagged_addresses, meta } = machine;
    let node = &entry.node;
    let is_repeated = node.id == *id
        && node.address == *address
        && node.tagged_addresses == *tagged_addresses
        && node.meta == *meta;
    !is_kept && !is_repeated
}

/// Refuses a deregistration that the caller may not make.
///
/// # Errors
/// [`Fault::Denied`]; [`Fault::Refused`] for what is not there.
pub(in crate::api) fn vet_deregistration(
    acl: &Authorizer,
    view: &View,
    deregistration: &Deregistration,
) -> Result<(), Fault> {
    let node = &deregistration.node;
    if acl.node_write(node) {
        return Ok(());
    }
    let entry = view.node(node.folded());
    match &deregistration.target {
        DeregistrationTarget::Node => Err(Fault::Denied),
        DeregistrationTarget::Service(id) => {
            let unknown = || Fault::Refused(format!("Unknown service '{id}'"));
            let service = entry.and_then(|entry| entry.services.get(id)).ok_or_else(unknown)?;
            permit(acl.service_write(&service.name))
        }
        DeregistrationTarget::Check(id) => {
            let unknown = || Fault::Refused(format!("Unknown check '{id}'"));
            let check = entry.and_then(|entry| entry.checks.get(id)).ok_or_else(unknown)?;
            permit(check.service.as_ref().is_some_and(|of| acl.service_write(&of.name)))
        }
    }
}

/// The operations of a transaction that the caller may not do: their places, and why.
pub(in crate::api) fn vet_operations(
    acl: &Authorizer,
    view: &View,
    operations: &[Operation],
) -> Vec<(usize, Fault)> {
    if acl.allows_all() {
        return Vec::new();
    }
    let vet = |(place, operation)| {
        let before = operations.get(..place).unwrap_or_default();
        vet_operation(acl, view, before, operation).err().map(|fault| (place, fault))
    };
    operations.iter().enumerate().filter_map(vet).collect()
}

/// Refuses an operation that the caller may not do after those `before` it. What one only finds is left out of
/// the answer.
fn vet_operation(
    acl: &Authorizer,
    view: &View,
    before: &[Operation],
    operation: &Operation,
) -> Result<(), Fault> {
    match operation {
        Operation::KvGet { .. }
        | Operation::KvGetOrEmpty { .. }
        | Operation::Get { .. }
        | Operation::GetNodeById { .. } => Ok(()),
        Operation::KvGetTree { prefix } => permit(acl.key_list(prefix)),
        Operation::KvCheckIndex { key, .. }
        | Operation::KvCheckSession { key, .. }
        | Operation::KvCheckNotExists { key } => permit(acl.key_read(key)),
        Operation::KvSet(set) => permit(acl.key_write(set.key.as_bytes())),
        Operation::KvAcquire(lock) | Operation::KvRelease(lock) => {
            permit(acl.key_write(lock.key.as_bytes()))
        }
        Operation::KvDelete(delete) => permit(acl.key_write(delete.key.as_bytes())),
        Operation::KvDeleteTree(tree) => permit(acl.key_write_prefix(&tree.prefix)),
        Operation::Register { registration, .. } => {
            let mut registration = (**registration).clone();
            // A check may be about a service that this transaction brings.
            let id = registration.checks.first().and_then(|check| check.service_id.as_ref());
            if let Some(service) = id.and_then(|id| brought(before, &registration.node, id)) {
                registration.service = Some(service.clone());
            }
            vet_registration(acl, view, &registration, false)
        }
        Operation::Deregister { subject, .. } => {
            vet_deregistration(acl, view, &subject.deregistration())
        }
        Operation::SessionDestroy(destroy) => {
            let session = view.session(destroy.id);
            permit(session.is_none_or(|session| acl.session_write(&session.node)))
        }
        Operation::Unknown => Err(Fault::Denied),
    }
}

/// The service of a node that operations bring.
fn brought<'a>(before: &'a [Operation], node: &NodeName, id: &ServiceId) -> Option<&'a Service> {
    let services = before.iter().rev().filter_map(|operation| match operation {
        Operation::Register { registration, .. } if registration.node == *node => {
            registration.service.as_ref()
        }
        _ => None,
    });
    services.into_iter().find(|service| service.id == *id)
}

/// Refuses a service that the caller may not state on this agent.
///
/// # Errors
/// [`Fault::Denied`].
pub(in crate::api) fn vet_service(
    acl: &Authorizer,
    local: &LocalView,
    definition: &ServiceDefinition,
) -> Result<(), Fault> {
    permit(acl.service_write(&definition.name))?;
    let before = local.services.get(&definition.id);
    permit(before.is_none_or(|before| acl.service_write(&before.definition.name)))
}

/// Refuses a change to a service of this agent.
///
/// # Errors
/// [`Fault::Denied`]; [`Fault::Refused`] for one that is not there.
pub(in crate::api) fn vet_service_change(
    acl: &Authorizer,
    local: &LocalView,
    id: &ServiceId,
) -> Result<(), Fault> {
    if acl.allows_all() {
        return Ok(());
    }
    let unknown = || Fault::Refused(format!("Unknown service {:?}", id.as_str()));
    let service = local.services.get(id).ok_or_else(unknown)?;
    permit(acl.service_write(&service.definition.name))
}

/// Refuses a check that the caller may not state on this agent, whose node is `node`.
///
/// # Errors
/// [`Fault::Denied`].
pub(in crate::api) fn vet_check(
    acl: &Authorizer,
    local: &LocalView,
    node: &NodeName,
    definition: &CheckDefinition,
) -> Result<(), Fault> {
    permit(may_write_check(acl, local, node, definition))?;
    let before = local.checks.get(&definition.id);
    permit(before.is_none_or(|before| may_write_check(acl, local, node, &before.definition)))
}

/// Refuses a change to a check of this agent, whose node is `node`.
///
/// # Errors
/// [`Fault::Denied`]; [`Fault::Refused`] for one that is not there.
pub(in crate::api) fn vet_check_change(
    acl: &Authorizer,
    local: &LocalView,
    node: &NodeName,
    id: &CheckId,
) -> Result<(), Fault> {
    if acl.allows_all() {
        return Ok(());
    }
    let unknown = || Fault::Refused(format!("Unknown check {:?}", id.as_str()));
    let check = local.checks.get(id).ok_or_else(unknown)?;
    permit(may_write_check(acl, local, node, &check.definition))
}

/// A check of a service is the service's affair, any other the node's.
fn may_write_check(
    acl: &Authorizer,
    local: &LocalView,
    node: &NodeName,
    definition: &CheckDefinition,
) -> bool {
    let service = definition.service_id.as_ref().and_then(|id| local.services.get(id));
    match service {
        Some(service) => acl.service_write(&service.definition.name),
        None => acl.node_write(node),
    }
}
