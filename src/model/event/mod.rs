//! A user event: a name and a small payload that somebody fires, and the agents that it is for.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::model::limits::{EVENT_BYTES_MAX, EVENT_REGEX_BYTES_MAX};

/// What somebody fired.
#[derive(Clone, Debug)]
pub struct UserEvent {
    /// Its UUID, as a number.
    pub id: u128,
    /// What it is called.
    pub name: String,
    /// Anything; empty for nothing.
    pub payload: Vec<u8>,
    /// Whom it is for.
    pub audience: Audience,
    /// When it was fired, in Lamport's time: what was fired after it was seen has a greater one. 0 before it is fired.
    pub lamport_time: u64,
}

/// Whom an event is for: all conditions that are stated hold. Patterns match anywhere in a text.
#[derive(Clone, Debug, Default)]
pub struct Audience {
    /// The agent's node.
    node: Option<Regex>,
    /// One of the agent's services.
    service: Option<Regex>,
    /// One of that service's tags.
    tag: Option<Regex>,
}

/// Why an event cannot be fired. The texts are Consul's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventFault {
    /// It has no name.
    NoName,
    /// A tag of no service.
    TagWithoutService,
    /// A condition is no regular expression.
    Pattern {
        /// Which condition: `node`.
        of: &'static str,
        /// Why.
        reason: String,
    },
    /// It would not fit into a datagram of the gossip, where it has to share one.
    TooLarge,
}

impl fmt::Display for EventFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => out.write_str("Missing name"),
            Self::TagWithoutService => {
                out.write_str("Cannot provide tag filter without service filter")
            }
            Self::Pattern { of, reason } => {
                write!(out, "Invalid {of} filter: error parsing regexp: {reason}")
            }
            Self::TooLarge => write!(
                out,
                "user event exceeds configured limit of {EVENT_BYTES_MAX} bytes before encoding"
            ),
        }
    }
}

impl std::error::Error for EventFault {}

impl Audience {
    /// Parses conditions; an empty text states none.
    ///
    /// # Errors
    /// [`EventFault`].
    pub fn new(node: &str, service: &str, tag: &str) -> Result<Self, EventFault> {
        if !tag.is_empty() && service.is_empty() {
            return Err(EventFault::TagWithoutService);
        }
        let (node, service) = (pattern("node", node)?, pattern("service", service)?);
        Ok(Self { node, service, tag: pattern("tag", tag)? })
    }

    /// The condition on the node, as it was stated; empty for none.
    #[must_use]
    pub fn node(&self) -> &str {
        shown(self.node.as_ref())
    }

    /// The condition on services, as it was stated; empty for none.
    #[must_use]
    pub fn service(&self) -> &str {
        shown(self.service.as_ref())
    }

    /// The condition on tags, as it was stated; empty for none.
    #[must_use]
    pub fn tag(&self) -> &str {
        shown(self.tag.as_ref())
    }

    /// Whether a node is meant, as far as its name decides.
    #[must_use]
    pub fn admits_node(&self, name: &str) -> bool {
        self.node.as_ref().is_none_or(|pattern| pattern.is_match(name))
    }

    /// Whether a service has to be there.
    #[must_use]
    pub fn wants_service(&self) -> bool {
        self.service.is_some()
    }

    /// Whether a service is one of those that are wanted.
    pub fn admits_service<'a>(&self, name: &str, tags: impl IntoIterator<Item = &'a str>) -> bool {
        self.service.as_ref().is_none_or(|pattern| pattern.is_match(name))
            && self.tag.as_ref().is_none_or(|tag| tags.into_iter().any(|found| tag.is_match(found)))
    }
}

impl UserEvent {
    /// Makes an event that was not fired yet.
    ///
    /// # Errors
    /// [`EventFault`], where nobody could be told of it.
    pub fn new(
        id: u128,
        name: &str,
        payload: Vec<u8>,
        audience: Audience,
    ) -> Result<Self, EventFault> {
        if name.is_empty() {
            return Err(EventFault::NoName);
        }
        let event = Self { id, name: name.to_owned(), payload, audience, lamport_time: 0 };
        if EVENT_BYTES_MAX < event.gossip_bytes() {
            return Err(EventFault::TooLarge);
        }
        Ok(event)
    }

    /// What blocking queries compare: both halves of the UUID, one upon the other. Never 0, and it does not grow.
    #[must_use]
    pub fn index(&self) -> u64 {
        let bytes = self.id.to_be_bytes();
        let halves = bytes.as_chunks::<8>().0.iter().map(|half| u64::from_be_bytes(*half));
        halves.fold(0, |index, half| index ^ half).max(1)
    }

    /// What Serf counts of it: its name stands in its own message and in Consul's, whose other parts take
    /// [`FRAME_BYTES`].
    fn gossip_bytes(&self) -> usize {
        let audience = [self.audience.node(), self.audience.service(), self.audience.tag()];
        let stated = audience.iter().filter(|text| !text.is_empty());
        let filters: usize = stated.map(|text| text.len() + FILTER_FRAME_BYTES).sum();
        self.name.len() * 2 + self.payload.len() + filters + FRAME_BYTES
    }
}

fn pattern(of: &'static str, text: &str) -> Result<Option<Regex>, EventFault> {
    if text.is_empty() {
        return Ok(None);
    }
    let built = RegexBuilder::new(text).size_limit(EVENT_REGEX_BYTES_MAX).build();
    built.map(Some).map_err(|fault| {
        // The first lines draw where it is; the last one says what it is.
        let text = fault.to_string();
        let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
        EventFault::Pattern { of, reason: reason.to_owned() }
    })
}

fn shown(pattern: Option<&Regex>) -> &str {
    pattern.map_or("", Regex::as_str)
}

/// What a message takes beside the name, payload and conditions, in bytes: measured on Consul 1.8.7.
const FRAME_BYTES: usize = 96;

/// What a condition takes beside its text.
const FILTER_FRAME_BYTES: usize = 4;

#[cfg(test)]
mod tests;
