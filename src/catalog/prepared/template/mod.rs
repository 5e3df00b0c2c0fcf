//! Prepared query × asked name → prepared query: templates, compiled once and rendered for each name.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::catalog::prepared::text::{Flaw, Scope, Text};
use crate::model::limits::QUERY_REGEXP_COMPILED_BYTES_MAX;
use crate::model::prepared_query::{PreparedQuery, ServiceQuery};

/// A template that was understood.
#[derive(Clone, Debug)]
pub(in crate::catalog::prepared) struct Template {
    /// The texts of its service, in the order of [`ServiceQuery::walk`].
    texts: Vec<Text>,
    /// What takes the asked name apart.
    regexp: Option<Regex>,
}

/// Why a template cannot be used; Display is Consul's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateFault {
    /// The regular expression is none, or needs more memory than [`QUERY_REGEXP_COMPILED_BYTES_MAX`].
    Regexp(String),
    /// A text cannot be read.
    Format {
        /// The text.
        text: String,
        /// Where it stands.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// A text cannot be rendered.
    Evaluation {
        /// The text.
        text: String,
        /// Where it stands.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// It was stored by a version that understands more.
    Uncompiled,
    /// It was asked for by its id, and there is no name to render it with.
    ById,
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Regexp(why) => write!(out, "Bad Regexp: error parsing regexp: {why}"),
            Self::Format { text, place, why } => {
                write!(out, "Bad format '{text}' in Service{place}: {why}")
            }
            Self::Evaluation { text, place, why } => {
                write!(out, "Bad evaluation for '{text}' in Service{place}: {why}")
            }
            Self::Uncompiled => out.write_str("Cannot render an uncompiled template"),
            Self::ById => {
                out.write_str("prepared query templates can only be resolved up by name, not by ID")
            }
        }
    }
}

impl std::error::Error for TemplateFault {}

impl Template {
    /// Compiles a template, and renders it with the shortest name that it answers.
    pub(in crate::catalog::prepared) fn compile(
        query: &PreparedQuery,
    ) -> Result<Self, TemplateFault> {
        let mut texts = Vec::new();
        query.service.clone().walk(&mut |place, text| {
            texts.push(Text::parse(text).map_err(|flaw| fault(&flaw, place, text))?);
            Ok(())
        })?;
        let stated = Some(query.template.regexp.as_str()).filter(|regexp| !regexp.is_empty());
        let regexp = stated.map(compile_regexp).transpose()?;
        let template = Self { texts, regexp };
        template.render(query, &query.name)?;
        Ok(template)
    }

    /// The service that is meant by a name.
    pub(in crate::catalog::prepared) fn render(
        &self,
        query: &PreparedQuery,
        name: &str,
    ) -> Result<ServiceQuery, TemplateFault> {
        let captures = self.regexp.as_ref().and_then(|regexp| regexp.captures(name));
        let scope = Scope { full: name, prefix: &query.name, captures };
        let mut service = query.service.clone();
        let mut texts = self.texts.iter();
        service.walk(&mut |place, field| {
            let Some(text) = texts.next() else { return Err(TemplateFault::Uncompiled) };
            *field = text.render(&scope).map_err(|flaw| fault(&flaw, place, field))?;
            Ok(())
        })?;
        if query.template.remove_empty_tags {
            service.tags.retain(|tag| !tag.is_empty());
        }
        Ok(service)
    }
}

fn fault(flaw: &Flaw, place: &str, text: &str) -> TemplateFault {
    let (text, place, why) = (text.to_owned(), place.to_owned(), flaw.to_string());
    match flaw {
        Flaw::Syntax => TemplateFault::Format { text, place, why },
        Flaw::Variable(..)
        | Flaw::Function(..)
        | Flaw::Arguments(..)
        | Flaw::NoNumber(_)
        | Flaw::Zero
        | Flaw::Overflow
        | Flaw::TooLong => TemplateFault::Evaluation { text, place, why },
    }
}

fn compile_regexp(text: &str) -> Result<Regex, TemplateFault> {
    let mut builder = RegexBuilder::new(text);
    builder.size_limit(QUERY_REGEXP_COMPILED_BYTES_MAX);
    builder.dfa_size_limit(QUERY_REGEXP_COMPILED_BYTES_MAX);
    builder.build().map_err(|fault| {
        let shown = fault.to_string();
        // The lines before the last draw where it is.
        let last = shown.lines().last().unwrap_or_default();
        TemplateFault::Regexp(format!("{}: `{text}`", last.trim_start_matches("error: ")))
    })
}

#[cfg(test)]
mod tests;
