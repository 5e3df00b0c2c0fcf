use super::*;
use crate::model::name::ServiceName;

fn key(text: &str) -> Topic {
    Topic::Key(Key::new(text).unwrap())
}

fn prefix(text: &str) -> Topic {
    Topic::KeyPrefix(KeyPrefix::new(text))
}

fn service(text: &str) -> Topic {
    Topic::Service(ServiceName::new(text).unwrap())
}

/// Whether a waiter for `waited` is woken by `published`.
fn check(waited: &[Topic], published: &[Topic], is_woken: bool) {
    let waiters = Waiters::default();
    let mut waiter = waiters.register(waited.to_vec());
    waiters.wake(published);
    let mut task = std::pin::pin!(waiter.changed());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let found = task.as_mut().poll(&mut context).is_ready();
    assert_eq!(found, is_woken, "{waited:?} by {published:?}");
}

#[test]
fn a_waiter_wakes_for_its_topics_only() {
    check(&[key("a")], &[key("a")], true);
    check(&[key("a")], &[key("ab")], false);
    check(&[service("web")], &[service("WEB")], true);
    check(&[service("web")], &[service("db"), Topic::Services], false);
    check(&[Topic::Nodes, Topic::Checks], &[Topic::Checks], true);
}

#[test]
fn a_prefix_wakes_for_every_key_below_it() {
    check(&[prefix("app/")], &[key("app/x")], true);
    check(&[prefix("app/")], &[key("app")], false);
    check(&[prefix("")], &[key("x")], true);
    check(&[prefix("é")], &[key("è")], false);
}

#[test]
fn a_tree_wakes_what_is_below_it_and_the_prefixes_above_it() {
    let tree = |text: &str| Topic::KeyTree(KeyPrefix::new(text));
    for (waited, is_woken) in [
        (key("app/x"), true),
        (key("app/"), true),
        (key("app"), false),
        (key("apq"), false),
        (prefix(""), true),
        (prefix("ap"), true),
        (prefix("app/"), true),
        (prefix("app/x/"), true),
        (prefix("app0"), false),
        (prefix("b"), false),
        (Topic::Checks, false),
        (service("app/x"), false),
    ] {
        check(&[waited], &[tree("app/")], is_woken);
    }
    for (waited, is_woken) in
        [(key("a"), true), (prefix(""), true), (prefix("a"), true), (Topic::Checks, false)]
    {
        check(&[waited], &[tree("")], is_woken);
    }
}

#[test]
fn a_tree_wakes_everybody_in_it_portion_by_portion() {
    let waiters = Waiters::default();
    let topics = |number| [key(&format!("app/{number}")), prefix(&format!("app/{number}/"))];
    let mut waiting: Vec<_> = (0..3 * WOKEN_AT_ONCE_MAX)
        .flat_map(topics)
        .map(|topic| waiters.register(vec![topic]))
        .collect();
    waiters.wake(&[Topic::KeyTree(KeyPrefix::new("app/"))]);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for waiter in &mut waiting {
        let is_woken = std::pin::pin!(waiter.changed()).poll(&mut context).is_ready();
        assert!(is_woken, "{:?}", waiter.topics);
    }
}

#[test]
fn a_dropped_waiter_leaves_nothing_behind() {
    let waiters = Waiters::default();
    drop(waiters.register(vec![prefix("a"), key("b"), Topic::Nodes]));
    let registry = waiters.lock();
    assert!(registry.topics.is_empty() && registry.prefix_lengths.is_empty());
    assert_eq!(registry.count, 0);
}
