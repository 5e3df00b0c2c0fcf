//! Torn slots of the watermark.

use std::path::Path;

use expect_test::{Expect, expect};
use fs_err as fs;

use crate::raft::types::{LeaderId, LogId};
use crate::raft::watermark::{Marks, Watermark};

/// Writes marks up to entries 1, 2 and 3, does something to the file, and shows what an open finds.
fn check(damage: impl FnOnce(&mut Vec<u8>), expected: &Expect) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("watermark");
    let mut watermark = Watermark::create(&path, marks(0)).unwrap();
    for index in 1..=3 {
        watermark.write(marks(index)).unwrap();
    }
    watermark.sync().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    damage(&mut bytes);
    fs::write(&path, bytes).unwrap();
    expected.assert_eq(&show(&path));
}

fn show(path: &Path) -> String {
    match Watermark::open(path) {
        Ok(None) => "no file".to_owned(),
        Ok(Some(watermark)) => format!("entry {}", watermark.marks().last.unwrap().index),
        Err(fault) => fault.to_string().replace(&path.display().to_string(), "FILE"),
    }
}

fn marks(index: u64) -> Marks {
    let leader_id = LeaderId { term: 1, node_id: 7 };
    Marks { node_id: 7, last: Some(LogId { leader_id, index }), ..Marks::default() }
}

#[test]
fn the_newest_slot_counts() {
    check(|_| {}, &expect!["entry 3"]);
}

#[test]
fn a_torn_newest_slot_leaves_the_one_before() {
    check(|bytes| bytes[20] ^= 1, &expect!["entry 2"]);
}

#[test]
fn a_torn_older_slot_does_not_matter() {
    check(|bytes| bytes[4096 + 20] ^= 1, &expect!["entry 3"]);
}

#[test]
fn two_torn_slots_are_refused() {
    let both = |bytes: &mut Vec<u8>| {
        bytes[20] ^= 1;
        bytes[4096 + 20] ^= 1;
    };
    check(both, &expect!["`FILE` is damaged: neither of its two slots is whole"]);
}

#[test]
fn an_empty_file_is_refused() {
    check(Vec::clear, &expect!["`FILE` is damaged: neither of its two slots is whole"]);
}

#[test]
fn a_length_beyond_the_slot_is_torn() {
    check(|bytes| bytes[..4].fill(0xff), &expect!["entry 2"]);
}

#[test]
fn no_file_is_no_fault() {
    expect!["no file"].assert_eq(&show(Path::new("/nonexistent/watermark")));
}

#[test]
fn an_opened_watermark_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("watermark");
    drop(Watermark::create(&path, marks(0)).unwrap());
    for index in 1..=5 {
        Watermark::open(&path).unwrap().unwrap().write(marks(index)).unwrap();
        assert_eq!(show(&path), format!("entry {index}"));
    }
}
