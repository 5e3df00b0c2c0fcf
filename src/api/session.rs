//! `/v1/session/*`: what clients hold locks by.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, put};
use uuid::Uuid;

use crate::api::Api;
use crate::api::answer::{Index, json, json_with};
use crate::api::blocking::read;
use crate::api::body::read_json;
use crate::api::call::{Call, Freshness, ReadOptions};
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::api::json::session::{CreatedJson, SessionJson, create as read_session};
use crate::api::routes::{below, reads, writes};
use crate::catalog::command::SessionDestroy;
use crate::catalog::reply::Topic;
use crate::catalog::{Command, View};
use crate::model::name::NodeName;
use crate::model::session::{Session, SessionId, SessionIdFault};
use crate::publish::Consistency;

/// The routes.
pub(in crate::api) fn routes() -> Router<Api> {
    let router = Router::new()
        .route("/v1/session/create", writes(put(create)))
        .route("/v1/session/list", reads(get(list)));
    let router = below(router, "/v1/session/destroy/", &writes(put(destroy)));
    let router = below(router, "/v1/session/renew/", &writes(put(renew)));
    let router = below(router, "/v1/session/info/", &reads(get(info)));
    below(router, "/v1/session/node/", &reads(get(node)))
}

/// Begins a session.
pub(in crate::api) async fn create(
    State(api): State<Api>,
    call: Call,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let body = read_json(&headers, body).await?;
    call.check_datacenter(&api.options)?;
    let id = SessionId::from_bits(Uuid::new_v4().as_u128());
    let session = read_session(&body, id, &api.options.node, api.options.session_ttl_min)?;
    permit(call.acl.session_write(&session.node))?;
    api.change(Command::SessionCreate(Box::new(session))).await?;
    json(call.pretty, &CreatedJson { id: id.to_string() })
}

/// Ends a session. One that is not there has ended already.
pub(in crate::api) async fn destroy(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let id = named_id(&call, "/v1/session/destroy/")?.1;
    call.check_datacenter(&api.options)?;
    let Some(id) = id else { return json(call.pretty, &true) };
    if !call.acl.allows_all() {
        let view = api.services.reader.load();
        let unknown = || Fault::Refused(format!("Unknown session {:?}", id.to_string()));
        permit(call.acl.session_write(&view.session(id).ok_or_else(unknown)?.node))?;
    }
    api.change(Command::SessionDestroy(SessionDestroy { id })).await?;
    json(call.pretty, &true)
}

/// Gives a session its whole TTL again.
pub(in crate::api) async fn renew(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let (text, id) = named_id(&call, "/v1/session/renew/")?;
    call.check_datacenter(&api.options)?;
    let unknown = || Fault::NotFound(format!("Session id '{text}' not found"));
    let id = id.ok_or_else(unknown)?;
    let options = ReadOptions { freshness: Freshness::Is(Consistency::Lease), block: None };
    let (view, _) = read(&api, options, Vec::new(), |view| view.session_revision(id)).await?;
    let session = view.session(id).ok_or_else(unknown)?;
    permit(call.acl.session_write(&session.node))?;
    api.services.propose.renew(id).await?;
    json(call.pretty, &[SessionJson::new(session)])
}

/// One session, in a list; an empty one for an unknown session.
pub(in crate::api) async fn info(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let (_, id) = named_id(&call, "/v1/session/info/")?;
    let options = call.read_options(&api.options)?;
    let Some(id) = id else { return nobodys(&api, &call, options).await };
    let topics = vec![Topic::Session(id)];
    let (view, index) = read(&api, options, topics, |view| view.session_revision(id)).await?;
    answer(&call, index, view.session(id))
}

/// The sessions of a node.
pub(in crate::api) async fn node(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let text = call.named("/v1/session/node/", "Missing node name")?;
    let options = call.read_options(&api.options)?;
    let Ok(node) = NodeName::new(&text) else {
        // A text that is no legal name is no node's.
        return nobodys(&api, &call, options).await;
    };
    let topics = vec![Topic::NodeSessions(node.clone())];
    let revision = |view: &View| view.node_session_revision(&node);
    let (view, index) = read(&api, options, topics, revision).await?;
    answer(&call, index, view.sessions_on(&node))
}

/// All sessions.
pub(in crate::api) async fn list(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let options = call.read_options(&api.options)?;
    let revision = |view: &View| view.tables().sessions;
    let (view, index) = read(&api, options, vec![Topic::Sessions], revision).await?;
    answer(&call, index, view.sessions())
}

/// The id that a lock names, for `acquire` and `release`.
///
/// # Errors
/// [`Fault::Refused`], in the words that lock libraries search for.
pub(in crate::api) fn lock_session(text: &str) -> Result<SessionId, Fault> {
    if text.is_empty() {
        return Err(Fault::Refused("missing session".to_owned()));
    }
    session_id(text)
}

/// The id of a session that is there or could be.
///
/// # Errors
/// As [`lock_session`].
pub(in crate::api) fn session_id(text: &str) -> Result<SessionId, Fault> {
    parse_id(text)?.ok_or_else(|| Fault::Refused(format!("invalid session {text:?}")))
}

/// What the path names, and the id that it is; nothing where no session can have it.
fn named_id(call: &Call, prefix: &str) -> Result<(String, Option<SessionId>), Fault> {
    let text = call.named(prefix, "Missing session")?;
    let id = parse_id(&text)?;
    Ok((text, id))
}

fn parse_id(text: &str) -> Result<Option<SessionId>, Fault> {
    match SessionId::parse(text) {
        Ok(id) => Ok(Some(id)),
        Err(SessionIdFault::Nobodys) => Ok(None),
        Err(fault) => Err(Fault::Refused(format!("failed session lookup: index error: {fault}"))),
    }
}

/// The sessions of what cannot have any.
async fn nobodys(api: &Api, call: &Call, options: ReadOptions) -> Result<Response, Fault> {
    let revision = |view: &View| view.tables().session_extinction;
    let (_, index) = read(api, options, Vec::new(), revision).await?;
    answer(call, index, None)
}

fn answer<'a>(
    call: &Call,
    index: Index,
    sessions: impl IntoIterator<Item = &'a std::sync::Arc<Session>>,
) -> Result<Response, Fault> {
    let seen = sessions.into_iter().filter(|found| call.shows(call.acl.session_read(&found.node)));
    let shown: Vec<_> = seen.map(|session| SessionJson::new(session)).collect();
    json_with(call.pretty, StatusCode::OK, index.headers(call), &shown)
}
