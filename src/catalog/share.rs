//! Texts that many rows repeat → one allocation of each: a service's name and tags in all its instances, a node's name
//! in all that is on it.

use crate::catalog::state::Catalog;
use crate::model::check::Check;
use crate::model::service::Service;

impl Catalog {
    /// Has a service share the texts that instances of the same name hold already. It says the same afterwards: a
    /// text is shared only where it is spelled alike.
    pub(in crate::catalog) fn share_service(&self, service: &mut Service) {
        let Some(group) = self.services.get(&service.name) else { return };
        if group.name.as_str() == service.name.as_str() {
            service.name = group.name.clone();
        }
        // One of them is looked at: instances of a service are mostly alike.
        let Some(other) = group.instances.values().next() else { return };
        for tag in &mut service.tags {
            let same = other.service.tags.iter().find(|other| other.as_str() == tag.as_str());
            if let Some(same) = same {
                *tag = same.clone();
            }
        }
    }

    /// Has a check share the texts of its node and of its service.
    pub(in crate::catalog) fn share_check(&self, check: &mut Check) {
        let Some(entry) = self.nodes.get(&check.node) else { return };
        if entry.node.name.as_str() == check.node.as_str() {
            check.node = entry.node.name.clone();
        }
        let Some(checked) = &mut check.service else { return };
        let Some(service) = entry.services.get(&checked.id) else { return };
        if service.name.as_str() == checked.name.as_str() {
            checked.name = service.name.clone();
        }
        if service.id.as_str() == checked.id.as_str() {
            checked.id = service.id.clone();
        }
        for (tag, same) in checked.tags.iter_mut().zip(&service.tags) {
            if tag.as_str() == same.as_str() {
                *tag = same.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::catalog::backup;
    use crate::catalog::command::{Command, Registration};
    use crate::model::address::Address;
    use crate::model::name::NodeName;
    use crate::model::number::Revision;
    use crate::model::time::Now;

    /// What registers an instance.
    fn register(node: &str, id: &str, name: &str, tag: &str) -> Command {
        let service = serde_json::json!({"id": id, "name": name, "tags": [tag]});
        let machine = serde_json::json!({"address": Address::new("10.0.0.1").unwrap()});
        Command::Register(Box::new(Registration {
            node: NodeName::new(node).unwrap(),
            machine: Some(serde_json::from_value(machine).unwrap()),
            service: Some(serde_json::from_value(service).unwrap()),
            checks: Vec::new(),
        }))
    }

    fn catalog(commands: &[Command]) -> Catalog {
        let mut catalog = Catalog::default();
        for (revision, command) in (1..).zip(commands) {
            let (reply, _) =
                crate::catalog::apply::apply(&mut catalog, Revision(revision), Now(0), command);
            assert!(matches!(reply, crate::catalog::Reply::Done(_)), "{reply:?}");
        }
        catalog
    }

    /// Whether two texts are one allocation.
    fn is_shared(catalog: &Catalog, text: impl Fn(&Service) -> &str) -> bool {
        let services: Vec<Arc<Service>> =
            catalog.nodes.values().flat_map(|entry| entry.services.values().cloned()).collect();
        std::ptr::eq(text(&services[0]), text(&services[1]))
    }

    #[test]
    fn instances_share_what_they_repeat() {
        let catalog =
            catalog(&[register("n1", "a", "web", "v1"), register("n2", "b", "web", "v1")]);
        // What a restart reads back shares it too.
        let restored = backup::decode(&backup::encode(&catalog)).unwrap();
        for catalog in [&catalog, &restored] {
            assert!(is_shared(catalog, |service| service.name.as_str()));
            assert!(is_shared(catalog, |service| service.tags[0].as_str()));
        }
    }

    #[test]
    fn another_spelling_is_kept() {
        let catalog =
            catalog(&[register("n1", "a", "web", "v1"), register("n2", "b", "Web", "V1")]);
        let spelled: Vec<_> =
            catalog.nodes.values().flat_map(|entry| entry.services.values()).collect();
        assert_eq!((spelled[1].name.as_str(), spelled[1].tags[0].as_str()), ("Web", "V1"));
        assert!(!is_shared(&catalog, |service| service.name.as_str()));
    }
}
