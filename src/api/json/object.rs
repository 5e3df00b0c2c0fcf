//! JSON text → fields: keys in any case, unknown ones refused where asked for, and errors in the words of Go's decoder.

use std::time::Duration;

use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::api::fault::Fault;
use crate::model::time::parse_duration;

/// An object, with what it is called in errors.
#[derive(Clone, Copy)]
pub(in crate::api) struct Object<'a> {
    /// Its fields.
    fields: &'a Map<String, Value>,
    /// What it is called.
    name: &'static str,
}

/// Parses a body. What follows the first value is ignored, as Consul does.
///
/// # Errors
/// [`Fault::Decode`], where it is empty, cut short, no JSON, or nested deeper than 128 levels.
pub(in crate::api) fn parse(body: &[u8]) -> Result<Value, Fault> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Fault::Decode("EOF".to_owned()));
    }
    // serde_json stops at 128 levels, which is `limits::DOCUMENT_DEPTH_MAX`.
    Value::deserialize(&mut serde_json::Deserializer::from_slice(body)).map_err(|fault| {
        let text = if fault.is_eof() { "unexpected EOF".to_owned() } else { fault.to_string() };
        Fault::Decode(text)
    })
}

/// Parses a body that repeats what a program printed: what is no Unicode becomes replacement characters, as in Go,
/// be it bytes or halves of surrogate pairs, as scripts of Python write them for bytes.
///
/// # Errors
/// As [`parse`].
pub(in crate::api) fn parse_printed(body: &[u8]) -> Result<Value, Fault> {
    let text = String::from_utf8_lossy(body);
    let mut whole = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let bytes = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(_), _) => {
                whole.push(char::REPLACEMENT_CHARACTER);
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            // Whatever is escaped, it begins no escape itself.
            (None, _) => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (escape, after) = escape.split_at(bytes);
        whole.push_str(escape);
        rest = after;
    }
    whole.push_str(rest);
    parse(whole.as_bytes())
}

/// The half of a surrogate pair that a text begins with, escaped (RFC 8259 §7).
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let unit = u16::from_str_radix(digits, 16).ok()?;
    (0xd800..=0xdfff).contains(&unit).then_some(unit)
}

/// The list that a body is; `null` is one without items. `name` is what it is called in errors.
///
/// # Errors
/// [`Fault::Decode`], where it is anything else.
pub(in crate::api) fn list<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], Fault> {
    match value {
        Value::Array(items) => Ok(items),
        Value::Null => Ok(&[]),
        other => Err(unfit_root(other, name)),
    }
}

/// That a body is something else than it must be.
fn unfit_root(found: &Value, name: &str) -> Fault {
    let kind = kind(found);
    Fault::Decode(format!("json: cannot unmarshal {kind} into Go value of type {name}"))
}

impl<'a> Object<'a> {
    /// The object that a body is; `null` is one without fields.
    pub(in crate::api) fn root(value: &'a Value, name: &'static str) -> Result<Self, Fault> {
        match value {
            Value::Object(fields) => Ok(Self { fields, name }),
            Value::Null => Ok(Self { fields: no_fields(), name }),
            other => Err(unfit_root(other, name)),
        }
    }

    /// The same under another name.
    pub(in crate::api) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Refuses fields other than these: a misspelt one would otherwise change what is done without a sign.
    pub(in crate::api) fn only(self, keys: &[&str]) -> Result<Self, Fault> {
        let is_unknown = |found: &&String| !keys.iter().any(|key| is_alike(found, key));
        match self.fields.keys().find(is_unknown) {
            None => Ok(self),
            Some(unknown) => Err(Fault::Decode(format!("json: unknown field {unknown:?}"))),
        }
    }

    /// A text; empty where it is absent.
    pub(in crate::api) fn text(&self, key: &str) -> Result<&'a str, Fault> {
        match self.find(key) {
            None => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(self.wrong(key, other, "string")),
        }
    }

    /// A truth; false where it is absent.
    pub(in crate::api) fn truth(&self, key: &str) -> Result<bool, Fault> {
        match self.find(key) {
            None => Ok(false),
            Some(Value::Bool(truth)) => Ok(*truth),
            Some(other) => Err(self.wrong(key, other, "bool")),
        }
    }

    /// A whole number.
    pub(in crate::api) fn number(&self, key: &str) -> Result<Option<i64>, Fault> {
        match self.find(key) {
            None => Ok(None),
            Some(Value::Number(number)) => {
                let unfit = || self.unfit(key, &format!("number {number}"), "int");
                number.as_i64().map(Some).ok_or_else(unfit)
            }
            Some(other) => Err(self.wrong(key, other, "int")),
        }
    }

    /// A number with or without a fraction; 0 where it is absent.
    pub(in crate::api) fn decimal(&self, key: &str) -> Result<f64, Fault> {
        match self.find(key) {
            None => Ok(0.0),
            Some(value) => value.as_f64().ok_or_else(|| self.wrong(key, value, "float64")),
        }
    }

    /// A list of numbers; `null` in it is 0, as for Go.
    pub(in crate::api) fn decimals(&self, key: &str) -> Result<Vec<f64>, Fault> {
        let list = match self.find(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(self.wrong(key, other, "[]float64")),
        };
        let number = |value: &Value| match value {
            Value::Null => Ok(0.0),
            other => other.as_f64().ok_or_else(|| self.wrong(key, other, "float64")),
        };
        list.iter().map(number).collect()
    }

    /// A whole number that is not negative; 0 where it is absent.
    pub(in crate::api) fn unsigned(&self, key: &str) -> Result<u64, Fault> {
        match self.find(key) {
            None => Ok(0),
            Some(value) => value.as_u64().ok_or_else(|| match value {
                Value::Number(number) => self.unfit(key, &format!("number {number}"), "uint64"),
                other => self.wrong(key, other, "uint64"),
            }),
        }
    }

    /// A duration in Go's spelling, or as nanoseconds; zero where it is absent.
    pub(in crate::api) fn duration(&self, key: &str) -> Result<Duration, Fault> {
        match self.find(key) {
            None => Ok(Duration::ZERO),
            Some(Value::String(text)) if text.is_empty() => Ok(Duration::ZERO),
            Some(Value::String(text)) => parse_duration(text)
                .map_err(|_| Fault::Decode(format!("time: invalid duration {text:?}"))),
            Some(value) => match value.as_u64() {
                Some(nanos) => Ok(Duration::from_nanos(nanos)),
                None => Err(self.wrong(key, value, "time.Duration")),
            },
        }
    }

    /// An object in the object.
    pub(in crate::api) fn object(
        &self,
        key: &str,
        name: &'static str,
    ) -> Result<Option<Self>, Fault> {
        match self.find(key) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Self { fields, name })),
            Some(other) => Err(self.wrong(key, other, name)),
        }
    }

    /// A list of objects.
    pub(in crate::api) fn objects(
        &self,
        key: &str,
        name: &'static str,
    ) -> Result<Vec<Self>, Fault> {
        let list = match self.find(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(self.wrong(key, other, name)),
        };
        let object = |value: &'a Value| match value {
            Value::Object(fields) => Ok(Self { fields, name }),
            other => Err(self.wrong(key, other, name)),
        };
        list.iter().map(object).collect()
    }

    /// A list of texts.
    pub(in crate::api) fn texts(&self, key: &str) -> Result<Vec<&'a str>, Fault> {
        let list = match self.find(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(self.wrong(key, other, "[]string")),
        };
        let text = |value: &'a Value| match value {
            Value::String(text) => Ok(text.as_str()),
            other => Err(self.wrong(key, other, "string")),
        };
        list.iter().map(text).collect()
    }

    /// A map of anything, with its keys as they were written.
    pub(in crate::api) fn entries(
        &self,
        key: &str,
        go_type: &str,
    ) -> Result<Option<&'a Map<String, Value>>, Fault> {
        match self.find(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(other) => Err(self.wrong(key, other, go_type)),
        }
    }

    /// A field of any type; nothing where it is absent or `null`.
    pub(in crate::api) fn value(&self, key: &str) -> Option<&'a Value> {
        self.find(key)
    }

    /// Whether a field is there, `null` included.
    pub(in crate::api) fn states(&self, key: &str) -> bool {
        self.fields.keys().any(|found| is_alike(found, key))
    }

    /// That a field has the wrong type.
    pub(in crate::api) fn wrong(&self, key: &str, found: &Value, go_type: &str) -> Fault {
        self.unfit(key, kind(found), go_type)
    }

    fn unfit(&self, key: &str, found: &str, go_type: &str) -> Fault {
        let name = self.name;
        let text = format!(
            "json: cannot unmarshal {found} into Go struct field {name}.{key} of type {go_type}"
        );
        Fault::Decode(text)
    }

    /// A field, its key in exactly this spelling or, failing that, in another case, with underscores or
    /// without. `null` is as good as absent.
    fn find(&self, key: &str) -> Option<&'a Value> {
        let exact = self.fields.get(key);
        let alike = || self.fields.iter().find(|(found, _)| is_alike(found, key));
        exact.or_else(|| alike().map(|(_, value)| value)).filter(|value| !value.is_null())
    }
}

fn is_alike(found: &str, key: &str) -> bool {
    let letters = found.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase());
    letters.eq(key.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// What Go calls a JSON value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn no_fields() -> &'static Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    &NONE
}
