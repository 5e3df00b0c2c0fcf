//! Draft × Shape → Comparison: selectors, operators and values checked and turned into what is compared.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::api::call::parse_bool;
use crate::api::filter::expression::{Draft, Expression, Kind, Selector};
use crate::api::filter::fault::FilterFault;
use crate::api::filter::literal::parse_number;
use crate::api::filter::shape::{Field, FieldKind, Shape};
use crate::model::limits::{
    FILTER_PATTERN_BYTES_MAX, FILTER_PATTERN_DEPTH_MAX, FILTER_PATTERNS_MAX,
};

/// A comparison that fits the shape of the items.
#[derive(Clone, Debug)]
pub(in crate::api::filter) struct Comparison {
    /// As it was written.
    draft: Draft,
    /// The way to what is compared.
    pub steps: Vec<Step>,
    /// What it is compared with.
    pub test: Test,
    /// Whether the contrary is asked for.
    pub is_negated: bool,
}

/// One name of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api::filter) struct Step {
    /// The name of a field, or a key.
    pub name: String,
    /// What the comparison comes to where there is nothing of this name: of a field, as if it was empty; of a key,
    /// as for something that is unlike everything.
    pub absent: bool,
}

/// What something is compared with.
#[derive(Clone, Debug)]
pub(in crate::api::filter) enum Test {
    /// Equal to a text.
    Text(String),
    /// Equal to a number.
    Number(i64),
    /// Equal to a truth.
    Truth(bool),
    /// Has it as an element, a key or a part.
    Contains(String),
    /// Has no elements.
    Empty,
    /// Has a part that a regular expression describes.
    Matches(Regex),
}

impl fmt::Display for Comparison {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.draft.fmt(out)
    }
}

/// Checks an expression against the shape of items.
///
/// # Errors
/// [`FilterFault`], the first in the order of the text.
pub(in crate::api::filter) fn compile(
    draft: Expression<Draft>,
    shape: Shape,
) -> Result<Expression<Comparison>, FilterFault> {
    let mut patterns = 0;
    draft.try_map(&mut |draft| {
        patterns += usize::from(draft.operator.test == Kind::Matches);
        if FILTER_PATTERNS_MAX < patterns {
            return Err(FilterFault::TooManyPatterns);
        }
        compare(draft, shape)
    })
}

fn compare(draft: Draft, shape: Shape) -> Result<Comparison, FilterFault> {
    let way = resolve(&draft.selector, shape)?;
    let kind = way.last().map_or(FieldKind::Object(shape.fields()), |stop| stop.kind);
    let test = test(&draft, kind)?;
    let is_negated = draft.operator.is_negated;
    // A map has no such key: that is unlike everything, and empty.
    let keyless = matches!(test, Test::Empty) != is_negated;
    let mut absent = test.of_nothing(kind) != is_negated;
    let mut steps = Vec::with_capacity(way.len());
    for (index, stop) in way.iter().enumerate().rev() {
        let is_last = index + 1 == way.len();
        absent = match (stop.is_key, is_last, stop.kind) {
            (true, ..) | (false, false, FieldKind::TextMap | FieldKind::ObjectMap(_)) => keyless,
            (false, false, FieldKind::Objects(_)) => false,
            // It is empty, or an object of which everything is.
            (false, ..) => absent,
        };
        steps.push(Step { name: stop.name.clone(), absent });
    }
    steps.reverse();
    Ok(Comparison { draft, steps, test, is_negated })
}

/// What a name of a selector led to.
struct Stop {
    /// The name.
    name: String,
    /// Whether it is a key of a map.
    is_key: bool,
    /// The type of what is there.
    kind: FieldKind,
}

fn resolve(selector: &Selector, shape: Shape) -> Result<Vec<Stop>, FilterFault> {
    let mut here = FieldKind::Object(shape.fields());
    let mut way = Vec::with_capacity(selector.0.len());
    for (index, name) in selector.0.iter().enumerate() {
        let (next, is_key) = match here {
            FieldKind::Object(fields) | FieldKind::Objects(fields) => {
                (Field::find(fields, name).map(|field| field.kind), false)
            }
            FieldKind::ObjectMap(fields) => (Some(FieldKind::Object(fields)), true),
            FieldKind::TextMap => (Some(FieldKind::Text), true),
            FieldKind::Text | FieldKind::Number | FieldKind::Truth | FieldKind::Texts => {
                (None, false)
            }
        };
        let Some(kind) = next else {
            let path = selector.0.iter().take(index + 1).cloned().collect();
            return Err(FilterFault::Selector(Selector(path).to_string()));
        };
        way.push(Stop { name: name.clone(), is_key, kind });
        here = kind;
    }
    Ok(way)
}

fn test(draft: &Draft, kind: FieldKind) -> Result<Test, FilterFault> {
    let value = &draft.value;
    let selector = || draft.selector.to_string();
    let unusable = |why| FilterFault::Value { value: value.clone(), selector: selector(), why };
    match (draft.operator.test, kind) {
        (Kind::Equal, FieldKind::Text) => Ok(Test::Text(value.clone())),
        (Kind::Equal, FieldKind::Number) => parse_number(value).map(Test::Number).map_err(unusable),
        (Kind::Equal, FieldKind::Truth) => {
            let why = || format!("strconv.ParseBool: parsing {value:?}: invalid syntax");
            parse_bool(value).map(Test::Truth).ok_or_else(|| unusable(why()))
        }
        (
            Kind::In,
            FieldKind::Text | FieldKind::Texts | FieldKind::TextMap | FieldKind::ObjectMap(_),
        ) => Ok(Test::Contains(value.clone())),
        (
            Kind::Empty,
            FieldKind::Texts | FieldKind::TextMap | FieldKind::ObjectMap(_) | FieldKind::Objects(_),
        ) => Ok(Test::Empty),
        (Kind::Matches, FieldKind::Text) => pattern(value).map(Test::Matches),
        (Kind::Equal | Kind::In | Kind::Empty | Kind::Matches, _) => Err(FilterFault::Operator {
            operator: draft.operator.to_string(),
            selector: selector(),
        }),
    }
}

fn pattern(text: &str) -> Result<Regex, FilterFault> {
    let built = RegexBuilder::new(text)
        .size_limit(FILTER_PATTERN_BYTES_MAX)
        .dfa_size_limit(FILTER_PATTERN_BYTES_MAX)
        .nest_limit(FILTER_PATTERN_DEPTH_MAX)
        .build();
    built.map_err(|fault| {
        let text_of_fault = fault.to_string();
        // The reason stands in the last line, below a drawing of the place.
        let last = text_of_fault.lines().last().unwrap_or_default();
        let why = last.strip_prefix("error: ").unwrap_or(last).to_owned();
        FilterFault::Pattern { pattern: text.to_owned(), why }
    })
}

impl Test {
    /// What it comes to for something empty of a type: no text, zero, a list without elements.
    fn of_nothing(&self, kind: FieldKind) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            // Every text has the empty one as a part, but no list as an element.
            Self::Contains(text) => text.is_empty() && kind == FieldKind::Text,
            Self::Number(number) => *number == 0,
            Self::Truth(truth) => !truth,
            Self::Empty => true,
            Self::Matches(regex) => regex.is_match(""),
        }
    }
}
