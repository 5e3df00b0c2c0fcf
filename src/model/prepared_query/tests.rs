use expect_test::{Expect, expect};

use super::*;

/// A query with a name and a service, and one thing changed.
fn check(change: impl FnOnce(&mut PreparedQuery), expected: &Expect) {
    let mut query = PreparedQuery {
        id: PreparedQueryId::new("f23a1eaf-39f8-47a9-a1a5-8a6a4a6bb8ef").unwrap(),
        name: "q".to_owned(),
        session: None,
        token: String::new(),
        template: QueryTemplate::default(),
        service: ServiceQuery { service: "web".to_owned(), ..ServiceQuery::default() },
        dns_ttl: String::new(),
        create_revision: Revision(0),
        modify_revision: Revision(0),
    };
    change(&mut query);
    let found = query.check().map_or_else(|fault| fault.to_string(), |()| "fine".to_owned());
    expected.assert_eq(&found);
}

#[test]
fn a_query_has_a_name_a_template_or_a_session() {
    check(|query| query.name.clear(), &expect!["Must be bound to a session"]);
    let template = |query: &mut PreparedQuery| {
        query.name.clear();
        query.template.kind = TemplateKind::NamePrefixMatch;
    };
    check(template, &expect!["fine"]);
    let session = |query: &mut PreparedQuery| {
        query.name.clear();
        query.session = Some(SessionId::from_bits(1));
    };
    check(session, &expect!["fine"]);
}

#[test]
fn ttls_are_durations() {
    let ttl = |text: &'static str| move |query: &mut PreparedQuery| query.dns_ttl = text.to_owned();
    check(ttl("10s"), &expect!["fine"]);
    check(ttl("x"), &expect![[r#"Bad DNS TTL 'x': time: invalid duration "x""#]]);
    check(ttl("5"), &expect![[r#"Bad DNS TTL '5': time: missing unit in duration "5""#]]);
    check(ttl("5y"), &expect![[r#"Bad DNS TTL '5y': time: unknown unit "y" in duration "5y""#]]);
    check(ttl("-1s"), &expect!["DNS TTL '-1000000000', must be >=0"]);
    check(ttl("-x"), &expect![[r#"Bad DNS TTL '-x': time: invalid duration "-x""#]]);
}

#[test]
fn failover_is_stated_in_one_way() {
    check(|q| q.service.failover.nearest_n = -1, &expect!["Bad NearestN '-1', must be >= 0"]);
    let both = |query: &mut PreparedQuery| {
        query.service.failover.nearest_n = 1;
        query.service.failover.targets.push(FailoverTarget::default());
    };
    check(both, &expect!["Targets cannot be populated with NearestN or Datacenters"]);
}

#[test]
fn everything_has_a_limit() {
    check(|q| q.name = "n".repeat(256), &expect!["Name is too long: 255 bytes are allowed"]);
    check(
        |q| q.template.regexp = "n".repeat(1025),
        &expect!["Template.Regexp is too long: 1024 bytes are allowed"],
    );
    check(
        |q| q.service.tags = vec![String::new(), "n".repeat(4097)],
        &expect!["Service.Tags[1] is too long: 4096 bytes are allowed"],
    );
    check(
        |q| q.service.tags = vec![String::new(); 257],
        &expect!["Tags has too many entries: 256 are allowed"],
    );
}

#[test]
fn what_is_shown_of_a_token_is_none() {
    check(
        |q| q.token = "<hidden>".to_owned(),
        &expect![
            "Bad Token '<hidden>', it looks like a query definition with a redacted token was submitted"
        ],
    );
}

#[test]
fn ids_are_uuids() {
    let show = |text| {
        let id = PreparedQueryId::new(text);
        id.map_or_else(|fault| fault.to_string(), |id| id.to_string())
    };
    let upper = "F23A1EAF-39F8-47A9-A1A5-8A6A4A6BB8EF";
    assert_eq!(show(upper), upper.to_ascii_lowercase());
    assert_eq!(show("q1"), "UUID must be 36 characters");
    assert_eq!(
        show("zz3a1eaf-39f8-47a9-a1a5-8a6a4a6bb8ef"),
        "Invalid UUID: encoding/hex: invalid byte: U+007A 'z'"
    );
    assert_eq!(
        show("f23a1eaf39f8-47a9-a1a5-8a6a4a6bb8ef-"),
        "Invalid UUID: hyphens must stand behind 8, 12, 16 and 20 digits"
    );
}

#[test]
fn ttls_end_where_dns_ends() {
    let ttl = |text: &str| {
        let mut found = None;
        check(
            |query| {
                query.dns_ttl = text.to_owned();
                found = query.ttl();
            },
            &expect!["fine"],
        );
        found
    };
    assert_eq!(ttl(""), None);
    assert_eq!(ttl("1m30.9s"), Some(Ttl(90)));
    assert_eq!(ttl("2000000h"), Some(Ttl(2_147_483_647)));
}
