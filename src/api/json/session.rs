//! Sessions: the body of `/v1/session/create` → Session, and Session → JSON.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::api::fault::Fault;
use crate::api::json::Shown;
use crate::api::json::object::{Object, parse};
use crate::model::check::SERF_HEALTH;
use crate::model::limits::{SESSION_CHECKS_MAX, SESSION_NAME_BYTES_MAX, SESSION_TTL_MAX};
use crate::model::name::{CheckId, NodeName};
use crate::model::number::Revision;
use crate::model::session::{Behavior, ServiceCheck, Session, SessionId};
use crate::model::time::{DurationFault, GoDuration, parse_duration};

/// A session.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct SessionJson<'a> {
    /// What it is called by.
    #[serde(rename = "ID")]
    id: Shown<'a, SessionId>,
    /// For people.
    name: &'a str,
    /// It ends with this node.
    node: &'a str,
    /// How long nobody gets its locks after it, in nanoseconds.
    lock_delay: u64,
    /// What becomes of its keys when it ends.
    behavior: &'static str,
    /// How long it lives without being renewed.
    #[serde(rename = "TTL")]
    ttl: &'a str,
    /// Checks of its node.
    node_checks: Vec<&'a str>,
    /// Checks of services on its node; `null` for none.
    service_checks: Option<Vec<ServiceCheckJson<'a>>>,
    /// Checks of either kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<&'a str>,
    /// When it was created.
    create_index: Revision,
    /// The same.
    modify_index: Revision,
}

/// A check of a service.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceCheckJson<'a> {
    /// The check.
    #[serde(rename = "ID")]
    id: &'a str,
    /// Consul Enterprise's namespace.
    namespace: &'a str,
}

/// What `/v1/session/create` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct CreatedJson {
    /// What the session is called by.
    #[serde(rename = "ID")]
    pub id: String,
}

impl<'a> SessionJson<'a> {
    /// Shows a session.
    pub(in crate::api) fn new(session: &'a Session) -> Self {
        let of_service = |check: &'a ServiceCheck| ServiceCheckJson {
            id: check.id.as_str(),
            namespace: &check.namespace,
        };
        let services: Vec<_> = session.service_checks.iter().map(of_service).collect();
        Self {
            id: Shown(&session.id),
            name: &session.name,
            node: session.node.as_str(),
            lock_delay: session.lock_delay_ns,
            behavior: session.behavior.as_str(),
            ttl: &session.ttl,
            node_checks: session.node_checks.iter().map(CheckId::as_str).collect(),
            service_checks: (!services.is_empty()).then_some(services),
            checks: session.checks.iter().map(CheckId::as_str).collect(),
            create_index: session.create_revision,
            modify_index: session.modify_revision,
        }
    }
}

/// Reads what a session is to be; an empty body states nothing. `node` is this agent's, which a session is on
/// unless it says otherwise, and `ttl_min` the shortest TTL that may be stated.
///
/// # Errors
/// [`Fault::Decode`] where the body is no JSON of the right types, [`Fault::Refused`] where what it states is
/// not allowed.
pub(in crate::api) fn create(
    body: &[u8],
    id: SessionId,
    node: &NodeName,
    ttl_min: Duration,
) -> Result<Session, Fault> {
    let value = if body.is_empty() { Value::Null } else { parse(body)? };
    let root = Object::root(&value, "Session")?;
    let refused = |text: String| Fault::Refused(text);
    let name = root.text("Name")?;
    if SESSION_NAME_BYTES_MAX < name.len() {
        return Err(refused(format!(
            "Invalid Name: it has {} bytes, {SESSION_NAME_BYTES_MAX} are allowed",
            name.len()
        )));
    }
    let node = match root.value("Node") {
        None => node.clone(),
        Some(_) => match root.text("Node")? {
            "" => return Err(refused("Must provide Node".to_owned())),
            text => NodeName::new(text)
                .map_err(|fault| refused(format!("Missing node registration: {fault}")))?,
        },
    };
    let behavior = root.text("Behavior")?;
    let checks = check_ids(&root, "Checks")?;
    // Who states an empty list, in whichever field, wants a session that depends on no check.
    let depends_on_none = root.states("NodeChecks") || (root.states("Checks") && checks.is_empty());
    let node_checks = if depends_on_none {
        check_ids(&root, "NodeChecks")?
    } else {
        vec![check_id(SERF_HEALTH)?]
    };
    let service_checks = service_checks(&root)?;
    let count = checks.len() + node_checks.len() + service_checks.len();
    if SESSION_CHECKS_MAX < count {
        return Err(refused(format!(
            "Too many checks: {count}, at most {SESSION_CHECKS_MAX} are allowed"
        )));
    }
    Ok(Session {
        id,
        name: name.to_owned(),
        node,
        node_checks,
        service_checks,
        checks,
        lock_delay_ns: lock_delay_ns(&root)?,
        behavior: Behavior::from_word(behavior)
            .ok_or_else(|| refused(format!("Invalid Behavior setting '{behavior}'")))?,
        ttl: ttl(root.text("TTL")?, ttl_min)?.to_owned(),
        create_revision: Revision(0),
        modify_revision: Revision(0),
    })
}

fn check_ids(root: &Object<'_>, key: &str) -> Result<Vec<CheckId>, Fault> {
    root.texts(key)?.into_iter().map(check_id).collect()
}

fn check_id(text: &str) -> Result<CheckId, Fault> {
    CheckId::new(text)
        .map_err(|fault| Fault::Refused(format!("Missing check '{text}' registration: {fault}")))
}

fn service_checks(root: &Object<'_>) -> Result<Vec<ServiceCheck>, Fault> {
    let objects = root.objects("ServiceChecks", "structs.ServiceCheck")?;
    let read = |object: Object<'_>| {
        let namespace = object.text("Namespace")?.to_owned();
        Ok(ServiceCheck { id: check_id(object.text("ID")?)?, namespace })
    };
    objects.into_iter().map(read).collect()
}

/// Reads a lock delay: a duration, or a number of nanoseconds, which counts seconds where it is so small that
/// nobody can have meant nanoseconds.
fn lock_delay_ns(root: &Object<'_>) -> Result<u64, Fault> {
    let key = "LockDelay";
    let Some(value) = root.value(key) else { return Ok(LOCK_DELAY_DEFAULT_NS) };
    if let Value::String(text) = value {
        let lock_delay = parse_duration(text).map_err(|fault| match fault {
            DurationFault::Negative => Fault::Decode("LockDelay must not be negative".to_owned()),
            fault => Fault::Decode(go_fault(text, &fault)),
        })?;
        return Ok(nanoseconds(lock_delay));
    }
    let whole = value.as_u64().or_else(|| value.as_f64().and_then(whole));
    let number = whole.ok_or_else(|| root.wrong(key, value, "time.Duration"))?;
    let is_seconds = number < LOCK_DELAY_SECONDS_BELOW;
    Ok(if is_seconds { number * 1_000_000_000 } else { number })
}

/// The whole part of a number that a duration in nanoseconds can be.
fn whole(number: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range")]
    (0.0..9e18).contains(&number).then_some(number as u64)
}

/// Checks a TTL; none, or one of zero, is for ever.
fn ttl(text: &str, ttl_min: Duration) -> Result<&str, Fault> {
    if text.is_empty() {
        return Ok(text);
    }
    let refuse = |nanos: &str| {
        let (least, most) = (GoDuration(ttl_min), GoDuration(SESSION_TTL_MAX));
        let text = format!("Invalid Session TTL '{nanos}', must be between [{least}={most}]");
        Err(Fault::Refused(text))
    };
    match parse_duration(text) {
        Ok(ttl) if ttl.is_zero() || (ttl_min..=SESSION_TTL_MAX).contains(&ttl) => Ok(text),
        Ok(ttl) => refuse(&ttl.as_nanos().to_string()),
        Err(DurationFault::Negative) => {
            let positive = parse_duration(text.trim().trim_start_matches('-')).unwrap_or_default();
            refuse(&format!("-{}", positive.as_nanos()))
        }
        Err(fault) => {
            let why = go_fault(text, &fault);
            Err(Fault::Refused(format!("Session TTL '{text}' invalid: {why}")))
        }
    }
}

/// What Go says of a text that is no duration.
fn go_fault(text: &str, fault: &DurationFault) -> String {
    match fault {
        DurationFault::NoUnit(_) => format!("time: missing unit in duration {text:?}"),
        DurationFault::Unit(unit) => format!("time: unknown unit {unit:?} in duration {text:?}"),
        DurationFault::Empty
        | DurationFault::Number(_)
        | DurationFault::Negative
        | DurationFault::TooLong => format!("time: invalid duration {text:?}"),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The lock delay of a session that states none, in nanoseconds.
const LOCK_DELAY_DEFAULT_NS: u64 = 15_000_000_000;

/// Below this a number as lock delay counts seconds (Consul's `lockDelayMinThreshold`).
const LOCK_DELAY_SECONDS_BELOW: u64 = 1_000;
