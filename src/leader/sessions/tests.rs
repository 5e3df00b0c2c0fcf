use std::collections::BTreeMap;

use super::SessionTimers;
use crate::catalog::command::{Machine, Registration, SessionDestroy};
use crate::catalog::{Catalog, Command, Reply, View, apply};
use crate::model::address::Address;
use crate::model::name::NodeName;
use crate::model::number::Revision;
use crate::model::session::{Behavior, Session, SessionId};
use crate::model::time::Now;

fn tell(catalog: &mut Catalog, command: &Command) {
    let revision = Revision(catalog.tables().applied.0 + 1);
    let (reply, _) = apply::apply(catalog, revision, Now(0), command);
    assert_eq!(reply, Reply::Done(revision));
}

fn node() -> NodeName {
    NodeName::new("n").unwrap()
}

fn with_node() -> Catalog {
    let mut catalog = Catalog::default();
    let machine = Machine {
        id: String::new(),
        address: Address::new("10.0.0.1").unwrap(),
        tagged_addresses: BTreeMap::new(),
        meta: BTreeMap::new(),
    };
    let (machine, service, checks) = (Some(machine), None, Vec::new());
    let registration = Registration { node: node(), machine, service, checks };
    tell(&mut catalog, &Command::Register(Box::new(registration)));
    catalog
}

fn create(catalog: &mut Catalog, number: u128, ttl: &str) {
    let session = Session {
        id: SessionId::from_bits(number),
        name: String::new(),
        node: node(),
        node_checks: Vec::new(),
        service_checks: Vec::new(),
        checks: Vec::new(),
        lock_delay_ns: 0,
        behavior: Behavior::Release,
        ttl: ttl.to_owned(),
        create_revision: Revision(0),
        modify_revision: Revision(0),
    };
    tell(catalog, &Command::SessionCreate(Box::new(session)));
}

/// Polls every second within `seconds`, renews the sessions of a second, and applies what is proposed unless
/// nobody listens; which session was ended at which second.
fn run(
    timers: &mut SessionTimers,
    catalog: &mut Catalog,
    seconds: std::ops::Range<u64>,
    renew: impl Fn(u64) -> Option<u128>,
    is_heard: bool,
) -> Vec<(u64, SessionId)> {
    let mut ended = Vec::new();
    for second in seconds {
        let renewed = renew(second).map(SessionId::from_bits);
        let commands = timers.poll(Now(second * 1000), &View::new(catalog.clone()), renewed);
        for command in commands {
            let Command::SessionDestroy(SessionDestroy { id }) = command else { panic!() };
            ended.push((second, id));
            if is_heard {
                tell(catalog, &command);
            }
        }
    }
    ended
}

fn never(_: u64) -> Option<u128> {
    None
}

fn id(number: u128) -> SessionId {
    SessionId::from_bits(number)
}

#[test]
fn a_session_ends_after_twice_its_ttl_and_one_without_never() {
    let (mut timers, mut catalog) = (SessionTimers::default(), with_node());
    create(&mut catalog, 1, "10s");
    create(&mut catalog, 2, "1m");
    create(&mut catalog, 3, "");
    create(&mut catalog, 4, "0s");
    let ended = run(&mut timers, &mut catalog, 0..100_000, never, true);
    assert_eq!(ended, [(20, id(1)), (120, id(2))]);
    assert_eq!((timers.count(), timers.next()), (0, None));
}

#[test]
fn a_renewed_session_lives_on() {
    let (mut timers, mut catalog) = (SessionTimers::default(), with_node());
    create(&mut catalog, 1, "10s");
    create(&mut catalog, 2, "10s");
    let renew = |second: u64| (second <= 95 && second.is_multiple_of(19)).then_some(1);
    let ended = run(&mut timers, &mut catalog, 0..200, renew, true);
    assert_eq!(ended, [(20, id(2)), (115, id(1))]);
}

#[test]
fn a_renewal_at_the_last_moment_counts() {
    let (mut timers, mut catalog) = (SessionTimers::default(), with_node());
    create(&mut catalog, 1, "10s");
    let renew = |second: u64| (second == 20).then_some(1);
    let ended = run(&mut timers, &mut catalog, 0..100, renew, true);
    assert_eq!(ended, [(40, id(1))]);
}

#[test]
fn a_new_leader_gives_everybody_the_full_time() {
    let mut catalog = with_node();
    create(&mut catalog, 1, "10s");
    let mut first = SessionTimers::default();
    assert_eq!(run(&mut first, &mut catalog, 0..20, never, true), []);
    let mut second = SessionTimers::default();
    assert_eq!(run(&mut second, &mut catalog, 19..100, never, true), [(39, id(1))]);
}

#[test]
fn an_end_that_nobody_hears_of_is_told_again() {
    let (mut timers, mut catalog) = (SessionTimers::default(), with_node());
    create(&mut catalog, 1, "10s");
    let ended = run(&mut timers, &mut catalog, 0..45, never, false);
    assert_eq!(ended, [(20, id(1)), (30, id(1)), (40, id(1))]);
    assert_eq!(run(&mut timers, &mut catalog, 45..100, never, true), [(50, id(1))]);
    assert_eq!(timers.count(), 0);
}

#[test]
fn what_is_renewed_and_not_there_is_nobodys() {
    let (mut timers, mut catalog) = (SessionTimers::default(), with_node());
    let renew = |second: u64| Some(u128::from(second));
    assert_eq!(run(&mut timers, &mut catalog, 0..10, renew, true), []);
    assert_eq!(timers.count(), 0);
}

#[test]
fn the_next_poll_is_when_the_first_is_over() {
    let (mut timers, mut catalog) = (SessionTimers::default(), with_node());
    assert_eq!(timers.next(), None);
    create(&mut catalog, 1, "1m");
    create(&mut catalog, 2, "1500ms");
    let _ = timers.poll(Now(7), &View::new(catalog.clone()), []);
    assert_eq!((timers.count(), timers.next()), (2, Some(Now(3_007))));
    tell(&mut catalog, &Command::SessionDestroy(SessionDestroy { id: id(2) }));
    let _ = timers.poll(Now(8), &View::new(catalog), []);
    assert_eq!((timers.count(), timers.next()), (1, Some(Now(120_007))));
}
