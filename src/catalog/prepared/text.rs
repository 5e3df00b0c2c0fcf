//! Text with `${…}` in it → text: the language of templates.
//!
//! ```text
//! text     = { any letter | "$$" for "$" | "${" sum "}" }
//! sum      = product { ("+" | "-") product }
//! product  = factor { ("*" | "/" | "%") factor }
//! factor   = "-" factor | digits | '"' text '"' | "(" sum ")" | variable | "match" "(" sum ")"
//! variable = "name.full" | "name.prefix" | "name.suffix" | "agent.segment"
//! ```
//! As in Consul, whose language knows fractions too. What counts and what is text find together: a text that spells
//! a number counts, and numbers are told in digits.

use std::fmt;

use regex::Captures;

use crate::catalog::prepared::parser::Parser;
use crate::model::limits::QUERY_TEXT_BYTES_MAX;

/// A text that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::catalog::prepared) struct Text {
    /// What it is made of.
    pub(in crate::catalog::prepared) pieces: Vec<Piece>,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::catalog::prepared) enum Piece {
    /// It stands for itself.
    Plain(String),
    /// It is worked out.
    Worked(Expression),
}

/// What stands between `${` and `}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::catalog::prepared) enum Expression {
    /// A number.
    Number(i64),
    /// A text between quotes.
    Quoted(Text),
    /// What is known of the name that was asked.
    Variable(Variable),
    /// A group of the regular expression.
    Match(Box<Self>),
    /// A number below zero.
    Negative(Box<Self>),
    /// Two numbers.
    Both(Box<Self>, Operator, Box<Self>),
}

/// What is known of the name that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::catalog::prepared) enum Variable {
    /// All of it.
    Full,
    /// The template's own name.
    Prefix,
    /// What stands behind that.
    Suffix,
    /// The network segment of whoever asks; there are none.
    Segment,
}

/// What is done with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::catalog::prepared) enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
}

/// What texts are rendered with.
pub(in crate::catalog::prepared) struct Scope<'s> {
    /// The name that was asked.
    pub(in crate::catalog::prepared) full: &'s str,
    /// The template's own name.
    pub(in crate::catalog::prepared) prefix: &'s str,
    /// What the regular expression found in the name.
    pub(in crate::catalog::prepared) captures: Option<Captures<'s>>,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::catalog::prepared) enum Flaw {
    /// It cannot be read.
    Syntax,
    /// A variable that there is not.
    Variable(Place, String),
    /// A function that there is not.
    Function(Place, String),
    /// `match` with another number of arguments than one.
    Arguments(Place, usize),
    /// A text that spells no number, where one is needed.
    NoNumber(String),
    /// A number divided by zero.
    Zero,
    /// A number beyond 64 bits.
    Overflow,
    /// It becomes longer than [`QUERY_TEXT_BYTES_MAX`].
    TooLong,
}

/// Where something stands in a text, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::catalog::prepared) struct Place {
    /// The line.
    pub(in crate::catalog::prepared) line: usize,
    /// The column.
    pub(in crate::catalog::prepared) column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.line, self.column)
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax => out.write_str("parse error: syntax error"),
            Self::Variable(place, name) => {
                write!(out, "{place}: unknown variable accessed: {name}")
            }
            Self::Function(place, name) => write!(out, "{place}: unknown function called: {name}"),
            Self::Arguments(place, count) => {
                write!(out, "{place}: match: expected 1 arguments, got {count}")
            }
            Self::NoNumber(text) => write!(
                out,
                "__builtin_StringToInt: strconv.ParseInt: parsing {text:?}: invalid syntax"
            ),
            Self::Zero => out.write_str("divide by zero"),
            Self::Overflow => out.write_str("a number is too large"),
            Self::TooLong => {
                write!(out, "the result is longer than {QUERY_TEXT_BYTES_MAX} bytes")
            }
        }
    }
}

/// A number or a text.
enum Value {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

impl Text {
    /// Reads a text.
    pub(in crate::catalog::prepared) fn parse(text: &str) -> Result<Self, Flaw> {
        Parser::new(text).whole()
    }

    /// Works a text out.
    pub(in crate::catalog::prepared) fn render(&self, scope: &Scope<'_>) -> Result<String, Flaw> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::Worked(expression) => out.push_str(&expression.work_out(scope)?.into_text()),
            }
            if QUERY_TEXT_BYTES_MAX < out.len() {
                return Err(Flaw::TooLong);
            }
        }
        Ok(out)
    }
}

impl Expression {
    fn work_out(&self, scope: &Scope<'_>) -> Result<Value, Flaw> {
        Ok(match self {
            Self::Number(number) => Value::Number(*number),
            Self::Quoted(text) => Value::Text(text.render(scope)?),
            Self::Variable(variable) => Value::Text(scope.value(*variable).to_owned()),
            Self::Match(group) => {
                // A group that there is not is empty, so that names that do not fit find nothing.
                let group = usize::try_from(group.work_out(scope)?.into_number()?).ok();
                let found = group.and_then(|group| scope.captures.as_ref()?.get(group));
                Value::Text(found.map(|found| found.as_str().to_owned()).unwrap_or_default())
            }
            Self::Negative(number) => {
                let number = number.work_out(scope)?.into_number()?;
                Value::Number(number.checked_neg().ok_or(Flaw::Overflow)?)
            }
            Self::Both(left, operator, right) => {
                let left = left.work_out(scope)?.into_number()?;
                let right = right.work_out(scope)?.into_number()?;
                Value::Number(operator.apply(left, right)?)
            }
        })
    }
}

impl Operator {
    fn apply(self, left: i64, right: i64) -> Result<i64, Flaw> {
        let is_division = matches!(self, Self::Divide | Self::Remainder);
        if is_division && right == 0 {
            return Err(Flaw::Zero);
        }
        let result = match self {
            Self::Add => left.checked_add(right),
            Self::Subtract => left.checked_sub(right),
            Self::Multiply => left.checked_mul(right),
            Self::Divide => left.checked_div(right),
            Self::Remainder => left.checked_rem(right),
        };
        result.ok_or(Flaw::Overflow)
    }
}

impl Value {
    fn into_text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }

    fn into_number(self) -> Result<i64, Flaw> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Text(text) => text.parse().map_err(|_| Flaw::NoNumber(text)),
        }
    }
}

impl Scope<'_> {
    fn value(&self, variable: Variable) -> &str {
        match variable {
            Variable::Full => self.full,
            Variable::Prefix => self.prefix,
            Variable::Suffix => suffix(self.full, self.prefix),
            Variable::Segment => "",
        }
    }
}

/// What stands behind a prefix; all of a name that spells it in another case of letters, as in Consul.
pub(in crate::catalog::prepared) fn suffix<'n>(full: &'n str, prefix: &str) -> &'n str {
    full.strip_prefix(prefix).unwrap_or(full)
}
