//! HTTP bodies → Definitions, with Consul 1.8.7's texts for what is wrong: clients match on them.
//!
//! As Go's decoder does: keys in any case and in snake_case too, the last of two equal keys counts, `null`
//! is "not stated", durations may be nanoseconds, and what follows the first JSON value is not looked at.

use std::sync::Arc;

use crate::intake::check::{self, Subject};
use crate::intake::definition_keys::{CHECK, SERVICE};
use crate::intake::json::{self, Repeats};
use crate::intake::read::Notes;
use crate::intake::schema::{self, Author, Flaw, Misfit, Table};
use crate::intake::service;
use crate::intake::value::{Kind, Value};
use crate::model::definition::{CheckDefinition, ServiceDefinition};
use crate::model::limits::KEY_SHOWN_CHARS_MAX;
use crate::model::time::DurationFault;

/// Why a body is no definition; Display is the text that Consul's clients see after status 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeFault(pub String);

/// A service from the body of `/v1/agent/service/register`.
///
/// # Errors
/// [`DecodeFault`] with Consul's text.
pub fn service_from_json(body: &[u8]) -> Result<ServiceDefinition, DecodeFault> {
    let value = decode(body, &SERVICE)?;
    let mut notes = Notes::new(Author::Client);
    let definition = service::service(&mut notes, &value);
    finish(notes, definition, "Missing service name")
}

/// A check from the body of `/v1/agent/check/register`.
///
/// # Errors
/// [`DecodeFault`] with Consul's text.
pub fn check_from_json(body: &[u8]) -> Result<CheckDefinition, DecodeFault> {
    let value = decode(body, &CHECK)?;
    let mut notes = Notes::new(Author::Client);
    let definition = check::check(&mut notes, &value, &Subject::Stated);
    finish(notes, definition, "Missing check name")
}

fn finish<T>(notes: Notes, definition: Option<T>, missing: &str) -> Result<T, DecodeFault> {
    match notes.problems.into_iter().next() {
        Some(problem) => Err(DecodeFault(problem.consul)),
        None => definition.ok_or_else(|| DecodeFault(missing.to_owned())),
    }
}

/// A body as a canonical tree.
fn decode(body: &[u8], table: &Table) -> Result<Value, DecodeFault> {
    let refused = |text: String| DecodeFault(format!("Request decode failed: {text}"));
    let mut stream = serde_json::Deserializer::from_slice(body).into_iter::<serde_json::Value>();
    match stream.next() {
        None => return Err(refused("EOF".to_owned())),
        Some(Err(fault)) => return Err(refused(syntax_text(body, &fault))),
        Some(Ok(_)) => {}
    }
    let first = body.get(..stream.byte_offset()).unwrap_or_default();
    let source: Arc<str> = Arc::from("body");
    let text = std::str::from_utf8(first).map_err(|_| refused("invalid UTF-8".to_owned()))?;
    let document = json::parse(&source, text, Repeats::LastWins).map_err(|f| refused(f.text))?;
    if !matches!(document.kind, Kind::Object(_) | Kind::Null) {
        let found = go_kind(&document);
        return Err(refused(format!(
            "json: cannot unmarshal {found} into Go value of type struct"
        )));
    }
    let (value, findings) = schema::check(Author::Client, document, table);
    match findings.misfits.first() {
        Some(misfit) => Err(refused(misfit_text(misfit))),
        None => Ok(value),
    }
}

/// What Go's decoder says of a text that is no JSON.
fn syntax_text(body: &[u8], fault: &serde_json::Error) -> String {
    if fault.is_eof() {
        return "unexpected EOF".to_owned();
    }
    let text = fault.to_string();
    let start = body.split(|byte| *byte == b'\n').nth(fault.line().saturating_sub(1));
    let at = |column: usize| start.and_then(|line| line.get(column.checked_sub(1)?));
    let found = at(fault.column()).map_or(' ', |byte| char::from(*byte));
    let context = [
        ("key must be a string", "looking for beginning of object key string"),
        ("trailing comma", "looking for beginning of object key string"),
        ("expected value", "looking for beginning of value"),
        ("expected ident", "in literal"),
        ("expected `,` or `}`", "after object key:value pair"),
        ("expected `,` or `]`", "after array element"),
        ("expected `:`", "after object key"),
        ("control character", "in string literal"),
        ("invalid escape", "in string escape code"),
        ("invalid number", "in numeric literal"),
    ];
    match context.iter().find(|(start, _)| text.starts_with(start)) {
        Some((_, context)) => {
            format!("invalid character {found:?} {context}").replace("'\"'", "'\"'")
        }
        None => text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text).to_owned(),
    }
}

/// What Go's decoder says of JSON that does not fit.
fn misfit_text(misfit: &Misfit) -> String {
    let last = misfit.path.last().map_or("", String::as_str);
    let last: String = last.chars().take(KEY_SHOWN_CHARS_MAX).collect();
    match &misfit.flaw {
        Flaw::UnknownKey { .. } => format!("json: unknown field {last:?}"),
        Flaw::TooMany(entries) => format!("json: field {last:?} has {entries} entries"),
        Flaw::Repeated(_) => format!("json: field {last:?} is repeated"),
        Flaw::WrongType { expected_go, found, .. } => {
            let found_go = go_kind(found);
            let field = misfit.path.first().map_or_else(String::new, |key| go_field(key));
            format!(
                "json: cannot unmarshal {found_go} into Go struct field .{field} of type {expected_go}"
            )
        }
        Flaw::Duration { text, fault } => match fault {
            DurationFault::NoUnit(_) => format!("time: missing unit in duration {text:?}"),
            DurationFault::Unit(unit) => {
                format!("time: unknown unit {unit:?} in duration {text:?}")
            }
            DurationFault::Empty
            | DurationFault::Number(_)
            | DurationFault::Negative
            | DurationFault::TooLong => format!("time: invalid duration {text:?}"),
        },
    }
}

/// What Go calls a JSON value; a number that is not whole is shown.
fn go_kind(value: &Value) -> String {
    match &value.kind {
        Kind::Null => "null".to_owned(),
        Kind::Bool(_) => "bool".to_owned(),
        Kind::Number(raw) if raw.parse::<i64>().is_err() => format!("number {raw}"),
        Kind::Number(_) => "number".to_owned(),
        Kind::Text(_) => "string".to_owned(),
        Kind::List(_) => "array".to_owned(),
        Kind::Object(_) | Kind::Blocks(_) => "object".to_owned(),
    }
}

/// A key as Go's struct spells the field: `Port` for `port`; a snake_case key is a field of its own.
fn go_field(key: &str) -> String {
    if key.contains('_') {
        return key.to_lowercase();
    }
    let fields = [
        "ID",
        "Name",
        "Tags",
        "Address",
        "Meta",
        "Port",
        "Check",
        "Checks",
        "Token",
        "Weights",
        "EnableTagOverride",
        "TaggedAddresses",
        "Notes",
        "ServiceID",
        "Status",
        "HTTP",
        "Header",
        "Method",
        "Body",
        "TCP",
        "UDP",
        "TTL",
        "Interval",
        "Timeout",
        "AliasNode",
        "AliasService",
        "Shell",
        "TLSSkipVerify",
        "OutputMaxSize",
        "SuccessBeforePassing",
        "FailuresBeforeCritical",
        "DeregisterCriticalServiceAfter",
    ];
    let known = fields.into_iter().find(|field| field.eq_ignore_ascii_case(key));
    known.unwrap_or(key).to_owned()
}
