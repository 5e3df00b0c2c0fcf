//! A prepared query: a stored question for instances of a service, asked by its name over HTTP and DNS.
//!
//! Texts of faults are Consul's, since clients search for them.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::number::{Revision, Ttl};
use crate::model::session::SessionId;
use crate::model::time::parse_duration;

mod check;

pub use self::check::{PreparedQueryFault, REDACTED_TOKEN};

/// A prepared query's UUID, in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PreparedQueryId(Arc<str>);

/// Why a text is no UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdFault {
    /// It has another length than 36 bytes.
    Length,
    /// Its hyphens do not stand where a UUID has them.
    Hyphens,
    /// It holds something other than hexadecimal digits.
    Digit(char),
}

impl fmt::Display for IdFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => out.write_str("UUID must be 36 characters"),
            Self::Hyphens => {
                out.write_str("Invalid UUID: hyphens must stand behind 8, 12, 16 and 20 digits")
            }
            Self::Digit(letter) => write!(
                out,
                "Invalid UUID: encoding/hex: invalid byte: U+{:04X} '{letter}'",
                u32::from(*letter)
            ),
        }
    }
}

impl std::error::Error for IdFault {}

impl PreparedQueryId {
    /// Parses a UUID in any case of letters.
    ///
    /// # Errors
    /// [`IdFault`], where it is none.
    pub fn new(text: &str) -> Result<Self, IdFault> {
        if text.len() != 36 {
            return Err(IdFault::Length);
        }
        let is_digit = |letter: &char| letter.is_ascii_hexdigit() || *letter == '-';
        if let Some(letter) = text.chars().find(|letter| !is_digit(letter)) {
            return Err(IdFault::Digit(letter));
        }
        let is_hyphen_due = |at: usize| matches!(at, 8 | 13 | 18 | 23);
        if text.bytes().enumerate().any(|(at, byte)| is_hyphen_due(at) != (byte == b'-')) {
            return Err(IdFault::Hyphens);
        }
        Ok(Self(Arc::from(text.to_ascii_lowercase())))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PreparedQueryId {
    type Error = IdFault;
    fn try_from(text: String) -> Result<Self, IdFault> {
        Self::new(&text)
    }
}

impl From<PreparedQueryId> for String {
    fn from(id: PreparedQueryId) -> Self {
        id.as_str().to_owned()
    }
}

impl Borrow<str> for PreparedQueryId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PreparedQueryId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for PreparedQueryId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", &*self.0)
    }
}

/// A stored question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedQuery {
    /// What it is found by, beside its name.
    pub id: PreparedQueryId,
    /// What it is asked by; of a template what asked names begin with. Compared in any case of letters; may be
    /// empty.
    #[serde(default)]
    pub name: String,
    /// The session with which it ends.
    #[serde(default)]
    pub session: Option<SessionId>,
    /// The token that it is executed with; empty for that of whoever asks.
    #[serde(default)]
    pub token: String,
    /// Whether it is a template, and how.
    #[serde(default)]
    pub template: QueryTemplate,
    /// Which instances.
    pub service: ServiceQuery,
    /// How long DNS answers may be kept, in Go's spelling; empty where the agent decides.
    #[serde(default)]
    pub dns_ttl: String,
    /// When it was created.
    #[serde(default)]
    pub create_revision: Revision,
    /// When it last changed.
    #[serde(default)]
    pub modify_revision: Revision,
}

/// How one query answers many names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryTemplate {
    /// Whether it does.
    #[serde(default)]
    pub kind: TemplateKind,
    /// What is taken out of the asked name, by groups; empty for nothing.
    #[serde(default)]
    pub regexp: String,
    /// Whether tags that come out empty are left out.
    #[serde(default)]
    pub remove_empty_tags: bool,
}

/// Which names a query answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateKind {
    /// Its own.
    #[default]
    None,
    /// Those that begin with its own.
    NamePrefixMatch,
}

/// Which instances of a service, in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceQuery {
    /// The service.
    pub service: String,
    /// Where else to look if there is no instance here.
    #[serde(default)]
    pub failover: Failover,
    /// Whether instances that warn are left out too.
    #[serde(default)]
    pub only_passing: bool,
    /// Ids of checks that do not count.
    #[serde(default)]
    pub ignore_check_ids: Vec<String>,
    /// Nearest to which node: its name, `_agent` for the one that is asked, `_ip` for the one that asks; empty for a
    /// random order.
    #[serde(default)]
    pub near: String,
    /// Tags that instances must carry; with `!` in front, must not.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Metadata that their nodes must carry.
    #[serde(default)]
    pub node_meta: BTreeMap<String, String>,
    /// Metadata that they must carry.
    #[serde(default)]
    pub service_meta: BTreeMap<String, String>,
    /// Whether the mesh's proxies are meant, of which there are none.
    #[serde(default)]
    pub connect: bool,
}

/// Where else to look for instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failover {
    /// In so many of the nearest datacenters. Negative numbers are refused.
    #[serde(default)]
    pub nearest_n: i64,
    /// In these datacenters, in their order; unknown ones are skipped.
    #[serde(default)]
    pub datacenters: Vec<String>,
    /// The same with more to say of each place; not together with the others.
    #[serde(default)]
    pub targets: Vec<FailoverTarget>,
}

/// A place to look for instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailoverTarget {
    /// A datacenter.
    #[serde(default)]
    pub datacenter: String,
    /// A cluster that is no part of ours; none is known.
    #[serde(default)]
    pub peer: String,
}

impl PreparedQuery {
    /// Whether it answers names that begin with its own.
    #[must_use]
    pub fn is_template(&self) -> bool {
        self.template.kind == TemplateKind::NamePrefixMatch
    }

    /// The name that rules about queries speak of, if it has one: a template's may be empty.
    #[must_use]
    pub fn ruled_name(&self) -> Option<&str> {
        let is_ruled = self.is_template() || !self.name.is_empty();
        is_ruled.then_some(self.name.as_str())
    }

    /// Its name as names are compared.
    #[must_use]
    pub fn folded_name(&self) -> String {
        self.name.to_lowercase()
    }

    /// How long DNS answers may be kept (RFC 2181 §8: at most 2^31 − 1 seconds); nothing where the agent decides.
    #[must_use]
    pub fn ttl(&self) -> Option<Ttl> {
        let ttl = parse_duration(&self.dns_ttl).ok()?;
        let seconds = u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX);
        Some(Ttl(seconds.min(i32::MAX.unsigned_abs())))
    }
}

impl ServiceQuery {
    /// Visits each text that a template renders, with its place as errors name it.
    ///
    /// # Errors
    /// The first that a visit returns.
    pub fn walk<E>(
        &mut self,
        visit: &mut impl FnMut(&str, &mut String) -> Result<(), E>,
    ) -> Result<(), E> {
        visit(".Service", &mut self.service)?;
        let Failover { datacenters, targets, .. } = &mut self.failover;
        for (at, datacenter) in datacenters.iter_mut().enumerate() {
            visit(&format!(".Failover.Datacenters[{at}]"), datacenter)?;
        }
        for (at, target) in targets.iter_mut().enumerate() {
            visit(&format!(".Failover.Targets[{at}].Datacenter"), &mut target.datacenter)?;
            visit(&format!(".Failover.Targets[{at}].Peer"), &mut target.peer)?;
        }
        for (at, id) in self.ignore_check_ids.iter_mut().enumerate() {
            visit(&format!(".IgnoreCheckIDs[{at}]"), id)?;
        }
        visit(".Near", &mut self.near)?;
        for (at, tag) in self.tags.iter_mut().enumerate() {
            visit(&format!(".Tags[{at}]"), tag)?;
        }
        for (key, value) in &mut self.node_meta {
            visit(&format!(".NodeMeta[{key}]"), value)?;
        }
        for (key, value) in &mut self.service_meta {
            visit(&format!(".ServiceMeta[{key}]"), value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
