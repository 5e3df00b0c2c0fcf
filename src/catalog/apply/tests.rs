//! What Commands do, as tables; and replicas under random Commands, which must stay byte-identical.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use expect_test::{Expect, expect};
use fastrand::Rng;

use crate::catalog::apply::{apply, restore, session, transaction};
use crate::catalog::command::{
    AutopilotSet, CheckState, Command, CoordinateUpdate, Deregistration, DeregistrationTarget,
    KvDelete, KvDeleteTree, KvSet, Machine, ReapTombstones, Registration,
};
use crate::catalog::reply::Topic;
use crate::catalog::{Catalog, Reply, prepared};
use crate::model::address::Address;
use crate::model::autopilot::Autopilot;
use crate::model::check::SERF_HEALTH;
use crate::model::coordinate::{Coordinate, CoordinateNumbers};
use crate::model::health::Status;
use crate::model::name::{CheckId, Key, KeyPrefix, NodeName, ServiceId, ServiceName, Tag};
use crate::model::number::{Revision, Weights};
use crate::model::service::Service;
use crate::model::session::SessionId;
use crate::model::time::Now;

/// Applies lines, the first at revision 1 and at second 0, and shows each Reply and what is asked about the end.
pub(super) fn check(lines: &str, ask: impl FnOnce(&Catalog) -> String, expected: &Expect) {
    let mut catalog = Catalog::default();
    let mut shown = String::new();
    let mut now = Now(0);
    for (revision, line) in (1..).zip(lines.lines().map(str::trim)) {
        let command = match line.strip_prefix('@').and_then(|rest| rest.split_once(' ')) {
            Some((seconds, rest)) => {
                now = Now(seconds.parse::<u64>().unwrap() * 1000);
                parse(rest)
            }
            None => parse(line),
        };
        let (reply, changes) = apply(&mut catalog, Revision(revision), now, &command);
        let reply = match reply {
            Reply::Done(_) => "done".to_owned(),
            Reply::CasMismatch => "mismatch".to_owned(),
            Reply::NoLock(why) => format!("{why:?}"),
            Reply::Rejected(reject) => reject.to_string(),
            Reply::Transacted(found) => transaction::tests::show_found(&found),
            Reply::Aborted(failures) => transaction::tests::show_failures(&failures),
        };
        let wakes = if changes.topics.is_empty() { "" } else { ", wakes" };
        writeln!(shown, "{revision} {line}: {reply}{wakes}").unwrap();
        assert_eq!(catalog.audit(), Vec::<String>::new(), "after {line}");
    }
    expected.assert_eq(&format!("{shown}{}\n", ask(&catalog)));
}

/// `set KEY VALUE [cas N]`, `delete KEY [cas N]`, `delete-tree PREFIX`, `reap N`, `node NAME [ID]`,
/// `service NODE ID NAME [TAG]`, `check NODE ID STATUS [SERVICE-ID]`, `gone NODE [service ID | check ID]`, and
/// the words of sessions and transactions; before each, `@N` sets the clock to a second.
pub(super) fn parse(line: &str) -> Command {
    if let Some(steps) = line.strip_prefix("transact ") {
        return transaction::tests::parse(steps);
    }
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["set", key, value] => set(key, value, None),
        ["set", key, value, "cas", cas] => set(key, value, cas.parse().ok()),
        ["delete", key] => delete(key, None),
        ["delete", key, "cas", cas] => delete(key, cas.parse().ok()),
        ["delete-tree", prefix] => {
            Command::KvDeleteTree(KvDeleteTree { prefix: KeyPrefix::new(prefix) })
        }
        ["reap", at] => {
            Command::ReapTombstones(ReapTombstones { revision: Revision(at.parse().unwrap()) })
        }
        ["node", name] => register(name, Some(machine("", 1)), None, None),
        ["node", name, id] => register(name, Some(machine(id, 1)), None, None),
        ["service", node, id, name] => register(node, None, Some(service(id, name, &[])), None),
        ["service", node, id, name, tag] => {
            register(node, None, Some(service(id, name, &[tag])), None)
        }
        ["check", node, id, status] => register(node, None, None, Some(state(id, status, None))),
        ["check", node, id, status, service] => {
            register(node, None, None, Some(state(id, status, Some(service))))
        }
        ["welcome", node, id, octet] => {
            let machine = machine(id, octet.parse().unwrap());
            match register(node, Some(machine), None, None) {
                Command::Register(registration) => Command::Welcome(registration),
                other => other,
            }
        }
        ["gone", node] => gone(node, DeregistrationTarget::Node),
        ["gone", node, "service", id] => {
            gone(node, DeregistrationTarget::Service(ServiceId::new(id).unwrap()))
        }
        ["gone", node, "check", id] => {
            gone(node, DeregistrationTarget::Check(CheckId::new(id).unwrap()))
        }
        _ => session::tests::parse(&words).unwrap_or_else(|| panic!("no command: {line}")),
    }
}

fn set(key: impl AsRef<[u8]>, value: &str, cas: Option<u64>) -> Command {
    let (key, value) = (Key::new(key).unwrap(), value.to_owned().into());
    Command::KvSet(KvSet { key, value, flags: 0, cas: cas.map(Revision) })
}

fn delete(key: impl AsRef<[u8]>, cas: Option<u64>) -> Command {
    Command::KvDelete(KvDelete { key: Key::new(key).unwrap(), cas: cas.map(Revision) })
}

fn register(
    node: &str,
    machine: Option<Machine>,
    service: Option<Service>,
    check: Option<CheckState>,
) -> Command {
    let node = NodeName::new(node).unwrap();
    let checks = check.into_iter().collect();
    Command::Register(Box::new(Registration { node, machine, service, checks }))
}

fn machine(id: &str, last_octet: u8) -> Machine {
    let address = Address::new(&format!("10.0.0.{last_octet}")).unwrap();
    let (tagged_addresses, meta) = Default::default();
    Machine { id: id.to_owned(), address, tagged_addresses, meta }
}

fn service(id: &str, name: &str, tags: &[&str]) -> Service {
    Service {
        id: ServiceId::new(id).unwrap(),
        name: ServiceName::new(name).unwrap(),
        tags: tags.iter().map(|tag| Tag::new(tag).unwrap()).collect(),
        address: None,
        tagged_addresses: BTreeMap::default(),
        meta: BTreeMap::default(),
        port: 80,
        weights: Weights::default(),
        enable_tag_override: false,
        create_revision: Revision(0),
        modify_revision: Revision(0),
    }
}

fn state(id: &str, status: &str, service_id: Option<&str>) -> CheckState {
    CheckState {
        id: CheckId::new(id).unwrap(),
        name: String::new(),
        status: Status::from_word(status).unwrap(),
        notes: String::new(),
        output: String::new(),
        service_id: service_id.map(|id| ServiceId::new(id).unwrap()),
        kind: String::new(),
        definition: None,
    }
}

fn gone(node: &str, target: DeregistrationTarget) -> Command {
    Command::Deregister(Deregistration { node: NodeName::new(node).unwrap(), target })
}

fn nothing(_: &Catalog) -> String {
    String::new()
}

#[test]
fn check_and_set_needs_the_right_revision() {
    let lines = "set a 1 cas 7
        set a 1 cas 0
        set a 2 cas 0
        set a 2 cas 2
        delete a cas 2
        delete a cas 4
        delete a cas 4";
    check(
        lines,
        nothing,
        &expect![[r"
        1 set a 1 cas 7: mismatch
        2 set a 1 cas 0: done, wakes
        3 set a 2 cas 0: mismatch
        4 set a 2 cas 2: done, wakes
        5 delete a cas 2: mismatch
        6 delete a cas 4: done, wakes
        7 delete a cas 4: done

    "]],
    );
}

#[test]
fn a_set_that_changes_nothing_keeps_the_revision_and_wakes_nobody() {
    let ask = |catalog: &Catalog| catalog.key_revision("a").to_string();
    check(
        "set a 1\nset a 1\nset b 1",
        ask,
        &expect![[r"
        1 set a 1: done, wakes
        2 set a 1: done
        3 set b 1: done, wakes
        1
    "]],
    );
}

#[test]
fn revisions_of_prefixes_do_not_go_back_when_keys_go() {
    let lines = "set a/1 x
        set a/2 x
        set b x
        delete a/2
        reap 3
        reap 4
        set a/2 x";
    let ask = |catalog: &Catalog| {
        format!("a/ {}, b {}", catalog.prefix_revision("a/"), catalog.prefix_revision("b"))
    };
    check(
        lines,
        ask,
        &expect![[r"
        1 set a/1 x: done, wakes
        2 set a/2 x: done, wakes
        3 set b x: done, wakes
        4 delete a/2: done, wakes
        5 reap 3: done
        6 reap 4: done
        7 set a/2 x: done, wakes
        a/ 7, b 4
    "]],
    );
}

#[test]
fn a_deleted_tree_leaves_a_tombstone_for_each_key() {
    let lines = "set a/1 x\nset a/2 x\nset b x\ndelete-tree a/\ndelete-tree nothing";
    let ask = |catalog: &Catalog| {
        let keys: Vec<_> = catalog.keys().map(Key::to_string).collect();
        format!("{keys:?}, tombstones {}", catalog.tombstone_count())
    };
    check(
        lines,
        ask,
        &expect![[r#"
        1 set a/1 x: done, wakes
        2 set a/2 x: done, wakes
        3 set b x: done, wakes
        4 delete-tree a/: done, wakes
        5 delete-tree nothing: done
        ["b"], tombstones 2
    "#]],
    );
}

#[test]
fn an_unknown_service_has_the_revision_of_the_last_extinction() {
    let lines = "node n
        service n web1 web
        service n web2 web
        service n db db
        gone n service web1
        gone n service web2
        set a 1";
    let ask = |catalog: &Catalog| {
        let of = |name| catalog.service_revision(name);
        format!("web {}, db {}, never {}", of("web"), of("db"), of("never"))
    };
    check(
        lines,
        ask,
        &expect![[r"
        1 node n: done, wakes
        2 service n web1 web: done, wakes
        3 service n web2 web: done, wakes
        4 service n db db: done, wakes
        5 gone n service web1: done, wakes
        6 gone n service web2: done, wakes
        7 set a 1: done, wakes
        web 6, db 4, never 6
    "]],
    );
}

#[test]
fn a_check_follows_its_service_to_another_name() {
    let lines = "node n
        service n s1 web v1
        check n c passing s1
        service n s1 api v2";
    let ask = |catalog: &Catalog| {
        let entry = catalog.node("n").unwrap();
        let check = entry.checks.get("c").unwrap();
        let service = check.service.as_ref().unwrap();
        let (web, api) = (catalog.service("web").is_some(), catalog.service("api").is_some());
        let (name, tags, at) = (&service.name, &service.tags, check.modify_revision);
        format!("{name} {tags:?} at {at}, web {web}, api {api}")
    };
    check(
        lines,
        ask,
        &expect![[r#"
        1 node n: done, wakes
        2 service n s1 web v1: done, wakes
        3 check n c passing s1: done, wakes
        4 service n s1 api v2: done, wakes
        api ["v2"] at 4, web false, api true
    "#]],
    );
}

#[test]
fn what_belongs_to_nothing_is_refused_whole() {
    let lines = "service n web web
        check n c passing
        node n
        check n c passing web
        gone n service web
        gone m";
    check(
        lines,
        nothing,
        &expect![[r#"
        1 service n web web: failed inserting service: Missing node registration for "n"
        2 check n c passing: failed inserting service: Missing node registration for "n"
        3 node n: done, wakes
        4 check n c passing web: failed inserting check: Missing service registration on node "n" for service "web"
        5 gone n service web: done
        6 gone m: done

    "#]],
    );
}

#[test]
fn a_name_is_taken_over_only_from_a_node_that_is_not_alive() {
    let lines = &format!(
        "node n id-1
        check n {SERF_HEALTH} passing
        node n id-2
        check n {SERF_HEALTH} critical
        node n id-2
        node N"
    );
    let ask = |catalog: &Catalog| {
        let node = &catalog.node("n").unwrap().node;
        let by = |id| catalog.node_by_id(id).is_some();
        format!("{} {}, id-1 {}, id-2 {}", node.name, node.id, by("id-1"), by("id-2"))
    };
    check(
        lines,
        ask,
        &expect![[r"
            1 node n id-1: done, wakes
            2 check n serfHealth passing: done, wakes
            3 node n id-2: failed inserting node: Error while renaming Node: Node name n is reserved by node id-1 with name n (10.0.0.1)
            4 check n serfHealth critical: done, wakes
            5 node n id-2: done, wakes
            6 node N: done
            n id-2, id-1 false, id-2 true
        "]],
    );
}

#[test]
fn a_machine_under_a_new_name_leaves_the_old_one() {
    let lines = "node old id-1\nservice old web web\nnode new id-1";
    let ask = |catalog: &Catalog| {
        let names: Vec<_> = catalog.nodes().map(|entry| entry.node.name.as_str()).collect();
        format!("{names:?}, web {}", catalog.service("web").is_some())
    };
    check(
        lines,
        ask,
        &expect![[r#"
        1 node old id-1: done, wakes
        2 service old web web: done, wakes
        3 node new id-1: done, wakes
        ["new"], web false
    "#]],
    );
}

#[test]
fn a_welcome_leaves_a_known_machine_as_it_is() {
    let lines = "welcome n1 id1 2\nwelcome n1 id1 3";
    let address = |catalog: &Catalog| catalog.node("n1").unwrap().node.address.to_string();
    check(
        lines,
        address,
        &expect![[r#"
        1 welcome n1 id1 2: done, wakes
        2 welcome n1 id1 3: done
        10.0.0.2
    "#]],
    );
}

#[test]
fn names_differ_only_by_more_than_case() {
    let lines = "node Alpha\nservice ALPHA Web Web\ncheck alpha c warning web";
    let ask = |catalog: &Catalog| {
        let instances = &catalog.service("web").unwrap().instances;
        let states: Vec<_> = instances.values().map(|i| i.status().as_str()).collect();
        format!("{} node, {states:?}", catalog.nodes().count())
    };
    check(
        lines,
        ask,
        &expect![[r#"
        1 node Alpha: done, wakes
        2 service ALPHA Web Web: done, wakes
        3 check alpha c warning web: done, wakes
        1 node, ["warning"]
    "#]],
    );
}

#[test]
fn a_tree_of_keys_is_announced_as_one() {
    let mut catalog = Catalog::default();
    for (revision, line) in (1..).zip(["set a/1 x", "set a/2 x", "set b x"]) {
        apply(&mut catalog, Revision(revision), Now(0), &parse(line));
    }
    let mut topics = |line| apply(&mut catalog, Revision(9), Now(0), &parse(line)).1.topics;
    assert_eq!(topics("delete-tree a/"), BTreeSet::from([Topic::KeyTree(KeyPrefix::new("a/"))]));
    assert_eq!(topics("delete-tree a/"), BTreeSet::new(), "nobody wakes for nothing");
}

#[test]
fn a_command_of_a_newer_peer_changes_nothing_and_is_survived() {
    #[derive(serde::Serialize)]
    #[serde(tag = "op", rename_all = "snake_case")]
    enum Newer {
        Frobnicate { node: String, how: Vec<u64> },
    }
    let newer = Newer::Frobnicate { node: "n".to_owned(), how: vec![1, 2] };
    let bytes = rmp_serde::to_vec_named(&newer).unwrap();
    let command: Command = rmp_serde::from_slice(&bytes).unwrap();
    assert_eq!(command, Command::Unknown);
    let mut catalog = Catalog::default();
    let (reply, changes) = apply(&mut catalog, Revision(9), Now(0), &command);
    assert_eq!((reply, changes.topics.len()), (Reply::Done(Revision(9)), 0));
}

fn at(node: &str, x: f64, segment: &str) -> Command {
    let vec = [x, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let numbers = CoordinateNumbers { vec, error: 1.5, adjustment: 0.0, height: 0.0 };
    let (node, segment) = (NodeName::new(node).unwrap(), segment.to_owned());
    let coordinate = Coordinate::new(&numbers).unwrap();
    Command::UpdateCoordinate(Box::new(CoordinateUpdate { node, segment, coordinate }))
}

/// A Command over few names, so that they meet.
pub(in crate::catalog) fn random(rng: &mut Rng) -> Command {
    let node = choose(rng, &["n1", "n2", "N2", "n3"]);
    let id = choose(rng, &["s1", "s2", "S2"]);
    let keys = [&b"a"[..], b"a/b", b"a/c", b"b", "é".as_bytes(), b"a\xff\x00"];
    let key = keys[rng.usize(0..keys.len())];
    let status = choose(rng, &["passing", "warning", "critical"]);
    let cas = rng.bool().then(|| rng.u64(0..50));
    match rng.u8(0..23) {
        0 | 1 => set(key, choose(rng, &["x", "y", ""]), cas),
        2 => delete(key, cas),
        3 => Command::KvDeleteTree(KvDeleteTree {
            prefix: KeyPrefix::new(choose(rng, &["", "a", "z"])),
        }),
        4 => Command::ReapTombstones(ReapTombstones { revision: Revision(rng.u64(0..500)) }),
        5 | 6 => {
            let mut machine = machine(choose(rng, &["", "i1", "i2", "i3"]), rng.u8(1..4));
            if rng.bool() {
                machine.meta.insert("k".to_owned(), rng.u8(0..3).to_string());
            }
            let name = choose(rng, &["web", "Web", "db"]);
            let service = rng.bool().then(|| service(id, name, &[]));
            register(node, Some(machine), service, None)
        }
        7 => {
            let mut service = service(id, choose(rng, &["web", "db", "api"]), &["t"]);
            service.port = rng.u16(1..4);
            service.address = Address::new(&format!("10.1.0.{}", rng.u8(1..4))).ok();
            register(node, None, Some(service), None)
        }
        8 | 9 => {
            let check = choose(rng, &["c1", "c2", SERF_HEALTH]);
            let service = rng.bool().then_some(id);
            register(node, None, None, Some(state(check, status, service)))
        }
        18 => at(node, f64::from(rng.u8(0..3)), choose(rng, &["", "a"])),
        19 => restore::random(rng),
        20 => {
            let settings = Autopilot { min_quorum: rng.u64(0..3), ..Autopilot::default() };
            Command::AutopilotSet(AutopilotSet { settings, cas: cas.map(Revision) })
        }
        10 => gone(node, DeregistrationTarget::Check(CheckId::new("c1").unwrap())),
        11..=15 => session::tests::random(rng),
        16 => transaction::tests::random(rng),
        21 | 22 => prepared::tests::random(rng),
        _ if rng.bool() => gone(node, DeregistrationTarget::Service(ServiceId::new(id).unwrap())),
        _ => gone(node, DeregistrationTarget::Node),
    }
}

/// A moment within three lock delays, before or after the one before: clocks may be wrong.
fn random_now(rng: &mut Rng) -> Now {
    Now(rng.u64(0..180_000))
}

pub(super) fn choose(rng: &mut Rng, of: &[&'static str]) -> &'static str {
    of[rng.usize(0..of.len())]
}

/// One replica applies Commands as they were made, the other as they come out of the log.
#[test]
fn replicas_stay_byte_identical_under_random_commands() {
    for seed in 0..40 {
        let mut rng = Rng::with_seed(seed);
        let (mut one, mut other) = (Catalog::default(), Catalog::default());
        for _ in 1..250 {
            let revision = Revision(one.tables().applied.0 + 1);
            let (now, command) = (random_now(&mut rng), random(&mut rng));
            let bytes = rmp_serde::to_vec_named(&command).unwrap();
            let read: Command = rmp_serde::from_slice(&bytes).unwrap();
            assert_eq!(read, command, "seed {seed}");
            let (reply, changes) = apply(&mut one, revision, now, &command);
            let (other_reply, other_changes) = apply(&mut other, revision, now, &read);
            assert_eq!(reply, other_reply, "seed {seed}");
            assert_eq!(changes.rows, other_changes.rows, "seed {seed}");
            assert_eq!(one.audit(), Vec::<String>::new(), "seed {seed}, {revision}: {command:?}");
        }
        assert!(one.rows().eq(other.rows()), "seed {seed}");
    }
}

/// The mirror writes only the rows that a Command names: they must be all that changed.
#[test]
fn changed_rows_are_exactly_those_that_are_named() {
    for seed in 100..140 {
        let mut rng = Rng::with_seed(seed);
        let mut catalog = Catalog::default();
        let mut mirror = BTreeMap::new();
        for _ in 1..250 {
            let revision = Revision(catalog.tables().applied.0 + 1);
            let (now, command) = (random_now(&mut rng), random(&mut rng));
            let (_, changes) = apply(&mut catalog, revision, now, &command);
            if changes.is_everything {
                mirror = catalog.rows().map(|(key, value)| (key.to_bytes(), value)).collect();
            }
            for key in &changes.rows {
                match catalog.row(key) {
                    Some(value) => mirror.insert(key.to_bytes(), value),
                    None => mirror.remove(&key.to_bytes()),
                };
            }
            let rows = catalog.rows().map(|(key, value)| (key.to_bytes(), value));
            assert!(rows.eq(mirror.clone()), "seed {seed}, {revision}: {command:?}");
        }
    }
}

/// What a reader was told never becomes younger again, or blocking queries would miss changes.
#[test]
fn revisions_never_go_back() {
    for seed in 200..240 {
        let mut rng = Rng::with_seed(seed);
        let mut catalog = Catalog::default();
        let mut before = [Revision(0); 11];
        for _ in 1..250 {
            let revision = Revision(catalog.tables().applied.0 + 1);
            let (now, command) = (random_now(&mut rng), random(&mut rng));
            apply(&mut catalog, revision, now, &command);
            let after = [
                catalog.key_revision("a"),
                catalog.prefix_revision("a"),
                catalog.prefix_revision(""),
                catalog.service_revision("web"),
                catalog.node_revision("n1"),
                catalog.service_revision("never"),
                catalog.tables().sessions,
                catalog.session_revision(SessionId::from_bits(1)),
                catalog.node_session_revision(&NodeName::new("n1").unwrap()),
                catalog.node_coordinates_revision("n1"),
                catalog.tables().coordinates,
            ];
            for (at, (before, after)) in before.iter().zip(&after).enumerate() {
                assert!(before <= after, "seed {seed}, {revision}, number {at}: {command:?}");
            }
            before = after;
        }
    }
}
