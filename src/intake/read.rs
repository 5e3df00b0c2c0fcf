//! Canonical Value → plain Rust values, with what is wrong about them noted in both languages: ours for
//! files, Consul's for its HTTP clients.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::intake::fault::{Fault, Place};
use crate::intake::schema::Author;
use crate::intake::value::{Kind, Value};
use crate::model::time::parse_duration;

/// A value that has the right type and is still impossible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// As it is said of a file.
    pub(crate) fault: Fault,
    /// As Consul's API says it.
    pub(crate) consul: String,
}

/// Reads values and notes what is wrong with them.
#[derive(Debug)]
pub(crate) struct Notes {
    /// Who wrote the document.
    pub(crate) author: Author,
    /// What is wrong.
    pub(crate) problems: Vec<Problem>,
    /// What is right but should be said.
    pub(crate) warnings: Vec<String>,
}

impl Notes {
    /// Nothing to say yet.
    pub(crate) fn new(author: Author) -> Self {
        Self { author, problems: Vec::new(), warnings: Vec::new() }
    }

    /// Notes a fault, with what Consul's API would say.
    pub(crate) fn problem(&mut self, fault: Fault, consul: impl Into<String>) {
        self.problems.push(Problem { fault, consul: consul.into() });
    }

    /// Notes a warning about a place.
    pub(crate) fn warn(&mut self, place: &Place, text: impl std::fmt::Display) {
        self.warnings.push(format!("{place}: {text}"));
    }
}

/// The text of a key; empty where it is not stated, as in Go.
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    match object.entry(key).map(|value| &value.kind) {
        Some(Kind::Text(text)) => text,
        _ => "",
    }
}

/// Whether a key is stated and true.
pub(crate) fn flag(object: &Value, key: &str) -> Option<bool> {
    match object.entry(key).map(|value| &value.kind) {
        Some(Kind::Bool(flag)) => Some(*flag),
        _ => None,
    }
}

/// The whole number of a key.
pub(crate) fn integer(object: &Value, key: &str) -> Option<i64> {
    match object.entry(key).map(|value| &value.kind) {
        Some(Kind::Number(raw)) => raw.parse().ok(),
        _ => None,
    }
}

/// The duration of a key; the schema has seen that it is one.
pub(crate) fn duration(object: &Value, key: &str) -> Option<Duration> {
    match object.entry(key).map(|value| &value.kind) {
        Some(Kind::Text(text)) => parse_duration(text).ok(),
        _ => None,
    }
}

/// The items of a list.
pub(crate) fn items<'a>(object: &'a Value, key: &str) -> &'a [Value] {
    match object.entry(key).map(|value| &value.kind) {
        Some(Kind::List(items)) => items,
        _ => &[],
    }
}

/// The strings of a list.
pub(crate) fn texts(object: &Value, key: &str) -> Vec<String> {
    items(object, key).iter().filter_map(own_text).collect()
}

/// A value's own string.
pub(crate) fn own_text(value: &Value) -> Option<String> {
    own_str(value).map(str::to_owned)
}

/// The same, where it stands.
pub(crate) fn own_str(value: &Value) -> Option<&str> {
    match &value.kind {
        Kind::Text(text) => Some(text),
        _ => None,
    }
}

/// The strings of a map, with their places.
pub(crate) fn map(object: &Value, key: &str) -> BTreeMap<String, String> {
    let Some(Kind::Object(entries)) = object.entry(key).map(|value| &value.kind) else {
        return BTreeMap::new();
    };
    entries.iter().filter_map(|e| Some((e.key.clone(), own_text(&e.value)?))).collect()
}

/// Where a key is set, or else where the object begins.
pub(crate) fn place<'a>(object: &'a Value, key: &str) -> &'a Place {
    object.entry(key).map_or(&object.place, |value| &value.place)
}

/// A number between bounds.
pub(crate) fn bounded(
    notes: &mut Notes,
    object: &Value,
    key: &str,
    bounds: std::ops::RangeInclusive<i64>,
) -> Option<i64> {
    let number = integer(object, key)?;
    if bounds.contains(&number) {
        return Some(number);
    }
    let (low, high) = (bounds.start(), bounds.end());
    let text = if *high == i64::MAX {
        format!("`{key}` cannot be {number}, must be at least {low}")
    } else {
        format!("`{key}` cannot be {number}, must be between {low} and {high}")
    };
    let consul = format!("{key} cannot be {number}. Must be between {low} and {high}");
    notes.problem(Fault::at(place(object, key), text), consul);
    None
}
