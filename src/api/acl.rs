//! `/v1/acl/*`, `/v1/agent/token/*`, `/v1/internal/acl/authorize`: tokens, policies and roles, of which there are none while ACLs are
//! off. Clients tell that by the status and the text.

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post, put};

use crate::api::Api;
use crate::api::fault::Fault;
use crate::api::routes::{below, endpoint, reads, writes};

/// The routes, with the methods that each will have.
pub(in crate::api) fn routes() -> Router<Api> {
    let read = reads(get(disabled));
    let write = writes(put(disabled));
    let ask = endpoint("OPTIONS,POST", post(disabled));
    let all = endpoint("OPTIONS,GET,PUT,DELETE", get(disabled).put(disabled).delete(disabled));
    let mut router = Router::new();
    for path in READ {
        router = router.route(path, read.clone());
    }
    for path in WRITTEN {
        router = router.route(path, write.clone());
    }
    for path in ASKED {
        router = router.route(path, ask.clone());
    }
    for prefix in READ_BELOW {
        router = below(router, prefix, &read);
    }
    for prefix in WRITTEN_BELOW {
        router = below(router, prefix, &write);
    }
    for prefix in KEPT_BELOW {
        router = below(router, prefix, &all);
    }
    router
}

/// Says that there is nothing to ask.
///
/// # Errors
/// [`Fault::AclsDisabled`], always.
async fn disabled() -> Result<Response, Fault> {
    Err(Fault::AclsDisabled)
}

/// What is listed.
const READ: [&str; 8] = [
    "/v1/acl/tokens",
    "/v1/acl/token/self",
    "/v1/acl/policies",
    "/v1/acl/roles",
    "/v1/acl/auth-methods",
    "/v1/acl/binding-rules",
    "/v1/acl/replication",
    "/v1/acl/list",
];

/// What is made.
const WRITTEN: [&str; 8] = [
    "/v1/acl/bootstrap",
    "/v1/acl/token",
    "/v1/acl/policy",
    "/v1/acl/role",
    "/v1/acl/auth-method",
    "/v1/acl/binding-rule",
    "/v1/acl/create",
    "/v1/acl/update",
];

/// What is asked with a body.
const ASKED: [&str; 4] =
    ["/v1/acl/login", "/v1/acl/logout", "/v1/acl/rules/translate", "/v1/internal/acl/authorize"];

/// What is read by name or id.
const READ_BELOW: [&str; 4] =
    ["/v1/acl/policy/name/", "/v1/acl/role/name/", "/v1/acl/rules/translate/", "/v1/acl/info/"];

/// What is done to a token of the old kind.
const WRITTEN_BELOW: [&str; 3] = ["/v1/acl/destroy/", "/v1/acl/clone/", "/v1/agent/token/"];

/// What is read, changed and deleted by name or id; a token is also cloned there.
const KEPT_BELOW: [&str; 5] = [
    "/v1/acl/token/",
    "/v1/acl/policy/",
    "/v1/acl/role/",
    "/v1/acl/auth-method/",
    "/v1/acl/binding-rule/",
];
