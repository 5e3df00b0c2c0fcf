use std::collections::BTreeSet;
use std::sync::Arc;

use expect_test::{Expect, expect};

use super::{Difference, Scope, Stated, encoded_bytes};
use crate::agent::fixture::{check_id, machine, node, service, service_id, show_catalog, ttl};
use crate::agent::local::{self, OldChecks};
use crate::agent::{LocalView, Origin, ScriptPolicy};
use crate::catalog::command::{
    CheckState, Deregistration, DeregistrationTarget, Machine, Registration,
};
use crate::catalog::state::NodeEntry;
use crate::catalog::{Catalog, Command, View, apply};
use crate::model::definition::{CheckDefinition, ServiceDefinition};
use crate::model::health::Status;
use crate::model::limits::COMMAND_BYTES_MAX;
use crate::model::name::Tag;
use crate::model::number::Revision;
use crate::model::time::Now;

fn stated(services: Vec<ServiceDefinition>, checks: Vec<CheckDefinition>) -> LocalView {
    let mut local = LocalView::default();
    let policy = ScriptPolicy::Never;
    for service in services {
        local::put_service(&mut local, service, Origin::Http, OldChecks::Keep, policy).unwrap();
    }
    for check in checks {
        local::put_check(&mut local, check, Origin::Http, policy).unwrap();
    }
    local
}

/// The whole difference.
fn diff(view: &View, stated: &Stated<'_>) -> Difference {
    let entry = view.node(stated.node.folded());
    super::diff(entry, stated, &Scope::whole(entry, stated.local))
}

fn tell(catalog: &mut Catalog, commands: impl IntoIterator<Item = Command>) {
    for command in commands {
        let revision = Revision(catalog.tables().applied.0 + 1);
        apply::apply(catalog, revision, Now(0), &command);
    }
    assert_eq!(catalog.audit(), Vec::<String>::new());
}

/// What the catalog is told, in words.
fn show(difference: &Difference) -> String {
    let commands = difference.first.iter().chain(&difference.others).chain(&difference.last);
    let mut lines: Vec<String> = commands.map(show_command).collect();
    let adopted = difference.adopted.iter();
    lines.extend(adopted.map(|it| format!("adopted: {} {:?}", it.after.id, it.after.tags)));
    lines.extend(difference.outputs.iter().map(|id| format!("later: output of {id}")));
    lines.join("\n")
}

fn show_command(command: &Command) -> String {
    match command {
        Command::Register(registration) => {
            let Registration { node, machine, service, checks } = &**registration;
            let machine = if machine.is_some() { " machine" } else { "" };
            let service = service.as_ref().map(|s| format!(" service {} {:?}", s.id, s.tags));
            let checks: Vec<_> =
                checks.iter().map(|c| format!(" check {} {}", c.id, c.status)).collect();
            format!("register {node}{machine}{}{}", service.unwrap_or_default(), checks.concat())
        }
        Command::Deregister(Deregistration { node, target }) => match target {
            DeregistrationTarget::Node => format!("deregister {node}"),
            DeregistrationTarget::Service(id) => format!("deregister {node} service {id}"),
            DeregistrationTarget::Check(id) => format!("deregister {node} check {id}"),
        },
        other => format!("{other:?}"),
    }
}

/// Tells a catalog of one local view, then compares it with another; once that is told, nothing is left.
fn check(before: &LocalView, after: &LocalView, expected: &Expect) {
    let mut catalog = Catalog::default();
    for local in [before, after] {
        let (node, machine) = (node("n1"), machine());
        let outputs_due = BTreeSet::new();
        let stated = Stated { node: &node, machine: &machine, local, outputs_due: &outputs_due };
        let difference = diff(&View::new(catalog.clone()), &stated);
        let shown = show(&difference);
        for command in difference.first.iter().chain(&difference.others).chain(&difference.last) {
            let bytes = rmp_serde::to_vec_named(command).unwrap().len();
            assert!(bytes <= COMMAND_BYTES_MAX, "{bytes} bytes: {}", show_command(command));
        }
        let commands = difference.first.into_iter().chain(difference.others);
        tell(&mut catalog, commands.chain(difference.last));
        let left = diff(&View::new(catalog.clone()), &stated);
        let left = (left.first, left.others, left.last);
        assert_eq!(left, (None, Vec::new(), Vec::new()), "told, but still different");
        if std::ptr::eq(local, after) {
            expected.assert_eq(&shown);
        }
    }
}

#[test]
fn an_empty_catalog_is_told_everything() {
    let local = stated(vec![service("web", vec![ttl("w", 1)])], vec![ttl("n", 1)]);
    check(
        &LocalView::default(),
        &local,
        &expect![[r"
            register n1 service web [] check w critical
            register n1 check n critical"]],
    );
}

#[test]
fn only_what_differs_is_told() {
    let before = stated(
        vec![service("a", vec![ttl("a1", 1), ttl("a2", 1)]), service("b", Vec::new())],
        vec![ttl("n", 1)],
    );
    check(&before, &before.clone(), &expect![""]);
    let mut after = before.clone();
    local::set_word(&mut after, &check_id("a2"), Status::Passing, "up".into());
    check(&before, &after, &expect!["register n1 check a2 passing"]);
    local::set_word(&mut after, &check_id("n"), Status::Critical, "new text".into());
    check(
        &before,
        &after,
        &expect![[r"
            register n1 check a2 passing
            later: output of n"]],
    );
    let moved = ServiceDefinition { port: 81, ..service("b", Vec::new()) };
    let after = stated(vec![moved], vec![ttl("n", 1)]);
    check(
        &before,
        &after,
        &expect![[r"
            register n1 service b []
            deregister n1 service a"]],
    );
}

#[test]
fn checks_that_print_more_than_fits_into_one_command_are_told_in_several() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let of_web = names.map(|name| ttl(&format!("w{name}"), 1)).to_vec();
    let of_node = names.map(|name| ttl(&format!("n{name}"), 1)).to_vec();
    let mut local = stated(vec![service("web", of_web)], of_node);
    for id in local.checks.keys().cloned().collect::<Vec<_>>() {
        let output = "x".repeat(if id.as_str().ends_with('f') { 2_000_000 } else { 400_000 });
        local::set_word(&mut local, &id, Status::Passing, output);
    }
    check(
        &LocalView::default(),
        &local,
        &expect![[r"
            register n1 service web [] check wa passing check wb passing
            register n1 check na passing check nb passing
            register n1 check nc passing check nd passing
            register n1 check ne passing
            register n1 check nf passing
            register n1 check wc passing check wd passing
            register n1 check we passing
            register n1 check wf passing"]],
    );
}

#[test]
fn no_check_takes_more_in_a_command_than_is_counted_for_it() {
    let text = "x".repeat(255);
    let state = CheckState {
        id: check_id(&text),
        name: text.clone(),
        status: Status::Critical,
        notes: "x".repeat(70_000),
        output: "x".repeat(70_000),
        service_id: Some(service_id(&text)),
        kind: "maintenance".to_owned(),
        definition: None,
    };
    let bytes = rmp_serde::to_vec_named(&state).unwrap().len();
    assert!(bytes <= encoded_bytes(&state), "{bytes}");
}

#[test]
fn a_check_may_move_from_one_service_to_another_that_stays() {
    let before = stated(vec![service("a", vec![ttl("c", 1)])], Vec::new());
    let after = stated(vec![service("b", vec![ttl("c", 1)])], Vec::new());
    check(
        &before,
        &after,
        &expect![[r"
            register n1 service b [] check c critical
            deregister n1 service a"]],
    );
}

#[test]
fn what_the_leader_owns_stays() {
    let mut catalog = Catalog::default();
    let foreign = |id: &str, service_id| CheckState {
        id: check_id(id),
        name: String::new(),
        status: Status::Passing,
        notes: String::new(),
        output: String::new(),
        service_id,
        kind: String::new(),
        definition: None,
    };
    let consul = stated(vec![service("consul", Vec::new()), service("x", Vec::new())], Vec::new());
    let (name, machine) = (node("n1"), machine());
    let outputs_due = BTreeSet::new();
    let by_leader =
        Stated { node: &name, machine: &machine, local: &consul, outputs_due: &outputs_due };
    let difference = diff(&View::new(catalog.clone()), &by_leader);
    tell(&mut catalog, difference.first.into_iter().chain(difference.others));
    tell(
        &mut catalog,
        [Command::Register(Box::new(Registration {
            node: name.clone(),
            machine: None,
            service: None,
            checks: vec![
                foreign("serfHealth", None),
                foreign("stray", None),
                foreign("of-consul", Some(service_id("consul"))),
            ],
        }))],
    );
    let nothing = LocalView::default();
    let by_agent = Stated { local: &nothing, ..by_leader };
    let difference = diff(&View::new(catalog.clone()), &by_agent);
    expect![[r"
        deregister n1 service x
        deregister n1 check stray"]]
    .assert_eq(&show(&difference));
    tell(&mut catalog, difference.others);
    expect![[r#"
        service consul:80
        check of-consul passing ""
        check serfHealth passing """#]]
    .assert_eq(&show_catalog(&View::new(catalog), "n1"));
}

#[test]
fn a_machine_that_changed_is_told_first() {
    let local = stated(vec![service("web", Vec::new())], Vec::new());
    let mut catalog = Catalog::default();
    let (name, machine) = (node("n1"), machine());
    let outputs_due = BTreeSet::new();
    let by_agent =
        Stated { node: &name, machine: &machine, local: &local, outputs_due: &outputs_due };
    let difference = diff(&View::new(catalog.clone()), &by_agent);
    assert!(difference.first.is_some());
    tell(&mut catalog, difference.first.into_iter().chain(difference.others));
    let moved = Machine { meta: [("rack".to_owned(), "7".to_owned())].into(), ..machine.clone() };
    let difference = diff(&View::new(catalog.clone()), &Stated { machine: &moved, ..by_agent });
    expect!["register n1 machine"].assert_eq(&show(&difference));
}

#[test]
fn tags_that_others_may_change_stay_as_they_made_them() {
    let tag = |text| Tag::new(text).unwrap();
    let overridable = |port| ServiceDefinition {
        enable_tag_override: true,
        port,
        tags: vec![tag("mine")],
        ..service("web", Vec::new())
    };
    let mut catalog = Catalog::default();
    let (name, machine) = (node("n1"), machine());
    let outputs_due = BTreeSet::new();
    let local = stated(vec![overridable(80)], Vec::new());
    let by_agent =
        Stated { node: &name, machine: &machine, local: &local, outputs_due: &outputs_due };
    let difference = diff(&View::new(catalog.clone()), &by_agent);
    let mut theirs = difference.others.clone();
    if let Some(Command::Register(registration)) = theirs.first_mut() {
        registration.service.as_mut().unwrap().tags = vec![tag("theirs")];
    }
    tell(&mut catalog, difference.first.into_iter().chain(theirs));
    let view = View::new(catalog);
    let difference = diff(&view, &by_agent);
    expect![[r#"adopted: web ["theirs"]"#]].assert_eq(&show(&difference));
    let mut adopted = local.clone();
    local::adopt(&mut adopted, &difference.adopted);
    assert_eq!(show(&diff(&view, &Stated { local: &adopted, ..by_agent })), "");
    let moved = stated(vec![overridable(81)], Vec::new());
    let by_agent = Stated { local: &moved, ..by_agent };
    expect![[r#"
        register n1 service web ["theirs"]
        adopted: web ["theirs"]"#]]
    .assert_eq(&show(&diff(&view, &by_agent)));
    // Stating the service anew is a word about its tags, and what was adopted before does not come over it.
    let entry = view.node("n1");
    let mut scope = Scope::whole(entry, &moved);
    scope.restate(&local, &moved);
    expect![[r#"register n1 service web ["mine"]"#]]
        .assert_eq(&show(&super::diff(entry, &by_agent, &scope)));
    let mut unmoved = moved.clone();
    local::adopt(&mut unmoved, &difference.adopted);
    assert_eq!(unmoved, moved);
}

/// Somebody changes something on either side, often nothing that differs afterwards.
fn disturb(local: &mut LocalView, catalog: &mut Catalog, rng: &mut fastrand::Rng) {
    let id = rng.choice(["a", "b", "c"]).unwrap();
    let (check_id, node) = (check_id(&format!("{id}1")), node("n1"));
    let foreign = |target| Command::Deregister(Deregistration { node: node.clone(), target });
    match rng.u8(..6) {
        0 => {
            let policy = ScriptPolicy::Never;
            let mut service = service(id, vec![ttl(check_id.as_str(), 1)]);
            service.port = rng.u16(..3);
            local::put_service(local, service, Origin::Http, OldChecks::Keep, policy).unwrap();
        }
        1 => drop(local::remove_service(local, &service_id(id))),
        2 => {
            let status = *rng.choice(&[Status::Passing, Status::Critical]).unwrap();
            let output = rng.choice(["", "x"]).unwrap().to_string();
            local::set_word(local, &check_id, status, output);
        }
        3 => drop(local::remove_check(local, &check_id)),
        4 => tell(catalog, [foreign(DeregistrationTarget::Service(service_id(id)))]),
        _ => tell(catalog, [foreign(DeregistrationTarget::Check(check_id))]),
    }
}

#[test]
fn what_changed_and_what_was_open_is_all_that_can_differ() {
    let (node, machine, due) = (node("n1"), machine(), BTreeSet::new());
    for seed in 0..200 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut local, mut catalog) = (LocalView::default(), Catalog::default());
        let mut before: Option<(Arc<NodeEntry>, LocalView, Scope)> = None;
        let mut outputs = BTreeSet::new();
        for step in 0..30 {
            disturb(&mut local, &mut catalog, &mut rng);
            let view = View::new(catalog.clone());
            let entry = view.node(node.folded());
            let stated =
                Stated { node: &node, machine: &machine, local: &local, outputs_due: &due };
            let whole = diff(&view, &stated);
            let mut difference = None;
            if let (Some((old_entry, old_local, open)), Some(entry)) = (&before, entry) {
                let mut scope = Scope::changed((old_entry, old_local), (entry, &local));
                scope.extend(open.clone());
                let found = super::diff(Some(entry), &stated, &scope);
                outputs.retain(|id| !scope.checks().contains(id));
                outputs.extend(found.outputs.clone());
                assert_eq!(outputs, whole.outputs, "{seed} {step}");
                difference = Some(Difference { outputs: whole.outputs.clone(), ..found });
            } else {
                outputs.clone_from(&whole.outputs);
            }
            let found = difference.as_ref().unwrap_or(&whole);
            // They do not depend on each other, and may come in any order.
            let sorted = |difference: &Difference| {
                let shown = show(difference);
                shown.lines().map(str::to_owned).collect::<BTreeSet<_>>()
            };
            assert_eq!(sorted(found), sorted(&whole), "{seed} {step}");
            let open = Scope::of_commands(&whole.others);
            before = entry.map(|entry| (Arc::clone(entry), local.clone(), open));
            // Some writes fail, and some come to nothing.
            let others = whole.others.into_iter().filter(|_| rng.u8(..4) != 0);
            tell(&mut catalog, whole.first.into_iter().chain(others));
        }
    }
}

#[test]
fn one_change_among_thousands_is_all_that_is_looked_at() {
    let mut local = stated(Vec::new(), (0..5_000).map(|n| ttl(&format!("c{n}"), 1)).collect());
    let (node, machine, due) = (node("n1"), machine(), BTreeSet::new());
    let stated = Stated { node: &node, machine: &machine, local: &local, outputs_due: &due };
    let mut catalog = Catalog::default();
    let told = diff(&View::new(catalog.clone()), &stated);
    tell(&mut catalog, told.first.into_iter().chain(told.others));
    let entry = View::new(catalog).node("n1").cloned().unwrap();
    let before = local.clone();
    assert_eq!(Scope::changed((&entry, &before), (&entry, &local)), Scope::default());
    local::set_word(&mut local, &check_id("c2500"), Status::Passing, String::new());
    let changed = Scope::changed((&entry, &before), (&entry, &local));
    assert_eq!(changed, Scope::of_checks(&[check_id("c2500")].into()));
}
