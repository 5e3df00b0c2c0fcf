//! Sessions and locks, as tables.

use std::fmt::Write as _;

use expect_test::expect;
use fastrand::Rng;

use crate::catalog::Catalog;
use crate::catalog::apply::tests::{check, choose};
use crate::catalog::command::{Command, KvLock, SessionDestroy};
use crate::model::check::SERF_HEALTH;
use crate::model::name::{CheckId, Key, NodeName};
use crate::model::number::Revision;
use crate::model::session::{Behavior, ServiceCheck, Session, SessionId};

/// `session N NODE [release | delete] [CHECK…]`, `destroy N`, `acquire KEY VALUE N`, `release KEY VALUE N`: N
/// numbers a session, whose lock delay is 15 seconds.
pub(in crate::catalog::apply) fn parse(words: &[&str]) -> Option<Command> {
    let id = |number: &str| SessionId::from_bits(number.parse().unwrap());
    match *words {
        ["session", number, node, ref rest @ ..] => {
            let mut session = session(id(number), node);
            session.behavior = Behavior::from_word(rest.first().unwrap_or(&"")).unwrap();
            session.node_checks = rest.iter().skip(1).map(|id| CheckId::new(id).unwrap()).collect();
            Some(Command::SessionCreate(Box::new(session)))
        }
        ["destroy", number] => Some(Command::SessionDestroy(SessionDestroy { id: id(number) })),
        ["acquire", key, value, number] => Some(Command::KvAcquire(lock(key, value, id(number)))),
        ["release", key, value, number] => Some(Command::KvRelease(lock(key, value, id(number)))),
        _ => None,
    }
}

/// A Command over few sessions and keys, so that they meet.
pub(in crate::catalog::apply) fn random(rng: &mut Rng) -> Command {
    let id = SessionId::from_bits(rng.u128(1..5));
    let key = choose(rng, &["a", "a/b", "b"]);
    let value = choose(rng, &["x", "y"]);
    match rng.u8(0..6) {
        0 | 1 => {
            let mut session = session(id, choose(rng, &["n1", "N2", "n3"]));
            let check = CheckId::new(choose(rng, &["c1", "c2", SERF_HEALTH])).unwrap();
            match rng.u8(0..4) {
                0 => session.node_checks.push(check),
                1 => session.checks = vec![check.clone(), check],
                2 => session.service_checks.push(service_check(check)),
                _ => {}
            }
            session.lock_delay_ns = rng.u64(0..100) * 1_000_000_000;
            session.behavior = if rng.bool() { Behavior::Release } else { Behavior::Delete };
            Command::SessionCreate(Box::new(session))
        }
        2 => Command::SessionDestroy(SessionDestroy { id }),
        3 => Command::KvRelease(lock(key, value, id)),
        _ => Command::KvAcquire(lock(key, value, id)),
    }
}

fn session(id: SessionId, node: &str) -> Session {
    Session {
        id,
        name: String::new(),
        node: NodeName::new(node).unwrap(),
        node_checks: Vec::new(),
        service_checks: Vec::new(),
        checks: Vec::new(),
        lock_delay_ns: 15_000_000_000,
        behavior: Behavior::Release,
        ttl: String::new(),
        create_revision: Revision(0),
        modify_revision: Revision(0),
    }
}

fn service_check(id: CheckId) -> ServiceCheck {
    ServiceCheck { id, namespace: "ns".to_owned() }
}

fn lock(key: &str, value: &str, session: SessionId) -> KvLock {
    KvLock { key: Key::new(key).unwrap(), value: value.to_owned().into(), flags: 0, session }
}

/// Every key with its holder, how often it was locked, and when it last changed; then every session.
fn locks(catalog: &Catalog) -> String {
    let mut text = String::new();
    for entry in catalog.keys_with_prefix("") {
        let holder = entry.session.map_or_else(|| "free".to_owned(), short);
        let (index, at) = (entry.lock_index, entry.modify_revision);
        let value = String::from_utf8_lossy(&entry.value);
        writeln!(text, "{} = {value}: {holder}, locked {index}, at {at}", entry.key).unwrap();
    }
    let ids: Vec<String> = catalog.sessions().map(|session| short(session.id)).collect();
    write!(text, "sessions {}, at {}", ids.join(" "), catalog.tables().sessions).unwrap();
    text
}

fn short(id: SessionId) -> String {
    id.to_string().trim_start_matches(['0', '-']).to_owned()
}

#[test]
fn a_lock_has_one_holder() {
    let lines = "node n
        session 1 n
        session 2 n
        acquire k a 1
        acquire k b 2
        acquire k a 1
        acquire k b 1
        set k c
        release k d 2
        release k d 1
        release k d 1
        release other x 1
        acquire k d 2";
    check(
        lines,
        locks,
        &expect![[r#"
        1 node n: done, wakes
        2 session 1 n: done, wakes
        3 session 2 n: done, wakes
        4 acquire k a 1: done, wakes
        5 acquire k b 2: Held
        6 acquire k a 1: done
        7 acquire k b 1: done, wakes
        8 set k c: done, wakes
        9 release k d 2: NotHeld
        10 release k d 1: done, wakes
        11 release k d 1: NotHeld
        12 release other x 1: NotHeld
        13 acquire k d 2: done, wakes
        k = d: 2, locked 2, at 13
        sessions 1 2, at 3
    "#]],
    );
}

#[test]
fn a_lock_needs_a_session() {
    check(
        "node n\nacquire k a 7\nrelease k a 7",
        locks,
        &expect![[r#"
        1 node n: done, wakes
        2 acquire k a 7: invalid session "00000000-0000-0000-0000-000000000007"
        3 release k a 7: NotHeld
        sessions , at 0
    "#]],
    );
}

#[test]
fn a_session_that_ends_gives_its_locks_back_after_a_while() {
    let lines = "node n
        session 1 n
        session 2 n
        acquire k a 1
        acquire j a 1
        @100 destroy 1
        destroy 1
        set k b
        acquire k c 2
        delete j
        @114 acquire j c 2
        @115 acquire k c 2
        acquire j c 2";
    check(
        lines,
        locks,
        &expect![[r#"
        1 node n: done, wakes
        2 session 1 n: done, wakes
        3 session 2 n: done, wakes
        4 acquire k a 1: done, wakes
        5 acquire j a 1: done, wakes
        6 @100 destroy 1: done, wakes
        7 destroy 1: done
        8 set k b: done, wakes
        9 acquire k c 2: Delayed
        10 delete j: done, wakes
        11 @114 acquire j c 2: Delayed
        12 @115 acquire k c 2: done, wakes
        13 acquire j c 2: done, wakes
        j = c: 2, locked 1, at 13
        k = c: 2, locked 2, at 12
        sessions 2, at 6
    "#]],
    );
}

#[test]
fn a_session_may_take_its_keys_with_it() {
    let lines = "node n
        session 1 n delete
        acquire a/k a 1
        set a/other x
        destroy 1";
    let ask =
        |catalog: &Catalog| format!("{}, a/ at {}", locks(catalog), catalog.prefix_revision("a/"));
    check(
        lines,
        ask,
        &expect![[r#"
        1 node n: done, wakes
        2 session 1 n delete: done, wakes
        3 acquire a/k a 1: done, wakes
        4 set a/other x: done, wakes
        5 destroy 1: done, wakes
        a/other = x: free, locked 0, at 4
        sessions , at 5, a/ at 5
    "#]],
    );
}

#[test]
fn a_lock_that_was_given_back_is_free_at_once() {
    let lines = "node n
        session 1 n
        session 2 n
        acquire k a 1
        release k a 1
        acquire k a 2
        delete k
        acquire k a 1";
    check(
        lines,
        locks,
        &expect![[r#"
        1 node n: done, wakes
        2 session 1 n: done, wakes
        3 session 2 n: done, wakes
        4 acquire k a 1: done, wakes
        5 release k a 1: done, wakes
        6 acquire k a 2: done, wakes
        7 delete k: done, wakes
        8 acquire k a 1: done, wakes
        k = a: 1, locked 1, at 8
        sessions 1 2, at 3
    "#]],
    );
}

#[test]
fn a_lock_delay_of_a_wrong_clock_is_forgotten() {
    let lines = "node n
        session 1 n
        session 2 n
        acquire k a 1
        @5000 destroy 1
        @4956 acquire k b 2
        @4954 acquire k b 2";
    check(
        lines,
        locks,
        &expect![[r#"
        1 node n: done, wakes
        2 session 1 n: done, wakes
        3 session 2 n: done, wakes
        4 acquire k a 1: done, wakes
        5 @5000 destroy 1: done, wakes
        6 @4956 acquire k b 2: Delayed
        7 @4954 acquire k b 2: done, wakes
        k = b: 2, locked 2, at 7
        sessions 2, at 5
    "#]],
    );
}

#[test]
fn a_session_ends_with_its_node_and_its_checks() {
    let lines = "node n
        check n c passing
        service n web web
        check n w warning web
        session 1 n release c
        session 2 n release w
        session 3 n release C
        session 4 n
        acquire k a 2
        check n c warning
        check n c critical
        session 5 n release c
        gone n service web
        session 6 n release w
        gone n
        session 7 n";
    check(
        lines,
        locks,
        &expect![[r#"
        1 node n: done, wakes
        2 check n c passing: done, wakes
        3 service n web web: done, wakes
        4 check n w warning web: done, wakes
        5 session 1 n release c: done, wakes
        6 session 2 n release w: done, wakes
        7 session 3 n release C: done, wakes
        8 session 4 n: done, wakes
        9 acquire k a 2: done, wakes
        10 check n c warning: done, wakes
        11 check n c critical: done, wakes
        12 session 5 n release c: Check 'c' is in critical state
        13 gone n service web: done, wakes
        14 session 6 n release w: Missing check 'w' registration
        15 gone n: done, wakes
        16 session 7 n: Missing node registration
        k = a: free, locked 1, at 13
        sessions , at 15
    "#]],
    );
}

#[test]
fn a_check_that_is_deregistered_ends_its_sessions() {
    let lines = "node n
        check n c passing
        session 1 n release c
        session 2 n
        gone n check c";
    check(
        lines,
        locks,
        &expect![[r#"
        1 node n: done, wakes
        2 check n c passing: done, wakes
        3 session 1 n release c: done, wakes
        4 session 2 n: done, wakes
        5 gone n check c: done, wakes
        sessions 2, at 5
    "#]],
    );
}

#[test]
fn a_machine_under_a_new_name_loses_its_sessions() {
    check(
        "node old id-1\nsession 1 old\nnode new id-1",
        locks,
        &expect![[r#"
        1 node old id-1: done, wakes
        2 session 1 old: done, wakes
        3 node new id-1: done, wakes
        sessions , at 3
    "#]],
    );
}

#[test]
fn the_same_session_is_begun_once() {
    check(
        "node n\nsession 1 n\nsession 1 n delete",
        locks,
        &expect![[r#"
        1 node n: done, wakes
        2 session 1 n: done, wakes
        3 session 1 n delete: done
        sessions 1, at 2
    "#]],
    );
}
