//! Transactions, as tables.

use bytes::Bytes;
use expect_test::expect;
use fastrand::Rng;

use crate::catalog::Catalog;
use crate::catalog::apply::apply;
use crate::catalog::apply::tests::{self, check};
use crate::catalog::command::{Command, DeregistrationTarget, KvSet, Registration, Transaction};
use crate::catalog::operation::{Conflict, Failure, Found, Operation, Subject};
use crate::catalog::reply::Reply;
use crate::model::name::{CheckId, Key, KeyPrefix, NodeName, ServiceId};
use crate::model::number::Revision;
use crate::model::session::SessionId;
use crate::model::time::Now;

/// Steps parted by `; `: a Command's line, with ` cas N` behind nodes, services and checks, or `get KEY`,
/// `get-or-empty KEY`, `tree PREFIX`, `index KEY N`, `holder KEY N`, `absent KEY`,
/// `look NODE [service ID | check ID]`, `look-id ID`, `newer`.
pub(in crate::catalog::apply) fn parse(steps: &str) -> Command {
    let operations = steps.split("; ").map(step).collect();
    Command::Transact(Transaction { operations })
}

/// A transaction of Commands over few names, and of what looks at them.
pub(in crate::catalog::apply) fn random(rng: &mut Rng) -> Command {
    let mut operations = Vec::new();
    for _ in 0..rng.u8(1..5) {
        let operation = match rng.u8(0..4) {
            0 => step(
                rng.choice(&["get a", "tree a", "absent a/b", "look n1", "index b 3"]).unwrap(),
            ),
            _ => match tests::random(rng) {
                // A transaction holds no other one.
                Command::Transact(_) => continue,
                command => operation(command, rng.bool().then(|| Revision(rng.u64(0..50)))),
            },
        };
        operations.extend(Some(operation).filter(|operation| *operation != Operation::Unknown));
    }
    Command::Transact(Transaction { operations })
}

fn step(line: &str) -> Operation {
    let key = |text: &str| Key::new(text).unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["get", name] => Operation::KvGet { key: key(name) },
        ["get-or-empty", name] => Operation::KvGetOrEmpty { key: key(name) },
        ["tree", prefix] => Operation::KvGetTree { prefix: KeyPrefix::new(prefix) },
        ["index", name, at] => {
            Operation::KvCheckIndex { key: key(name), revision: Revision(at.parse().unwrap()) }
        }
        ["holder", name, number] => {
            let session = number.parse().ok().map(SessionId::from_bits);
            Operation::KvCheckSession { key: key(name), session }
        }
        ["absent", name] => Operation::KvCheckNotExists { key: key(name) },
        ["look", node, ref rest @ ..] => Operation::Get { subject: subject(node, rest) },
        ["look-id", id] => Operation::GetNodeById { id: id.to_owned() },
        ["newer"] => Operation::Unknown,
        ["set" | "delete", ..] => operation(tests::parse(line), None),
        [ref rest @ .., "cas", at] => {
            operation(tests::parse(&rest.join(" ")), at.parse().ok().map(Revision))
        }
        _ => operation(tests::parse(line), None),
    }
}

fn subject(node: &str, rest: &[&str]) -> Subject {
    let node = NodeName::new(node).unwrap();
    match *rest {
        [] => Subject::Node(node),
        ["service", id] => Subject::Service(node, ServiceId::new(id).unwrap()),
        ["check", id] => Subject::Check(node, CheckId::new(id).unwrap()),
        _ => panic!("no subject: {rest:?}"),
    }
}

/// The step that does what a Command does; none for those that no transaction may hold.
fn operation(command: Command, cas: Option<Revision>) -> Operation {
    match command {
        Command::Register(registration) => {
            Operation::Register { subject: registered(&registration), registration, cas }
        }
        Command::Deregister(gone) => {
            let subject = match gone.target {
                DeregistrationTarget::Node => Subject::Node(gone.node),
                DeregistrationTarget::Service(id) => Subject::Service(gone.node, id),
                DeregistrationTarget::Check(id) => Subject::Check(gone.node, id),
            };
            Operation::Deregister { subject, cas }
        }
        Command::KvSet(set) => Operation::KvSet(set),
        Command::KvAcquire(lock) => Operation::KvAcquire(lock),
        Command::KvRelease(lock) => Operation::KvRelease(lock),
        Command::KvDelete(delete) => Operation::KvDelete(delete),
        Command::KvDeleteTree(tree) => Operation::KvDeleteTree(tree),
        Command::SessionDestroy(destroy) => Operation::SessionDestroy(destroy),
        _ => Operation::Unknown,
    }
}

fn registered(registration: &Registration) -> Subject {
    let node = registration.node.clone();
    match (&registration.service, registration.checks.first()) {
        (_, Some(check)) => Subject::Check(node, check.id.clone()),
        (Some(service), None) => Subject::Service(node, service.id.clone()),
        (None, None) => Subject::Node(node),
    }
}

pub(in crate::catalog::apply) fn show_found(found: &[Found]) -> String {
    let show = |found: &Found| match found {
        Found::Key(pair) => {
            let value = String::from_utf8_lossy(&pair.value).into_owned();
            format!("{}={value}@{}", pair.key, pair.modify_revision.0)
        }
        Found::Node(node) => format!("node {}@{}", node.name, node.modify_revision.0),
        Found::Service(node, service) => {
            format!("service {} on {node}@{}", service.id, service.modify_revision.0)
        }
        Found::Check(check) => format!("check {}@{}", check.id, check.modify_revision.0),
    };
    format!("found [{}]", found.iter().map(show).collect::<Vec<_>>().join(", "))
}

pub(in crate::catalog::apply) fn show_failures(failures: &[Failure]) -> String {
    let show = |failure: &Failure| format!("\n    {} {}", failure.place, failure.conflict);
    failures.iter().map(show).collect()
}

/// What a catalog holds, in short.
fn show(catalog: &Catalog) -> String {
    let keys = catalog.keys().map(ToString::to_string);
    let nodes = catalog.nodes().map(|entry| entry.node.name.to_string());
    let services = catalog.services().map(|entry| entry.name.to_string());
    let shown: Vec<String> = keys.chain(nodes).chain(services).collect();
    shown.join(" ")
}

#[test]
fn keys_are_set_locked_and_looked_at_together() {
    check(
        "set a 1
         transact set b 2; get b; get a; delete b; get-or-empty b
         transact set a/x 1; set a/y 2; tree a; delete-tree a/; tree a
         transact index a 1; set a 2 cas 1; index a 4
         transact absent c; set c 1; get c
         set c 1
         node n1
         session 1 n1
         transact acquire l v 1; holder l 1; acquire l w 1; release l w 1; holder l -",
        show,
        &expect![[r#"
            1 set a 1: done, wakes
            2 transact set b 2; get b; get a; delete b; get-or-empty b: found [b=@2, b=2@2, a=1@1, b=@0], wakes
            3 transact set a/x 1; set a/y 2; tree a; delete-tree a/; tree a: found [a/x=@3, a/y=@3, a=1@1, a/x=1@3, a/y=2@3, a=1@1], wakes
            4 transact index a 1; set a 2 cas 1; index a 4: found [a=@1, a=@4, a=@4], wakes
            5 transact absent c; set c 1; get c: found [c=@5, c=1@5], wakes
            6 set c 1: done
            7 node n1: done, wakes
            8 session 1 n1: done, wakes
            9 transact acquire l v 1; holder l 1; acquire l w 1; release l w 1; holder l -: found [l=@9, l=@9, l=@9, l=@9, l=@9], wakes
            a c l n1
        "#]],
    );
}

#[test]
fn nodes_services_and_checks_come_and_go_together() {
    check(
        "transact node n1 i1; service n1 s1 web; check n1 c1 passing s1; look n1; look-id i1
         transact node n2 cas 0; service n1 s2 web cas 0; check n1 c2 critical cas 0
         transact look n1 service s1; look n1 check c1; service n1 s1 web t cas 1
         transact gone n1 check c2 cas 2; gone n1 service s2; gone n2 cas 2
         transact gone n2; gone n9 service s9; gone n9 check c9",
        show,
        &expect![[r#"
            1 transact node n1 i1; service n1 s1 web; check n1 c1 passing s1; look n1; look-id i1: found [node n1@1, service s1 on n1@1, check c1@1, node n1@1, node n1@1], wakes
            2 transact node n2 cas 0; service n1 s2 web cas 0; check n1 c2 critical cas 0: found [node n2@2, service s2 on n1@2, check c2@2], wakes
            3 transact look n1 service s1; look n1 check c1; service n1 s1 web t cas 1: found [service s1 on n1@1, check c1@1, service s1 on n1@3], wakes
            4 transact gone n1 check c2 cas 2; gone n1 service s2; gone n2 cas 2: found [], wakes
            5 transact gone n2; gone n9 service s9; gone n9 check c9: found []
            n1 web
        "#]],
    );
}

#[test]
fn one_failure_undoes_all_and_all_failures_are_told() {
    check(
        "set a 1
         node n1
         session 1 n1
         session 2 n1
         acquire l v 1
         transact set a 2; set b 1; set a 3 cas 1; get zz; delete a cas 1
         transact absent a; index a 9; index zz 1; holder a 1; holder zz 1; holder l 2
         transact acquire l w 2; release l w 2; release zz w 2; acquire l w 7
         transact node n2; service n3 s1 web; check n2 c1 passing; check n2 c2 passing s9
         transact look n9; look n1 service s9; look n1 check c9; look-id i9
         transact node n1 cas 0; node n9 cas 4; service n1 s1 web cas 3; check n1 c1 passing cas 9
         transact gone n1 cas 1; gone n9 cas 1; gone n1 service s9 cas 1; gone n1 check c9 cas 1
         transact set b 1; newer
         destroy 1
         transact acquire l w 2",
        show,
        &expect![[r#"
            1 set a 1: done, wakes
            2 node n1: done, wakes
            3 session 1 n1: done, wakes
            4 session 2 n1: done, wakes
            5 acquire l v 1: done, wakes
            6 transact set a 2; set b 1; set a 3 cas 1; get zz; delete a cas 1: 
                2 failed to set key "a", index is stale
                3 key "zz" doesn't exist
                4 failed to delete key "a", index is stale
            7 transact absent a; index a 9; index zz 1; holder a 1; holder zz 1; holder l 2: 
                0 key "a" exists
                1 failed index check for key "a", current modify index 1 != 9
                2 failed to check index, key "zz" doesn't exist
                3 failed session check for key "a", current session "" != "00000000-0000-0000-0000-000000000001"
                4 failed to check session, key "zz" doesn't exist
                5 failed session check for key "l", current session "00000000-0000-0000-0000-000000000001" != "00000000-0000-0000-0000-000000000002"
            8 transact acquire l w 2; release l w 2; release zz w 2; acquire l w 7: 
                0 failed to lock key "l", lock is already held
                1 failed to unlock key "l", lock isn't held, or is held by another session
                2 failed to unlock key "zz", lock isn't held, or is held by another session
                3 invalid session "00000000-0000-0000-0000-000000000007"
            9 transact node n2; service n3 s1 web; check n2 c1 passing; check n2 c2 passing s9: 
                1 Missing node registration
                3 Missing service registration
            10 transact look n9; look n1 service s9; look n1 check c9; look-id i9: 
                0 node "n9" doesn't exist
                1 service "s9" on node "n1" doesn't exist
                2 check "c9" on node "n1" doesn't exist
                3 node with ID "i9" doesn't exist
            11 transact node n1 cas 0; node n9 cas 4; service n1 s1 web cas 3; check n1 c1 passing cas 9: 
                0 failed to set node "n1", index is stale
                1 failed to set node "n9", index is stale
                2 failed to set service "s1" on node "n1", index is stale
                3 failed to set check "c1" on node "n1", index is stale
            12 transact gone n1 cas 1; gone n9 cas 1; gone n1 service s9 cas 1; gone n1 check c9 cas 1: 
                0 failed to delete node "n1", index is stale
                1 failed to delete node "n9", index is stale
                2 failed to delete service "s9" on node "n1", index is stale
                3 failed to delete check "c9" on node "n1", index is stale
            13 transact set b 1; newer: 
                1 a newer server's operation, unknown here
            14 destroy 1: done, wakes
            15 transact acquire l w 2: 
                0 failed to lock key "l" due to lock delay
            a l n1
        "#]],
    );
}

#[test]
fn a_transaction_that_changes_nothing_wakes_nobody() {
    check(
        "set a 1
         transact get a; set a 1; delete zz
         transact get zz",
        show,
        &expect![[r#"
            1 set a 1: done, wakes
            2 transact get a; set a 1; delete zz: found [a=1@1, a=@1]
            3 transact get zz: 
                0 key "zz" doesn't exist
            a
        "#]],
    );
}

#[test]
fn what_a_read_transaction_finds_is_the_same_without_a_place_in_the_log() {
    let look = |catalog: &Catalog| {
        let operations = ["get a", "look n1", "get zz", "absent a"].map(step);
        assert!(operations.iter().all(Operation::is_read));
        let some = catalog.look(&operations[..2]).map(|found| show_found(&found));
        let all = catalog.look(&operations).map_err(|failures| show_failures(&failures));
        format!("{}{}", some.unwrap(), all.unwrap_err())
    };
    check(
        "set a 1\nnode n1",
        look,
        &expect![[r#"
        1 set a 1: done, wakes
        2 node n1: done, wakes
        found [a=1@1, node n1@2]
            2 key "zz" doesn't exist
            3 key "a" exists
    "#]],
    );
}

#[test]
fn a_transaction_finds_no_more_than_an_answer_may_hold() {
    let mut catalog = Catalog::default();
    let value = Bytes::from(vec![b'x'; 1024 * 1024]);
    for (revision, key) in (1..).zip(["a/1", "a/2", "a/3"]) {
        let set = KvSet { key: Key::new(key).unwrap(), value: value.clone(), flags: 0, cas: None };
        apply(&mut catalog, Revision(revision), Now(0), &Command::KvSet(set));
    }
    let trees = |count: usize| vec![step("tree a/"); count];
    assert_eq!(catalog.look(&trees(5)).map(|found| found.len()), Ok(15));
    let mut operations = trees(7);
    operations.push(step("get none"));
    let failure = Failure { place: 5, conflict: Conflict::FoundTooMuch };
    assert_eq!(catalog.look(&operations), Err(vec![failure.clone()]), "the rest is not looked for");
    let reply =
        apply(&mut catalog, Revision(9), Now(0), &Command::Transact(Transaction { operations })).0;
    assert_eq!(reply, Reply::Aborted(vec![failure]));
}
