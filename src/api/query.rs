//! `/v1/query`: prepared queries, stored and asked.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use axum::routing::get as on_get;
use uuid::Uuid;

use crate::api::Api;
use crate::api::answer::{Index, empty, json};
use crate::api::blocking::read;
use crate::api::body::read_json;
use crate::api::call::{Call, ReadOptions, parse_bool};
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::api::json::prepared_query::{
    CreatedJson, ExecutedJson, ExplainedJson, FreshnessJson, PreparedQueryJson, Stated,
    read as read_query,
};
use crate::api::json::service::InstanceJson;
use crate::api::near::seeker;
use crate::api::routes::{below, endpoint, refuse_method};
use crate::catalog::command::PreparedQueryDelete;
use crate::catalog::prepared::{Filter, FoundQuery, TemplateFault, check_template};
use crate::catalog::reply::Topic;
use crate::catalog::{Command, Reject, View};
use crate::model::name::ServiceName;
use crate::model::number::Revision;
use crate::model::prepared_query::{IdFault, PreparedQuery, PreparedQueryId};

/// The routes.
pub(in crate::api) fn routes() -> Router<Api> {
    let whole = endpoint("OPTIONS,GET,POST", on_get(list).post(create));
    let one = endpoint("OPTIONS,GET,PUT,DELETE", on_get(get).put(put).delete(delete));
    below(Router::new().route("/v1/query", whole), PREFIX, &one)
}

/// All prepared queries.
pub(in crate::api) async fn list(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let options = call.read_options(&api.options)?;
    let revision = |view: &View| view.tables().prepared_queries;
    let (view, index) = read(&api, options, vec![Topic::PreparedQueries], revision).await?;
    let shown = view.prepared_queries().filter(|query| call.shows_query(query));
    let shown: Vec<_> = shown.map(|query| PreparedQueryJson::new(query, &call)).collect();
    index.answer(&call, &shown)
}

/// Stores a query under a new id.
pub(in crate::api) async fn create(
    State(api): State<Api>,
    call: Call,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    call.check_datacenter(&api.options)?;
    let stamp = Uuid::new_v4().to_string();
    let id = PreparedQueryId::new(&stamp).map_err(|fault| Fault::Bug(fault.to_string()))?;
    let stated = read_query(&read_json(&headers, body).await?, id)?;
    if !stated.id.is_empty() {
        let text = "ID must be empty when creating a new prepared query";
        return Err(Fault::Refused(text.to_owned()));
    }
    call.permit_query(&stated.query)?;
    let query = check(stated)?;
    let id = query.id.clone();
    api.change(Command::PreparedQueryCreate(Box::new(query))).await?;
    json(call.pretty, &CreatedJson { id: id.as_str() })
}

/// One query, what comes of it (`/execute`), or what it means (`/explain`).
pub(in crate::api) async fn get(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let path = call.under(PREFIX)?;
    match Verb::of(&path) {
        (name, Verb::Execute) => execute(&api, &call, name).await,
        (name, Verb::Explain) => explain(&api, &call, name).await,
        (id, Verb::None) => one(&api, &call, id).await,
    }
}

/// Puts a query in the place of the one with the path's id.
pub(in crate::api) async fn put(
    State(api): State<Api>,
    call: Call,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let path = call.under(PREFIX)?;
    let (id, Verb::None) = Verb::of(&path) else { return Ok(only_read(&Method::PUT)) };
    call.check_datacenter(&api.options)?;
    let body = read_json(&headers, body).await?;
    let id = PreparedQueryId::new(id);
    // What cannot be read is said before what cannot be found; an empty body is a query without anything.
    let read_as = id.clone().or_else(|_| PreparedQueryId::new(&Uuid::nil().to_string()));
    let read_as = read_as.map_err(|fault| Fault::Bug(fault.to_string()))?;
    let body = if body.is_empty() { &b"null"[..] } else { &body };
    let stated = read_query(body, read_as)?;
    let id = id.map_err(modified_id)?;
    call.permit_query(&stated.query)?;
    let before = existing(&api, &id)?;
    call.permit_query(&before)?;
    api.change(Command::PreparedQueryUpdate(Box::new(check(stated)?))).await?;
    Ok(empty())
}

/// Takes a query away.
pub(in crate::api) async fn delete(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let path = call.under(PREFIX)?;
    let (id, Verb::None) = Verb::of(&path) else { return Ok(only_read(&Method::DELETE)) };
    call.check_datacenter(&api.options)?;
    let id = PreparedQueryId::new(id).map_err(modified_id)?;
    let before = existing(&api, &id)?;
    call.permit_query(&before)?;
    api.change(Command::PreparedQueryDelete(PreparedQueryDelete { id })).await?;
    Ok(empty())
}

async fn one(api: &Api, call: &Call, id: &str) -> Result<Response, Fault> {
    let id = PreparedQueryId::new(id).map_err(|fault| Fault::Refused(unreadable_id(fault)))?;
    let options = call.read_options(&api.options)?;
    let topics = vec![Topic::PreparedQuery(id.clone())];
    // There is nothing to wait for in a query that is gone: its id never comes back.
    let gone = Revision(u64::MAX);
    let revision = |view: &View| view.prepared_query(&id).map_or(gone, |q| q.modify_revision);
    let (view, index) = read(api, options, topics, revision).await?;
    let query = view.prepared_query(&id).ok_or_else(not_found)?;
    // Who knows the id of a query without a name may see it.
    permit(query.ruled_name().is_none() || call.shows_query(query))?;
    index.answer(call, &[PreparedQueryJson::new(query, call)])
}

async fn execute(api: &Api, call: &Call, name: &str) -> Result<Response, Fault> {
    let limit = limit(call)?;
    let is_mesh = match call.params.stated("connect") {
        None => false,
        Some(text) => parse_bool(text).ok_or_else(|| {
            let why = format!("strconv.ParseBool: parsing {text:?}: invalid syntax");
            Fault::Refused(format!("Error parsing 'connect' value: {why}"))
        })?,
    };
    let (view, index) = latest(api, call.cacheable_options(&api.options)?).await?;
    let FoundQuery { query, filter, .. } = find(&view, name)?;
    let filter = if is_mesh { Arc::new(Filter::clone(&filter).for_mesh()) } else { filter };
    // A query's own token decides, if it has one.
    let own = Some(query.token.as_str()).filter(|token| !token.is_empty());
    let own = own.map(|token| api.services.tokens.authorizer(Some(token))).transpose()?;
    let acl = own.as_ref().unwrap_or(&call.acl);
    let mut instances = view.instances_of(&filter);
    instances.retain(|i| call.shows(acl.instance_read(&i.node.name, &i.service.name)));
    shuffle(&mut instances);
    let near = call.params.stated("near").unwrap_or(&query.service.near);
    if let Some(near) = view.near_node(near, &seeker(api, call)) {
        view.rank(&mut instances, &near);
    }
    instances.truncate(limit);
    let datacenter = api.options.datacenter.folded();
    let shown = instances.iter().map(|instance| InstanceJson::new(instance, datacenter)).collect();
    let name = ServiceName::new(&query.service.service);
    let is_named = call.shows(name.is_err() || name.is_ok_and(|name| acl.service_read(&name)));
    let executed = ExecutedJson::new(&query, shown, datacenter, freshness(&index));
    let executed = if is_named { executed } else { executed.without_service() };
    index.answer(call, &executed)
}

async fn explain(api: &Api, call: &Call, name: &str) -> Result<Response, Fault> {
    // It limits nothing here, and has to be a number all the same, as for Consul.
    limit(call)?;
    let (view, index) = latest(api, call.read_options(&api.options)?).await?;
    let query = find(&view, name)?.query;
    permit(call.shows_query(&query))?;
    let freshness = freshness(&index);
    index.answer(call, &ExplainedJson { query: PreparedQueryJson::new(&query, call), freshness })
}

/// What the path asks for beside the query itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    /// Nothing.
    None,
    /// What comes of it.
    Execute,
    /// What it means.
    Explain,
}

impl Verb {
    /// The verb at the end of a path, and what stands before it.
    fn of(path: &str) -> (&str, Self) {
        // As in Consul, a verb alone is a query's name too.
        let (name, verb) = path.rsplit_once('/').unwrap_or((path, path));
        match verb {
            "execute" => (name, Self::Execute),
            "explain" => (name, Self::Explain),
            _ => (path, Self::None),
        }
    }
}

/// The View, which is not waited for, as fresh as the read asks for.
async fn latest(api: &Api, options: ReadOptions) -> Result<(Arc<View>, Index), Fault> {
    let options = ReadOptions { block: None, ..options };
    read(api, options, Vec::new(), |_| Revision(1)).await
}

fn find(view: &View, name: &str) -> Result<FoundQuery, Fault> {
    let refused = |fault: TemplateFault| Fault::Refused(fault.to_string());
    view.find_prepared(name).map_err(refused)?.ok_or_else(not_found)
}

/// The query that is to be changed.
fn existing(api: &Api, id: &PreparedQueryId) -> Result<Arc<PreparedQuery>, Fault> {
    let found = api.services.reader.load().prepared_query(id).cloned();
    found.ok_or_else(|| Fault::Reject(Reject::PreparedQueryUnknown(id.clone())))
}

/// What must be true before a query is proposed.
fn check(stated: Stated) -> Result<PreparedQuery, Fault> {
    let query = stated.query;
    query.check().map_err(|fault| Fault::Refused(format!("Invalid prepared query: {fault}")))?;
    let uncompiled = |why: String| Fault::Refused(format!("failed compiling template: {why}"));
    if let Some(kind) = stated.unknown_template {
        return Err(uncompiled(format!("Bad Template.Type '{kind}'")));
    }
    check_template(&query).map_err(|fault| uncompiled(fault.to_string()))?;
    Ok(query)
}

/// How many instances are told at most.
fn limit(call: &Call) -> Result<usize, Fault> {
    let Some(text) = call.params.stated("limit") else { return Ok(usize::MAX) };
    let limit: i64 = text.parse().map_err(|_| {
        let why = format!("strconv.Atoi: parsing {text:?}: invalid syntax");
        Fault::Refused(format!("Bad limit: {why}"))
    })?;
    Ok(usize::try_from(limit).ok().filter(|limit| 0 < *limit).unwrap_or(usize::MAX))
}

#[expect(clippy::disallowed_methods, reason = "clients spread over instances by chance")]
fn shuffle<T>(instances: &mut [T]) {
    fastrand::shuffle(instances);
}

fn freshness(index: &Index) -> FreshnessJson {
    FreshnessJson {
        index: 0,
        last_contact: index.last_contact_ms * 1_000_000,
        known_leader: index.has_leader,
        consistency_level: index.consistency_word(),
    }
}

fn only_read(method: &Method) -> Response {
    refuse_method(method, [(header::ALLOW, HeaderValue::from_static("GET"))])
}

fn not_found() -> Fault {
    Fault::NotFound("Query not found".to_owned())
}

fn unreadable_id(fault: IdFault) -> String {
    format!("failed prepared query lookup: index error: {fault}")
}

fn modified_id(fault: IdFault) -> Fault {
    Fault::Refused(format!("Prepared Query lookup failed: {}", unreadable_id(fault)))
}

/// Where queries begin.
const PREFIX: &str = "/v1/query/";
