//! User events: `/v1/event/*`.

use serde::Serialize;
use uuid::Uuid;

use crate::api::json::kv::Base64;
use crate::model::event::UserEvent;

/// A user event.
#[derive(Serialize)]
pub(in crate::api) struct EventJson<'a> {
    /// Its UUID.
    #[serde(rename = "ID")]
    id: String,
    /// What it is called.
    #[serde(rename = "Name")]
    name: &'a str,
    /// What it carries, in base64; `null` for nothing.
    #[serde(rename = "Payload")]
    payload: Base64<'a>,
    /// The nodes that it is for.
    #[serde(rename = "NodeFilter")]
    node_filter: &'a str,
    /// The services that it is for.
    #[serde(rename = "ServiceFilter")]
    service_filter: &'a str,
    /// The tags that it is for.
    #[serde(rename = "TagFilter")]
    tag_filter: &'a str,
    /// The version of the message.
    #[serde(rename = "Version")]
    version: u8,
    /// When it was fired, in Lamport's time.
    #[serde(rename = "LTime")]
    lamport_time: u64,
}

impl<'a> EventJson<'a> {
    /// Shows an event.
    pub(in crate::api) fn new(event: &'a UserEvent) -> Self {
        Self {
            id: Uuid::from_u128(event.id).to_string(),
            name: &event.name,
            payload: Base64(&event.payload),
            node_filter: event.audience.node(),
            service_filter: event.audience.service(),
            tag_filter: event.audience.tag(),
            version: 1,
            lamport_time: event.lamport_time,
        }
    }
}
