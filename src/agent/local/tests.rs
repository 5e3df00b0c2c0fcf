use std::sync::Arc;

use expect_test::expect;

use super::{
    OldChecks, Orphan, WordChange, put_check, put_service, remove_service, set_word, take_files,
};
use crate::agent::fixture::{check_id, script, service, service_id, show, ttl};
use crate::agent::{AgentFault, FileDefinitions, LocalView, Origin, ScriptPolicy};
use crate::model::definition::CheckDefinition;
use crate::model::health::Status;
use crate::model::limits::AGENT_DEFINITIONS_MAX;

/// Whether a script may come from somewhere under a policy.
fn check(scripts: ScriptPolicy, origin: Origin, is_allowed: bool) {
    let put = put_check(&mut LocalView::default(), script("s"), origin, scripts);
    assert_eq!(put.is_ok(), is_allowed, "{scripts:?} {origin:?}");
}

#[test]
fn scripts_come_only_from_where_the_policy_says() {
    check(ScriptPolicy::Never, Origin::File, false);
    check(ScriptPolicy::Never, Origin::Http, false);
    check(ScriptPolicy::LocalFiles, Origin::File, true);
    check(ScriptPolicy::LocalFiles, Origin::Http, false);
    check(ScriptPolicy::Everywhere, Origin::File, true);
    check(ScriptPolicy::Everywhere, Origin::Http, true);
}

#[test]
fn what_did_not_change_is_the_same_allocation() {
    let mut local = LocalView::default();
    let policy = ScriptPolicy::Never;
    let web = || service("web", vec![ttl("w", 3)]);
    put_service(&mut local, web(), Origin::Http, OldChecks::Keep, policy).unwrap();
    let before = local.clone();
    put_service(&mut local, web(), Origin::Http, OldChecks::Keep, policy).unwrap();
    let (id, check_id) = (service_id("web"), check_id("w"));
    assert!(Arc::ptr_eq(&before.services[&id].definition, &local.services[&id].definition));
    assert!(Arc::ptr_eq(&before.checks[&check_id], &local.checks[&check_id]));
}

#[test]
fn words_say_what_they_changed() {
    let mut local = LocalView::default();
    put_check(&mut local, ttl("c", 1), Origin::Http, ScriptPolicy::Never).unwrap();
    let words = [
        ("c", Status::Critical, "", WordChange::Nothing),
        ("c", Status::Critical, "x", WordChange::Output),
        ("c", Status::Warning, "x", WordChange::Status),
        ("no", Status::Warning, "x", WordChange::Nothing),
    ];
    for (id, status, output, expected) in words {
        let change = set_word(&mut local, &check_id(id), status, output.to_owned());
        assert_eq!(change, expected, "{id} {status} {output}");
    }
}

#[test]
fn files_take_over_and_let_go() {
    let mut local = LocalView::default();
    let policy = ScriptPolicy::Never;
    let http = service("web", vec![ttl("kept", 3)]);
    put_service(&mut local, http, Origin::Http, OldChecks::Keep, policy).unwrap();
    let of_web = CheckDefinition { service_id: Some(service_id("web")), ..ttl("own", 3) };
    let files = |checks| FileDefinitions { services: vec![service("web", Vec::new())], checks };
    take_files(&mut local, files(vec![of_web]), policy).unwrap();
    expect![[r#"
        service web:80 File
        check kept Http critical ""
        check own File critical """#]]
    .assert_eq(&show(&local));
    take_files(&mut local, files(Vec::new()), policy).unwrap();
    expect![[r#"
        service web:80 File
        check kept Http critical """#]]
    .assert_eq(&show(&local));
    take_files(&mut local, files(vec![ttl("own", 3)]), policy).unwrap();
    let orphan = CheckDefinition { service_id: Some(service_id("no")), ..ttl("own", 3) };
    let orphans = take_files(&mut local, files(vec![orphan]), policy).unwrap();
    assert_eq!(orphans, [Orphan { check: check_id("own"), service: "no".to_owned() }]);
    assert!(!show(&local).contains("own"), "a check that is about another service now");
    take_files(&mut local, FileDefinitions::default(), policy).unwrap();
    // A check of a service that is gone would be refused by the catalog for ever.
    expect![""].assert_eq(&show(&local));
}

#[test]
fn there_is_room_for_so_many_and_no_more() {
    let mut local = LocalView::default();
    let policy = ScriptPolicy::Never;
    for number in 0..AGENT_DEFINITIONS_MAX {
        let definition = service(&number.to_string(), Vec::new());
        put_service(&mut local, definition, Origin::Http, OldChecks::Keep, policy).unwrap();
    }
    let mut put = |id: &str| {
        put_service(&mut local, service(id, Vec::new()), Origin::Http, OldChecks::Keep, policy)
    };
    assert!(matches!(put("more"), Err(AgentFault::Storage(_))));
    assert_eq!(put("0"), Ok(()), "one that is there already may change");
    remove_service(&mut local, &service_id("0")).unwrap();
    let definition = service("more", Vec::new());
    put_service(&mut local, definition, Origin::Http, OldChecks::Keep, policy).unwrap();
}
