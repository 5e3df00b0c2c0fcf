//! What must be true of a prepared query, whatever the catalog holds.

use std::fmt;

use crate::model::limits::{
    NAME_BYTES_MAX, QUERY_LIST_MAX, QUERY_REGEXP_BYTES_MAX, QUERY_TEXT_BYTES_MAX,
};
use crate::model::meta::{self, MetaFault};
use crate::model::prepared_query::{PreparedQuery, ServiceQuery};
use crate::model::time::{DurationFault, parse_duration};

/// Why a prepared query cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreparedQueryFault {
    /// Nobody could ask it, and nothing would end it.
    Unbound,
    /// What is shown in the place of a token came back as one.
    RedactedToken,
    /// No service is named.
    NoService,
    /// Fewer than no datacenters.
    NearestN(i64),
    /// Two ways of failing over at once.
    Targets,
    /// The metadata of nodes can be nobody's.
    NodeMeta(MetaFault),
    /// The TTL is no duration.
    Ttl(String, DurationFault),
    /// The TTL is less than nothing, by so many nanoseconds.
    NegativeTtl(u128),
    /// A text has more bytes than are allowed.
    TooLong {
        /// Which.
        what: String,
        /// What is allowed, in bytes.
        bytes_max: usize,
    },
    /// A list has more than [`QUERY_LIST_MAX`] entries.
    TooMany(&'static str),
}

impl fmt::Display for PreparedQueryFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbound => out.write_str("Must be bound to a session"),
            Self::RedactedToken => write!(
                out,
                "Bad Token '{REDACTED_TOKEN}', it looks like a query definition with a redacted token was submitted"
            ),
            Self::NoService => out.write_str("Must provide a Service name to query"),
            Self::NearestN(count) => write!(out, "Bad NearestN '{count}', must be >= 0"),
            Self::Targets => {
                out.write_str("Targets cannot be populated with NearestN or Datacenters")
            }
            Self::NodeMeta(fault) => fault.fmt(out),
            Self::Ttl(text, fault) => {
                write!(out, "Bad DNS TTL '{text}': ")?;
                match fault {
                    DurationFault::NoUnit(_) => {
                        write!(out, "time: missing unit in duration {text:?}")
                    }
                    DurationFault::Unit(unit) => {
                        write!(out, "time: unknown unit {unit:?} in duration {text:?}")
                    }
                    DurationFault::Empty
                    | DurationFault::Negative
                    | DurationFault::Number(_)
                    | DurationFault::TooLong => write!(out, "time: invalid duration {text:?}"),
                }
            }
            Self::NegativeTtl(nanos) => write!(out, "DNS TTL '-{nanos}', must be >=0"),
            Self::TooLong { what, bytes_max } => {
                write!(out, "{what} is too long: {bytes_max} bytes are allowed")
            }
            Self::TooMany(what) => {
                write!(out, "{what} has too many entries: {QUERY_LIST_MAX} are allowed")
            }
        }
    }
}

impl std::error::Error for PreparedQueryFault {}

impl PreparedQuery {
    /// Checks what does not depend on the catalog.
    ///
    /// # Errors
    /// [`PreparedQueryFault`], the first that is found.
    pub fn check(&self) -> Result<(), PreparedQueryFault> {
        if self.name.is_empty() && !self.is_template() && self.session.is_none() {
            return Err(PreparedQueryFault::Unbound);
        }
        if self.token == REDACTED_TOKEN {
            return Err(PreparedQueryFault::RedactedToken);
        }
        check_length("Name", &self.name, NAME_BYTES_MAX)?;
        check_length("Token", &self.token, QUERY_TEXT_BYTES_MAX)?;
        check_length("Template.Regexp", &self.template.regexp, QUERY_REGEXP_BYTES_MAX)?;
        check_service(&self.service)?;
        check_ttl(&self.dns_ttl)
    }
}

fn check_service(service: &ServiceQuery) -> Result<(), PreparedQueryFault> {
    if service.service.is_empty() {
        return Err(PreparedQueryFault::NoService);
    }
    let failover = &service.failover;
    if failover.nearest_n < 0 {
        return Err(PreparedQueryFault::NearestN(failover.nearest_n));
    }
    let is_plain = failover.nearest_n == 0 && failover.datacenters.is_empty();
    if !failover.targets.is_empty() && !is_plain {
        return Err(PreparedQueryFault::Targets);
    }
    meta::parse_wanted(service.node_meta.clone()).map_err(PreparedQueryFault::NodeMeta)?;
    let counts = [
        ("Failover.Datacenters", failover.datacenters.len()),
        ("Failover.Targets", failover.targets.len()),
        ("IgnoreCheckIDs", service.ignore_check_ids.len()),
        ("Tags", service.tags.len()),
        ("ServiceMeta", service.service_meta.len()),
    ];
    if let Some((what, _)) = counts.into_iter().find(|(_, count)| QUERY_LIST_MAX < *count) {
        return Err(PreparedQueryFault::TooMany(what));
    }
    let mut texts = service.clone();
    texts
        .walk(&mut |what, text| check_length(&format!("Service{what}"), text, QUERY_TEXT_BYTES_MAX))
}

fn check_length(what: &str, text: &str, bytes_max: usize) -> Result<(), PreparedQueryFault> {
    if text.len() <= bytes_max {
        return Ok(());
    }
    Err(PreparedQueryFault::TooLong { what: what.to_owned(), bytes_max })
}

fn check_ttl(text: &str) -> Result<(), PreparedQueryFault> {
    if text.is_empty() {
        return Ok(());
    }
    match parse_duration(text) {
        Ok(_) => Ok(()),
        Err(DurationFault::Negative) => match parse_duration(text.trim_start_matches('-')) {
            Ok(ttl) => Err(PreparedQueryFault::NegativeTtl(ttl.as_nanos())),
            Err(fault) => Err(PreparedQueryFault::Ttl(text.to_owned(), fault)),
        },
        Err(fault) => Err(PreparedQueryFault::Ttl(text.to_owned(), fault)),
    }
}

/// What is shown in the place of a token.
pub const REDACTED_TOKEN: &str = "<hidden>";
