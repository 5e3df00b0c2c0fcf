//! What large zones cost, counted and not timed.

use super::{ask, zone};
use crate::zone::tree::probes;

#[test]
fn a_lookup_costs_the_same_with_ten_names_and_a_million() {
    let head = "@ SOA ns1 host 1 1h 10m 1w 5m\n@ NS ns1\nns1 A 192.0.2.53\n*.wild A 192.0.2.1\n";
    let deep = "a.".repeat(115);
    let questions = [
        "host-5.example.test A",
        "host-5.example.test TXT",
        "none.example.test A",
        "a.host-5.example.test A",
        "x.wild.example.test A",
        &format!("{deep}example.test A"),
    ];
    let costs = |names: u32| {
        // A lookup in the middle of the map's growth would hide what growth costs.
        let zone = zone(&format!("{head}$GENERATE 1-{names} host-$ A 192.0.2.1\n"));
        assert_eq!(zone.name_count(), usize::try_from(names).unwrap() + 3);
        questions.map(|question| {
            probes::take();
            let found = ask(&zone, question);
            (found, probes::take())
        })
    };
    let (few, many) = (costs(10), costs(1_000_000));
    assert_eq!(few, many);
    // A name; that and its wildcard; a name, the one below it and its wildcard.
    assert_eq!(few.map(|(_, probes)| probes), [1, 1, 2, 3, 3, 2]);
}

#[test]
fn a_deep_zone_costs_its_depth() {
    let deep = "a.".repeat(110);
    let zone =
        zone(&format!("@ SOA ns1 host 1 1h 10m 1w 5m\n@ NS ns1\nns1 AAAA ::1\n{deep}b AAAA ::1\n"));
    probes::take();
    let _ = ask(&zone, &format!("{deep}b.example.test A"));
    assert_eq!(probes::take(), 111);
}
