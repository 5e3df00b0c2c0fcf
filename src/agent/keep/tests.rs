use std::path::Path;

use expect_test::{Expect, expect};
use fs_err as fs;

use super::{Keep, carry_out_now};
use crate::agent::fixture::{service, ttl};
use crate::agent::local::{self, OldChecks};
use crate::agent::{LocalView, Origin, ScriptPolicy};
use crate::model::definition::ServiceDefinition;

/// What a folder gives, and the files that are in it afterwards.
fn check(folder: &Path, expected: &Expect) {
    let (_, kept) = Keep::open(Some(folder)).unwrap();
    let mut lines: Vec<String> = Vec::new();
    lines.extend(
        kept.services.iter().map(|service| format!("service {}:{}", service.id, service.port)),
    );
    lines.extend(kept.checks.iter().map(|check| format!("check {} {:?}", check.id, check.probe)));
    lines.extend(kept.states.iter().map(|(id, state)| format!("state {id} {}", state.status)));
    for place in ["agent", "agent/definitions"] {
        let entries = fs::read_dir(folder.join(place)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        lines.push(format!("{place}: {names:?}"));
    }
    expected.assert_eq(&lines.join("\n"));
}

fn put(local: &mut LocalView, definition: ServiceDefinition, origin: Origin) {
    local::put_service(local, definition, origin, OldChecks::Keep, ScriptPolicy::Never).unwrap();
}

#[tokio::test]
async fn what_is_planned_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut keep, _) = Keep::open(Some(folder.path())).unwrap();
    let mut one = LocalView::default();
    put(&mut one, service("web", vec![ttl("w", 3)]), Origin::Http);
    put(&mut one, service("../evil/\u{e9}", Vec::new()), Origin::Http);
    put(&mut one, service("file", vec![ttl("f", 3)]), Origin::File);
    carry_out_now(&keep.plan(&LocalView::default(), &one).unwrap()).unwrap();
    super::write_states(
        keep.states_path().unwrap(),
        one.clone(),
        std::collections::BTreeMap::new(),
    )
    .await
    .unwrap();
    check(
        folder.path(),
        &expect![[r#"
            service ../evil/é:80
            service web:80
            check w Ttl { ttl: 3s }
            state f critical
            state w critical
            agent: ["definitions", "states.json"]
            agent/definitions: ["1.json", "2.json", "3.json"]"#]],
    );
    let mut other = one.clone();
    put(&mut other, ServiceDefinition { port: 81, ..service("web", Vec::new()) }, Origin::Http);
    put(&mut other, service("../evil/\u{e9}", Vec::new()), Origin::File);
    let writes = keep.plan(&one, &other).unwrap();
    assert_eq!(writes.len(), 2, "one written, one removed, the others left alone: {writes:?}");
    carry_out_now(&writes).unwrap();
    check(
        folder.path(),
        &expect![[r#"
            service web:81
            check w Ttl { ttl: 3s }
            state f critical
            state w critical
            agent: ["definitions", "states.json"]
            agent/definitions: ["2.json", "3.json"]"#]],
    );
}

#[test]
fn damaged_files_are_set_aside_and_newer_ones_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let definitions = folder.path().join("agent/definitions");
    fs::create_dir_all(&definitions).unwrap();
    let (mut keep, _) = Keep::open(Some(folder.path())).unwrap();
    let mut local = LocalView::default();
    put(&mut local, service("web", Vec::new()), Origin::Http);
    carry_out_now(&keep.plan(&LocalView::default(), &local).unwrap()).unwrap();
    let whole = fs::read(definitions.join("1.json")).unwrap();
    fs::write(definitions.join("2.json"), &whole[..whole.len() / 2]).unwrap();
    fs::write(definitions.join("3.json"), b"\xff\x00binary").unwrap();
    fs::write(definitions.join("4.json"), b"").unwrap();
    fs::write(definitions.join("5.json"), br#"{"version":2,"kept":{"service":"other"}}"#).unwrap();
    fs::write(definitions.join("6.json"), "[".repeat(10_000)).unwrap();
    fs::write(definitions.join("7.tmp"), b"half").unwrap();
    fs::write(definitions.join("README"), b"mine").unwrap();
    fs::create_dir(definitions.join("8.json")).unwrap();
    fs::write(folder.path().join("agent/states.json"), b"{}").unwrap();
    check(
        folder.path(),
        &expect![[r#"
            service web:80
            agent: ["definitions", "states.json.damaged"]
            agent/definitions: ["1.json", "2.json.damaged", "3.json.damaged", "4.json.damaged", "5.json", "6.json.damaged", "8.json", "README"]"#]],
    );
}

#[test]
fn a_failed_plan_leaves_nothing_that_a_later_one_forgets() {
    let folder = tempfile::tempdir().unwrap();
    let (mut keep, _) = Keep::open(Some(folder.path())).unwrap();
    let empty = LocalView::default();
    let mut local = LocalView::default();
    put(&mut local, service("web", Vec::new()), Origin::Http);
    let undo = keep.numbers();
    // Written, but the caller was told that it failed.
    carry_out_now(&keep.plan(&empty, &local).unwrap()).unwrap();
    keep.restore_numbers(undo);
    carry_out_now(&keep.plan(&empty, &empty).unwrap()).unwrap();
    check(
        folder.path(),
        &expect![[r#"
            agent: ["definitions"]
            agent/definitions: []"#]],
    );
}

#[test]
fn without_a_data_dir_nothing_is_written() {
    let (mut keep, kept) = Keep::open(None).unwrap();
    let mut local = LocalView::default();
    put(&mut local, service("web", Vec::new()), Origin::Http);
    assert!(keep.plan(&LocalView::default(), &local).unwrap().is_empty());
    assert!(keep.states_path().is_none());
    assert!(kept.services.is_empty());
}
