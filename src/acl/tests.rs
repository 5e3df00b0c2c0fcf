use expect_test::{Expect, expect};

use crate::acl::{Access, AclsDisabled, Authorizer, DefaultPolicy, Named, Policy, Tokens, Whole};
use crate::model::name::{NodeName, ServiceName};

/// Rules as lines: `default allow`, `key app/ read`, `key_prefix app/ write`, `operator read`.
fn policy(rules: &str) -> Policy {
    let mut policy = Policy::new(DefaultPolicy::Deny).list_by_rule();
    for line in rules.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split(' ').collect();
        policy = match words[..] {
            ["default", "allow"] => Policy::new(DefaultPolicy::Allow).list_by_rule(),
            ["acl", access] => policy.whole(Whole::Acl, parse_access(access)),
            ["keyring", access] => policy.whole(Whole::Keyring, parse_access(access)),
            ["operator", access] => policy.whole(Whole::Operator, parse_access(access)),
            [kind, name, access] => match kind.strip_suffix("_prefix") {
                Some(kind) => policy.prefix(parse_kind(kind), name, parse_access(access)),
                None => policy.exact(parse_kind(kind), name, parse_access(access)),
            },
            _ => panic!("no rule: {line}"),
        };
    }
    policy
}

fn parse_access(word: &str) -> Access {
    match word {
        "deny" => Access::Deny,
        "read" => Access::Read,
        "list" => Access::List,
        "write" => Access::Write,
        _ => panic!("no access: {word}"),
    }
}

fn parse_kind(word: &str) -> Named {
    match word {
        "agent" => Named::Agent,
        "event" => Named::Event,
        "key" => Named::Key,
        "node" => Named::Node,
        "query" => Named::Query,
        "service" => Named::Service,
        "session" => Named::Session,
        _ => panic!("no kind: {word}"),
    }
}

/// One question in the words of a handler: `key_read app/x`.
fn ask(authorizer: &Authorizer, question: &str) -> bool {
    let (word, name) = question.split_once(' ').unwrap_or((question, ""));
    let node = || NodeName::new(name).unwrap();
    let service = || ServiceName::new(name).unwrap();
    match word {
        "key_read" => authorizer.key_read(name),
        "key_list" => authorizer.key_list(name),
        "key_write" => authorizer.key_write(name),
        "key_write_prefix" => authorizer.key_write_prefix(name),
        "service_read" => authorizer.service_read(&service()),
        "service_write" => authorizer.service_write(&service()),
        "node_read" => authorizer.node_read(&node()),
        "node_write" => authorizer.node_write(&node()),
        "agent_read" => authorizer.agent_read(&node()),
        "agent_write" => authorizer.agent_write(&node()),
        "session_read" => authorizer.session_read(&node()),
        "session_write" => authorizer.session_write(&node()),
        "event_read" => authorizer.event_read(name),
        "event_write" => authorizer.event_write(name),
        "query_read" => authorizer.query_read(name),
        "query_write" => authorizer.query_write(name),
        "operator_read" => authorizer.operator_read(),
        "operator_write" => authorizer.operator_write(),
        "keyring_read" => authorizer.keyring_read(),
        "keyring_write" => authorizer.keyring_write(),
        "acl_read" => authorizer.acl_read(),
        "acl_write" => authorizer.acl_write(),
        "snapshot" => authorizer.snapshot(),
        _ => panic!("no question: {question}"),
    }
}

/// All questions of one kind about a name.
const EVERYTHING: &[&str] = &[
    "key_read a",
    "key_list a",
    "key_write a",
    "key_write_prefix a",
    "service_read a",
    "service_write a",
    "node_read a",
    "node_write a",
    "agent_read a",
    "agent_write a",
    "session_read a",
    "session_write a",
    "event_read a",
    "event_write a",
    "query_read a",
    "query_write a",
    "operator_read",
    "operator_write",
    "keyring_read",
    "keyring_write",
    "acl_read",
    "acl_write",
    "snapshot",
];

/// Which of the questions are allowed.
fn check(rules: &str, questions: &[&str], expect: &Expect) {
    let authorizer = Authorizer::by(policy(rules));
    let allowed: Vec<&str> =
        questions.iter().copied().filter(|question| ask(&authorizer, question)).collect();
    expect.assert_eq(&allowed.join("\n"));
}

#[test]
fn without_rules_the_default_decides_but_never_about_management() {
    check("", EVERYTHING, &expect![[""]]);
    assert!(
        !EVERYTHING
            .iter()
            .any(|question| *question != "key_list a" && ask(&Authorizer::deny_all(), question))
    );
    let all_but_acl: Vec<&str> = EVERYTHING[..20].to_vec();
    let authorizer = Authorizer::by(policy("default allow"));
    let allowed = EVERYTHING.iter().copied().filter(|question| ask(&authorizer, question));
    assert_eq!(allowed.collect::<Vec<_>>(), all_but_acl);
}

#[test]
fn allow_all_allows_everything() {
    for secret in [None, Some("whatever")] {
        let authorizer = AclsDisabled.authorizer(secret).unwrap();
        assert!(authorizer.allows_all());
        for question in EVERYTHING {
            assert!(ask(&authorizer, question), "{question}");
        }
    }
}

#[test]
fn a_rule_is_about_its_own_kind_only() {
    for kind in ["key", "service", "node", "agent", "session", "event", "query"] {
        let authorizer = Authorizer::by(policy(&format!("{kind} a write")));
        for question in EVERYTHING {
            let is_own =
                question.starts_with(&format!("{kind}_")) && *question != "key_write_prefix a";
            assert_eq!(ask(&authorizer, question), is_own, "{kind}: {question}");
        }
    }
    check("operator read", EVERYTHING, &expect!["operator_read"]);
    check("keyring read", EVERYTHING, &expect!["keyring_read"]);
    check("acl read", EVERYTHING, &expect!["acl_read"]);
    check(
        "acl write",
        EVERYTHING,
        &expect![[r#"
        acl_read
        acl_write
        snapshot"#]],
    );
}

#[test]
fn the_exact_rule_goes_before_the_longest_prefix_and_that_before_the_default() {
    let rules = "
        default allow
        key_prefix a deny
        key_prefix a/b/ read
        key a/b/c deny
        key_prefix a/b/d/ write";
    let reads = [
        "key_read b",
        "key_read a",
        "key_read ab",
        "key_read a/b",
        "key_read a/b/",
        "key_read a/b/c",
        "key_read a/b/cc",
        "key_write a/b/cc",
        "key_write a/b/d/e",
        "key_read a/b/d",
    ];
    check(
        rules,
        &reads,
        &expect![[r#"
        key_read b
        key_read a/b/
        key_read a/b/cc
        key_write a/b/d/e
        key_read a/b/d"#]],
    );
}

#[test]
fn a_greater_rule_that_shares_a_beginning_does_not_hide_a_shorter_prefix() {
    let rules = "key_prefix a read\nkey_prefix abc deny\nkey_prefix abba deny\nkey_prefix ac deny";
    let reads = ["key_read abd", "key_read abb", "key_read abcd", "key_read ab", "key_read ad"];
    check(
        rules,
        &reads,
        &expect![[r#"
        key_read abd
        key_read abb
        key_read ab
        key_read ad"#]],
    );
}

#[test]
fn the_empty_prefix_is_about_everything() {
    let policy = Policy::new(DefaultPolicy::Deny).prefix(Named::Service, "", Access::Read);
    let authorizer = Authorizer::by(policy);
    assert!(ask(&authorizer, "service_read web") && !ask(&authorizer, "service_write web"));
    assert!(!ask(&authorizer, "node_read web"));
}

#[test]
fn list_lets_read_and_write_lets_list() {
    let questions = ["key_read a", "key_list a", "key_write a"];
    check("key a deny", &questions, &expect![[""]]);
    check("key a read", &questions, &expect!["key_read a"]);
    check(
        "key a list",
        &questions,
        &expect![[r#"
        key_read a
        key_list a"#]],
    );
    check(
        "key a write",
        &questions,
        &expect![[r#"
        key_read a
        key_list a
        key_write a"#]],
    );
}

#[test]
fn anybody_may_ask_for_a_list_unless_that_is_a_right_of_its_own() {
    let policy = Policy::new(DefaultPolicy::Deny).exact(Named::Key, "a", Access::Read);
    assert!(Authorizer::by(policy.clone()).key_list("a"));
    assert!(Authorizer::by(policy.clone()).key_list("b"));
    assert!(!Authorizer::by(policy.list_by_rule()).key_list("a"));
}

#[test]
fn a_tree_is_deleted_only_where_all_below_may_be_written() {
    let tree = ["key_write_prefix a/"];
    check("key_prefix a/ write", &tree, &expect!["key_write_prefix a/"]);
    check("key_prefix a write\nkey_prefix a/b write", &tree, &expect!["key_write_prefix a/"]);
    check("key_prefix a/ write\nkey a/b read", &tree, &expect![[""]]);
    check("key_prefix a/ write\nkey_prefix a/b deny", &tree, &expect![[""]]);
    check("key a/ write", &tree, &expect![[""]]);
    check("default allow", &tree, &expect!["key_write_prefix a/"]);
    check("default allow\nkey a/b/c list", &tree, &expect![[""]]);
    check("default allow\nkey b read", &tree, &expect!["key_write_prefix a/"]);
}

#[test]
fn case_matters_in_keys_but_not_in_names_of_nodes_and_services() {
    let questions =
        ["service_read web", "service_read WEB", "node_read N1", "key_read Web", "key_read web"];
    check(
        "service Web read\nnode_prefix N read\nkey Web read",
        &questions,
        &expect![[r#"
        service_read web
        service_read WEB
        node_read N1
        key_read Web"#]],
    );
}

#[test]
fn of_two_rules_for_the_same_deny_wins_and_else_the_greater() {
    check("key a write\nkey a deny", &["key_read a"], &expect![[""]]);
    check("key a deny\nkey a write", &["key_read a"], &expect![[""]]);
    check("key a read\nkey a write", &["key_write a"], &expect!["key_write a"]);
    check("key a write\nkey a read", &["key_write a"], &expect!["key_write a"]);
}

#[test]
fn only_the_same_authorizer_is_the_same() {
    let one = Authorizer::by(policy("key a read"));
    let other = Authorizer::by(policy("key a read"));
    let all = Authorizer::allow_all();
    assert!(one.is_same(&one.clone()) && all.is_same(&Authorizer::allow_all()));
    assert!(!one.is_same(&other) && !one.is_same(&all) && !all.is_same(&one));
}
