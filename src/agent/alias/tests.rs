use expect_test::{Expect, expect};

use super::{Index, nodes_followed, settle};
use crate::agent::fixture::{alias, check_id, node, service, show, ttl};
use crate::agent::local::{self, OldChecks};
use crate::agent::{LocalView, Origin, ScriptPolicy};
use crate::catalog::View;
use crate::model::definition::{CheckDefinition, ServiceDefinition};
use crate::model::health::Status;

/// States services and checks of the node, gives some checks words, and shows what the aliases say.
fn check(
    services: Vec<ServiceDefinition>,
    checks: Vec<CheckDefinition>,
    words: &[(&str, Status)],
    expected: &Expect,
) {
    let mut local = LocalView::default();
    let policy = ScriptPolicy::Never;
    for service in services {
        local::put_service(&mut local, service, Origin::Http, OldChecks::Keep, policy).unwrap();
    }
    for check in checks {
        local::put_check(&mut local, check, Origin::Http, policy).unwrap();
    }
    for (id, status) in words {
        local::set_word(&mut local, &check_id(id), *status, format!("out of {id}"));
    }
    let mut index = Index::default();
    settle(&mut local, &mut index, &View::unready(), &node("n1"));
    let is_changed = settle(&mut local, &mut index, &View::unready(), &node("n1"));
    assert!(!is_changed, "it does not settle: {}", show(&local));
    let shown = show(&local);
    let lines: Vec<&str> = shown.lines().filter(|line| line.contains("check alias")).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn an_alias_says_the_worst_of_its_service_and_the_node() {
    let web = || service("web", vec![ttl("a", 1), ttl("b", 1)]);
    let proxy = || service("proxy", vec![alias("alias", None, Some("web"))]);
    let (passing, warning, critical) = (Status::Passing, Status::Warning, Status::Critical);
    check(
        vec![web(), proxy()],
        Vec::new(),
        &[("a", passing), ("b", passing)],
        &expect![[r#"check alias Http passing "All checks passing.""#]],
    );
    check(
        vec![web(), proxy()],
        Vec::new(),
        &[("a", warning), ("b", passing)],
        &expect![[r#"check alias Http warning "Aliased check \"a\" failing: out of a""#]],
    );
    check(
        vec![web(), proxy()],
        vec![ttl("n", 1)],
        &[("a", warning), ("b", passing), ("n", critical)],
        &expect![[r#"check alias Http critical "Aliased check \"n\" failing: out of n""#]],
    );
    check(
        vec![service("web", Vec::new()), proxy()],
        Vec::new(),
        &[],
        &expect![[r#"check alias Http passing "No checks found.""#]],
    );
    check(
        vec![proxy()],
        Vec::new(),
        &[],
        &expect![[r#"check alias Http critical "Service web could not be found on node n1""#]],
    );
}

#[test]
fn aliases_in_a_ring_do_not_hold_each_other_down() {
    let services = || {
        vec![
            service("one", vec![alias("alias1", None, Some("two"))]),
            service("two", vec![alias("alias2", None, Some("one")), ttl("t", 1)]),
        ]
    };
    check(
        services(),
        vec![alias("alias-of-itself", Some("n1"), None)],
        &[("t", Status::Critical)],
        &expect![[r#"
            check alias-of-itself Http passing "No checks found."
            check alias1 Http critical "Aliased check \"t\" failing: out of t"
            check alias2 Http critical "Aliased check \"t\" failing: out of t""#]],
    );
    check(
        services(),
        Vec::new(),
        &[("t", Status::Passing)],
        &expect![[r#"
            check alias1 Http passing "All checks passing."
            check alias2 Http passing "All checks passing.""#]],
    );
}

#[test]
fn only_other_nodes_are_watched() {
    let mut local = LocalView::default();
    for check in [
        alias("a", Some("n2"), None),
        alias("b", Some("N1"), None),
        alias("c", None, None),
        ttl("t", 1),
    ] {
        local::put_check(&mut local, check, Origin::Http, ScriptPolicy::Never).unwrap();
    }
    assert_eq!(nodes_followed(&local, &mut Index::default(), &node("n1")), [node("n2")].into());
}
