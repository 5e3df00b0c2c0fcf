//! Name, conditions and payload → a user event, fired through an agent.

use clap::Args;
use serde::Deserialize;

use crate::cli::client::{Client, ClientFlags, Request, endpoint};
use crate::cli::fault::Fault;
use crate::cli::output::Output;

/// `lictor event`
#[derive(Args)]
pub(super) struct Flags {
    /// What the event carries
    payload: Vec<String>,
    /// What the event is called
    #[arg(long)]
    name: Option<String>,
    /// Only for nodes whose name matches this regular expression
    #[arg(long, value_name = "REGEX")]
    node: Option<String>,
    /// Only for agents with a service whose name matches this regular expression
    #[arg(long, value_name = "REGEX")]
    service: Option<String>,
    /// Only for those with a tag that matches this regular expression; needs `-service`
    #[arg(long, value_name = "REGEX")]
    tag: Option<String>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

/// The part of the answer that is shown.
#[derive(Deserialize)]
struct EventJson {
    /// The event's UUID.
    #[serde(rename = "ID")]
    id: String,
}

/// Does it.
pub(super) fn run(flags: &Flags, output: &mut Output) -> Result<(), Fault> {
    let Some(name) = flags.name.as_deref().filter(|name| !name.is_empty()) else {
        return Err(Fault::Refused("Event name must be specified".to_owned()));
    };
    let payload = match flags.payload.as_slice() {
        [] => Vec::new(),
        [payload] => payload.clone().into_bytes(),
        _ => return Err(Fault::Refused("Too many command line arguments.".to_owned())),
    };
    if flags.tag.is_some() && flags.service.is_none() {
        let text = "Cannot provide tag filter without service filter.";
        return Err(Fault::Refused(text.to_owned()));
    }
    let client = Client::open(&flags.client, output)?;
    let path = format!("/v1/event/fire/{}", endpoint::encode(name));
    let mut request = Request::put("Error firing event", path, payload);
    for (key, value) in [("node", &flags.node), ("service", &flags.service), ("tag", &flags.tag)] {
        if value.is_some() {
            request = request.with(key, value.clone());
        }
    }
    let event: EventJson = client.ask_json(&request)?;
    output.text(&format!("Event ID: {}", event.id))
}
