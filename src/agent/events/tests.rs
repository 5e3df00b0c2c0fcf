use crate::agent::events::{EventLog, Events};
use crate::agent::{LocalService, LocalView, Origin};
use crate::intake;
use crate::model::event::{Audience, UserEvent};
use crate::model::limits::EVENTS_KEPT_MAX;
use crate::model::name::NodeName;

fn node() -> NodeName {
    NodeName::new("n1").unwrap()
}

fn event(name: &str, (node, service, tag): (&str, &str, &str)) -> UserEvent {
    UserEvent::new(1, name, Vec::new(), Audience::new(node, service, tag).unwrap()).unwrap()
}

/// An agent that states `web` with the tag `v1`, and `db` with `v2`.
fn local() -> LocalView {
    let mut local = LocalView::default();
    for body in [r#"{"Name":"web","Tags":["v1"]}"#, r#"{"Name":"db","Tags":["v2"]}"#] {
        let definition = intake::service_from_json(body.as_bytes()).unwrap();
        let id = definition.id.clone();
        let (definition, origin) = (definition.into(), Origin::Http);
        local.services.insert(id, LocalService { definition, origin });
    }
    local
}

#[test]
fn an_event_is_kept_where_all_conditions_hold() {
    let cases = [
        (("", "", ""), true),
        (("n1", "", ""), true),
        (("n2", "", ""), false),
        (("", "web", ""), true),
        (("", "^we$", ""), false),
        (("", "web", "v1"), true),
        (("", "web", "v2"), false),
        (("", "web|db", "v2"), true),
        (("n1", "db", "v2"), true),
        (("n2", "db", "v2"), false),
    ];
    for (audience, expected) in cases {
        let mut log = EventLog::new(node());
        assert_eq!(log.receive(event("e", audience), &local()), expected, "{audience:?}");
    }
    let mut log = EventLog::new(node());
    assert!(log.receive(event("e", ("", "", "")), &LocalView::default()));
    assert!(!log.receive(event("e", ("", ".*", "")), &LocalView::default()), "no service at all");
}

#[test]
fn the_last_events_are_kept() {
    let events = Events::new(node());
    for number in 0..EVENTS_KEPT_MAX + 10 {
        events.fire(event(&number.to_string(), ("", "", "")), &LocalView::default());
    }
    let kept = events.kept();
    assert_eq!(kept.len(), EVENTS_KEPT_MAX);
    assert_eq!(kept.first().unwrap().name, "10");
    assert!(kept.windows(2).all(|pair| pair[0].lamport_time < pair[1].lamport_time));
}

#[test]
fn what_is_fired_is_later_than_what_was_seen() {
    let mut log = EventLog::new(node());
    let mut seen = event("seen", ("n2", "", ""));
    seen.lamport_time = 41;
    log.receive(seen, &LocalView::default());
    let mut fired = event("fired", ("", "", ""));
    log.stamp(&mut fired);
    assert_eq!(fired.lamport_time, 42);
    let mut end_of_time = event("x", ("", "", ""));
    end_of_time.lamport_time = u64::MAX;
    assert!(log.receive(end_of_time, &LocalView::default()), "survived");
}

#[test]
fn only_what_is_kept_wakes() {
    let events = Events::new(node());
    let count = events.count();
    events.fire(event("e", ("n2", "", "")), &LocalView::default());
    assert!(!count.has_changed().unwrap());
    events.fire(event("e", ("n1", "", "")), &LocalView::default());
    assert!(count.has_changed().unwrap());
}
