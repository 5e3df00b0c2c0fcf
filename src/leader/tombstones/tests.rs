use bytes::Bytes;

use super::{SAMPLES_MAX, TombstoneClock};
use crate::catalog::command::{KvDelete, KvSet, ReapTombstones};
use crate::catalog::{Catalog, Command, View, apply};
use crate::model::name::Key;
use crate::model::number::Revision;
use crate::model::time::Now;

fn tell(catalog: &mut Catalog, command: &Command) {
    let revision = Revision(catalog.tables().applied.0 + 1);
    apply::apply(catalog, revision, Now(0), command);
}

fn set(catalog: &mut Catalog, key: &str) {
    let (key, value) = (Key::new(key).unwrap(), Bytes::new());
    tell(catalog, &Command::KvSet(KvSet { key, value, flags: 1, cas: None }));
}

fn delete(catalog: &mut Catalog, key: &str) {
    tell(catalog, &Command::KvDelete(KvDelete { key: Key::new(key).unwrap(), cas: None }));
}

/// Samples every 30 s until a minute; what was proposed, and when. It is applied at once.
fn check(
    clock: &mut TombstoneClock,
    catalog: &mut Catalog,
    minutes: (u64, u64),
    expected: &[(u64, u64)],
) {
    let mut proposed = Vec::new();
    for now in (minutes.0 * 60..minutes.1 * 60).step_by(30) {
        let view = View::new(catalog.clone());
        if let Some(command) = clock.sample(Now(now * 1000), &view) {
            let Command::ReapTombstones(ReapTombstones { revision }) = &command else { continue };
            proposed.push((now, revision.0));
            tell(catalog, &command);
        }
        assert!(clock.samples.len() <= SAMPLES_MAX);
    }
    assert_eq!(proposed, expected);
}

#[test]
fn a_deletion_is_forgotten_after_a_quarter_of_an_hour() {
    let (mut clock, mut catalog) = (TombstoneClock::default(), Catalog::default());
    set(&mut catalog, "a");
    check(&mut clock, &mut catalog, (0, 60), &[]);
    delete(&mut catalog, "a");
    check(&mut clock, &mut catalog, (60, 75), &[]);
    assert_eq!(catalog.tombstone_count(), 1);
    check(&mut clock, &mut catalog, (75, 120), &[(75 * 60, 2)]);
    assert_eq!(catalog.tombstone_count(), 0);
}

#[test]
fn nothing_is_proposed_twice_nor_without_a_tombstone() {
    let (mut clock, mut catalog) = (TombstoneClock::default(), Catalog::default());
    for key in ["a", "b"] {
        set(&mut catalog, key);
    }
    delete(&mut catalog, "a");
    check(&mut clock, &mut catalog, (0, 10), &[]);
    delete(&mut catalog, "b");
    check(&mut clock, &mut catalog, (10, 300), &[(15 * 60, 3), (25 * 60, 4)]);
}

#[test]
fn frequent_samples_do_not_shorten_the_time() {
    let (mut clock, mut catalog) = (TombstoneClock::default(), Catalog::default());
    set(&mut catalog, "a");
    delete(&mut catalog, "a");
    for now in 0..15 * 60 {
        let view = View::new(catalog.clone());
        assert_eq!(clock.sample(Now(now * 1000), &view), None);
        assert!(clock.samples.len() <= SAMPLES_MAX);
    }
    assert!(clock.sample(Now(15 * 60 * 1000), &View::new(catalog)).is_some());
}
