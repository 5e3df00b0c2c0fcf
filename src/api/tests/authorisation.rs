//! The promise that every handler asks: each route is listed here, asked by who may see and do nothing, and tells
//! nothing; and asked by who may do everything, so that the line would show what is hidden.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};

use crate::acl::{Authorizer, TokenFault, Tokens};
use crate::api::tests::fixture::{Server, server_with, show};

/// What becomes of a request by who may see and do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// 403.
    Denied,
    /// 409 for the whole of a transaction, which says for each operation that it is denied.
    Aborted,
    /// Something is left out, and a header says so; who may see all is shown a secret.
    Filtered,
    /// There is nothing to hide, whoever asks: why.
    Public(&'static str),
}

use Fate::{Aborted, Denied, Filtered, Public};

/// A request for each method of each route. Everything that the catalog and the agent hold is called `secret`.
const TABLE: &[(&str, Fate)] = &[
    ("GET /", Public("says who answers")),
    ("GET /v1/status/leader", Public("as in Consul: addresses of servers")),
    ("GET /v1/status/peers", Public("as in Consul: addresses of servers")),
    ("GET /v1/dns/explain?name=secret-web.service.consul", Denied),
    (r#"PUT /v1/catalog/register {"Node":"new","Address":"10.0.0.9"}"#, Denied),
    (r#"PUT /v1/catalog/register {"Node":"secret-node","Address":"10.0.0.9"}"#, Denied),
    (
        r#"PUT /v1/catalog/register {"Node":"secret-node","SkipNodeUpdate":true,"Service":{"Service":"x"}}"#,
        Denied,
    ),
    (
        r#"PUT /v1/catalog/register {"Node":"secret-node","SkipNodeUpdate":true,"Check":{"Name":"x"}}"#,
        Denied,
    ),
    (r#"PUT /v1/catalog/deregister {"Node":"secret-node","CheckID":"secret-check"}"#, Denied),
    (r#"PUT /v1/catalog/deregister {"Node":"secret-node","ServiceID":"secret-web"}"#, Denied),
    (r#"PUT /v1/catalog/deregister {"Node":"secret-node"}"#, Denied),
    ("GET /v1/catalog/datacenters", Public("as in Consul: names of datacenters")),
    ("GET /v1/catalog/nodes", Filtered),
    ("GET /v1/catalog/services", Filtered),
    ("GET /v1/catalog/service/secret-web", Filtered),
    ("GET /v1/catalog/connect/secret-web", Public(NO_MESH)),
    ("GET /v1/catalog/gateway-services/secret-web", Public(NO_MESH)),
    ("GET /v1/catalog/node/secret-node", Filtered),
    ("GET /v1/catalog/node-services/secret-node", Filtered),
    ("GET /v1/health/node/secret-node", Filtered),
    ("GET /v1/health/checks/secret-web", Filtered),
    ("GET /v1/health/service/secret-web", Filtered),
    ("GET /v1/health/state/any", Filtered),
    ("GET /v1/health/connect/secret-web", Public(NO_MESH)),
    ("GET /v1/health/ingress/secret-web", Public(NO_MESH)),
    ("GET /v1/coordinate/datacenters", Public("as in Consul: where servers are")),
    ("GET /v1/coordinate/nodes", Filtered),
    ("GET /v1/coordinate/node/secret-node", Filtered),
    (
        r#"PUT /v1/coordinate/update {"Node":"secret-node","Coord":{"Vec":[0,0,0,0,0,0,0,1]}}"#,
        Denied,
    ),
    ("GET /v1/event/list", Filtered),
    ("PUT /v1/event/fire/new", Denied),
    ("GET /v1/agent/host", Denied),
    ("GET /v1/agent/version", Denied),
    ("GET /v1/agent/monitor", Denied),
    ("PUT /v1/agent/token/default {}", Public(NO_ACLS)),
    ("GET /v1/kv", Public("leads to the path with a slash")),
    ("GET /v1/kv/secret-key", Denied),
    ("GET /v1/kv/?recurse", Filtered),
    ("GET /v1/kv/?keys", Filtered),
    ("GET /v1/kv/?keys&separator=-", Filtered),
    ("PUT /v1/kv/new value", Denied),
    ("PUT /v1/kv/secret-key?cas=1 value", Denied),
    ("PUT /v1/kv/secret-key?acquire=876bacbc-fc10-d865-ab0c-9d369d5ce926 value", Denied),
    ("DELETE /v1/kv/secret-key", Denied),
    ("DELETE /v1/kv/?recurse", Denied),
    (r#"PUT /v1/session/create {"Node":"secret-node","NodeChecks":[]}"#, Denied),
    ("PUT /v1/session/destroy/SESSION", Denied),
    ("PUT /v1/session/renew/SESSION", Denied),
    ("GET /v1/session/info/SESSION", Filtered),
    ("GET /v1/session/node/secret-node", Filtered),
    ("GET /v1/session/list", Filtered),
    (r#"PUT /v1/txn [{"KV":{"Verb":"get","Key":"secret-key"}}]"#, Filtered),
    (r#"PUT /v1/txn [{"KV":{"Verb":"get-tree","Key":"secret"}}]"#, Filtered),
    (r#"PUT /v1/txn [{"KV":{"Verb":"check-not-exists","Key":"secret-key"}}]"#, Aborted),
    (r#"PUT /v1/txn [{"KV":{"Verb":"set","Key":"secret-key","Value":"MQ=="}}]"#, Aborted),
    (r#"PUT /v1/txn [{"KV":{"Verb":"delete","Key":"secret-key"}}]"#, Aborted),
    (r#"PUT /v1/txn [{"KV":{"Verb":"delete-tree","Key":""}}]"#, Aborted),
    (r#"PUT /v1/txn [{"Node":{"Verb":"set","Node":{"Node":"x","Address":"10.0.0.9"}}}]"#, Aborted),
    (r#"PUT /v1/txn [{"Node":{"Verb":"delete","Node":{"Node":"secret-node"}}}]"#, Aborted),
    (
        r#"PUT /v1/txn [{"Service":{"Verb":"set","Node":"secret-node","Service":{"Service":"x"}}}]"#,
        Aborted,
    ),
    (
        r#"PUT /v1/txn [{"Check":{"Verb":"set","Check":{"Node":"secret-node","CheckID":"x"}}}]"#,
        Aborted,
    ),
    (r#"PUT /v1/txn [{"Node":{"Verb":"get","Node":{"Node":"secret-node"}}}]"#, Filtered),
    ("GET /v1/query", Filtered),
    (r#"POST /v1/query {"Name":"x","Service":{"Service":"x"}}"#, Denied),
    ("GET /v1/query/QUERY", Denied),
    (r#"PUT /v1/query/QUERY {"Name":"x","Service":{"Service":"x"}}"#, Denied),
    ("DELETE /v1/query/QUERY", Denied),
    ("GET /v1/query/hidden/execute", Filtered),
    ("GET /v1/query/hidden/explain", Denied),
    ("GET /v1/agent/self", Denied),
    ("GET /v1/agent/members", Filtered),
    ("PUT /v1/agent/maintenance?enable=true", Denied),
    ("PUT /v1/agent/reload", Denied),
    ("PUT /v1/agent/leave", Denied),
    ("PUT /v1/agent/join/127.0.0.1", Denied),
    ("PUT /v1/agent/force-leave/secret-node", Denied),
    ("GET /v1/agent/metrics", Denied),
    ("GET /v1/agent/metrics?format=prometheus", Denied),
    ("GET /v1/agent/services", Filtered),
    ("GET /v1/agent/service/secret-local", Denied),
    (r#"PUT /v1/agent/service/register {"Name":"x"}"#, Denied),
    (r#"PUT /v1/agent/service/register {"Name":"x","ID":"secret-local"}"#, Denied),
    ("PUT /v1/agent/service/maintenance/secret-local?enable=true", Denied),
    ("PUT /v1/agent/service/deregister/secret-local", Denied),
    ("GET /v1/agent/checks", Filtered),
    (r#"PUT /v1/agent/check/register {"Name":"x","TTL":"10s"}"#, Denied),
    (r#"PUT /v1/agent/check/register {"Name":"x","TTL":"10s","ServiceID":"secret-local"}"#, Denied),
    (r#"PUT /v1/agent/check/update/secret-ttl {"Status":"passing"}"#, Denied),
    ("PUT /v1/agent/check/pass/secret-ttl", Denied),
    ("PUT /v1/agent/check/warn/secret-ttl", Denied),
    ("PUT /v1/agent/check/fail/secret-ttl", Denied),
    ("PUT /v1/agent/check/deregister/secret-ttl", Denied),
    ("GET /v1/agent/health/service/id/secret-local", Denied),
    ("GET /v1/agent/health/service/name/secret-local", Denied),
    ("GET /v1/snapshot", Denied),
    ("PUT /v1/snapshot x", Denied),
    ("GET /v1/operator/raft/configuration", Denied),
    ("DELETE /v1/operator/raft/peer?id=x", Denied),
    ("POST /v1/operator/raft/transfer-leader", Denied),
    ("PUT /v1/operator/raft/transfer-leader", Denied),
    ("GET /v1/operator/autopilot/configuration", Denied),
    ("PUT /v1/operator/autopilot/configuration {}", Denied),
    ("GET /v1/operator/autopilot/health", Denied),
    ("GET /v1/operator/autopilot/state", Denied),
    ("GET /v1/operator/usage", Denied),
    ("GET /v1/operator/keyring", Denied),
    (r#"POST /v1/operator/keyring {"Key":"x"}"#, Denied),
    (r#"PUT /v1/operator/keyring {"Key":"x"}"#, Denied),
    (r#"DELETE /v1/operator/keyring {"Key":"x"}"#, Denied),
    ("GET /v1/internal/ui/nodes", Filtered),
    ("GET /v1/internal/ui/node/secret-node", Filtered),
    ("GET /v1/internal/ui/services", Filtered),
    ("GET /v1/internal/ui/service-topology/secret-web", Denied),
    ("GET /v1/internal/ui/gateway-services-nodes/x", Public(NO_MESH)),
    ("POST /v1/internal/acl/authorize []", Public(NO_ACLS)),
    ("PUT /v1/acl/bootstrap", Public(NO_ACLS)),
    ("GET /v1/acl/tokens", Public(NO_ACLS)),
    ("PUT /v1/acl/token {}", Public(NO_ACLS)),
    ("GET /v1/acl/token/self", Public(NO_ACLS)),
    ("GET /v1/acl/token/x", Public(NO_ACLS)),
    ("PUT /v1/acl/token/x/clone {}", Public(NO_ACLS)),
    ("DELETE /v1/acl/token/x", Public(NO_ACLS)),
    ("GET /v1/acl/policies", Public(NO_ACLS)),
    ("PUT /v1/acl/policy {}", Public(NO_ACLS)),
    ("GET /v1/acl/policy/name/x", Public(NO_ACLS)),
    ("GET /v1/acl/policy/x", Public(NO_ACLS)),
    ("PUT /v1/acl/policy/x {}", Public(NO_ACLS)),
    ("DELETE /v1/acl/policy/x", Public(NO_ACLS)),
    ("GET /v1/acl/roles", Public(NO_ACLS)),
    ("PUT /v1/acl/role {}", Public(NO_ACLS)),
    ("GET /v1/acl/role/name/x", Public(NO_ACLS)),
    ("GET /v1/acl/role/x", Public(NO_ACLS)),
    ("PUT /v1/acl/role/x {}", Public(NO_ACLS)),
    ("DELETE /v1/acl/role/x", Public(NO_ACLS)),
    ("GET /v1/acl/auth-methods", Public(NO_ACLS)),
    ("PUT /v1/acl/auth-method {}", Public(NO_ACLS)),
    ("GET /v1/acl/auth-method/x", Public(NO_ACLS)),
    ("PUT /v1/acl/auth-method/x {}", Public(NO_ACLS)),
    ("DELETE /v1/acl/auth-method/x", Public(NO_ACLS)),
    ("GET /v1/acl/binding-rules", Public(NO_ACLS)),
    ("PUT /v1/acl/binding-rule {}", Public(NO_ACLS)),
    ("GET /v1/acl/binding-rule/x", Public(NO_ACLS)),
    ("PUT /v1/acl/binding-rule/x {}", Public(NO_ACLS)),
    ("DELETE /v1/acl/binding-rule/x", Public(NO_ACLS)),
    ("GET /v1/acl/replication", Public(NO_ACLS)),
    ("GET /v1/acl/rules/translate/x", Public(NO_ACLS)),
    ("POST /v1/acl/rules/translate x", Public(NO_ACLS)),
    ("POST /v1/acl/login {}", Public(NO_ACLS)),
    ("POST /v1/acl/logout", Public(NO_ACLS)),
    ("PUT /v1/acl/create {}", Public(NO_ACLS)),
    ("PUT /v1/acl/update {}", Public(NO_ACLS)),
    ("PUT /v1/acl/destroy/x", Public(NO_ACLS)),
    ("GET /v1/acl/info/x", Public(NO_ACLS)),
    ("PUT /v1/acl/clone/x", Public(NO_ACLS)),
    ("GET /v1/acl/list", Public(NO_ACLS)),
    ("GET /v1/agent/connect/ca/roots", Public(NO_MESH)),
    ("GET /v1/agent/connect/ca/leaf/x", Public(NO_MESH)),
    ("POST /v1/agent/connect/authorize {}", Public(NO_MESH)),
    ("GET /v1/connect/ca/roots", Public(NO_MESH)),
    ("GET /v1/connect/ca/configuration", Public(NO_MESH)),
    ("PUT /v1/connect/ca/configuration {}", Public(NO_MESH)),
    ("GET /v1/connect/intentions", Public(NO_MESH)),
    ("POST /v1/connect/intentions {}", Public(NO_MESH)),
    ("GET /v1/connect/intentions/match?by=source&name=x", Public(NO_MESH)),
    ("GET /v1/connect/intentions/check?source=x&destination=y", Public(NO_MESH)),
    ("GET /v1/connect/intentions/x", Public(NO_MESH)),
    ("PUT /v1/connect/intentions/x {}", Public(NO_MESH)),
    ("DELETE /v1/connect/intentions/x", Public(NO_MESH)),
    ("PUT /v1/config {}", Public(NO_MESH)),
    ("GET /v1/config/service-defaults", Public(NO_MESH)),
    ("DELETE /v1/config/service-defaults/x", Public(NO_MESH)),
    ("GET /v1/discovery-chain/x", Public(NO_MESH)),
    ("POST /v1/discovery-chain/x {}", Public(NO_MESH)),
    ("GET /v1/internal/federation-states", Public(NO_MESH)),
    ("GET /v1/internal/federation-states/mesh-gateways", Public(NO_MESH)),
];

/// Why nothing of the mesh is hidden.
const NO_MESH: &str = "there is no mesh to tell of";

/// Why nothing of tokens is hidden.
const NO_ACLS: &str = "there are no tokens to tell of";

/// What the catalog and the agent hold; `c2VjcmV0` is how JSON shows a value that begins so.
const SECRETS: &[&str] = &[
    r#"PUT /v1/catalog/register {"Node":"secret-node","Address":"10.0.0.1","Service":{"Service":"secret-web","Port":80},"Checks":[{"Name":"secret-check"},{"Name":"secret-check2","ServiceID":"secret-web"}]}"#,
    r#"PUT /v1/session/create {"Node":"secret-node","NodeChecks":[]}"#,
    r#"PUT /v1/coordinate/update {"Node":"secret-node","Coord":{"Vec":[0,0,0,0,0,0,0,0]}}"#,
    "PUT /v1/event/fire/secret-event",
    "PUT /v1/kv/secret-key secret",
    r#"PUT /v1/agent/service/register {"Name":"secret-local","Port":81,"Check":{"CheckID":"secret-ttl","TTL":"10m"}}"#,
    r#"PUT /v1/agent/check/register {"Name":"secret-own","TTL":"10m"}"#,
    r#"POST /v1/query {"Name":"hidden","Service":{"Service":"secret-web"}}"#,
];

/// Knows one secret, which opens everything; without it, nothing is allowed.
struct OneToken;

impl Tokens for OneToken {
    fn authorizer(&self, secret: Option<&str>) -> Result<Authorizer, TokenFault> {
        match secret {
            Some("master") => Ok(Authorizer::allow_all()),
            Some(_) => Err(TokenFault::Unknown),
            None => Ok(Authorizer::deny_all()),
        }
    }
}

/// A server that holds secrets, and the members of its cluster.
async fn holder() -> Server {
    let server = server_with(false, Some(1), Arc::new(OneToken), &["secret-node"]);
    for line in SECRETS {
        let shown = ask(&server, line, Some("master")).await;
        assert!(shown.starts_with("200\n"), "{line}: {shown}");
    }
    server
}

/// Asks with a token, or without one. `SESSION` stands for the session that is held, `QUERY` for the prepared query.
async fn send(server: &Server, line: &str, token: Option<&str>) -> Response<Body> {
    let view = server.reader.load_full();
    let session = view.sessions().next().map(|session| session.id.to_string());
    let query = view.prepared_queries().next().map(|query| query.id.to_string());
    let line = line.replace("SESSION", &session.unwrap_or_default());
    let line = line.replace("QUERY", &query.unwrap_or_default());
    let mut parts = line.splitn(3, ' ');
    let (method, uri) = (parts.next().unwrap(), parts.next().unwrap());
    let body = parts.next().unwrap_or_default().to_owned();
    let mut request = Request::builder().method(method).uri(uri);
    if let Some(token) = token {
        request = request.header("X-Consul-Token", token);
    }
    server.send(request.body(Body::from(body)).unwrap()).await
}

/// As [`send`]; the whole answer as text.
async fn ask(server: &Server, line: &str, token: Option<&str>) -> String {
    show(send(server, line, token).await).await
}

/// What is wrong with the answers to a line, if anything.
async fn judge(server: &Server, line: &str, fate: Fate) -> Result<(), String> {
    let before = server.reader.load().revision();
    let shown = ask(server, line, None).await;
    if server.reader.load().revision() != before {
        return Err(format!("{line}: changed the catalog"));
    }
    let is_told = |shown: &str| shown.contains("secret") || shown.contains("c2VjcmV0");
    if is_told(&shown) {
        return Err(format!("{line}: tells a secret\n{shown}"));
    }
    let is_denied = shown.starts_with("403\n") && shown.ends_with("\nPermission denied");
    let is_filtered = shown.contains("x-consul-results-filtered-by-acls: true\n");
    let is_right = match fate {
        Denied => is_denied,
        Aborted => shown.starts_with("409\n") && shown.contains(r#""What":"Permission denied""#),
        Filtered => is_filtered && (shown.starts_with("200\n") || shown.starts_with("404\n")),
        Public(_) => !is_denied,
    };
    if !is_right {
        return Err(format!("{line}: {fate:?} would be something else than\n{shown}"));
    }
    // A server of its own: it may well do what the line says.
    let response = send(&holder().await, line, Some("master")).await;
    if fate == Denied {
        // Its body may be a stream without an end.
        let is_right = response.status() != StatusCode::FORBIDDEN;
        return if is_right { Ok(()) } else { Err(format!("{line}: nobody may do this")) };
    }
    let shown = show(response).await;
    let is_right = match fate {
        Denied => false,
        Aborted => !shown.contains("Permission denied"),
        Filtered => shown.starts_with("200\n") && is_told(&shown) && !shown.contains("filtered-by"),
        Public(_) => !is_told(&shown),
    };
    if is_right { Ok(()) } else { Err(format!("{line}: who may do everything gets\n{shown}")) }
}

#[tokio::test]
async fn who_may_nothing_is_told_nothing_and_changes_nothing() {
    let server = holder().await;
    let mut wrong = Vec::new();
    for (line, fate) in TABLE {
        wrong.extend(judge(&server, line, *fate).await.err());
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[tokio::test]
async fn a_line_that_hopes_for_the_wrong_fate_is_found() {
    let server = holder().await;
    for (line, fate) in [
        ("GET /v1/status/leader", Denied),
        ("GET /v1/status/leader", Filtered),
        ("GET /v1/catalog/nodes", Denied),
        ("GET /v1/catalog/nodes", Public("")),
        ("GET /v1/catalog/connect/secret-web", Filtered),
        ("GET /v1/agent/self", Public("")),
        ("GET /v1/agent/self", Filtered),
    ] {
        assert!(judge(&server, line, fate).await.is_err(), "{line} {fate:?}");
    }
}

#[tokio::test]
async fn every_method_of_every_route_is_in_the_table() {
    let server = holder().await;
    let routes = routes();
    assert!(40 < routes.len(), "{routes:?}");
    let mut missing = Vec::new();
    for route in &routes {
        let lines = TABLE.iter().map(|(line, _)| *line);
        let own: Vec<_> = lines.filter(|line| route_of(line, &routes) == Some(route)).collect();
        let Some(line) = own.first() else {
            missing.push(format!("{route}: no request"));
            continue;
        };
        let path = line.split(' ').nth(1).unwrap();
        let options = Request::builder().method("OPTIONS").uri(path).body(Body::empty()).unwrap();
        let response = server.send(options).await;
        let allow = response.headers().get(header::ALLOW).map(|allow| allow.to_str().unwrap());
        for method in allow.unwrap_or("GET").split(',').filter(|method| *method != "OPTIONS") {
            if !own.iter().any(|line| line.starts_with(&format!("{method} "))) {
                missing.push(format!("{route}: no {method}"));
            }
        }
    }
    for (line, _) in TABLE {
        if route_of(line, &routes).is_none() {
            missing.push(format!("{line}: no route"));
        }
    }
    assert!(missing.is_empty(), "\n{}\n", missing.join("\n"));
}

#[test]
fn the_most_exact_route_is_a_lines_own() {
    let routes = BTreeSet::from(["/a/", "/a/b", "/a/b/", "/"].map(str::to_owned));
    let find = |line| route_of(line, &routes).map(String::as_str);
    assert_eq!(find("GET /a/b?x=/a/ {}"), Some("/a/b"));
    assert_eq!(find("GET /a/b/c"), Some("/a/b/"));
    assert_eq!(find("GET /a/c"), Some("/a/"));
    assert_eq!(find("GET /"), Some("/"));
    assert_eq!(find("GET /b"), None);
}

/// The route that answers a line: its own path, or the longest one with a slash at its end that it is below.
fn route_of<'r>(line: &str, routes: &'r BTreeSet<String>) -> Option<&'r String> {
    let path = line.split(' ').nth(1)?.split('?').next()?;
    let is_above = |route: &&String| {
        route.len() > 1 && route.ends_with('/') && path.starts_with(route.as_str())
    };
    routes.get(path).or_else(|| routes.iter().filter(is_above).max_by_key(|route| route.len()))
}

/// Every path that stands in the room's sources: whoever adds a route writes it there.
fn routes() -> BTreeSet<String> {
    let mut found = BTreeSet::from(["/".to_owned()]);
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api")];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.is_file() && !path.ends_with("tests.rs") {
                let text = fs_err::read_to_string(&path).unwrap();
                // What holds a brace or a space is no path but a pattern or a text.
                let literals = text.split('"').filter(|literal| literal.starts_with("/v1/"));
                let paths = literals.filter(|literal| !literal.contains(['{', ' ', '?']));
                found.extend(paths.map(str::to_owned));
            }
        }
    }
    found
}

#[tokio::test]
async fn a_secret_is_read_from_the_parameter_then_the_header_then_the_bearers() {
    let server = holder().await;
    let status = async |uri: &str, headers: &[(&str, &str)]| {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = server.send(request.body(Body::empty()).unwrap()).await;
        show(response).await.lines().next().unwrap().to_owned()
    };
    let (path, ours) = ("/v1/agent/self", "X-Consul-Token");
    assert_eq!(status(path, &[]).await, "403");
    assert_eq!(status("/v1/agent/self?token=master", &[]).await, "200");
    assert_eq!(status("/v1/agent/self?token=master", &[(ours, "nobody")]).await, "200");
    assert_eq!(status("/v1/agent/self?token=", &[(ours, "master")]).await, "200");
    assert_eq!(status(path, &[(ours, "master"), ("Authorization", "Bearer x")]).await, "200");
    assert_eq!(status(path, &[(ours, ""), ("Authorization", "bearer  master ")]).await, "200");
    assert_eq!(status(path, &[("Authorization", "Basic master")]).await, "403");
    let unknown = ask(&server, "GET /v1/status/leader", Some("nobody")).await;
    assert!(unknown.starts_with("403\n") && unknown.ends_with("\nACL not found"), "{unknown}");
}
