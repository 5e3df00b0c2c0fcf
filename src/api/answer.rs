//! Value → response: JSON in Consul's layout, index headers, and the few answers that are no JSON.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::ser::PrettyFormatter;

use crate::api::cache_control::CacheUse;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::model::number::Revision;
use crate::publish::Consistency;

/// What the index headers say of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) struct Index {
    /// What a blocking query hands back as `index`.
    pub revision: Revision,
    /// Whether there is a leader.
    pub has_leader: bool,
    /// How long ago the leader was heard.
    pub last_contact_ms: u128,
    /// How fresh the answer is.
    pub consistency: Consistency,
    /// Whether the leader was asked, where the client said that it need not be (`?cached`).
    pub cache: Option<CacheUse>,
}

impl Index {
    /// The headers of a read.
    pub(in crate::api) fn headers(&self, call: &Call) -> HeaderMap {
        let mut headers = self.contact_headers(call);
        headers.insert(INDEX, HeaderValue::from(self.revision.0));
        headers
    }

    /// The headers of a read that cannot be waited for.
    pub(in crate::api) fn contact_headers(&self, call: &Call) -> HeaderMap {
        let mut headers = filter_headers(call);
        headers.reserve(7);
        let has_leader = if self.has_leader { "true" } else { "false" };
        headers.insert(KNOWN_LEADER, HeaderValue::from_static(has_leader));
        let last_contact_ms = u64::try_from(self.last_contact_ms).unwrap_or(u64::MAX);
        headers.insert(LAST_CONTACT, HeaderValue::from(last_contact_ms));
        headers
    }

    /// The headers of a read that says how fresh it is; Consul's KV reads do not.
    pub(in crate::api) fn headers_with_consistency(&self, call: &Call) -> HeaderMap {
        let mut headers = self.headers(call);
        let word = HeaderValue::from_static(self.consistency_word());
        headers.insert(EFFECTIVE_CONSISTENCY, word);
        match self.cache {
            None => {}
            Some(CacheUse::Miss) => {
                headers.insert(CACHE, HeaderValue::from_static("MISS"));
            }
            Some(CacheUse::Hit { age }) => {
                headers.insert(CACHE, HeaderValue::from_static("HIT"));
                headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
            }
        }
        headers
    }

    /// How fresh the answer is, in Consul's word.
    pub(in crate::api) fn consistency_word(&self) -> &'static str {
        match self.consistency {
            Consistency::Stale => "stale",
            Consistency::Lease => "leader",
            Consistency::Linearizable => "consistent",
        }
    }

    /// A value that was read, under the headers of a read that says how fresh it is.
    pub(in crate::api) fn answer<T: Serialize>(
        &self,
        call: &Call,
        value: &T,
    ) -> Result<Response, Fault> {
        json_with(call.pretty, StatusCode::OK, self.headers_with_consistency(call), value)
    }
}

/// A value as JSON: on one line, or indented by four spaces with a newline at its end.
pub(in crate::api) fn json<T: Serialize>(pretty: bool, value: &T) -> Result<Response, Fault> {
    json_with(pretty, StatusCode::OK, HeaderMap::new(), value)
}

/// A list that is read from elsewhere than a View, as JSON: without index headers.
pub(in crate::api) fn list<T: Serialize>(call: &Call, value: &T) -> Result<Response, Fault> {
    json_with(call.pretty, StatusCode::OK, filter_headers(call), value)
}

/// What says that something was left out of an answer, as newer versions of Consul do.
pub(in crate::api) fn filter_headers(call: &Call) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if call.is_filtered() {
        headers.insert(FILTERED, HeaderValue::from_static("true"));
    }
    headers
}

/// A value as JSON, with a status and more headers.
pub(in crate::api) fn json_with<T: Serialize>(
    pretty: bool,
    status: StatusCode,
    headers: HeaderMap,
    value: &T,
) -> Result<Response, Fault> {
    let bytes = to_bytes(pretty, value)?;
    Ok((status, json_bytes(headers, bytes)).into_response())
}

/// JSON that was made already, under headers.
pub(in crate::api) fn json_bytes(headers: HeaderMap, bytes: Vec<u8>) -> Response {
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (headers, json, bytes).into_response()
}

/// A value as the bytes of an answer.
pub(in crate::api) fn to_bytes<T: Serialize>(pretty: bool, value: &T) -> Result<Vec<u8>, Fault> {
    let bug = |fault: serde_json::Error| Fault::Bug(format!("an answer is no JSON: {fault}"));
    if !pretty {
        let mut bytes = Vec::with_capacity(BODY_BYTES_USUAL);
        serde_json::to_writer(&mut bytes, value).map_err(bug)?;
        return Ok(bytes);
    }
    let mut bytes = Vec::with_capacity(BODY_BYTES_USUAL);
    let indented = PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, indented);
    value.serialize(&mut serializer).map_err(bug)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Plain text without a charset, as Consul's health words are.
pub(in crate::api) fn text(status: StatusCode, text: &str) -> Response {
    let plain = [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))];
    (status, plain, text.to_owned()).into_response()
}

/// The answer of agent writes: nothing at all.
pub(in crate::api) fn empty() -> Response {
    StatusCode::OK.into_response()
}

/// The answer to something that is not there.
pub(in crate::api) fn not_found(headers: HeaderMap) -> Response {
    (StatusCode::NOT_FOUND, headers).into_response()
}

/// Room that a body has at first: one key or a few instances fit, and an allocator has so much at hand.
const BODY_BYTES_USUAL: usize = 1_000;

/// Why a health answer has its status.
pub(in crate::api) const REASON: HeaderName = HeaderName::from_static("x-consul-reason");

/// A number that changes with the content of an agent's service.
pub(in crate::api) const CONTENT_HASH: HeaderName = HeaderName::from_static("x-consul-contenthash");

/// What a blocking query hands back.
pub(in crate::api) const INDEX: HeaderName = HeaderName::from_static("x-consul-index");

/// Whether the caller's token left something out.
const FILTERED: HeaderName = HeaderName::from_static("x-consul-results-filtered-by-acls");

/// Whether there is a leader.
const KNOWN_LEADER: HeaderName = HeaderName::from_static("x-consul-knownleader");

/// Milliseconds since the leader was heard.
const LAST_CONTACT: HeaderName = HeaderName::from_static("x-consul-lastcontact");

/// Whether the leader was asked.
const CACHE: HeaderName = HeaderName::from_static("x-cache");

/// How fresh the answer is.
const EFFECTIVE_CONSISTENCY: HeaderName = HeaderName::from_static("x-consul-effective-consistency");
