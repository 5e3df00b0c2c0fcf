//! The body of `/v1/txn` → Operations, and what they found → JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::api::ApiOptions;
use crate::api::call::check_datacenter;
use crate::api::fault::Fault;
use crate::api::json::check::CheckJson;
use crate::api::json::kv::KvPairJson;
use crate::api::json::node::NodeJson;
use crate::api::json::object::{Object, list, parse};
use crate::api::json::registration::{self, CHECK_KEYS, SERVICE_KEYS};
use crate::api::json::service::ServiceJson;
use crate::api::session::{lock_session, session_id};
use crate::catalog::command::{
    KvDelete, KvDeleteTree, KvLock, KvSet, Registration, SessionDestroy,
};
use crate::catalog::operation::{Found, Operation, Subject};
use crate::model::limits::TRANSACTION_OPERATIONS_MAX;
use crate::model::name::{CheckId, Key, KeyPrefix, NodeName, ServiceId};
use crate::model::number::Revision;

/// A stated operation.
#[derive(Debug)]
pub(in crate::api) struct Step {
    /// Its place in the list that the client sent.
    pub place: usize,
    /// What it is; or, in Consul's words, why it can never be done.
    pub operation: Result<Operation, String>,
}

/// Reads a list of operations. What says nothing at all is left out, as in Consul.
///
/// # Errors
/// [`Fault::Invalid`] where it is no list of the right types, [`Fault::TooLarge`] where there are more than
/// [`TRANSACTION_OPERATIONS_MAX`] or a value is larger than is allowed.
pub(in crate::api) fn steps(body: &[u8], options: &ApiOptions) -> Result<Vec<Step>, Fault> {
    let unreadable = |fault| match fault {
        Fault::Decode(text) => Fault::Invalid(format!("Failed to parse body: {text}")),
        other => other,
    };
    let value = parse(body).map_err(unreadable)?;
    let list = list(&value, "api.TxnOps").map_err(unreadable)?;
    let count = list.len();
    if TRANSACTION_OPERATIONS_MAX < count {
        let text = format!(
            "Transaction contains too many operations ({count} > {TRANSACTION_OPERATIONS_MAX})"
        );
        return Err(Fault::TooLarge(text));
    }
    let mut steps = Vec::with_capacity(count);
    for (place, value) in list.iter().enumerate() {
        match step(value, options) {
            Ok(None) => {}
            Ok(Some(operation)) => steps.push(Step { place, operation: Ok(operation) }),
            // What is wrong with the text as a whole is told as such, what a rule forbids with its place.
            Err(fault @ (Fault::Decode(_) | Fault::TooLarge(_))) => return Err(unreadable(fault)),
            Err(fault) => steps.push(Step { place, operation: Err(fault.to_string()) }),
        }
    }
    Ok(steps)
}

fn step(value: &Value, options: &ApiOptions) -> Result<Option<Operation>, Fault> {
    let root = Object::root(value, "api.TxnOp")?.only(STEP_KEYS)?;
    if let Some(object) = root.object("KV", "api.KVTxnOp")? {
        return key(&object.only(KV_KEYS)?, options).map(Some);
    }
    if let Some(object) = root.object("Node", "api.NodeTxnOp")? {
        return node(&object.only(&["Verb", "Node"])?, options).map(Some);
    }
    if let Some(object) = root.object("Service", "api.ServiceTxnOp")? {
        return service(&object.only(&["Verb", "Node", "Service"])?).map(Some);
    }
    if let Some(object) = root.object("Check", "api.CheckTxnOp")? {
        return check(&object.only(&["Verb", "Check"])?).map(Some);
    }
    if let Some(object) = root.object("Session", "api.SessionTxnOp")? {
        return session(&object.only(&["Verb", "Session"])?).map(Some);
    }
    Ok(None)
}

fn key(object: &Object<'_>, options: &ApiOptions) -> Result<Operation, Fault> {
    let (verb, path) = (object.text("Verb")?, object.text("Key")?);
    let revision = Revision(object.unsigned("Index")?);
    if verb == "delete-tree" {
        return Ok(Operation::KvDeleteTree(KvDeleteTree { prefix: KeyPrefix::new(path) }));
    }
    if path.is_empty() {
        return Err(refused("Must provide key"));
    }
    let key = registration::name(Key::new(path), "key name")?;
    let set = |cas| {
        let (key, value) = (key.clone(), value(object, options)?);
        Ok(Operation::KvSet(KvSet { key, value, flags: object.unsigned("Flags")?, cas }))
    };
    let lock = || {
        let session = lock_session(object.text("Session")?)?;
        let (key, value) = (key.clone(), value(object, options)?);
        Ok(KvLock { key, value, flags: object.unsigned("Flags")?, session })
    };
    match verb {
        "set" => set(None),
        "cas" => set(Some(revision)),
        "lock" => lock().map(Operation::KvAcquire),
        "unlock" => lock().map(Operation::KvRelease),
        "get" => Ok(Operation::KvGet { key }),
        "get-or-empty" => Ok(Operation::KvGetOrEmpty { key }),
        "get-tree" => Ok(Operation::KvGetTree { prefix: KeyPrefix::new(path) }),
        "check-index" => Ok(Operation::KvCheckIndex { key, revision }),
        "check-session" => {
            let session = Some(object.text("Session")?).filter(|text| !text.is_empty());
            Ok(Operation::KvCheckSession { key, session: session.map(session_id).transpose()? })
        }
        "check-not-exists" => Ok(Operation::KvCheckNotExists { key }),
        "delete" => Ok(Operation::KvDelete(KvDelete { key, cas: None })),
        "delete-cas" => Ok(Operation::KvDelete(KvDelete { key, cas: Some(revision) })),
        other => Err(unknown_verb("KV", other)),
    }
}

fn value(object: &Object<'_>, options: &ApiOptions) -> Result<Bytes, Fault> {
    let text = object.text("Value")?;
    let illegal = |fault: base64::DecodeError| {
        let place = match fault {
            base64::DecodeError::InvalidByte(place, _)
            | base64::DecodeError::InvalidLastSymbol(place, _) => place,
            base64::DecodeError::InvalidLength(_) | base64::DecodeError::InvalidPadding => {
                text.len()
            }
        };
        Fault::Decode(format!("illegal base64 data at input byte {place}"))
    };
    let bytes = STANDARD.decode(text).map_err(illegal)?;
    let (count, bytes_max) = (bytes.len(), options.kv_value_bytes_max);
    if bytes_max < count {
        let key = object.text("Key")?;
        let text = format!("Value for key {key:?} is too large ({count} > {bytes_max} bytes)");
        return Err(Fault::TooLarge(text));
    }
    Ok(Bytes::from(bytes))
}

fn node(object: &Object<'_>, options: &ApiOptions) -> Result<Operation, Fault> {
    let verb = object.text("Verb")?;
    let stated = required(object, "Node", "api.Node")?.only(NODE_KEYS)?;
    check_datacenter(stated.text("Datacenter")?, options)?;
    let id = stated.text("ID")?;
    if verb == "get" && !id.is_empty() {
        return Ok(Operation::GetNodeById { id: id.to_ascii_lowercase() });
    }
    let node = registration::node_name(&stated)?;
    let register = || {
        if stated.text("Address")?.is_empty() {
            return Err(refused("Must provide address"));
        }
        let machine = Some(registration::machine(&stated, "Meta")?);
        let node = node.clone();
        Ok(Registration { node, machine, service: None, checks: Vec::new() })
    };
    operation(&stated, verb, "Node", Subject::Node(node.clone()), register)
}

fn service(object: &Object<'_>) -> Result<Operation, Fault> {
    let verb = object.text("Verb")?;
    let node = object.text("Node")?;
    if node.is_empty() {
        return Err(refused("Missing node registration"));
    }
    let node = registration::name(NodeName::new(node), "node name")?;
    let stated = required(object, "Service", "api.AgentService")?.only(SERVICE_KEYS)?;
    // Without an id, the service's name is one.
    let id = match stated.text("ID")? {
        "" => stated.text("Service")?,
        id => id,
    };
    if id.is_empty() {
        return Err(refused("Must provide service ID"));
    }
    let id = registration::name(ServiceId::new(id), "service ID")?;
    let register = || {
        let service = Some(registration::service(&stated, &node)?);
        let node = node.clone();
        Ok(Registration { node, machine: None, service, checks: Vec::new() })
    };
    operation(&stated, verb, "Service", Subject::Service(node.clone(), id), register)
}

fn check(object: &Object<'_>) -> Result<Operation, Fault> {
    let verb = object.text("Verb")?;
    let stated = required(object, "Check", "api.HealthCheck")?.only(CHECK_KEYS)?;
    let node = stated.text("Node")?;
    if node.is_empty() {
        return Err(refused("Missing node registration"));
    }
    let node = registration::name(NodeName::new(node), "node name")?;
    let id = match stated.text("CheckID")? {
        "" => stated.text("Name")?,
        id => id,
    };
    if id.is_empty() {
        return Err(refused("Must provide check ID"));
    }
    let id = registration::name(CheckId::new(id), "check ID")?;
    let register = || {
        let checks = vec![registration::check(&stated, &node)?];
        Ok(Registration { node: node.clone(), machine: None, service: None, checks })
    };
    operation(&stated, verb, "Check", Subject::Check(node.clone(), id), register)
}

/// An operation on a node, service or check, by its verb. `register` reads what is to be known of it.
fn operation(
    stated: &Object<'_>,
    verb: &str,
    kind: &str,
    subject: Subject,
    register: impl FnOnce() -> Result<Registration, Fault>,
) -> Result<Operation, Fault> {
    let cas = match verb {
        "cas" | "delete-cas" => Some(Revision(stated.unsigned("ModifyIndex")?)),
        _ => None,
    };
    match verb {
        "get" => Ok(Operation::Get { subject }),
        "set" | "cas" => {
            let registration = Box::new(register()?);
            Ok(Operation::Register { subject, registration, cas })
        }
        "delete" | "delete-cas" => Ok(Operation::Deregister { subject, cas }),
        other => Err(unknown_verb(kind, other)),
    }
}

fn session(object: &Object<'_>) -> Result<Operation, Fault> {
    let verb = object.text("Verb")?;
    let stated = required(object, "Session", "api.Session")?;
    match verb {
        "delete" => {
            let id = lock_session(stated.text("ID")?)?;
            Ok(Operation::SessionDestroy(SessionDestroy { id }))
        }
        other => Err(unknown_verb("Session", other)),
    }
}

fn required<'a>(
    object: &Object<'a>,
    key: &'static str,
    name: &'static str,
) -> Result<Object<'a>, Fault> {
    object.object(key, name)?.ok_or_else(|| refused(&format!("Must provide {key}")))
}

fn unknown_verb(kind: &str, verb: &str) -> Fault {
    refused(&format!("unknown {kind} verb {verb:?}"))
}

fn refused(text: &str) -> Fault {
    Fault::Refused(text.to_owned())
}

/// What a transaction found or made.
#[derive(Serialize)]
pub(in crate::api) enum FoundJson<'a> {
    /// An entry of the key/value store.
    #[serde(rename = "KV")]
    Key(KvPairJson<'a>),
    /// A node.
    Node(Box<NodeJson<'a>>),
    /// A service.
    Service(Box<ServiceJson<'a>>),
    /// A check.
    Check(Box<CheckJson<'a>>),
}

impl<'a> FoundJson<'a> {
    /// Shows what was found.
    pub(in crate::api) fn new(found: &'a Found, datacenter: &'a str) -> Self {
        match found {
            Found::Key(pair) => Self::Key(KvPairJson::new(pair)),
            Found::Node(node) => Self::Node(Box::new(NodeJson::new(node, datacenter))),
            Found::Service(_, service) => Self::Service(Box::new(ServiceJson::new(service))),
            Found::Check(check) => Self::Check(Box::new(CheckJson::new(check))),
        }
    }
}

/// Why an operation cannot be done.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct FailureJson {
    /// Its place in the list that the client sent, from 0.
    pub op_index: usize,
    /// Why.
    pub what: String,
}

/// What became of a transaction: the one or the other.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct TransactionJson<'a> {
    /// What was found or made, in the order of the operations.
    pub results: Option<Vec<FoundJson<'a>>>,
    /// Why nothing was done.
    pub errors: Option<Vec<FailureJson>>,
    /// Of a transaction that only looked.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub look: Option<LookJson>,
}

/// What Consul says of reads in the body, too; its index is always 0.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct LookJson {
    /// Nothing: a transaction cannot be waited for.
    pub index: u64,
    /// Milliseconds since the leader was heard.
    pub last_contact: u128,
    /// Whether there is a leader.
    pub known_leader: bool,
    /// Nothing.
    pub consistency_level: &'static str,
}

/// What a step may state, the first of them goes.
const STEP_KEYS: &[&str] = &["KV", "Node", "Service", "Check", "Session"];

/// What a step on a key may state.
const KV_KEYS: &[&str] =
    &["Verb", "Key", "Value", "Flags", "Index", "Session", "Namespace", "Partition"];

/// What it may state of a node; much of it is what reads show, since clients send back what they read.
const NODE_KEYS: &[&str] = &[
    "ID",
    "Node",
    "Address",
    "Datacenter",
    "TaggedAddresses",
    "Meta",
    "CreateIndex",
    "ModifyIndex",
    "Partition",
    "PeerName",
    "Locality",
];
