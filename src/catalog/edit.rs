//! One change → all maps that show it: the only functions that touch the maps, each leaving them in
//! agreement.
//!
//! A `revision` of zero leaves the entries' revisions as they are; loading rows uses that.

use std::net::IpAddr;
use std::sync::Arc;

use imbl::OrdMap;

use crate::catalog::state::{Catalog, Instance, NodeEntry, ServiceEntry};
use crate::model::check::Check;
use crate::model::name::{CheckId, NodeName, ServiceId};
use crate::model::node::Node;
use crate::model::number::Revision;
use crate::model::service::Service;

impl Catalog {
    /// Puts a node in place and shows it in its instances.
    pub(in crate::catalog) fn put_node(&mut self, node: &Arc<Node>, revision: Revision) {
        let name = node.name.clone();
        if let Some(before) = self.nodes.get(&name).map(|entry| Arc::clone(&entry.node)) {
            self.forget_node_lookups(&before);
        }
        if !node.id.is_empty() {
            self.node_ids.insert(node.id.clone(), name.clone());
        }
        if let Some(ip) = node.address.ip() {
            self.node_addresses.insert((ip, name.clone()));
        }
        if let Some(entry) = self.nodes.get_mut(&name) {
            let entry = Arc::make_mut(entry);
            entry.node = Arc::clone(node);
            entry.revision = entry.revision.max(revision);
        } else {
            let (services, checks) = (OrdMap::new(), OrdMap::new());
            let node_checks = Arc::default();
            let node = Arc::clone(node);
            let entry = NodeEntry { node, services, checks, node_checks, revision };
            self.nodes.insert(name.clone(), Arc::new(entry));
        }
        self.edit_instances(&name, revision, |instance| instance.node = Arc::clone(node));
    }

    /// Takes a node away that has neither services nor checks any more.
    pub(in crate::catalog) fn remove_bare_node(&mut self, name: &NodeName) {
        if let Some(entry) = self.nodes.remove(name) {
            self.forget_node_lookups(&entry.node);
        }
    }

    /// Puts a service instance in place. Its node must exist.
    pub(in crate::catalog) fn put_service(
        &mut self,
        node: &NodeName,
        service: &Arc<Service>,
        revision: Revision,
    ) {
        let id = service.id.clone();
        let before = self.instance(node, &id).map(|instance| instance.service_checks.clone());
        self.forget_instance(node, &id, revision);
        let Some(entry) = self.nodes.get_mut(node) else { return };
        let entry = Arc::make_mut(entry);
        entry.services.insert(id.clone(), Arc::clone(service));
        entry.revision = entry.revision.max(revision);
        let instance = Arc::new(Instance {
            node: Arc::clone(&entry.node),
            service: Arc::clone(service),
            node_checks: Arc::clone(&entry.node_checks),
            service_checks: before.unwrap_or_default(),
        });
        // The node's own text, so that no row keeps another one alive.
        let (name, node) = (service.name.clone(), entry.node.name.clone());
        if let Some(ip) = own_ip(service) {
            self.service_addresses.insert((ip, name.clone(), node.clone(), id.clone()));
        }
        let key = (node, id);
        if let Some(group) = self.services.get_mut(&name) {
            let group = Arc::make_mut(group);
            group.instances.insert(key, instance);
            group.revision = group.revision.max(revision);
        } else {
            let instances = OrdMap::unit(key, instance);
            let group = ServiceEntry { name: name.clone(), instances, revision };
            self.services.insert(name, Arc::new(group));
        }
    }

    /// Takes a service instance away whose checks are gone.
    pub(in crate::catalog) fn remove_service(
        &mut self,
        node: &NodeName,
        id: &ServiceId,
        revision: Revision,
    ) {
        self.forget_instance(node, id, revision);
        if let Some(entry) = self.nodes.get_mut(node) {
            let entry = Arc::make_mut(entry);
            entry.services.remove(id);
            entry.revision = entry.revision.max(revision);
        }
    }

    /// Puts a check in place. Its node, and its service if it has one, must exist.
    pub(in crate::catalog) fn put_check(&mut self, check: &Arc<Check>, revision: Revision) {
        let node = check.node.clone();
        let Some(entry) = self.nodes.get_mut(&node) else { return };
        let entry = Arc::make_mut(entry);
        let before = entry.checks.insert(check.id.clone(), Arc::clone(check));
        entry.revision = entry.revision.max(revision);
        // A check may move from one service to another: both have to show it.
        let about = |check: &Arc<Check>| check.service.as_ref().map(|service| service.id.clone());
        if let Some(before) = before.filter(|before| about(before) != about(check)) {
            self.edit_checks(&before, revision, |checks| drop_check(checks, &before.id));
        }
        self.edit_checks(check, revision, |checks| keep_check(checks, check));
    }

    /// Takes a check away.
    pub(in crate::catalog) fn remove_check(
        &mut self,
        node: &NodeName,
        id: &CheckId,
        revision: Revision,
    ) {
        let Some(entry) = self.nodes.get_mut(node) else { return };
        let entry = Arc::make_mut(entry);
        let Some(check) = entry.checks.remove(id) else { return };
        entry.revision = entry.revision.max(revision);
        self.edit_checks(&check, revision, |checks| drop_check(checks, id));
    }

    /// Changes the lists that show a check: its service's, or that of its node with all instances.
    fn edit_checks(
        &mut self,
        check: &Check,
        revision: Revision,
        change: impl FnOnce(&mut Vec<Arc<Check>>),
    ) {
        let node = &check.node;
        if let Some(service) = &check.service {
            self.edit_instance(node, &service.id, revision, |instance| {
                change(&mut instance.service_checks);
            });
            return;
        }
        let Some(entry) = self.nodes.get_mut(node) else { return };
        let entry = Arc::make_mut(entry);
        change(Arc::make_mut(&mut entry.node_checks));
        let checks = Arc::clone(&entry.node_checks);
        self.edit_instances(node, revision, |instance| instance.node_checks = Arc::clone(&checks));
    }

    /// Changes every instance of a node.
    fn edit_instances(
        &mut self,
        node: &NodeName,
        revision: Revision,
        change: impl Fn(&mut Instance),
    ) {
        let Some(entry) = self.nodes.get(node).cloned() else { return };
        for id in entry.services.keys() {
            self.edit_instance(node, id, revision, &change);
        }
    }

    /// Changes one instance, in time that does not grow with what else its node has.
    fn edit_instance(
        &mut self,
        node: &NodeName,
        id: &ServiceId,
        revision: Revision,
        change: impl FnOnce(&mut Instance),
    ) {
        let Some(service) = self.nodes.get(node).and_then(|entry| entry.services.get(id)) else {
            return;
        };
        let Some(group) = self.services.get_mut(&service.name) else { return };
        let group = Arc::make_mut(group);
        group.revision = group.revision.max(revision);
        if let Some(instance) = group.instances.get_mut(&(node.clone(), id.clone())) {
            change(Arc::make_mut(instance));
        }
    }

    /// Takes an instance out of everything that is derived from its node's entry.
    fn forget_instance(&mut self, node: &NodeName, id: &ServiceId, revision: Revision) {
        let Some(service) = self.nodes.get(node).and_then(|entry| entry.services.get(id)).cloned()
        else {
            return;
        };
        if let Some(ip) = own_ip(&service) {
            let key = (ip, service.name.clone(), node.clone(), id.clone());
            self.service_addresses.remove(&key);
        }
        let Some(group) = self.services.get_mut(&service.name) else { return };
        let group = Arc::make_mut(group);
        group.instances.remove(&(node.clone(), id.clone()));
        group.revision = group.revision.max(revision);
        if group.instances.is_empty() {
            self.services.remove(&service.name);
        }
    }

    /// Takes a node out of everything that is looked up by what it says.
    fn forget_node_lookups(&mut self, node: &Node) {
        if self.node_ids.get(&node.id) == Some(&node.name) {
            self.node_ids.remove(&node.id);
        }
        if let Some(ip) = node.address.ip() {
            self.node_addresses.remove(&(ip, node.name.clone()));
        }
    }
}

/// Puts a check into a list by id.
fn keep_check(checks: &mut Vec<Arc<Check>>, check: &Arc<Check>) {
    match checks.binary_search_by(|other| other.id.cmp(&check.id)) {
        Ok(at) => {
            if let Some(place) = checks.get_mut(at) {
                *place = Arc::clone(check);
            }
        }
        Err(at) => checks.insert(at, Arc::clone(check)),
    }
}

/// Takes a check out of a list by id.
fn drop_check(checks: &mut Vec<Arc<Check>>, id: &CheckId) {
    checks.retain(|check| check.id != *id);
}

fn own_ip(service: &Service) -> Option<IpAddr> {
    service.address.as_ref().and_then(crate::model::address::Address::ip)
}
