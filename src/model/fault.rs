//! Places in texts and what is wrong there → lines for people: `file:line:column: text`, then a hint.

use std::fmt;
use std::sync::Arc;

/// Where something was stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's path, `-hcl`, or a flag.
    pub source: Arc<str>,
    /// Line, counted from 1; 0 where the source has no lines, as a flag.
    pub line: u32,
    /// Column in characters, counted from 1; 0 where the whole source is meant.
    pub column: u32,
}

impl Place {
    /// A source as a whole.
    #[must_use]
    pub fn whole(source: &Arc<str>) -> Self {
        Self { source: Arc::clone(source), line: 0, column: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.source)?;
        if 0 < self.line {
            write!(out, ":{}:{}", self.line, self.column)?;
        }
        Ok(())
    }
}

/// One thing that is wrong with what an operator wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where; nowhere where the sum of all sources is meant.
    pub place: Option<Place>,
    /// What.
    pub text: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault at a place.
    pub(crate) fn at(place: &Place, text: impl Into<String>) -> Self {
        Self { place: Some(place.clone()), text: text.into(), hint: None }
    }

    /// A fault of all sources together.
    pub(crate) fn overall(text: impl Into<String>) -> Self {
        Self { place: None, text: text.into(), hint: None }
    }

    /// The fault with a piece of advice.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(out, "{place}: ")?;
        }
        out.write_str(&self.text)?;
        if let Some(hint) = &self.hint {
            write!(out, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
