use std::net::SocketAddr;

use hickory_proto::rr::Name;

use super::{Fate, PROBES_MAX, Probes, ask, nonce};
use crate::model::time::Now;

fn recursor(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

#[test]
fn a_probes_name_is_known_however_it_is_spelt() {
    for number in [0, 1, 0xfedc_ba98_7654_3210, u64::MAX] {
        let name = ask(number).unwrap().name;
        assert_eq!(nonce(&name), Some(number));
        let upper = Name::from_ascii(name.to_ascii().to_uppercase()).unwrap();
        assert_eq!(nonce(&upper), Some(number));
    }
    assert_eq!(
        ask(0xab).unwrap().name.to_ascii(),
        "00000000000000ab.lictor-loop-probe.example.com."
    );
}

#[test]
fn other_names_are_none() {
    let names = [
        ".",
        "lictor-loop-probe.example.com.",
        "ab.lictor-loop-probe.example.com.",
        "00000000000000a_.lictor-loop-probe.example.com.",
        "00000000000000ab0.lictor-loop-probe.example.com.",
        "x.00000000000000ab.lictor-loop-probe.example.com.",
        "00000000000000ab.lictor-loop-probe.example.org.",
    ];
    for name in names {
        assert_eq!(nonce(&Name::from_ascii(name).unwrap()), None, "{name}");
    }
    // A sign that a reader of numbers takes.
    let labels: [&[u8]; 4] = [b"+0000000000000ab", b"lictor-loop-probe", b"example", b"com"];
    assert_eq!(nonce(&Name::from_labels(labels).unwrap()), None);
}

#[test]
fn a_probe_is_ours_for_a_minute() {
    let mut probes = Probes::default();
    probes.begin(1, recursor(1), Now(0));
    probes.begin(2, recursor(2), Now(1_000));
    assert_eq!(probes.fate(1), Fate::Away);
    assert_eq!(probes.returned(1, Now(59_999)), Some(recursor(1)));
    assert_eq!((probes.fate(1), probes.fate(2)), (Fate::Returned, Fate::Away));
    assert_eq!(probes.returned(1, Now(60_000)), None);
    assert_eq!(probes.returned(2, Now(60_000)), Some(recursor(2)));
    assert_eq!(probes.returned(3, Now(1_000)), None, "another agent's");
}

#[test]
fn probes_do_not_pile_up() {
    let mut probes = Probes::default();
    for number in 0..10_000 {
        probes.begin(number, recursor(1), Now(0));
    }
    assert_eq!(probes.sent.len(), PROBES_MAX);
    assert_eq!(probes.returned(9_999, Now(0)), Some(recursor(1)));
    probes.begin(1, recursor(1), Now(60_000));
    assert_eq!(probes.sent.len(), 1);
}
