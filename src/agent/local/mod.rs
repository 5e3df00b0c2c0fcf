//! Definitions and words → [`LocalView`]. Pure: every function takes the view that is to be published next.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::agent::sync::Adopted;
use crate::agent::{
    AgentFault, FileDefinitions, LocalCheck, LocalService, LocalView, Origin, ScriptPolicy,
};
use crate::model::definition::{CheckDefinition, Probe, ServiceDefinition};
use crate::model::health::Status;
use crate::model::limits::AGENT_DEFINITIONS_MAX;
use crate::model::name::{CheckId, ServiceId};

/// What becomes of checks that a service had and its new definition does not state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) enum OldChecks {
    /// They stay.
    Keep,
    /// They go (`?replace-existing-checks`).
    Drop,
}

/// What a new word changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) enum WordChange {
    /// Nothing, or the check is gone.
    Nothing,
    /// Only the output.
    Output,
    /// The status.
    Status,
}

/// A check of a file that was left out, since its service is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) struct Orphan {
    /// Which.
    pub(in crate::agent) check: CheckId,
    /// The id of the service.
    pub(in crate::agent) service: String,
}

/// Puts a service in place. Checks that stay keep what they say.
///
/// # Errors
/// [`AgentFault::ScriptsDisabled`] and [`AgentFault::Storage`], where there is no room for more.
pub(in crate::agent) fn put_service(
    local: &mut LocalView,
    definition: ServiceDefinition,
    origin: Origin,
    old_checks: OldChecks,
    scripts: ScriptPolicy,
) -> Result<(), AgentFault> {
    let id = definition.id.clone();
    let checks = definition.checks.clone();
    for check in &checks {
        check_scripts(check, origin, scripts)?;
    }
    check_room(local.services.len(), local.services.contains_key(&id), "services")?;
    let definition = ServiceDefinition { checks: Vec::new(), ..definition };
    let before = local.services.get(&id).map(|service| &service.definition);
    let definition = keep_equal(before, definition);
    local.services.insert(id.clone(), LocalService { definition, origin });
    if old_checks == OldChecks::Drop {
        let stated: BTreeSet<&CheckId> = checks.iter().map(|check| &check.id).collect();
        remove_checks(local, |check_id, check| {
            check.definition.service_id.as_ref() == Some(&id) && !stated.contains(check_id)
        });
    }
    for check in checks {
        put_check(local, check, origin, scripts)?;
    }
    Ok(())
}

/// Gives services the tags that others gave them, but not where they were stated anew since.
pub(in crate::agent) fn adopt(local: &mut LocalView, adopted: &[Adopted]) {
    for Adopted { before, after } in adopted {
        let Some(service) = local.services.get_mut(&before.id) else { continue };
        if Arc::ptr_eq(&service.definition, before) {
            service.definition = Arc::clone(after);
        }
    }
}

/// Puts a check in place. One that is there already keeps what it says, even where the definition states
/// a status: clients register again and again, and must not hide a failure each time. So does Consul.
///
/// # Errors
/// [`AgentFault`], where its service is missing, it may not run programs, or there is no room.
pub(in crate::agent) fn put_check(
    local: &mut LocalView,
    definition: CheckDefinition,
    origin: Origin,
    scripts: ScriptPolicy,
) -> Result<(), AgentFault> {
    check_scripts(&definition, origin, scripts)?;
    if let Some(id) = &definition.service_id
        && !local.services.contains_key(id)
    {
        return Err(AgentFault::ServiceMissing(id.to_string()));
    }
    let id = definition.id.clone();
    let before = local.checks.get(&id);
    check_room(local.checks.len(), before.is_some(), "checks")?;
    let status = before.map(|check| check.status).or(definition.initial_status);
    let output = before.map(|check| check.output.clone()).unwrap_or_default();
    let definition = keep_equal(before.map(|check| &check.definition), definition);
    let after =
        LocalCheck { definition, origin, status: status.unwrap_or(Status::Critical), output };
    if before.is_none_or(|before| **before != after) {
        local.checks.insert(id, Arc::new(after));
    }
    Ok(())
}

/// Takes a service away, with its checks.
///
/// # Errors
/// [`AgentFault::UnknownService`].
pub(in crate::agent) fn remove_service(
    local: &mut LocalView,
    id: &ServiceId,
) -> Result<(), AgentFault> {
    if local.services.remove(id).is_none() {
        return Err(AgentFault::UnknownService(id.to_string()));
    }
    remove_checks(local, |_, check| check.definition.service_id.as_ref() == Some(id));
    Ok(())
}

fn remove_checks(local: &mut LocalView, is_gone: impl Fn(&CheckId, &LocalCheck) -> bool) {
    let gone = local.checks.iter().filter(|(id, check)| is_gone(id, check));
    for id in gone.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
        local.checks.remove(&id);
    }
}

/// Takes a check away.
///
/// # Errors
/// [`AgentFault::UnknownCheck`].
pub(in crate::agent) fn remove_check(
    local: &mut LocalView,
    id: &CheckId,
) -> Result<(), AgentFault> {
    match local.checks.remove(id) {
        Some(_) => Ok(()),
        None => Err(AgentFault::UnknownCheck(id.to_string())),
    }
}

/// Notes what a check says.
pub(in crate::agent) fn set_word(
    local: &mut LocalView,
    id: &CheckId,
    status: Status,
    output: String,
) -> WordChange {
    let Some(check) = local.checks.get_mut(id) else { return WordChange::Nothing };
    if check.status == status && check.output == output {
        return WordChange::Nothing;
    }
    let change = if check.status == status { WordChange::Output } else { WordChange::Status };
    let check = Arc::make_mut(check);
    check.status = status;
    check.output = output;
    change
}

/// Makes what files state so, and takes away what they state no longer. Where the API stated the same id,
/// the file wins: Consul does the same at its start and at every reload. What could not be stated is
/// returned, as of [`put_file_checks`].
///
/// # Errors
/// The first definition that is refused; the view is then half-changed and must be dropped.
pub(in crate::agent) fn take_files(
    local: &mut LocalView,
    files: FileDefinitions,
    scripts: ScriptPolicy,
) -> Result<Vec<Orphan>, AgentFault> {
    let services: BTreeSet<ServiceId> = files.services.iter().map(|s| s.id.clone()).collect();
    let own = files.services.iter().flat_map(|service| &service.checks);
    let checks: BTreeSet<CheckId> =
        own.chain(&files.checks).map(|check| check.id.clone()).collect();
    let gone = local
        .services
        .iter()
        .filter(|(id, service)| service.origin == Origin::File && !services.contains(*id));
    for id in gone.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
        remove_service(local, &id)?;
    }
    remove_checks(local, |id, check| check.origin == Origin::File && !checks.contains(id));
    put_file_services(local, files.services, scripts)?;
    put_file_checks(local, files.checks, scripts)
}

/// Puts the services of files in place, with the checks that are part of them.
///
/// # Errors
/// The first that is refused.
pub(in crate::agent) fn put_file_services(
    local: &mut LocalView,
    services: Vec<ServiceDefinition>,
    scripts: ScriptPolicy,
) -> Result<(), AgentFault> {
    for service in services {
        put_service(local, service, Origin::File, OldChecks::Keep, scripts)?;
    }
    Ok(())
}

/// Puts checks of files in place that stand on their own. One about a service that is not there is left
/// out: the service may have come over the API, so that whoever takes it away again, with no word of the
/// files, must not keep the agent from starting or reloading.
///
/// # Errors
/// The first that is refused for another reason.
pub(in crate::agent) fn put_file_checks(
    local: &mut LocalView,
    checks: Vec<CheckDefinition>,
    scripts: ScriptPolicy,
) -> Result<Vec<Orphan>, AgentFault> {
    let mut orphans = Vec::new();
    for check in checks {
        let id = check.id.clone();
        match put_check(local, check, Origin::File, scripts) {
            Ok(()) => {}
            Err(AgentFault::ServiceMissing(service)) => {
                // An older definition of it may have been about another service.
                if local.checks.get(&id).is_some_and(|before| before.origin == Origin::File) {
                    local.checks.remove(&id);
                }
                orphans.push(Orphan { check: id, service });
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(orphans)
}

/// The same Arc where nothing differs, so that later comparisons are of pointers.
fn keep_equal<T: PartialEq>(before: Option<&Arc<T>>, after: T) -> Arc<T> {
    match before {
        Some(before) if **before == after => Arc::clone(before),
        Some(_) | None => Arc::new(after),
    }
}

fn check_scripts(
    definition: &CheckDefinition,
    origin: Origin,
    scripts: ScriptPolicy,
) -> Result<(), AgentFault> {
    let (Probe::Script { .. } | Probe::Docker { .. }) = definition.probe else { return Ok(()) };
    match (scripts, origin) {
        (ScriptPolicy::Everywhere, _) | (ScriptPolicy::LocalFiles, Origin::File) => Ok(()),
        (ScriptPolicy::Never, Origin::File) => Err(AgentFault::ScriptsDisabled),
        (ScriptPolicy::Never | ScriptPolicy::LocalFiles, Origin::Http) => {
            Err(AgentFault::RemoteScriptsDisabled)
        }
    }
}

fn check_room(count: usize, is_known: bool, what: &str) -> Result<(), AgentFault> {
    if is_known || count < AGENT_DEFINITIONS_MAX {
        return Ok(());
    }
    Err(AgentFault::Storage(format!(
        "this agent has {count} {what} already, as many as one agent may have; deregister some first"
    )))
}

#[cfg(test)]
mod tests;
