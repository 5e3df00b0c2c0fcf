use super::*;

#[test]
fn names_keep_their_spelling_and_compare_folded() {
    let shown = ServiceName::new("Web").unwrap();
    assert_eq!(shown.as_str(), "Web");
    assert_eq!(shown, ServiceName::new("wEB").unwrap());
    assert_ne!(shown, ServiceName::new("web2").unwrap());
}

#[test]
fn tags_that_are_spelled_otherwise_are_others() {
    let tag = |text| Tag::new(text).unwrap();
    assert_ne!(tag("V1"), tag("v1"));
    assert_eq!(tag("V1").folded(), tag("v1").folded());
}

#[test]
fn bad_names_say_why() {
    assert_eq!(NodeName::new(""), Err(NameFault::Empty));
    assert_eq!(NodeName::new("a\nb"), Err(NameFault::Control));
    let long = "x".repeat(256);
    assert_eq!(NodeName::new(&long), Err(NameFault::TooLong { bytes: 256, bytes_max: 255 }));
}

#[test]
fn keys_are_compared_as_they_are() {
    assert_ne!(Key::new("A").unwrap(), Key::new("a").unwrap());
    assert_eq!(Key::new(""), Err(NameFault::Empty));
}

#[test]
fn host_labels_are_letters_digits_and_hyphens() {
    assert!(ServiceName::new("web-1").unwrap().is_host_label());
    assert!(!ServiceName::new("web_1").unwrap().is_host_label());
    assert!(!ServiceName::new(&"x".repeat(64)).unwrap().is_host_label());
}

#[test]
fn keys_are_stored_as_text_where_they_are_text() {
    let store = |bytes: &[u8]| rmp_serde::to_vec_named(&Key::new(bytes).unwrap()).unwrap();
    assert_eq!(store(b"a/b"), rmp_serde::to_vec_named("a/b").unwrap());
    for bytes in [&b"a/b"[..], "é".as_bytes(), b"a\xff\x00b", b"\xe2\x82"] {
        assert_eq!(rmp_serde::from_slice::<Key>(&store(bytes)).unwrap().as_bytes(), bytes);
        let prefix = rmp_serde::to_vec_named(&KeyPrefix::new(bytes)).unwrap();
        assert_eq!(rmp_serde::from_slice::<KeyPrefix>(&prefix).unwrap(), KeyPrefix::new(bytes));
    }
    assert!(rmp_serde::from_slice::<Key>(&rmp_serde::to_vec_named("").unwrap()).is_err());
}
