//! Catalog → every invariant between its maps that does not hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::OrdSet;

use crate::catalog::state::Catalog;
use crate::model::check::Check;
use crate::model::health::Status;
use crate::model::limits::COORDINATE_SEGMENTS_MAX;

impl Catalog {
    /// Lists what is wrong; empty after every command, or there is a bug.
    #[must_use]
    pub fn audit(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        self.audit_nodes(&mut wrong);
        self.audit_services(&mut wrong);
        self.audit_sessions(&mut wrong);
        self.audit_locks(&mut wrong);
        self.audit_prepared(&mut wrong);
        for key in self.tombstones.keys().filter(|key| self.kv.contains_key(*key)) {
            wrong.push(format!("key {key:?} has an entry and a tombstone"));
        }
        for (name, known) in &self.coordinates {
            if !self.nodes.contains_key(name) {
                wrong.push(format!("coordinates of {name}, which is no node"));
            }
            if known.segments.is_empty() || COORDINATE_SEGMENTS_MAX < known.segments.len() {
                wrong.push(format!("coordinates of {name} in {} segments", known.segments.len()));
            }
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
        if let Some(staged) = &self.staged
            && (staged.parts.is_empty() || !staged.parts.keys().copied().eq(0..staged.part_count()))
        {
            wrong.push(format!("the parts of restore {} have a gap", staged.restore));
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

    fn audit_sessions(&self, wrong: &mut Vec<String>) {
        let mut bound = 0;
        for (id, session) in &self.sessions {
            let entry = self.nodes.get(&session.node);
            if session.id != *id || !self.node_sessions.contains(&(session.node.clone(), *id)) {
                wrong.push(format!("session {id} is not found by its id and node"));
            }
            if entry.is_none() {
                wrong.push(format!("session {id} is on a node that is not there"));
            }
            let ids: BTreeSet<_> = session.check_ids().cloned().collect();
            bound += ids.len();
            for check in ids {
                let found = entry.and_then(|entry| entry.checks.get(&check));
                if found.is_none_or(|found| found.status == Status::Critical) {
                    wrong.push(format!("session {id} outlived check {check}"));
                }
                if !self.check_sessions.contains(&(session.node.clone(), check.clone(), *id)) {
                    wrong.push(format!("session {id} is not found by check {check}"));
                }
            }
        }
        if self.node_sessions.len() != self.sessions.len() || self.check_sessions.len() != bound {
            wrong.push("a node or check knows sessions that are not there".to_owned());
        }
    }

    fn audit_locks(&self, wrong: &mut Vec<String>) {
        let mut locked = 0;
        for (key, entry) in &self.kv {
            let Some(session) = entry.session else { continue };
            locked += 1;
            if !self.sessions.contains_key(&session) {
                wrong.push(format!("key {key:?} is locked by nobody"));
            }
            if !self.session_keys.get(&session).is_some_and(|keys| keys.contains(key)) {
                wrong.push(format!("key {key:?} is not found by the session that locks it"));
            }
            if self.lock_delays.contains_key(key) {
                wrong.push(format!("key {key:?} is locked before its lock delay has passed"));
            }
        }
        if self.session_keys.values().map(OrdSet::len).sum::<usize>() != locked
            || self.session_keys.values().any(OrdSet::is_empty)
        {
            wrong.push("a session holds keys that it does not lock".to_owned());
        }
        let delays = self.lock_delays.iter().map(|(key, until)| (*until, key.clone()));
        if delays.collect::<OrdSet<_>>() != self.lock_delay_ends {
            wrong.push("lock delays are not in the order of their ends".to_owned());
        }
    }
}
