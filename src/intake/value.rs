//! Documents as trees with places, the same for JSON and HCL, and how two of them merge.

use crate::intake::fault::Place;

/// A piece of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    /// What it is.
    pub(crate) kind: Kind,
    /// Where it begins.
    pub(crate) place: Place,
}

/// What a piece of a document is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// JSON's `null`, which means "not stated".
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it was written: its key's type decides how it is read.
    Number(String),
    /// A string, escapes resolved.
    Text(String),
    /// `[…]`.
    List(Vec<Value>),
    /// `{…}`, in the order of the document.
    Object(Vec<Field>),
    /// HCL's repeated blocks of one key: a list where the key wants one, else one merged object.
    Blocks(Vec<Value>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    /// As it was written.
    pub(crate) key: String,
    /// Where the key begins.
    pub(crate) place: Place,
    /// What it is set to.
    pub(crate) value: Value,
}

impl Value {
    /// What the value is called in errors.
    pub(crate) fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Object(_) => "an object",
            Kind::Blocks(_) => "several blocks",
        }
    }

    /// The value of a key, in a tree whose keys are canonical.
    pub(crate) fn entry(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Object(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.value),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Number(_)
            | Kind::Text(_)
            | Kind::List(_)
            | Kind::Blocks(_) => None,
        }
    }

    /// Lays a later document over this one: lists append, objects merge, anything else replaces.
    pub(crate) fn merge(&mut self, later: Self) {
        match (&mut self.kind, later.kind) {
            (Kind::List(items), Kind::List(more)) => items.extend(more),
            (Kind::Object(entries), Kind::Object(more)) => {
                for entry in more {
                    match entries.iter_mut().find(|known| known.key == entry.key) {
                        Some(known) => {
                            known.place = entry.place;
                            known.value.merge(entry.value);
                        }
                        None => entries.push(entry),
                    }
                }
            }
            (kind, other) => {
                *kind = other;
                self.place = later.place;
            }
        }
    }
}
