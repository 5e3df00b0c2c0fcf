//! Catalog → every invariant between its maps that does not hold.

use std::sync::Arc;

use crate::catalog::state::Catalog;
use crate::model::check::Check;

impl Catalog {
    /// Lists what is wrong; empty after every command, or there is a bug.
    #[must_use]
    pub fn audit(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        self.audit_nodes(&mut wrong);
        self.audit_services(&mut wrong);
        for key in self.tombstones.keys().filter(|key| self.kv.contains_key(*key)) {
            wrong.push(format!("key {key:?} has an entry and a tombstone"));
        }
        for (ip, name) in &self.node_addresses {
            if self.nodes.get(name).and_then(|entry| entry.node.address.ip()) != Some(*ip) {
                wrong.push(format!("address {ip} does not belong to node {name}"));
            }
        }
        for (ip, name, node, id) in &self.service_addresses {
            let service = self.nodes.get(node).and_then(|entry| entry.services.get(id));
            let own = service.filter(|service| service.name == *name);
            if own.and_then(|service| service.address.as_ref()?.ip()) != Some(*ip) {
                wrong.push(format!("address {ip} does not belong to service {id} on {node}"));
            }
        }
        wrong
    }

    fn audit_nodes(&self, wrong: &mut Vec<String>) {
        for (name, entry) in &self.nodes {
            if entry.node.name != *name {
                wrong.push(format!("node {name} is stored as {}", entry.node.name));
            }
            if !entry.node.id.is_empty() && self.node_ids.get(&entry.node.id) != Some(name) {
                wrong.push(format!("node {name} is not found by its id"));
            }
            for id in entry.services.keys() {
                if self.instance(name, id).is_none() {
                    wrong.push(format!("service {id} on {name} is not found by its name"));
                }
            }
            for check in entry.checks.values() {
                let service = check.service.as_ref();
                if service.is_some_and(|checked| !entry.services.contains_key(&checked.id)) {
                    wrong.push(format!("check {} on {name} has no service", check.id));
                }
            }
        }
        for (id, name) in &self.node_ids {
            if self.nodes.get(name).is_none_or(|entry| entry.node.id != *id) {
                wrong.push(format!("node id {id} belongs to nobody"));
            }
        }
    }

    fn audit_services(&self, wrong: &mut Vec<String>) {
        for (service_name, group) in &self.services {
            if group.instances.is_empty() {
                wrong.push(format!("service {service_name} has no instance"));
            }
            for ((node, id), instance) in &group.instances {
                let Some(entry) = self.nodes.get(node) else {
                    wrong.push(format!("instance {id} on {node} has no node"));
                    continue;
                };
                let is_same =
                    entry.services.get(id).is_some_and(|s| Arc::ptr_eq(s, &instance.service))
                        && Arc::ptr_eq(&entry.node, &instance.node)
                        && instance.service.name == *service_name;
                if !is_same {
                    wrong.push(format!("instance {id} on {node} is out of date"));
                }
                let decides = |check: &Arc<Check>| {
                    check.service.as_ref().is_none_or(|checked| checked.id == *id)
                };
                let due: Vec<_> = entry.checks.values().filter(|check| decides(check)).collect();
                let is_shown =
                    |check: &Arc<Check>| instance.checks().any(|c| Arc::ptr_eq(c, check));
                if due.len() != instance.checks().count() || !due.into_iter().all(is_shown) {
                    wrong.push(format!("instance {id} on {node} shows other checks than it has"));
                }
            }
        }
    }
}
