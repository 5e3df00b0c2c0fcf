//! JSON text → Value, strictly.
//!
//! serde_json decides what is JSON, for it bounds the depth and says line and column; jsonc-parser, which
//! keeps ranges but accepts more than JSON, then only says where everything stands.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use jsonc_parser::ast::{Object, Value as Node};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions};

use crate::intake::fault::{Fault, Place};
use crate::intake::value::{Field, Kind, Value};

/// What a key that stands twice in an object means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// A mistake: in a file, one of the two would vanish silently.
    Refuse,
    /// The last one counts, as in Go's decoder.
    LastWins,
}

/// Reads a document.
pub(crate) fn parse(source: &Arc<str>, text: &str, repeats: Repeats) -> Result<Value, Fault> {
    if let Err(fault) = serde_json::from_str::<serde_json::Value>(text) {
        return Err(syntax_fault(source, text, &fault));
    }
    let parsed = jsonc_parser::parse_to_ast(
        text,
        &CollectOptions { comments: CommentCollectionStrategy::Off, tokens: false },
        &STRICT,
    );
    let whole = Place::whole(source);
    match parsed {
        Ok(parsed) => match parsed.value {
            Some(node) => Walk { source, lines: LineIndex::new(text), repeats }.value(&node),
            None => Err(Fault::at(&whole, "the file is empty")),
        },
        Err(fault) => Err(Fault::at(&whole, format!("invalid JSON: {}", fault.kind()))),
    }
}

fn syntax_fault(source: &Arc<str>, text: &str, fault: &serde_json::Error) -> Fault {
    let lines = LineIndex::new(text);
    // serde_json counts columns in bytes, from 1; 0 is the break before the line.
    let start = lines.starts.get(fault.line().saturating_sub(1)).copied().unwrap_or(0);
    let place = lines.place(source, start + fault.column().saturating_sub(1));
    // serde_json ends its text with the position, which stands in front already.
    let full = fault.to_string();
    let text = full.rsplit_once(" at line ").map_or(full.as_str(), |(text, _)| text);
    let fault = Fault::at(&place, format!("invalid JSON: {text}"));
    match text {
        "key must be a string" => fault.hint("keys are written in `\"`, and JSON has no comments"),
        "trailing comma" => fault.hint("JSON allows no comma before `}` or `]`"),
        "EOF while parsing a value" => fault.hint("the file ends where a value should stand"),
        _ if text.starts_with("EOF") => fault.hint("the file seems to be cut off"),
        _ => fault,
    }
}

/// The walk over a syntax tree.
struct Walk<'a> {
    /// Whose text it is.
    source: &'a Arc<str>,
    /// Offsets to lines.
    lines: LineIndex<'a>,
    /// What a repeated key means.
    repeats: Repeats,
}

impl Walk<'_> {
    fn value(&self, node: &Node<'_>) -> Result<Value, Fault> {
        let place = self.lines.place(self.source, node.start());
        let kind = match node {
            Node::StringLit(text) => Kind::Text(text.value.clone().into_owned()),
            Node::NumberLit(number) => Kind::Number(number.value.to_owned()),
            Node::BooleanLit(boolean) => Kind::Bool(boolean.value),
            Node::NullKeyword(_) => Kind::Null,
            Node::Array(array) => Kind::List(
                array.elements.iter().map(|node| self.value(node)).collect::<Result<_, _>>()?,
            ),
            Node::Object(object) => Kind::Object(self.entries(object)?),
        };
        Ok(Value { kind, place })
    }

    fn entries(&self, object: &Object<'_>) -> Result<Vec<Field>, Fault> {
        let mut entries: Vec<Field> = Vec::with_capacity(object.properties.len());
        let mut seen = BTreeMap::new();
        for property in &object.properties {
            let key = property.name.as_str().to_owned();
            let place = self.lines.place(self.source, property.range.start);
            let value = self.value(&property.value)?;
            if let Some(before) = seen.insert(key.clone(), place.clone())
                && self.repeats == Repeats::Refuse
            {
                let text = format!("`{key}` is stated twice in one object, first at {before}");
                return Err(Fault::at(&place, text).hint("take one of them out"));
            }
            entries.push(Field { key, place, value });
        }
        Ok(entries)
    }
}

/// Byte offsets → lines and columns.
pub(crate) struct LineIndex<'a> {
    /// The text.
    text: &'a str,
    /// Where each line begins, in bytes.
    starts: Vec<usize>,
    /// The last offset that was asked for, and the characters before it on its line: offsets come in
    /// order, and a file of one line must not be counted from its start each time.
    last: Cell<(usize, usize)>,
}

impl<'a> LineIndex<'a> {
    /// Finds the lines of a text.
    pub(crate) fn new(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { text, starts, last: Cell::new((0, 0)) }
    }

    /// The place of an offset.
    pub(crate) fn place(&self, source: &Arc<str>, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let (last, before) = self.last.get();
        let (from, before) =
            if start <= last && last <= offset { (last, before) } else { (start, 0) };
        let chars = before + self.text.get(from..offset).map_or(0, |part| part.chars().count());
        self.last.set((offset, chars));
        Place {
            source: Arc::clone(source),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(chars + 1).unwrap_or(u32::MAX),
        }
    }
}

/// JSON and nothing more.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};
