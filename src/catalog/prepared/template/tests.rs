use expect_test::{Expect, expect};

use super::*;
use crate::model::number::Revision;
use crate::model::prepared_query::{PreparedQueryId, QueryTemplate, TemplateKind};

/// A template of this name, regular expression and service.
fn template(name: &str, regexp: &str, service: ServiceQuery) -> PreparedQuery {
    PreparedQuery {
        id: PreparedQueryId::new("f23a1eaf-39f8-47a9-a1a5-8a6a4a6bb8ef").unwrap(),
        name: name.to_owned(),
        session: None,
        token: String::new(),
        template: QueryTemplate {
            kind: TemplateKind::NamePrefixMatch,
            regexp: regexp.to_owned(),
            remove_empty_tags: true,
        },
        service,
        dns_ttl: String::new(),
        create_revision: Revision(0),
        modify_revision: Revision(0),
    }
}

/// What becomes of a service's name, in a template `abc` that takes names whole, asked as `abcd`.
fn check(text: &str, expected: &Expect) {
    let service = ServiceQuery { service: text.to_owned(), ..ServiceQuery::default() };
    let query = template("abc", "^(.*)$", service);
    let compiled = Template::compile(&query);
    let rendered = compiled.and_then(|template| template.render(&query, "abcd"));
    expected.assert_eq(&rendered.map_or_else(|fault| fault.to_string(), |found| found.service));
}

#[test]
fn names_are_taken_apart() {
    check("${name.full}-${name.prefix}-${name.suffix}", &expect!["abcd-abc-d"]);
    check("x${agent.segment}y", &expect!["xy"]);
    check("${match(0)}", &expect!["abcd"]);
    check("${match(9)}", &expect![""]);
    check("${match(-1)}", &expect![""]);
}

#[test]
fn blanks_and_parentheses_change_nothing() {
    check("${ name.full }", &expect!["abcd"]);
    check("${(name.full)}", &expect!["abcd"]);
    check("x${match ( 0 )}", &expect!["xabcd"]);
}

#[test]
fn numbers_count() {
    check("x${1+2*3}y", &expect!["x7y"]);
    check("${(1+2)*3}", &expect!["9"]);
    check("${7/2}${7%2}", &expect!["31"]);
    check("${-1}y", &expect!["-1y"]);
    check("${match(1-1)}", &expect!["abcd"]);
    check("${match(01)}", &expect!["abcd"]);
    check(r#"${match("0")}"#, &expect!["abcd"]);
}

#[test]
fn texts_stand_in_texts() {
    check(r#"${"a${name.full}b"}"#, &expect!["aabcdb"]);
    check(r#"${"}"}"#, &expect!["}"]);
    check(r#"${"a\nb\"\\\x"}"#, &expect!["a\nb\"\\\\x"]);
}

#[test]
fn other_letters_stand_for_themselves() {
    check("$${name.full}", &expect!["${name.full}"]);
    check("$$${name.full}", &expect!["$abcd"]);
    check("$$$ a$$b $${", &expect!["$$ a$b ${"]);
    check("$name a$ } {} % é\\n", &expect!["$name a$ } {} % é\\n"]);
}

#[test]
fn what_cannot_be_read_is_refused() {
    for text in [
        "${",
        "${}",
        "${name.full",
        "${name.full}${",
        "${match(0x1)}",
        "${1.5}",
        "${match(99999999999999999999)}",
        "${!name.full}",
        r#"${name.full == "a" ? "x" : "y"}"#,
        "${name.full[0]}",
        "${\"a}",
        "${nope",
        "${nope(1",
        "${match(1",
        "${match(1 2)}",
        "${+}",
    ] {
        let service = ServiceQuery { service: text.to_owned(), ..ServiceQuery::default() };
        let fault = Template::compile(&template("abc", "", service)).unwrap_err().to_string();
        let wanted = format!("Bad format '{text}' in Service.Service: parse error: syntax error");
        assert_eq!(fault, wanted);
    }
}

#[test]
fn what_cannot_be_rendered_is_refused() {
    check(
        "x${true}",
        &expect![
            "Bad evaluation for 'x${true}' in Service.Service: 1:4: unknown variable accessed: true"
        ],
    );
    check(
        "\n${upper(name.full)}",
        &expect![[r#"
            Bad evaluation for '
            ${upper(name.full)}' in Service.Service: 2:3: unknown function called: upper"#]],
    );
    check(
        "${match(1,2)}",
        &expect![
            "Bad evaluation for '${match(1,2)}' in Service.Service: 1:3: match: expected 1 arguments, got 2"
        ],
    );
    check(
        "${name.full+1}",
        &expect![[
            r#"Bad evaluation for '${name.full+1}' in Service.Service: __builtin_StringToInt: strconv.ParseInt: parsing "abc": invalid syntax"#
        ]],
    );
    check("${1/0}", &expect!["Bad evaluation for '${1/0}' in Service.Service: divide by zero"]);
    check(
        "${9223372036854775807+1}",
        &expect![
            "Bad evaluation for '${9223372036854775807+1}' in Service.Service: a number is too large"
        ],
    );
}

#[test]
fn depth_and_length_have_an_end() {
    let is_refused = |text: String| {
        let service = ServiceQuery { service: text, ..ServiceQuery::default() };
        Template::compile(&template("abc", "^.*$", service)).is_err()
    };
    let nested = |count: usize| format!("${{{}1{}}}", "(".repeat(count), ")".repeat(count));
    assert!(!is_refused(nested(31)));
    assert!(is_refused(nested(32)));
    assert!(is_refused(format!("${{{}1}}", "-".repeat(2000))));
    assert!(is_refused("${\"".repeat(1000)));
    assert!(!is_refused("${match(0)}".repeat(1365)), "4095 bytes");
    assert!(is_refused("${match(0)}".repeat(1366)), "4098 bytes");
}

#[test]
fn every_text_of_a_service_is_rendered() {
    let text = |text: &str| text.to_owned();
    let mut service = ServiceQuery { service: text("${match(1)}"), ..ServiceQuery::default() };
    service.tags = ["${match(2)}", "!${match(0)}", "${match(9)}", "x"].map(text).to_vec();
    service.near = text("${match(2)}");
    service.failover.datacenters = vec![text("${match(2)}")];
    service.ignore_check_ids = vec![text("${match(1)}-check")];
    service.node_meta.insert(text("${match(1)}"), text("${match(1)}"));
    service.service_meta.insert(text("k"), text("${match(2)}"));
    let query = template("geo-", "^geo-(.*?)-([^-]+?)$", service);
    let compiled = Template::compile(&query).unwrap();
    expect![[r#"
        ServiceQuery {
            service: "db",
            failover: Failover {
                nearest_n: 0,
                datacenters: [
                    "master",
                ],
                targets: [],
            },
            only_passing: false,
            ignore_check_ids: [
                "db-check",
            ],
            near: "master",
            tags: [
                "master",
                "!geo-db-master",
                "x",
            ],
            node_meta: {
                "${match(1)}": "db",
            },
            service_meta: {
                "k": "master",
            },
            connect: false,
        }
    "#]]
    .assert_debug_eq(&compiled.render(&query, "geo-db-master").unwrap());
    let other = compiled.render(&query, "geo-x").unwrap();
    assert_eq!((other.service.as_str(), other.tags.as_slice()), ("", &[text("!"), text("x")][..]));
}

#[test]
fn regular_expressions_that_cannot_be_compiled_are_refused() {
    let fault = |regexp: &str| {
        let query = template("abc", regexp, ServiceQuery::default());
        Template::compile(&query).unwrap_err().to_string()
    };
    expect!["Bad Regexp: error parsing regexp: unclosed group: `(`"].assert_eq(&fault("("));
    expect!["Bad Regexp: error parsing regexp: Compiled regex exceeds size limit of 262144 bytes.: `((a{99}){99}){99}`"]
        .assert_eq(&fault("((a{99}){99}){99}"));
    expect!["Bad Regexp: error parsing regexp: look-around, including look-ahead and look-behind, is not supported: `(?=a)`"]
        .assert_eq(&fault("(?=a)"));
}

/// Exponential for who tries one way after the other.
#[test]
fn regular_expressions_match_in_linear_time() {
    let service = ServiceQuery { service: "${match(1)}".to_owned(), ..ServiceQuery::default() };
    let query = template("a", "^(a+)+$", service);
    let name = "a".repeat(250) + "!";
    let compiled = Template::compile(&query).unwrap();
    assert_eq!(compiled.render(&query, &name).unwrap().service, "");
}
