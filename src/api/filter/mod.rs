//! `?filter=`: text → Expression → which items of an answer stay. Consul's language (go-bexpr), sans I/O.
//!
//! ```text
//! Service.Port == 80 and (Checks.Status != passing or "v1" in Service.Tags) and Node.Meta["odd-key"] matches `^r`
//! ```
//! Invariants
//! - What an endpoint's items have is written down once, as a [`Shape`]; a selector that it does not have, an operator
//!   that its type does not know, and a value of another type are refused before anything is looked at.
//! - Items are not copied to be looked at: [`walk`] goes down their serialisation, so that a filter sees what the
//!   client would.
//! - A list of objects stands for any of its objects, also under `!=` and `not in`; a key that a map has not is unlike
//!   everything, contains nothing, and is empty.
//!
//! Limits: [`FILTER_BYTES_MAX`], [`FILTER_DEPTH_MAX`], [`FILTER_COMPARISONS_MAX`], [`FILTER_PATTERNS_MAX`]. Parsing is
//! linear, and so is matching (the `regex` crate).
//!
//! Deliberately absent: JSON pointers as selectors, which newer versions of the language have.
//!
//! [`FILTER_BYTES_MAX`]: crate::model::limits::FILTER_BYTES_MAX
//! [`FILTER_DEPTH_MAX`]: crate::model::limits::FILTER_DEPTH_MAX
//! [`FILTER_COMPARISONS_MAX`]: crate::model::limits::FILTER_COMPARISONS_MAX
//! [`FILTER_PATTERNS_MAX`]: crate::model::limits::FILTER_PATTERNS_MAX

mod expression;

mod parser;

mod literal;

mod shape;

mod compile;

mod walk;

mod fault;

use std::fmt;

use serde::Serialize;

use self::compile::{Comparison, compile};
use self::expression::Expression;

pub use self::fault::{FilterFault, Position};
pub use self::shape::Shape;
pub use self::walk::Unfit;

/// Which items of an answer stay.
#[derive(Clone, Debug)]
pub struct Filter {
    /// What they have to be like; all stay where nothing was said.
    expression: Option<Expression<Comparison>>,
}

impl Filter {
    /// The filter that keeps everything.
    pub(in crate::api) const NONE: Self = Self { expression: None };

    /// Reads a filter for items of a shape.
    ///
    /// # Errors
    /// [`FilterFault`], with the position where the text is no filter.
    pub fn parse(text: &str, shape: Shape) -> Result<Self, FilterFault> {
        let draft = parser::parse(text)?;
        Ok(Self { expression: Some(compile(draft, shape)?) })
    }

    /// Whether it may drop anything.
    pub(in crate::api) fn is_stated(&self) -> bool {
        self.expression.is_some()
    }

    /// Whether an item stays.
    ///
    /// # Errors
    /// [`Unfit`], where the item is not of the shape that the filter was read for.
    pub fn admits<T: Serialize>(&self, item: &T) -> Result<bool, Unfit> {
        let Some(expression) = &self.expression else { return Ok(true) };
        expression.holds(&|comparison| walk::meets(item, comparison))
    }

    /// The items that stay.
    ///
    /// # Errors
    /// As [`Filter::admits`].
    pub(in crate::api) fn keep<T: Serialize>(
        &self,
        items: impl Iterator<Item = T>,
    ) -> Result<Vec<T>, Unfit> {
        let decide = |item: T| match self.admits(&item) {
            Ok(true) => Some(Ok(item)),
            Ok(false) => None,
            Err(unfit) => Some(Err(unfit)),
        };
        items.filter_map(decide).collect()
    }
}

/// The filter as it was understood, with every group in parentheses and every value in quotes; it reads as the same
/// filter again.
impl fmt::Display for Filter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.expression {
            Some(expression) => expression.fmt(out),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
