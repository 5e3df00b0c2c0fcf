//! The bodies of `/v1/catalog/register` and `/v1/catalog/deregister` → Commands.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::fault::Fault;
use crate::api::json::object::{Object, parse};
use crate::catalog::Command;
use crate::catalog::command::{
    CheckState, Deregistration, DeregistrationTarget, Machine, Registration,
};
use crate::model::address::Address;
use crate::model::check::ForeignDefinition;
use crate::model::health::Status;
use crate::model::limits::{CHECKS_MAX, META_ENTRIES_MAX};
use crate::model::meta;
use crate::model::name::{CheckId, NodeName, ServiceId, ServiceName};
use crate::model::number::{Revision, Weights, parse_port};
use crate::model::service::{Service, TaggedAddress, parse_tags};

/// A Command and the datacenter that it is for; empty for ours.
#[derive(Debug)]
pub(in crate::api) struct Addressed {
    /// The datacenter.
    pub datacenter: String,
    /// What is to be done.
    pub command: Command,
}

/// Reads a registration.
///
/// # Errors
/// [`Fault::Decode`] where it is no JSON of the right types, [`Fault::Refused`] and [`Fault::Invalid`]
/// where something is missing or not legal.
pub(in crate::api) fn register(body: &[u8]) -> Result<Addressed, Fault> {
    let value = parse(body)?;
    let root = Object::root(&value, "RegisterRequest")?.only(REGISTER_KEYS)?;
    let node = node_name(&root)?;
    // A node that nobody knows yet is made all the same, of what is stated.
    let is_kept = root.truth("SkipNodeUpdate")?;
    let is_stated = !is_kept || !root.text("Address")?.is_empty();
    let machine = if is_stated { Some(machine(&root, "NodeMeta")?) } else { None };
    let service = match root.object("Service", "NodeService")? {
        Some(object) => Some(service(&object.only(SERVICE_KEYS)?, &node)?),
        None => None,
    };
    let mut checks = Vec::new();
    let single = root.object("Check", "HealthCheck")?;
    for object in single.into_iter().chain(root.objects("Checks", "HealthCheck")?) {
        checks.push(check(&object.only(CHECK_KEYS)?, &node)?);
    }
    if CHECKS_MAX < checks.len() {
        return Err(Fault::Invalid(format!("Too many checks: at most {CHECKS_MAX} are allowed")));
    }
    let registration = Registration { node, machine, service, checks };
    let datacenter = root.text("Datacenter")?.to_owned();
    let command = if is_kept { Command::Welcome } else { Command::Register };
    Ok(Addressed { datacenter, command: command(Box::new(registration)) })
}

/// Reads a deregistration.
///
/// # Errors
/// As [`register`].
pub(in crate::api) fn deregister(body: &[u8]) -> Result<Addressed, Fault> {
    let value = parse(body)?;
    let root = Object::root(&value, "DeregisterRequest")?.only(DEREGISTER_KEYS)?;
    let node = node_name(&root)?;
    let (service_id, check_id) = (root.text("ServiceID")?, root.text("CheckID")?);
    let target = if !service_id.is_empty() {
        DeregistrationTarget::Service(name(ServiceId::new(service_id), "service ID")?)
    } else if !check_id.is_empty() {
        DeregistrationTarget::Check(name(CheckId::new(check_id), "check ID")?)
    } else {
        DeregistrationTarget::Node
    };
    let datacenter = root.text("Datacenter")?.to_owned();
    Ok(Addressed { datacenter, command: Command::Deregister(Deregistration { node, target }) })
}

/// The node that is meant.
///
/// # Errors
/// [`Fault::Refused`], where none is stated.
pub(in crate::api) fn node_name(root: &Object<'_>) -> Result<NodeName, Fault> {
    let text = root.text("Node")?;
    if text.is_empty() {
        return Err(Fault::Refused("Must provide node".to_owned()));
    }
    name(NodeName::new(text), "node name")
}

/// What is stated of a machine, with its metadata under `meta_key`.
///
/// # Errors
/// As [`register`].
pub(in crate::api) fn machine(root: &Object<'_>, meta_key: &'static str) -> Result<Machine, Fault> {
    let text = root.text("Address")?;
    if text.is_empty() {
        let text = "Must provide address if SkipNodeUpdate is not set";
        return Err(Fault::Refused(text.to_owned()));
    }
    let id = root.text("ID")?;
    if !id.is_empty() {
        check_uuid(id)?;
    }
    let tagged_addresses = texts_by_name(root, "TaggedAddresses")?;
    check_count("TaggedAddresses", tagged_addresses.len())?;
    Ok(Machine {
        id: id.to_ascii_lowercase(),
        address: name(Address::new(text), "node address")?,
        tagged_addresses,
        meta: name(meta::parse_foreign(texts_by_name(root, meta_key)?), meta_key)?,
    })
}

fn check_uuid(id: &str) -> Result<(), Fault> {
    let fault = |text: &str| Err(Fault::Refused(format!("Bad node ID: {text}")));
    if id.len() != 36 {
        return fault("uuid string is wrong length");
    }
    if uuid::Uuid::try_parse(id).is_err() {
        return fault("uuid is improperly formatted");
    }
    Ok(())
}

/// What is stated of a service of `node`.
///
/// # Errors
/// As [`register`].
pub(in crate::api) fn service(object: &Object<'_>, node: &NodeName) -> Result<Service, Fault> {
    let (id, service) = (object.text("ID")?, object.text("Service")?);
    if service.is_empty() {
        return Err(Fault::Refused("Must provide service name with ID".to_owned()));
    }
    let id = if id.is_empty() { service } else { id };
    let id = name(ServiceId::new(id), "service ID")?;
    let address = Address::stated(object.text("Address")?)
        .map_err(|fault| Fault::Refused(format!("Invalid service address: {fault}")))?;
    let meta = meta::parse(texts_by_name(object, "Meta")?).map_err(|fault| {
        let place = format!("node {} and serviceID {id}", node.as_str());
        Fault::Refused(format!(
            "failed inserting service: Invalid Service Meta for {place}: {fault}"
        ))
    })?;
    Ok(Service {
        id,
        name: name(ServiceName::new(service), "service name")?,
        tags: name(parse_tags(&object.texts("Tags")?), "service tags")?,
        address,
        tagged_addresses: service_addresses(object)?,
        meta,
        port: port(object)?,
        weights: weights(object)?,
        enable_tag_override: object.truth("EnableTagOverride")?,
        create_revision: Revision(0),
        modify_revision: Revision(0),
    })
}

fn service_addresses(object: &Object<'_>) -> Result<BTreeMap<String, TaggedAddress>, Fault> {
    let mut addresses = BTreeMap::new();
    let stated = object.entries("TaggedAddresses", "map[string]structs.ServiceAddress")?;
    for (network, value) in stated.into_iter().flatten() {
        let tagged = Object::root(value, "ServiceAddress")?;
        let address =
            TaggedAddress { address: tagged.text("Address")?.to_owned(), port: port(&tagged)? };
        addresses.insert(network.clone(), address);
    }
    check_count("TaggedAddresses", addresses.len())?;
    Ok(addresses)
}

fn port(object: &Object<'_>) -> Result<u16, Fault> {
    let number = object.number("Port")?.unwrap_or(0);
    parse_port(number).map_err(|_| Fault::Invalid(format!("Invalid service port: {number}")))
}

fn weights(object: &Object<'_>) -> Result<Weights, Fault> {
    let Some(weights) = object.object("Weights", "Weights")? else { return Ok(Weights::default()) };
    let passing = weights.number("Passing")?.unwrap_or(0);
    let warning = weights.number("Warning")?.unwrap_or(0);
    // Go's zero value. Consul refuses it of an agent's client, but in a registration it means that none are
    // stated.
    if passing == 0 {
        return Ok(Weights::default());
    }
    name(Weights::new(passing, warning), "Weights")
}

/// What is stated of a check of `node`.
///
/// # Errors
/// As [`register`].
pub(in crate::api) fn check(object: &Object<'_>, node: &NodeName) -> Result<CheckState, Fault> {
    let stated_node = object.text("Node")?;
    if !stated_node.is_empty() && stated_node.to_lowercase() != node.folded() {
        let text = format!("check node {stated_node:?} does not match node {:?}", node.as_str());
        return Err(Fault::Refused(text));
    }
    let (id, title) = (object.text("CheckID")?, object.text("Name")?);
    let id = if id.is_empty() { title } else { id };
    if id.is_empty() {
        let text = "failed inserting check: a check needs a `CheckID` or a `Name`";
        return Err(Fault::Refused(text.to_owned()));
    }
    let status = match object.text("Status")? {
        // What nobody spoke for does not work.
        "" => Status::Critical,
        word => {
            let bad = || Fault::Invalid("Bad check status".to_owned());
            Status::from_word(word).ok_or_else(bad)?
        }
    };
    let definition = object.object("Definition", "HealthCheckDefinition")?;
    let kept = definition.as_ref().map(foreign).transpose()?;
    let service_id = object.text("ServiceID")?;
    let service_id = if service_id.is_empty() {
        None
    } else {
        Some(name(ServiceId::new(service_id), "service ID")?)
    };
    Ok(CheckState {
        id: name(CheckId::new(id), "check ID")?,
        name: title.to_owned(),
        status,
        notes: object.text("Notes")?.to_owned(),
        output: object.text("Output")?.to_owned(),
        service_id,
        kind: check_kind(object, definition.as_ref())?,
        definition: kept.filter(|kept| *kept != ForeignDefinition::default()).map(Box::new),
    })
}

/// The kind of probe: as stated, else what the definition is about.
fn check_kind(object: &Object<'_>, definition: Option<&Object<'_>>) -> Result<String, Fault> {
    let stated = object.text("Type")?;
    if !stated.is_empty() {
        return Ok(stated.to_owned());
    }
    let Some(definition) = definition else { return Ok(String::new()) };
    for (key, kind) in [("HTTP", "http"), ("TCP", "tcp"), ("TTL", "ttl")] {
        if !definition.text(key)?.is_empty() {
            return Ok(kind.to_owned());
        }
    }
    Ok(String::new())
}

/// What is kept of a definition. Keys that are not known are newer Consul's.
fn foreign(object: &Object<'_>) -> Result<ForeignDefinition, Fault> {
    let mut header = BTreeMap::new();
    for (line, values) in object.entries("Header", "map[string][]string")?.into_iter().flatten() {
        let values = values.as_array().ok_or_else(|| object.wrong("Header", values, "[]string"))?;
        let text = |value: &Value| match value.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(object.wrong("Header", value, "string")),
        };
        header.insert(line.clone(), values.iter().map(text).collect::<Result<_, Fault>>()?);
    }
    check_count("Header", header.len())?;
    Ok(ForeignDefinition {
        http: object.text("HTTP")?.to_owned(),
        tls_skip_verify: object.truth("TLSSkipVerify")?,
        header,
        method: object.text("Method")?.to_owned(),
        body: object.text("Body")?.to_owned(),
        tcp: object.text("TCP")?.to_owned(),
        interval: object.duration("Interval")?,
        timeout: object.duration("Timeout")?,
        deregister_after: object.duration("DeregisterCriticalServiceAfter")?,
    })
}

fn texts_by_name(object: &Object<'_>, key: &str) -> Result<BTreeMap<String, String>, Fault> {
    let mut texts = BTreeMap::new();
    for (name, value) in object.entries(key, "map[string]string")?.into_iter().flatten() {
        let text = value.as_str().ok_or_else(|| object.wrong(key, value, "string"))?;
        texts.insert(name.clone(), text.to_owned());
    }
    Ok(texts)
}

fn check_count(key: &str, count: usize) -> Result<(), Fault> {
    if META_ENTRIES_MAX < count {
        let text = format!("Invalid {key}: at most {META_ENTRIES_MAX} entries are allowed");
        return Err(Fault::Invalid(text));
    }
    Ok(())
}

/// A parsed name or address, or the refusal that says what it was to be.
pub(in crate::api) fn name<T, F: std::fmt::Display>(
    parsed: Result<T, F>,
    what: &str,
) -> Result<T, Fault> {
    parsed.map_err(|fault| Fault::Invalid(format!("Invalid {what}: {fault}")))
}

/// What a registration may state. Namespaces and their like are newer Consul's, whose clients state them. A token
/// here counts for nothing, as in Consul: that of the request does.
const REGISTER_KEYS: &[&str] = &[
    "Token",
    "CreateIndex",
    "ModifyIndex",
    "Datacenter",
    "ID",
    "Node",
    "Address",
    "TaggedAddresses",
    "NodeMeta",
    "Service",
    "Check",
    "Checks",
    "SkipNodeUpdate",
    "Namespace",
    "Partition",
    "PeerName",
    "Locality",
];

/// What it may state of a service; much of it is what reads show, since clients send back what they read.
pub(in crate::api) const SERVICE_KEYS: &[&str] = &[
    "Kind",
    "ID",
    "Service",
    "Tags",
    "Address",
    "TaggedAddresses",
    "Meta",
    "Port",
    "SocketPath",
    "Weights",
    "EnableTagOverride",
    "Proxy",
    "Connect",
    "ContentHash",
    "CreateIndex",
    "ModifyIndex",
    "Datacenter",
    "Namespace",
    "Partition",
    "PeerName",
    "Locality",
];

/// What it may state of a check.
pub(in crate::api) const CHECK_KEYS: &[&str] = &[
    "Node",
    "CheckID",
    "Name",
    "Status",
    "Notes",
    "Output",
    "ServiceID",
    "ServiceName",
    "ServiceTags",
    "Type",
    "Definition",
    "Interval",
    "Timeout",
    "ExposedPort",
    "CreateIndex",
    "ModifyIndex",
    "Namespace",
    "Partition",
    "PeerName",
];

/// What a deregistration may state. The address is what clients copy from the registration.
const DEREGISTER_KEYS: &[&str] = &[
    "Token",
    "Datacenter",
    "Node",
    "Address",
    "ServiceID",
    "CheckID",
    "Namespace",
    "Partition",
    "PeerName",
];
