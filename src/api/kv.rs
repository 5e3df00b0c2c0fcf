//! `/v1/kv/*`: the key/value store and its locks.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::Api;
use crate::api::answer::{json, json_with, not_found};
use crate::api::blocking::{Scope, Subject, read, read_part};
use crate::api::body::read_value;
use crate::api::call::{Call, ReadOptions};
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::api::json::kv::{KeyText, KvPairJson};
use crate::api::meter::time_kv_write;
use crate::api::params::parse_number;
use crate::api::piecewise::{self, Piecewise};
use crate::api::session::lock_session;
use crate::catalog::command::{KvDelete, KvDeleteTree, KvLock, KvSet};
use crate::catalog::reply::Topic;
use crate::catalog::{Command, View};
use crate::model::kv::KvPair;
use crate::model::name::{Key, KeyPrefix};
use crate::model::number::Revision;

/// One entry, the entries below a prefix (`recurse`), or their keys (`keys`).
pub(in crate::api) async fn get(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    let path = call.bytes_under(PREFIX)?;
    if call.params.has("keys") {
        return keys(&api, &call, call.read_options(&api.options)?, &path).await;
    }
    if call.params.has("recurse") {
        return tree(&api, &call, call.read_options(&api.options)?, &path).await;
    }
    let key = parse_key(&path)?;
    permit(call.acl.key_read(&path))?;
    let options = call.read_options(&api.options)?;
    let topics = vec![Topic::Key(key)];
    let (view, index) = read(&api, options, topics, |view| view.key_revision(&path)).await?;
    let headers = index.headers(&call);
    let Some(entry) = view.key(&path) else { return Ok(not_found(headers)) };
    if call.params.has("raw") {
        return Ok((headers, raw_headers(), Bytes::clone(&entry.value)).into_response());
    }
    json_with(call.pretty, StatusCode::OK, headers, &[KvPairJson::new(entry)])
}

async fn tree(
    api: &Api,
    call: &Call,
    options: ReadOptions,
    prefix: &[u8],
) -> Result<Response, Fault> {
    permit(call.acl.key_list(prefix))?;
    let topics = vec![Topic::KeyPrefix(KeyPrefix::new(prefix))];
    let (view, index) = read(api, options, topics, |view| view.prefix_revision(prefix)).await?;
    let entries = view.keys_with_prefix(prefix).filter(|e| call.shows_key(&e.key));
    let entries: Vec<&Arc<KvPair>> = entries.collect();
    if entries.is_empty() {
        return Ok(not_found(index.headers(call)));
    }
    let headers = index.headers(call);
    let bytes: usize = entries.iter().map(|e| e.key.as_bytes().len() + e.value.len()).sum();
    if bytes < TREE_AT_ONCE_BYTES_MAX && entries.len() < TREE_AT_ONCE_ENTRIES_MAX {
        let entries: Vec<_> = entries.into_iter().map(|e| KvPairJson::new(e)).collect();
        return json_with(call.pretty, StatusCode::OK, headers, &entries);
    }
    let entries: Vec<Arc<KvPair>> = entries.into_iter().map(Arc::clone).collect();
    let body = piecewise::list(call.pretty, entries, |pretty, e| {
        piecewise::single(pretty, KvPairJson::new(e))
    });
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Ok((Extension(Piecewise), headers, json, body).into_response())
}

async fn keys(
    api: &Api,
    call: &Call,
    options: ReadOptions,
    prefix: &[u8],
) -> Result<Response, Fault> {
    permit(call.acl.key_list(prefix))?;
    // Old clients misspell the parameter, and Consul lets them.
    let separator = call.params.stated("separator").or_else(|| call.params.stated("seperator"));
    let subject = Subject {
        topics: vec![Topic::KeyPrefix(KeyPrefix::new(prefix))],
        revision_of: |view: &View| view.prefix_revision(prefix),
        // New values under the same keys change nothing here.
        scope: Scope::Part,
    };
    let body_of = |view: &View| call.body(&cut_keys(view, call, prefix, separator));
    let (view, index) = read_part(api, options, subject, body_of).await?;
    let keys = cut_keys(&view, call, prefix, separator);
    // The whole store may be empty; a prefix that nothing has is not found.
    if keys.is_empty() && !prefix.is_empty() {
        return Ok(not_found(index.headers(call)));
    }
    json_with(call.pretty, StatusCode::OK, index.headers(call), &keys)
}

/// The keys with a prefix that the caller may see, each up to the first separator behind it.
fn cut_keys<'v>(
    view: &'v View,
    call: &Call,
    prefix: &'v [u8],
    separator: Option<&str>,
) -> Vec<KeyText<'v>> {
    let mut keys: Vec<KeyText<'_>> = Vec::new();
    for entry in view.keys_with_prefix(prefix).filter(|e| call.shows_key(&e.key)) {
        let key = KeyText(up_to(entry.key.as_bytes(), prefix.len(), separator));
        // Keys come in order, so those that are cut to the same text are neighbours.
        if keys.last() != Some(&key) {
            keys.push(key);
        }
    }
    keys
}

/// A key up to the first separator behind the prefix, itself included.
fn up_to<'a>(key: &'a [u8], prefix_bytes: usize, separator: Option<&str>) -> &'a [u8] {
    let Some(separator) = separator.map(str::as_bytes) else { return key };
    let rest = key.get(prefix_bytes..).unwrap_or_default();
    let Some(at) = rest.windows(separator.len()).position(|window| window == separator) else {
        return key;
    };
    key.get(..prefix_bytes + at + separator.len()).unwrap_or(key)
}

/// Puts a value under a key.
pub(in crate::api) async fn put(
    State(api): State<Api>,
    call: Call,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let key = parse_key(&call.bytes_under(PREFIX)?)?;
    permit(call.acl.key_write(&key))?;
    call.check_datacenter(&api.options)?;
    refuse_together(&call, &["cas", "acquire", "release"])?;
    let flags = number(&call, "flags")?.unwrap_or(0);
    let cas = number(&call, "cas")?.map(Revision);
    let value = read_value(&headers, body, api.options.kv_value_bytes_max).await?;
    let command = if let Some(session) = call.params.first("acquire") {
        Command::KvAcquire(KvLock { key, value, flags, session: lock_session(session)? })
    } else if let Some(text) = call.params.first("release") {
        match lock_session(text) {
            Ok(session) => Command::KvRelease(KvLock { key, value, flags, session }),
            Err(fault) if text.is_empty() => return Err(fault),
            // What can be no session holds no lock: Consul says so, and lock libraries take it for an answer.
            Err(_) => return json(call.pretty, &false),
        }
    } else {
        Command::KvSet(KvSet { key, value, flags, cas })
    };
    propose(&api, &call, command).await
}

/// Takes a key away, or all below a prefix (`recurse`).
pub(in crate::api) async fn delete(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    call.check_datacenter(&api.options)?;
    refuse_together(&call, &["recurse", "cas"])?;
    let path = call.bytes_under(PREFIX)?;
    if call.params.has("recurse") {
        permit(call.acl.key_write_prefix(&path))?;
        let prefix = KeyPrefix::new(path);
        return propose(&api, &call, Command::KvDeleteTree(KvDeleteTree { prefix })).await;
    }
    let key = parse_key(&path)?;
    permit(call.acl.key_write(&key))?;
    let cas = number(&call, "cas")?.map(Revision);
    propose(&api, &call, Command::KvDelete(KvDelete { key, cas })).await
}

async fn propose(api: &Api, call: &Call, command: Command) -> Result<Response, Fault> {
    let begun = tokio::time::Instant::now();
    let reply = api.services.propose.propose(command).await?;
    time_kv_write(begun);
    json(call.pretty, &reply.is_done().map_err(Fault::Reject)?)
}

fn parse_key(path: &[u8]) -> Result<Key, Fault> {
    if path.is_empty() {
        return Err(Fault::Invalid("Missing key name".to_owned()));
    }
    Key::new(path).map_err(|fault| Fault::Invalid(format!("Invalid key name: {fault}")))
}

/// A number that a parameter states.
fn number(call: &Call, name: &str) -> Result<Option<u64>, Fault> {
    call.params.first(name).map(parse_number).transpose()
}

fn refuse_together(call: &Call, names: &[&str]) -> Result<(), Fault> {
    if 1 < names.iter().filter(|name| call.params.has(name)).count() {
        return Err(Fault::Invalid(format!("Conflicting flags: {}", call.params.show())));
    }
    Ok(())
}

/// Headers that keep a browser from running a value as a page.
fn raw_headers() -> [(HeaderName, HeaderValue); 3] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox")),
    ]
}

/// A tree of fewer bytes of keys and values is answered in one piece.
const TREE_AT_ONCE_BYTES_MAX: usize = 256 * 1024;

/// And so is one of fewer entries.
const TREE_AT_ONCE_ENTRIES_MAX: usize = 1024;

/// Where keys begin.
const PREFIX: &str = "/v1/kv/";
