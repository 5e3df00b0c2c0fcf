//! Expression: comparisons joined by `and`, `or` and `not`, and the words of the language.

use std::fmt;

use crate::api::filter::literal::quote;

/// Comparisons, joined. `C` is a comparison: as it was written, or checked against a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api::filter) enum Expression<C> {
    /// All of them, two at least.
    All(Vec<Self>),
    /// Any of them, two at least.
    Any(Vec<Self>),
    /// The contrary.
    Not(Box<Self>),
    /// One comparison.
    One(C),
}

impl<C> Expression<C> {
    /// Whether it holds, given what says so of comparisons. Recurses as deep as the text was nested.
    pub(in crate::api::filter) fn holds<E>(
        &self,
        meets: &impl Fn(&C) -> Result<bool, E>,
    ) -> Result<bool, E> {
        match self {
            Self::All(parts) => {
                for part in parts {
                    if !part.holds(meets)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.holds(meets)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(part) => Ok(!part.holds(meets)?),
            Self::One(comparison) => meets(comparison),
        }
    }

    /// The same with other comparisons.
    pub(in crate::api::filter) fn try_map<D, E>(
        self,
        turn: &mut impl FnMut(C) -> Result<D, E>,
    ) -> Result<Expression<D>, E> {
        let turn_all = |parts: Vec<Self>, turn: &mut _| {
            parts.into_iter().map(|part| part.try_map(turn)).collect::<Result<Vec<_>, E>>()
        };
        Ok(match self {
            Self::All(parts) => Expression::All(turn_all(parts, turn)?),
            Self::Any(parts) => Expression::Any(turn_all(parts, turn)?),
            Self::Not(part) => Expression::Not(Box::new(part.try_map(turn)?)),
            Self::One(comparison) => Expression::One(turn(comparison)?),
        })
    }
}

impl<C: fmt::Display> fmt::Display for Expression<C> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, word) = match self {
            Self::All(parts) => (parts, "and"),
            Self::Any(parts) => (parts, "or"),
            Self::Not(part) => return write!(out, "not ({part})"),
            Self::One(comparison) => return comparison.fmt(out),
        };
        for (index, part) in parts.iter().enumerate() {
            let separator = if index == 0 { String::new() } else { format!(" {word} ") };
            match part {
                Self::One(comparison) => write!(out, "{separator}{comparison}")?,
                Self::All(_) | Self::Any(_) | Self::Not(_) => write!(out, "{separator}({part})")?,
            }
        }
        Ok(())
    }
}

/// A comparison as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api::filter) struct Draft {
    /// What of an item is looked at.
    pub selector: Selector,
    /// How.
    pub operator: Operator,
    /// What it is compared with; empty where the operator needs nothing.
    pub value: String,
}

impl fmt::Display for Draft {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (selector, value) = (self.selector.written(), quote(&self.value));
        match self.operator.test {
            Kind::Empty if self.operator.is_negated => write!(out, "{selector} is not empty"),
            Kind::Empty => write!(out, "{selector} is empty"),
            Kind::Equal if self.operator.is_negated => write!(out, "{selector} != {value}"),
            Kind::Equal => write!(out, "{selector} == {value}"),
            Kind::In if self.operator.is_negated => write!(out, "{value} not in {selector}"),
            Kind::In => write!(out, "{value} in {selector}"),
            Kind::Matches if self.operator.is_negated => {
                write!(out, "{selector} not matches {value}")
            }
            Kind::Matches => write!(out, "{selector} matches {value}"),
        }
    }
}

/// The way to a part of an item: names of fields and keys, one at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api::filter) struct Selector(pub Vec<String>);

impl Selector {
    /// How it can be written in a filter.
    fn written(&self) -> String {
        let step = |(index, name): (usize, &String)| match (index, is_identifier(name)) {
            (0, _) => name.clone(),
            (_, true) => format!(".{name}"),
            (_, false) => format!("[{}]", quote(name)),
        };
        self.0.iter().enumerate().map(step).collect()
    }
}

/// How errors name it, and what it means where a value stands.
impl fmt::Display for Selector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("."))
    }
}

/// How a part of an item is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api::filter) struct Operator {
    /// The test.
    pub test: Kind,
    /// Whether its contrary is asked for.
    pub is_negated: bool,
}

/// The tests of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api::filter) enum Kind {
    /// `==`
    Equal,
    /// `in`, and `contains` the other way round: an element of a list, a key of a map, a part of a text.
    In,
    /// `is empty`
    Empty,
    /// `matches`, by a regular expression.
    Matches,
}

/// How errors name it: Consul's words.
impl fmt::Display for Operator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match (self.test, self.is_negated) {
            (Kind::Equal, false) => "Equal",
            (Kind::Equal, true) => "Not Equal",
            (Kind::In, false) => "In",
            (Kind::In, true) => "Not In",
            (Kind::Empty, false) => "Is Empty",
            (Kind::Empty, true) => "Is Not Empty",
            (Kind::Matches, false) => "Matches",
            (Kind::Matches, true) => "Not Matches",
        };
        out.write_str(word)
    }
}

/// Whether a name can be written as it is.
fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
