//! What a policy with a few rules lets see and do, as Consul's does.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use expect_test::{Expect, expect};

use crate::acl::{Access, Authorizer, DefaultPolicy, Named, Policy, TokenFault, Tokens, Whole};
use crate::api::tests::fixture::{server_with, show};

const HELD: &[&str] = &[
    r#"PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Service":{"Service":"web","Port":80},"Checks":[{"Name":"c-node"},{"Name":"c-web","ServiceID":"web"}]}"#,
    r#"PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Service":{"Service":"db","Port":80},"Check":{"Name":"c-db","ServiceID":"db"}}"#,
    r#"PUT /v1/catalog/register {"Node":"n2","Address":"10.0.0.2","Service":{"Service":"web","Port":80},"Check":{"Name":"c-far","ServiceID":"web"}}"#,
    "PUT /v1/kv/app/a 1",
    "PUT /v1/kv/app/b 1",
    "PUT /v1/kv/other 1",
    r#"PUT /v1/agent/service/register {"Name":"web","Check":{"CheckID":"l-web","TTL":"10m"}}"#,
    r#"PUT /v1/agent/service/register {"Name":"db","Check":{"CheckID":"l-db","TTL":"10m"}}"#,
    r#"PUT /v1/agent/check/register {"Name":"l-node","TTL":"10m"}"#,
    r#"POST /v1/query {"Name":"q-own","Token":"secret","Service":{"Service":"db"}}"#,
    r#"POST /v1/query {"Name":"q-db","Service":{"Service":"db"}}"#,
    r#"POST /v1/query {"Name":"q-","Template":{"Type":"name_prefix_match"},"Service":{"Service":"${name.suffix}"}}"#,
];

/// Names that answers may tell.
const NAMES: &[&str] = &[
    "n1", "n2", "web", "db", "c-node", "c-web", "c-db", "c-far", "app/a", "app/b", "other",
    "l-web", "l-db", "l-node", "q-own", "q-db", "q-", "secret", "<hidden>",
];

/// One that follows a policy without a secret, and allows all with any.
struct Following(Authorizer);

impl Tokens for Following {
    fn authorizer(&self, secret: Option<&str>) -> Result<Authorizer, TokenFault> {
        Ok(secret.map_or_else(|| self.0.clone(), |_| Authorizer::allow_all()))
    }
}

/// Asks line by line, and shows the status and which of the names an answer tells; of other answers the text.
async fn check(policy: Policy, lines: &[&str], expected: Expect) {
    let server = server_with(false, Some(1), Arc::new(Following(Authorizer::by(policy))), &[]);
    let ask = async |line: &str, query: &str| {
        let mut parts = line.splitn(3, ' ');
        let request = Request::builder().method(parts.next().unwrap());
        let uri = format!("{}{query}", parts.next().unwrap());
        let body = Body::from(parts.next().unwrap_or_default().to_owned());
        show(server.send(request.uri(uri).body(body).unwrap()).await).await
    };
    for line in HELD {
        let shown = ask(line, "?token=master").await;
        assert!(shown.starts_with("200\n"), "{line}: {shown}");
    }
    let mut text = String::new();
    for line in lines {
        let shown = ask(line, "").await;
        let (status, body) = (shown.lines().next().unwrap(), shown.lines().last().unwrap());
        let is_list = body.starts_with(['[', '{']);
        let told = |name: &&&str| body.contains(&format!("\"{name}\""));
        let names: Vec<&str> = NAMES.iter().filter(told).copied().collect();
        // Of an answer without headers and body the status is the last line too.
        let body = if body == status { "" } else { body };
        let body = if is_list { names.join(" ") } else { body.to_owned() };
        let is_filtered = shown.contains("x-consul-results-filtered-by-acls: true");
        let filtered = if is_filtered { " (filtered)" } else { "" };
        writeln!(text, "{line}\n  {status}{filtered} {body}").unwrap();
    }
    expected.assert_eq(&text);
}

fn policy() -> Policy {
    Policy::new(DefaultPolicy::Deny)
        .exact(Named::Service, "web", Access::Write)
        .exact(Named::Node, "n1", Access::Read)
        .prefix(Named::Key, "app/", Access::Write)
        .exact(Named::Key, "app/b", Access::Read)
}

#[tokio::test]
async fn lists_hold_what_the_rules_let_see() {
    let lines = [
        "GET /v1/catalog/nodes",
        "GET /v1/catalog/services",
        "GET /v1/catalog/service/web",
        "GET /v1/catalog/service/db",
        "GET /v1/catalog/node/n1",
        "GET /v1/catalog/node-services/n1",
        "GET /v1/catalog/node/n2",
        "GET /v1/health/node/n1",
        "GET /v1/health/checks/web",
        "GET /v1/health/service/web",
        "GET /v1/health/state/any",
        "GET /v1/internal/ui/nodes",
        "GET /v1/internal/ui/node/n1",
        "GET /v1/internal/ui/services",
        "GET /v1/kv/app/a",
        "GET /v1/kv/other",
        "GET /v1/kv/?recurse",
        "GET /v1/kv/?keys",
        "GET /v1/agent/services",
        "GET /v1/agent/checks",
        "GET /v1/agent/service/web",
        "GET /v1/agent/service/db",
        "GET /v1/agent/health/service/name/web",
        "GET /v1/agent/health/service/id/db",
        "GET /v1/agent/self",
    ];
    check(
        policy(),
        &lines,
        expect![[r#"
        GET /v1/catalog/nodes
          200 (filtered) n1
        GET /v1/catalog/services
          200 (filtered) web
        GET /v1/catalog/service/web
          200 (filtered) n1 web
        GET /v1/catalog/service/db
          200 (filtered) 
        GET /v1/catalog/node/n1
          200 (filtered) n1 web
        GET /v1/catalog/node-services/n1
          200 (filtered) n1 web
        GET /v1/catalog/node/n2
          200 (filtered) null
        GET /v1/health/node/n1
          200 (filtered) n1 web c-node c-web
        GET /v1/health/checks/web
          200 (filtered) n1 web c-web
        GET /v1/health/service/web
          200 (filtered) n1 web c-node c-web
        GET /v1/health/state/any
          200 (filtered) n1 web c-node c-web
        GET /v1/internal/ui/nodes
          200 (filtered) n1 web c-node c-web
        GET /v1/internal/ui/node/n1
          200 (filtered) n1 web c-node c-web
        GET /v1/internal/ui/services
          200 (filtered) n1 web
        GET /v1/kv/app/a
          200 app/a
        GET /v1/kv/other
          403 Permission denied
        GET /v1/kv/?recurse
          200 (filtered) app/a app/b
        GET /v1/kv/?keys
          200 (filtered) app/a app/b
        GET /v1/agent/services
          200 (filtered) web
        GET /v1/agent/checks
          200 (filtered) n1 web l-web l-node
        GET /v1/agent/service/web
          200 web
        GET /v1/agent/service/db
          403 Permission denied
        GET /v1/agent/health/service/name/web
          503 n1 web l-web l-node
        GET /v1/agent/health/service/id/db
          403 Permission denied
        GET /v1/agent/self
          403 Permission denied
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_service_may_be_registered_where_the_node_stays_as_it_is() {
    let lines = [
        r#"PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Service":{"Service":"web","Port":81}}"#,
        r#"PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.99","Service":{"Service":"web","Port":81}}"#,
        r#"PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.99","SkipNodeUpdate":true,"Service":{"Service":"web","Port":82}}"#,
        r#"PUT /v1/catalog/register {"Node":"n3","SkipNodeUpdate":true,"Address":"10.0.0.3","Service":{"Service":"web"}}"#,
        r#"PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Service":{"Service":"db"}}"#,
        r#"PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Service":{"Service":"web","ID":"db"}}"#,
        r#"PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Check":{"Name":"x","ServiceID":"web"}}"#,
        r#"PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Check":{"Name":"x","ServiceID":"db"}}"#,
        r#"PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Check":{"Name":"y","ServiceID":"nope"}}"#,
        r#"PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Check":{"Name":"z"}}"#,
        r#"PUT /v1/catalog/deregister {"Node":"n1","CheckID":"x"}"#,
        r#"PUT /v1/catalog/deregister {"Node":"n1","CheckID":"c-db"}"#,
        r#"PUT /v1/catalog/deregister {"Node":"n1","CheckID":"c-node"}"#,
        r#"PUT /v1/catalog/deregister {"Node":"n1","CheckID":"nope"}"#,
        r#"PUT /v1/catalog/deregister {"Node":"n1","ServiceID":"db"}"#,
        r#"PUT /v1/catalog/deregister {"Node":"n1","ServiceID":"nope"}"#,
        r#"PUT /v1/catalog/deregister {"Node":"n1"}"#,
        r#"PUT /v1/catalog/deregister {"Node":"n1","ServiceID":"web"}"#,
    ];
    check(policy(), &lines, expect![[r#"
        PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Service":{"Service":"web","Port":81}}
          200 true
        PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.99","Service":{"Service":"web","Port":81}}
          403 Permission denied
        PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.99","SkipNodeUpdate":true,"Service":{"Service":"web","Port":82}}
          200 true
        PUT /v1/catalog/register {"Node":"n3","SkipNodeUpdate":true,"Address":"10.0.0.3","Service":{"Service":"web"}}
          403 Permission denied
        PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Service":{"Service":"db"}}
          403 Permission denied
        PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Service":{"Service":"web","ID":"db"}}
          403 Permission denied
        PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Check":{"Name":"x","ServiceID":"web"}}
          200 true
        PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Check":{"Name":"x","ServiceID":"db"}}
          403 Permission denied
        PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Check":{"Name":"y","ServiceID":"nope"}}
          500 Unknown service 'nope' for check 'y'
        PUT /v1/catalog/register {"Node":"n1","Address":"10.0.0.1","Check":{"Name":"z"}}
          403 Permission denied
        PUT /v1/catalog/deregister {"Node":"n1","CheckID":"x"}
          200 true
        PUT /v1/catalog/deregister {"Node":"n1","CheckID":"c-db"}
          403 Permission denied
        PUT /v1/catalog/deregister {"Node":"n1","CheckID":"c-node"}
          403 Permission denied
        PUT /v1/catalog/deregister {"Node":"n1","CheckID":"nope"}
          500 Unknown check 'nope'
        PUT /v1/catalog/deregister {"Node":"n1","ServiceID":"db"}
          403 Permission denied
        PUT /v1/catalog/deregister {"Node":"n1","ServiceID":"nope"}
          500 Unknown service 'nope'
        PUT /v1/catalog/deregister {"Node":"n1"}
          403 Permission denied
        PUT /v1/catalog/deregister {"Node":"n1","ServiceID":"web"}
          200 true
    "#]]).await;
}

#[tokio::test]
async fn who_writes_a_node_may_take_all_of_it_away() {
    let rules = Policy::new(DefaultPolicy::Deny).exact(Named::Node, "n1", Access::Write);
    let lines = [
        r#"PUT /v1/catalog/deregister {"Node":"n1","ServiceID":"db"}"#,
        r#"PUT /v1/catalog/deregister {"Node":"n1","CheckID":"nope"}"#,
        r#"PUT /v1/catalog/deregister {"Node":"n2"}"#,
        r#"PUT /v1/catalog/deregister {"Node":"n1"}"#,
    ];
    check(
        rules,
        &lines,
        expect![[r#"
        PUT /v1/catalog/deregister {"Node":"n1","ServiceID":"db"}
          200 true
        PUT /v1/catalog/deregister {"Node":"n1","CheckID":"nope"}
          200 true
        PUT /v1/catalog/deregister {"Node":"n2"}
          403 Permission denied
        PUT /v1/catalog/deregister {"Node":"n1"}
          200 true
    "#]],
    )
    .await;
}

#[tokio::test]
async fn an_agents_services_and_checks_are_written_by_who_writes_the_service() {
    let lines = [
        r#"PUT /v1/agent/service/register {"Name":"web","Port":81}"#,
        r#"PUT /v1/agent/service/register {"Name":"web","ID":"db"}"#,
        r#"PUT /v1/agent/service/register {"Name":"db"}"#,
        r#"PUT /v1/agent/check/register {"Name":"x","TTL":"10m","ServiceID":"web"}"#,
        r#"PUT /v1/agent/check/register {"Name":"x","TTL":"10m","ServiceID":"db"}"#,
        r#"PUT /v1/agent/check/register {"Name":"l-db","TTL":"10m","ServiceID":"web"}"#,
        r#"PUT /v1/agent/check/register {"Name":"y","TTL":"10m"}"#,
        "PUT /v1/agent/check/pass/l-web",
        "PUT /v1/agent/check/pass/l-db",
        "PUT /v1/agent/check/pass/l-node",
        "PUT /v1/agent/check/pass/nope",
        "PUT /v1/agent/check/deregister/x",
        "PUT /v1/agent/check/deregister/l-node",
        "PUT /v1/agent/service/maintenance/db?enable=true",
        "PUT /v1/agent/service/maintenance/web?enable=true",
        "PUT /v1/agent/service/deregister/db",
        "PUT /v1/agent/service/deregister/nope",
        "PUT /v1/agent/service/deregister/web",
        "PUT /v1/agent/maintenance?enable=true",
    ];
    check(
        policy(),
        &lines,
        expect![[r#"
        PUT /v1/agent/service/register {"Name":"web","Port":81}
          200 
        PUT /v1/agent/service/register {"Name":"web","ID":"db"}
          403 Permission denied
        PUT /v1/agent/service/register {"Name":"db"}
          403 Permission denied
        PUT /v1/agent/check/register {"Name":"x","TTL":"10m","ServiceID":"web"}
          200 
        PUT /v1/agent/check/register {"Name":"x","TTL":"10m","ServiceID":"db"}
          403 Permission denied
        PUT /v1/agent/check/register {"Name":"l-db","TTL":"10m","ServiceID":"web"}
          403 Permission denied
        PUT /v1/agent/check/register {"Name":"y","TTL":"10m"}
          403 Permission denied
        PUT /v1/agent/check/pass/l-web
          200 
        PUT /v1/agent/check/pass/l-db
          403 Permission denied
        PUT /v1/agent/check/pass/l-node
          403 Permission denied
        PUT /v1/agent/check/pass/nope
          500 Unknown check "nope"
        PUT /v1/agent/check/deregister/x
          200 
        PUT /v1/agent/check/deregister/l-node
          403 Permission denied
        PUT /v1/agent/service/maintenance/db?enable=true
          403 Permission denied
        PUT /v1/agent/service/maintenance/web?enable=true
          200 
        PUT /v1/agent/service/deregister/db
          403 Permission denied
        PUT /v1/agent/service/deregister/nope
          500 Unknown service "nope"
        PUT /v1/agent/service/deregister/web
          200 
        PUT /v1/agent/maintenance?enable=true
          403 Permission denied
    "#]],
    )
    .await;
}

#[tokio::test]
async fn keys_are_written_one_by_one_and_a_tree_only_if_all_of_it_may_be() {
    let lines = [
        "PUT /v1/kv/app/a 2",
        "PUT /v1/kv/app/b 2",
        "PUT /v1/kv/other 2",
        "DELETE /v1/kv/app/b",
        "DELETE /v1/kv/app/?recurse",
        "DELETE /v1/kv/app/a?recurse",
        "DELETE /v1/kv/?recurse",
    ];
    check(
        policy(),
        &lines,
        expect![[r#"
        PUT /v1/kv/app/a 2
          200 true
        PUT /v1/kv/app/b 2
          403 Permission denied
        PUT /v1/kv/other 2
          403 Permission denied
        DELETE /v1/kv/app/b
          403 Permission denied
        DELETE /v1/kv/app/?recurse
          403 Permission denied
        DELETE /v1/kv/app/a?recurse
          200 true
        DELETE /v1/kv/?recurse
          403 Permission denied
    "#]],
    )
    .await;
    check(
        policy().list_by_rule(),
        &["GET /v1/kv/?keys", "GET /v1/kv/app/?recurse"],
        expect![[r#"
            GET /v1/kv/?keys
              403 Permission denied
            GET /v1/kv/app/?recurse
              200 app/a app/b
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_prepared_query_sees_by_its_own_token_and_tells_it_to_none_but_managers() {
    let lines = [
        "GET /v1/query",
        "GET /v1/query/q-own/explain",
        "GET /v1/query/q-db/explain",
        "GET /v1/query/q-web/explain",
        "GET /v1/query/q-own/execute",
        "GET /v1/query/q-db/execute",
        "GET /v1/query/q-web/execute",
        r#"POST /v1/query {"Name":"q-new","Service":{"Service":"web"}}"#,
        r#"POST /v1/query {"Name":"mine","Service":{"Service":"db"}}"#,
    ];
    let policy = || {
        policy().exact(Named::Query, "q-own", Access::Read).exact(
            Named::Query,
            "mine",
            Access::Write,
        )
    };
    check(
        policy(),
        &lines,
        expect![[r#"
        GET /v1/query
          200 (filtered) db q-own <hidden>
        GET /v1/query/q-own/explain
          200 db q-own <hidden>
        GET /v1/query/q-db/explain
          403 Permission denied
        GET /v1/query/q-web/explain
          403 Permission denied
        GET /v1/query/q-own/execute
          200 db
        GET /v1/query/q-db/execute
          200 (filtered) 
        GET /v1/query/q-web/execute
          200 web
        POST /v1/query {"Name":"q-new","Service":{"Service":"web"}}
          403 Permission denied
        POST /v1/query {"Name":"mine","Service":{"Service":"db"}}
          200 
    "#]],
    )
    .await;
    check(
        policy().whole(Whole::Acl, Access::Write),
        &lines,
        expect![[r#"
        GET /v1/query
          200 db q-own q-db q- secret
        GET /v1/query/q-own/explain
          200 db q-own secret
        GET /v1/query/q-db/explain
          200 db q-db
        GET /v1/query/q-web/explain
          200 web q-
        GET /v1/query/q-own/execute
          200 db
        GET /v1/query/q-db/execute
          200 (filtered) 
        GET /v1/query/q-web/execute
          200 web
        POST /v1/query {"Name":"q-new","Service":{"Service":"web"}}
          403 Permission denied
        POST /v1/query {"Name":"mine","Service":{"Service":"db"}}
          200 
    "#]],
    )
    .await;
}
