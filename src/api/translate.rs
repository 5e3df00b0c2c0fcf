//! Answers → answers that say whether addresses in them may be translated.
//!
//! With `translate_wan_addrs`, nodes and instances of another datacenter are told with their `wan` addresses. There is
//! no other datacenter yet, so that nothing is translated; clients look at the header all the same.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use crate::api::Api;

/// Says in an answer, whatever its status, that `translate_wan_addrs` is on.
pub(in crate::api) fn mark(api: &Api, response: &mut Response) {
    if api.options.translate_wan_addrs {
        response.headers_mut().insert(TRANSLATES, HeaderValue::from_static("true"));
    }
}

/// Consul's header.
const TRANSLATES: HeaderName = HeaderName::from_static("x-consul-translate-addresses");
