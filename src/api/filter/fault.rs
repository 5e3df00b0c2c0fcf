//! Why a text is no filter: Consul's words, behind `Failed to create boolean expression evaluator: `.

use std::fmt;

use crate::model::limits::{
    FILTER_BYTES_MAX, FILTER_COMPARISONS_MAX, FILTER_DEPTH_MAX, FILTER_PATTERNS_MAX,
};

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    /// Something else should stand here.
    #[error("{at}: no match found, expected: {expected}")]
    Unexpected {
        /// Where.
        at: Position,
        /// What may stand there.
        expected: &'static str,
    },
    /// What stands here is begun and not well formed.
    #[error("{at}: rule \"{rule}\": {what}")]
    Malformed {
        /// Where.
        at: Position,
        /// The rule of the grammar.
        rule: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// It is longer than is allowed.
    #[error("the filter has {0} bytes, {FILTER_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// It is nested deeper than is allowed.
    #[error("{0}: the filter is nested deeper than {FILTER_DEPTH_MAX} levels")]
    TooDeep(Position),
    /// It compares more often than is allowed.
    #[error("{0}: the filter has more than {FILTER_COMPARISONS_MAX} comparisons")]
    TooMany(Position),
    /// It has more regular expressions than are allowed.
    #[error("the filter has more than {FILTER_PATTERNS_MAX} regular expressions")]
    TooManyPatterns,
    /// Items of this endpoint have nothing of this name.
    #[error("Selector {0:?} is not valid")]
    Selector(String),
    /// What the selector names is of a type that the operator does not know.
    #[error("Invalid match operator \"{operator}\" for selector {selector:?}")]
    Operator {
        /// The operator.
        operator: String,
        /// The selector.
        selector: String,
    },
    /// The value is none of the type that the selector names.
    #[error("Failed to coerce value {value:?} for selector {selector:?}: {why}")]
    Value {
        /// The value.
        value: String,
        /// The selector.
        selector: String,
        /// What is wrong with it, in the words of Go's parsers.
        why: String,
    },
    /// The value is no regular expression, or one that needs too much memory.
    #[error("Failed to compile regular expression {pattern:?}: error parsing regexp: {why}")]
    Pattern {
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A place in a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Its line, from 1 on.
    pub line: usize,
    /// Its character in that line, from 1 on.
    pub column: usize,
    /// Bytes before it.
    pub offset: usize,
}

impl Position {
    /// The place behind so many bytes of a text.
    pub(in crate::api::filter) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let in_line = before.get(line_start..).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Self { line, column: in_line.chars().count() + 1, offset }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{} ({})", self.line, self.column, self.offset)
    }
}
