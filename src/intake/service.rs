//! Canonical Value → ServiceDefinition.

use std::collections::{BTreeMap, BTreeSet};

use crate::intake::check::{self, Subject};
use crate::intake::fault::Fault;
use crate::intake::read::{self, Notes};
use crate::intake::schema::Author;
use crate::intake::value::{Kind, Value};
use crate::model::address::{Address, AddressFault};
use crate::model::definition::{CheckDefinition, ServiceDefinition};
use crate::model::limits::{CHECKS_MAX, SERVICE_TAGS_MAX};
use crate::model::meta;
use crate::model::name::{ServiceId, ServiceName, Tag};
use crate::model::node::Meta;
use crate::model::number::{Weights, parse_port};
use crate::model::service::{CONSUL_SERVICE, TaggedAddress, TagsFault, parse_tags};

/// Reads a service. What is wrong is noted; `None` where no definition can be made of it.
pub(crate) fn service(notes: &mut Notes, value: &Value) -> Option<ServiceDefinition> {
    let name = name(notes, value)?;
    let stated_id = read::text(value, "id");
    let id = match ServiceId::new(if stated_id.is_empty() { name.as_str() } else { stated_id }) {
        Ok(id) => id,
        Err(fault) => {
            let text = format!("the id of service `{name}` is unusable: {fault}");
            let consul = format!("Invalid service ID: {fault}");
            notes.problem(Fault::at(read::place(value, "id"), text), consul);
            return None;
        }
    };
    if id.folded() == CONSUL_SERVICE {
        // Two writers of one row would change it back and forth for ever.
        let text =
            format!("the id `{id}` is that of the service that the leader keeps for servers");
        let hint = "give the service another `id`; its name may stay";
        let consul = format!("Invalid service ID: {text}; {hint}");
        notes.problem(Fault::at(read::place(value, "id"), text).hint(hint), consul);
        return None;
    }
    let address = address(notes, value);
    let meta = meta(notes, value, &name);
    let weights = weights(notes, value, &name);
    Some(ServiceDefinition {
        tags: tags(notes, value, &name),
        address,
        tagged_addresses: tagged_addresses(notes, value),
        meta,
        port: port(notes, value),
        weights,
        enable_tag_override: read::flag(value, "enable_tag_override").unwrap_or(false),
        checks: checks(notes, value, &id, &name),
        token: read::text(value, "token").to_owned(),
        id,
        name,
    })
}

fn name(notes: &mut Notes, value: &Value) -> Option<ServiceName> {
    let text = read::text(value, "name");
    if text.is_empty() {
        let fault = Fault::at(read::place(value, "name"), "a service without a name");
        notes.problem(
            fault.hint("set `name`, which is what clients ask for"),
            "Missing service name",
        );
        return None;
    }
    match ServiceName::new(text) {
        Ok(name) => {
            if !name.is_host_label() && notes.author == Author::Operator {
                let text = format!(
                    "service `{name}` cannot be found by DNS: its name may hold only letters, digits and `-`, at most 63"
                );
                notes.warn(read::place(value, "name"), text);
            }
            Some(name)
        }
        Err(fault) => {
            let place = read::place(value, "name");
            notes.problem(
                Fault::at(place, fault.to_string()),
                format!("Invalid service name: {fault}"),
            );
            None
        }
    }
}

fn tags(notes: &mut Notes, value: &Value, name: &ServiceName) -> Vec<Tag> {
    let items = read::items(value, "tags");
    let texts: Vec<&str> =
        items.iter().map(|item| read::own_str(item).unwrap_or_default()).collect();
    for (item, _) in items.iter().zip(&texts).filter(|(_, text)| text.is_empty()) {
        notes.warn(&item.place, format!("an empty tag of service `{name}` is left out"));
    }
    match parse_tags(&texts) {
        Ok(tags) => return tags,
        Err(TagsFault::TooMany(count)) => {
            let text = format!("service `{name}` has {count} tags, {SERVICE_TAGS_MAX} are allowed");
            let consul = format!("Invalid service tags: more than {SERVICE_TAGS_MAX}");
            notes.problem(Fault::at(read::place(value, "tags"), text), consul);
        }
        Err(TagsFault::Unusable(faults)) => {
            for (index, fault) in faults {
                let place = items.get(index).map_or(&value.place, |item| &item.place);
                let text = format!("a tag of service `{name}` is unusable: {fault}");
                notes.problem(Fault::at(place, text), format!("Invalid service tag: {fault}"));
            }
        }
    }
    Vec::new()
}

fn address(notes: &mut Notes, value: &Value) -> Option<Address> {
    match Address::stated(read::text(value, "address")) {
        Ok(address) => address,
        Err(fault) => {
            let hint = match fault {
                AddressFault::Unspecified => {
                    "state the address that clients shall use, or leave it out"
                }
                AddressFault::Empty | AddressFault::NoHost(_) => {
                    "write `10.0.0.5` or `db.example.com`"
                }
            };
            let place = read::place(value, "address");
            notes
                .problem(Fault::at(place, fault.to_string()).hint(hint), "Invalid service address");
            None
        }
    }
}

fn tagged_addresses(notes: &mut Notes, value: &Value) -> BTreeMap<String, TaggedAddress> {
    let Some(Kind::Object(entries)) = value.entry("tagged_addresses").map(|map| &map.kind) else {
        return BTreeMap::new();
    };
    let mut addresses = BTreeMap::new();
    for entry in entries {
        let text = read::text(&entry.value, "address");
        if let Err(fault) = Address::new(text)
            && notes.author == Author::Operator
        {
            let place = read::place(&entry.value, "address");
            notes.warn(place, format!("tagged address `{}`: {fault}", entry.key));
        }
        let address = TaggedAddress { address: text.to_owned(), port: port(notes, &entry.value) };
        addresses.insert(entry.key.clone(), address);
    }
    addresses
}

fn port(notes: &mut Notes, value: &Value) -> u16 {
    parse_port(read::integer(value, "port").unwrap_or(0)).unwrap_or_else(|fault| {
        let at = Fault::at(read::place(value, "port"), fault.to_string());
        let consul = format!("Invalid service port: {}", fault.0);
        notes.problem(at.hint("ports go from 0 to 65535"), consul);
        0
    })
}

fn meta(notes: &mut Notes, value: &Value, name: &ServiceName) -> Meta {
    meta::parse(read::map(value, "meta")).unwrap_or_else(|fault| {
        let text = format!("invalid meta of service `{name}`: {fault}");
        let consul = format!("Invalid Service Meta: {fault}");
        notes.problem(Fault::at(read::place(value, "meta"), text), consul);
        Meta::new()
    })
}

fn weights(notes: &mut Notes, value: &Value, name: &ServiceName) -> Weights {
    let Some(stated) = value.entry("weights") else { return Weights::default() };
    // Go's zero values in an API body; Consul's defaults in a file.
    let unstated = match notes.author {
        Author::Client => 0,
        Author::Operator => 1,
    };
    let half = |key| read::integer(stated, key).unwrap_or(unstated);
    Weights::new(half("passing"), half("warning")).unwrap_or_else(|fault| {
        let text = format!("Invalid weight definition for service {name}: {fault}");
        notes.problem(Fault::at(&stated.place, text), format!("Invalid Weights: {fault}"));
        Weights::default()
    })
}

fn checks(
    notes: &mut Notes,
    value: &Value,
    id: &ServiceId,
    name: &ServiceName,
) -> Vec<CheckDefinition> {
    let single = value.entry("check").filter(|check| !check::is_empty(check));
    let several = read::items(value, "checks").iter().filter(|check| !check::is_empty(check));
    let stated: Vec<&Value> = single.into_iter().chain(several).collect();
    if CHECKS_MAX < stated.len() {
        let text =
            format!("service `{name}` has {} checks, {CHECKS_MAX} are allowed", stated.len());
        notes.problem(Fault::at(&value.place, text.clone()), format!("Invalid check: {text}"));
        return Vec::new();
    }
    let mut definitions = Vec::with_capacity(stated.len());
    let mut ids = BTreeSet::new();
    for (index, check) in stated.iter().enumerate() {
        let generated_id = match stated.len() {
            1 => format!("service:{id}"),
            _ => format!("service:{id}:{}", index + 1),
        };
        let subject = Subject::Service { id, name, generated_id };
        let Some(definition) = check::check(notes, check, &subject) else { continue };
        if !ids.insert(definition.id.clone()) {
            let text = format!("service `{name}` has two checks of the id `{}`", definition.id);
            notes.problem(Fault::at(&check.place, text.clone()), format!("Invalid check: {text}"));
        }
        definitions.push(definition);
    }
    definitions
}
