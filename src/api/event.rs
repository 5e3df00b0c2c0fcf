//! `/v1/event/*`: user events, fired here, and those that this agent got.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, put};
use uuid::Uuid;

use crate::api::Api;
use crate::api::answer::{INDEX, filter_headers, json, json_with};
use crate::api::blocking::wait_for;
use crate::api::body::read_json;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::api::json::event::EventJson;
use crate::api::routes::{below, reads, writes};
use crate::model::event::{Audience, EventFault, UserEvent};

/// The routes.
pub(in crate::api) fn routes() -> Router<Api> {
    let router = Router::new().route("/v1/event/list", reads(get(list)));
    below(router, "/v1/event/fire/", &writes(put(fire)))
}

/// Fires an event.
async fn fire(
    State(api): State<Api>,
    call: Call,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    call.check_datacenter(&api.options)?;
    let name = call.named("/v1/event/fire/", "Missing name")?;
    permit(call.acl.event_write(&name))?;
    let stated = |key| call.params.first(key).unwrap_or_default();
    let audience = Audience::new(stated("node"), stated("service"), stated("tag"));
    let payload = read_json(&headers, body).await?;
    let id = Uuid::new_v4().as_u128();
    let event = audience
        .and_then(|audience| UserEvent::new(id, &name, payload.to_vec(), audience))
        .map_err(|fault| refuse(&fault))?;
    let answer = json(call.pretty, &EventJson::new(&event));
    api.services.agent.fire_event(event);
    answer
}

/// The events that this agent got, the last of all or of a name.
async fn list(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let options = call.read_options(&api.options)?;
    let name = call.params.stated("name");
    let agent = &api.services.agent;
    let find = || -> Vec<Arc<UserEvent>> {
        let mut events = agent.events();
        events.retain(|event| {
            name.is_none_or(|name| event.name == name)
                && call.shows(call.acl.event_read(&event.name))
        });
        events
    };
    let index = |events: &[Arc<UserEvent>]| events.last().map_or(1, |event| event.index());
    // Subscribed before the first look, so that no event falls between the two.
    let mut count = agent.event_count();
    let mut events = find();
    if let Some(block) = options.block {
        let other = async {
            // The index does not grow: any other one is news.
            while index(&events) == block.index.0 && count.changed().await.is_ok() {
                events = find();
            }
            Ok(())
        };
        wait_for(&api, block.wait, other).await?;
    }
    let mut headers = filter_headers(&call);
    headers.insert(INDEX, HeaderValue::from(index(&events)));
    let shown: Vec<_> = events.iter().map(|event| EventJson::new(event)).collect();
    json_with(call.pretty, StatusCode::OK, headers, &shown)
}

fn refuse(fault: &EventFault) -> Fault {
    match fault {
        EventFault::NoName => Fault::Invalid(fault.to_string()),
        EventFault::TagWithoutService | EventFault::Pattern { .. } | EventFault::TooLarge => {
            Fault::Refused(fault.to_string())
        }
    }
}
