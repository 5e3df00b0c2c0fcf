use crate::model::event::{Audience, EventFault, UserEvent};

fn event(name: &str, payload_bytes: usize) -> Result<UserEvent, EventFault> {
    UserEvent::new(1, name, vec![b'a'; payload_bytes], Audience::default())
}

#[test]
fn an_event_is_as_large_as_consul_allows() {
    assert!(event("e", 414).is_ok());
    assert_eq!(event("e", 415).unwrap_err(), EventFault::TooLarge);
    assert_eq!(event(&"e".repeat(209), 0).unwrap_err(), EventFault::TooLarge);
    let audience = Audience::new(&"n".repeat(100), "", "").unwrap();
    assert_eq!(UserEvent::new(1, "e", vec![0; 311], audience).unwrap_err(), EventFault::TooLarge);
    assert_eq!(event("", 0).unwrap_err(), EventFault::NoName);
}

#[test]
fn an_index_is_one_half_of_the_id_upon_the_other() {
    let mut event = event("e", 0).unwrap();
    event.id = 0xed26_b387_bb55_16ba_b840_e88f_027d_1671;
    assert_eq!(event.index(), 6_153_706_033_872_634_059);
    event.id = 0x0000_0000_0000_0007_0000_0000_0000_0007;
    assert_eq!(event.index(), 1, "never 0, which would make a blocking query spin");
}

fn check(audience: (&str, &str, &str), node: &str, service: (&str, &[&str]), expected: bool) {
    let audience = Audience::new(audience.0, audience.1, audience.2).unwrap();
    let is_for =
        audience.admits_node(node) && audience.admits_service(service.0, service.1.iter().copied());
    assert_eq!(is_for, expected, "{audience:?} {node} {service:?}");
}

#[test]
fn conditions_match_anywhere_in_a_text() {
    check(("", "", ""), "n1", ("web", &[]), true);
    check(("1", "", ""), "n1", ("web", &[]), true);
    check(("^1", "", ""), "n1", ("web", &[]), false);
    check(("", "e", ""), "n1", ("web", &[]), true);
    check(("", "^e", ""), "n1", ("web", &[]), false);
    check(("", "web", "^v1$"), "n1", ("web", &["v0", "v1"]), true);
    check(("", "web", "^v1$"), "n1", ("web", &["v11"]), false);
    check(("n2", "web", "v1"), "n1", ("web", &["v1"]), false);
}

#[test]
fn bad_conditions_are_named() {
    let fault = |node, service, tag| Audience::new(node, service, tag).unwrap_err().to_string();
    assert_eq!(
        fault("[bad", "", ""),
        "Invalid node filter: error parsing regexp: unclosed character class"
    );
    assert!(fault("", "(", "").starts_with("Invalid service filter: "));
    assert!(fault("", "x", "*").starts_with("Invalid tag filter: "));
    assert!(fault("", "(a{1000}){1000}{1000}", "").starts_with("Invalid service filter: "));
    assert_eq!(fault("", "", "t"), "Cannot provide tag filter without service filter");
}
