//! That shapes say what is shown: every selector of every shape, with every test of its type, finds its way through
//! what the endpoints show.

use std::collections::BTreeMap;
use std::iter::once;
use std::sync::Arc;

use serde::Serialize;

use crate::api::filter::shape::{Field, FieldKind};
use crate::api::filter::{Filter, Shape, Unfit};
use crate::api::json::agent::MemberJson;
use crate::api::json::check::CheckJson;
use crate::api::json::node::NodeJson;
use crate::api::json::service::{AgentServiceJson, CatalogServiceJson, InstanceJson, ServiceJson};
use crate::api::json::ui::NodeDumpJson;
use crate::catalog::Instance;
use crate::model::address::Address;
use crate::model::check::{Check, CheckedService};
use crate::model::definition::ServiceDefinition;
use crate::model::health::Status;
use crate::model::member::{Member, MemberStatus};
use crate::model::name::{CheckId, NodeName, ServiceId, ServiceName, Tag};
use crate::model::node::Node;
use crate::model::number::{Revision, Weights};
use crate::model::service::{Service, TaggedAddress};

/// Every filter of one comparison that a shape allows.
fn filters(fields: &'static [Field], before: &str) -> Vec<String> {
    let of = |field: &Field| {
        let name = format!("{before}{}", field.name);
        let below = format!("{name}.");
        let one = |texts: &[&str]| texts.iter().map(|t| t.replace('S', &name)).collect::<Vec<_>>();
        match field.kind {
            FieldKind::Text => one(&["S == a", "S != a", "a in S", "a not in S", "S matches a"]),
            FieldKind::Number => one(&["S == 1", "S != 1"]),
            FieldKind::Truth => one(&["S == true", "S != true"]),
            FieldKind::Texts => one(&["a in S", "a not in S", "S is empty"]),
            FieldKind::TextMap => one(&["a in S", "S is empty", "S.k == a", "S.none == a"]),
            FieldKind::Object(inner) => filters(inner, &below),
            FieldKind::Objects(inner) => [one(&["S is empty"]), filters(inner, &below)].concat(),
            FieldKind::ObjectMap(inner) => {
                let mut all = one(&["S is empty", "a in S"]);
                all.extend(filters(inner, &format!("{below}k.")));
                all.extend(filters(inner, &format!("{below}none.")));
                all
            }
        }
    };
    fields.iter().flat_map(of).collect()
}

/// Has all filters of a shape look at an item.
#[track_caller]
fn check<T: Serialize>(shape: Shape, item: &T) {
    let filters = filters(shape.fields(), "");
    assert!(4 < filters.len());
    for text in filters {
        let filter = Filter::parse(&text, shape).unwrap();
        filter.admits(item).unwrap_or_else(|unfit| panic!("{text}: {unfit}"));
    }
}

fn node(is_full: bool) -> Node {
    let map = if is_full { vec![("k".to_owned(), "a".to_owned())] } else { Vec::new() };
    Node {
        name: NodeName::new("n1").unwrap(),
        id: String::new(),
        address: Address::new("10.0.0.1").unwrap(),
        tagged_addresses: map.iter().cloned().collect(),
        meta: map.into_iter().collect(),
        create_revision: Revision(1),
        modify_revision: Revision(2),
    }
}

fn service(is_full: bool) -> Service {
    let tagged = TaggedAddress { address: "a".to_owned(), port: 1 };
    Service {
        id: ServiceId::new("web1").unwrap(),
        name: ServiceName::new("web").unwrap(),
        tags: if is_full { vec![Tag::new("a").unwrap()] } else { Vec::new() },
        address: is_full.then(|| Address::new("10.0.0.2").unwrap()),
        tagged_addresses: is_full.then(|| ("k".to_owned(), tagged)).into_iter().collect(),
        meta: is_full.then(|| ("k".to_owned(), "a".to_owned())).into_iter().collect(),
        port: 1,
        weights: Weights::default(),
        enable_tag_override: true,
        create_revision: Revision(1),
        modify_revision: Revision(2),
    }
}

fn check_of(service: Option<CheckedService>) -> Check {
    Check {
        node: NodeName::new("n1").unwrap(),
        id: CheckId::new("c").unwrap(),
        name: "a".to_owned(),
        status: Status::Passing,
        notes: String::new(),
        output: "a".to_owned(),
        service,
        kind: String::new(),
        definition: None,
        create_revision: Revision(1),
        modify_revision: Revision(2),
    }
}

#[test]
fn shapes_fit_what_is_shown() {
    for is_full in [true, false] {
        let (node, service) = (Arc::new(node(is_full)), Arc::new(service(is_full)));
        let checks = if is_full { vec![Arc::new(check_of(None))] } else { Vec::new() };
        check(Shape::NODE, &NodeJson::new(&node, "dc1"));
        check(Shape::SERVICE, &ServiceJson::new(&service));
        check(Shape::CHECK, &CheckJson::new(&check_of(None)));
        let dump = NodeDumpJson::new(&node, once(&*service), checks.iter().map(|check| &**check));
        check(Shape::NODE_DUMP, &dump);
        let definition = ServiceDefinition {
            id: service.id.clone(),
            name: service.name.clone(),
            tags: service.tags.clone(),
            address: service.address.clone(),
            tagged_addresses: service.tagged_addresses.clone(),
            meta: service.meta.clone(),
            port: 1,
            weights: Weights::default(),
            enable_tag_override: true,
            checks: Vec::new(),
            token: String::new(),
        };
        check(Shape::SERVICE, &AgentServiceJson::new(&definition, "dc1"));
        let node_checks = Arc::new(checks);
        let instance = Instance { node, service, node_checks, service_checks: Vec::new() };
        check(Shape::CATALOG_SERVICE, &CatalogServiceJson::new(&instance, "dc1"));
        check(Shape::INSTANCE, &InstanceJson::new(&instance, "dc1"));
    }
    let member = Member {
        name: NodeName::new("n1").unwrap(),
        address: [127, 0, 0, 1].into(),
        port: 8301,
        tags: BTreeMap::from([("k".to_owned(), "a".to_owned())]),
        status: MemberStatus::Alive,
    };
    check(Shape::MEMBER, &MemberJson::new(&member));
}

#[test]
fn what_no_shape_has_is_a_fault() {
    let filter = Filter::parse("Port == 1", Shape::SERVICE).unwrap();
    let item = BTreeMap::from([("Port", 1.5)]);
    assert!(matches!(filter.admits(&item), Err(Unfit { .. })));
}
