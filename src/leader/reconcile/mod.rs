//! Who is alive × what the catalog says → Commands.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::command::{
    CheckState, Deregistration, DeregistrationTarget, Machine, Registration,
};
use crate::catalog::state::NodeEntry;
use crate::catalog::{Command, View};
use crate::model::address::Address;
use crate::model::check::SERF_HEALTH;
use crate::model::health::Status;
use crate::model::member::{Member, MemberStatus};
use crate::model::name::{CheckId, Datacenter, NameFault, NodeName, ServiceId, ServiceName};
use crate::model::number::{Revision, Weights};
use crate::model::service::Service;

/// What the catalog has to be told so that it agrees with who is alive. To be proposed in this order.
#[must_use]
pub fn reconcile(view: &View, members: &[Member], datacenter: &Datacenter) -> Vec<Command> {
    let mut commands = Vec::new();
    for member in members.iter().filter(|member| is_here(member, datacenter)) {
        let entry = view.node(member.name.folded()).map(AsRef::as_ref);
        match member.status {
            MemberStatus::Alive => welcome(member, entry, &mut commands),
            MemberStatus::Failed => mark_failed(member, entry, &mut commands),
            MemberStatus::Left if entry.is_some() => commands.push(remove_node(&member.name)),
            // Somebody who is leaving still answers; what a Left one had is gone already.
            MemberStatus::Leaving | MemberStatus::Left => {}
        }
    }
    remove_forgotten(view, members, &mut commands);
    commands
}

/// Whether a member is of this datacenter. One that does not say is taken for a local one.
fn is_here(member: &Member, datacenter: &Datacenter) -> bool {
    member.tags.get("dc").is_none_or(|dc| dc.to_lowercase() == datacenter.folded())
}

fn welcome(member: &Member, entry: Option<&NodeEntry>, commands: &mut Vec<Command>) {
    let Ok(alive) = serf_health(Status::Passing, "Agent alive and reachable") else { return };
    let id = member.tags.get("id").map(String::as_str).unwrap_or_default();
    let mut machine = entry.is_none().then(|| machine_of(member, id));
    if let Some(entry) = entry
        && !id.is_empty()
        && !entry.node.id.is_empty()
        && entry.node.id != id
    {
        // The gossip knows one machine of this name, so its old owner is gone. The catalog gives a name
        // away only while its owner is not alive, so that has to be said first.
        mark_failed(member, Some(entry), commands);
        machine = Some(machine_of(member, id));
    }
    let service = consul_service(member);
    let before = entry.and_then(|entry| entry.services.get(CONSUL));
    let is_same = match (&service, before) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(service), Some(before)) => {
            let (create_revision, modify_revision) =
                (before.create_revision, before.modify_revision);
            Service { create_revision, modify_revision, ..service.clone() } == **before
        }
    };
    let is_known = machine.is_none() && entry.is_some_and(|entry| has_check(entry, &alive));
    if !is_known || !is_same {
        let registration = Box::new(Registration {
            node: member.name.clone(),
            machine,
            service: service.clone().filter(|_| !is_same),
            checks: if is_known { Vec::new() } else { vec![alive] },
        });
        // A node that is unknown here may have registered itself since: its own word counts.
        let is_new = entry.is_none();
        let command = if is_new { Command::Welcome } else { Command::Register };
        commands.push(command(registration));
    }
    if let Some(before) = before.filter(|_| service.is_none()) {
        // It was a server and is a client now.
        let target = DeregistrationTarget::Service(before.id.clone());
        commands.push(Command::Deregister(Deregistration { node: member.name.clone(), target }));
    }
}

fn mark_failed(member: &Member, entry: Option<&NodeEntry>, commands: &mut Vec<Command>) {
    // Nobody has to be told that a node which is not there does not answer.
    let Some(entry) = entry else { return };
    let Ok(failed) = serf_health(Status::Critical, "Agent not live or unreachable") else { return };
    if !has_check(entry, &failed) {
        commands.push(Command::Register(Box::new(Registration {
            node: member.name.clone(),
            machine: None,
            service: None,
            checks: vec![failed],
        })));
    }
}

/// Takes nodes away that once had an agent whom the gossip knows no more: renamed, or failed for so long
/// that it was given up. Nodes that somebody registered by hand never had `serfHealth`, and stay.
fn remove_forgotten(view: &View, members: &[Member], commands: &mut Vec<Command>) {
    // Nobody alive means that the gossip has not begun yet, not that everybody is gone.
    if !members.iter().any(|member| member.status == MemberStatus::Alive) {
        return;
    }
    let known: BTreeSet<&NodeName> = members.iter().map(|member| &member.name).collect();
    for entry in view.nodes() {
        let had_agent = entry.checks.values().any(|check| is_serf_health(&check.id));
        if had_agent && !known.contains(&entry.node.name) {
            commands.push(remove_node(&entry.node.name));
        }
    }
}

fn remove_node(node: &NodeName) -> Command {
    let target = DeregistrationTarget::Node;
    Command::Deregister(Deregistration { node: node.clone(), target })
}

/// As much of a machine as the gossip knows; the rest comes from its agent.
fn machine_of(member: &Member, id: &str) -> Machine {
    Machine {
        id: id.to_owned(),
        address: Address::Ip(member.address),
        tagged_addresses: BTreeMap::new(),
        meta: BTreeMap::new(),
    }
}

/// The service that a server has, so that `consul.service.consul` names the servers.
fn consul_service(member: &Member) -> Option<Service> {
    let tag = |key: &str| member.tags.get(key).cloned();
    if tag("role").as_deref() != Some("consul") {
        return None;
    }
    let port = tag("port")?.parse().ok()?;
    let mut meta = BTreeMap::new();
    let is_non_voter = member.tags.contains_key("nonvoter");
    meta.insert("non_voter".to_owned(), is_non_voter.to_string());
    // `build` is `VERSION:REVISION`.
    let version = tag("build").and_then(|build| build.split(':').next().map(str::to_owned));
    let numbers = [
        ("version", version),
        ("raft_version", tag("raft_vsn")),
        ("serf_protocol_current", tag("vsn")),
        ("serf_protocol_min", tag("vsn_min")),
        ("serf_protocol_max", tag("vsn_max")),
    ];
    for (key, value) in numbers {
        if let Some(value) = value {
            meta.insert(key.to_owned(), value);
        }
    }
    Some(Service {
        id: ServiceId::new(CONSUL).ok()?,
        name: ServiceName::new(CONSUL).ok()?,
        tags: Vec::new(),
        address: None,
        tagged_addresses: BTreeMap::new(),
        meta,
        port,
        weights: Weights::default(),
        enable_tag_override: false,
        create_revision: Revision(0),
        modify_revision: Revision(0),
    })
}

fn serf_health(status: Status, output: &str) -> Result<CheckState, NameFault> {
    Ok(CheckState {
        id: CheckId::new(SERF_HEALTH)?,
        name: "Serf Health Status".to_owned(),
        status,
        notes: String::new(),
        output: output.to_owned(),
        service_id: None,
        kind: String::new(),
        definition: None,
    })
}

fn has_check(entry: &NodeEntry, state: &CheckState) -> bool {
    entry.checks.get(&state.id).is_some_and(|check| {
        check.status == state.status && check.output == state.output && check.name == state.name
    })
}

fn is_serf_health(id: &CheckId) -> bool {
    id.as_str().eq_ignore_ascii_case(SERF_HEALTH)
}

/// The id and name of the service that servers have.
const CONSUL: &str = "consul";

#[cfg(test)]
mod tests;
