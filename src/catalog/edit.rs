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
    pub(in crate::catalog) fn put_node(&mut self, node: Arc<Node>, revision: Revision) {
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
        match self.nodes.get_mut(&name) {
            Some(entry) => {
                let entry = Arc::make_mut(entry);
                entry.node = node;
                entry.revision = entry.revision.max(revision);
            }
            None => {
                let (services, checks) = (OrdMap::new(), OrdMap::new());
                let entry = NodeEntry { node, services, checks, revision };
                self.nodes.insert(name.clone(), Arc::new(entry));
            }
        }
        self.rejoin_all(&name, revision);
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
        service: Arc<Service>,
        revision: Revision,
    ) {
        self.forget_instance(node, &service.id, revision);
        let id = service.id.clone();
        if let Some(ip) = own_ip(&service) {
            self.service_addresses.insert((ip, service.name.clone(), node.clone(), id.clone()));
        }
        if let Some(entry) = self.nodes.get_mut(node) {
            let entry = Arc::make_mut(entry);
            entry.services.insert(id.clone(), service);
            entry.revision = entry.revision.max(revision);
        }
        self.rejoin(node, &id, revision);
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
        if let Some(before) = before {
            self.rejoin_checked(&node, &before, revision);
        }
        self.rejoin_checked(&node, check, revision);
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
        self.rejoin_checked(node, &check, revision);
    }

    /// Joins the instances anew that a check decides about.
    fn rejoin_checked(&mut self, node: &NodeName, check: &Check, revision: Revision) {
        match &check.service {
            Some(service) => self.rejoin(node, &service.id, revision),
            None => self.rejoin_all(node, revision),
        }
    }

    /// Joins every instance of a node anew.
    fn rejoin_all(&mut self, node: &NodeName, revision: Revision) {
        let Some(entry) = self.nodes.get(node).cloned() else { return };
        for id in entry.services.keys() {
            self.rejoin(node, id, revision);
        }
    }

    /// Joins one instance anew from its node's entry.
    fn rejoin(&mut self, node: &NodeName, id: &ServiceId, revision: Revision) {
        let Some(entry) = self.nodes.get(node) else { return };
        let Some(service) = entry.services.get(id) else { return };
        let belongs = |check: &Arc<Check>| match &check.service {
            None => Some(true),
            Some(checked) if checked.id == *id => Some(false),
            Some(_) => None,
        };
        let pick = |whole_node: bool| {
            let wanted = entry.checks.values().filter(|check| belongs(check) == Some(whole_node));
            wanted.cloned().collect::<Vec<_>>()
        };
        let instance = Arc::new(Instance {
            node: Arc::clone(&entry.node),
            service: Arc::clone(service),
            node_checks: pick(true),
            service_checks: pick(false),
        });
        let (name, key) = (service.name.clone(), (node.clone(), id.clone()));
        match self.services.get_mut(&name) {
            Some(group) => {
                let group = Arc::make_mut(group);
                group.instances.insert(key, instance);
                group.revision = group.revision.max(revision);
            }
            None => {
                let instances = OrdMap::unit(key, instance);
                let group = ServiceEntry { name: name.clone(), instances, revision };
                self.services.insert(name, Arc::new(group));
            }
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

fn own_ip(service: &Service) -> Option<IpAddr> {
    service.address.as_ref().and_then(crate::model::address::Address::ip)
}
