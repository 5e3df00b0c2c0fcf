//! Data dirs that are somebody else's, newer, or less than they were.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use expect_test::{Expect, expect};
use fs_err as fs;

use crate::raft::home::{DataDir, compare};
use crate::raft::log::disk::{Extent, LogMeta};
use crate::raft::machine::mirror::Mirror;
use crate::raft::types::{LeaderId, LogId, Vote};
use crate::raft::watermark::Marks;

/// Opens a data dir that was opened once and then changed, and shows the fault with all its sources.
fn check(change: impl FnOnce(&Path), expected: &Expect) {
    let dir = tempfile::tempdir().unwrap();
    drop(DataDir::open(dir.path()).unwrap().open_log().unwrap());
    change(dir.path());
    expected.assert_eq(&open(dir.path()));
}

fn open(path: &Path) -> String {
    let opened = DataDir::open(path).and_then(|home| home.open_log());
    let Err(fault) = opened else { return "opened".to_owned() };
    let mut text = fault.to_string();
    let mut source = std::error::Error::source(&fault);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    let pid = std::process::id().to_string();
    text.replace(&path.display().to_string(), "DIR").replace(&pid, "PID")
}

#[test]
fn a_data_dir_opens_again() {
    check(|_| {}, &expect!["opened"]);
}

#[test]
fn a_data_dir_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let owner = DataDir::open(dir.path()).unwrap();
    expect!["the data dir `DIR` is owned by another process (pid PID): stop that one, or choose another `-data-dir`"]
        .assert_eq(&open(dir.path()));
    drop(owner);
    assert_eq!(open(dir.path()), "opened");
}

#[test]
fn nobody_else_can_look_into_a_data_dir() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new");
    let home = DataDir::open(&path).unwrap();
    drop(home.open_log().unwrap());
    drop(Mirror::open(&home.mirror_path()).unwrap());
    let names = ["", "raft", "state", "LOCK", "format", "watermark"];
    for (name, mode) in names.into_iter().zip([0o700, 0o700, 0o700, 0o600, 0o600, 0o600]) {
        let found = fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "`{name}` has {found:o}");
    }
}

#[test]
fn a_newer_format_is_refused() {
    let newer = |dir: &Path| fs::write(dir.join("format"), "lictor 2\n").unwrap();
    check(
        newer,
        &expect![
            "the data dir `DIR` has format 2, this version knows formats up to 1: start the newer version that wrote it, or choose an empty `-data-dir`"
        ],
    );
}

#[test]
fn a_format_that_is_none_is_refused() {
    let refuse = |change: &dyn Fn(&Path)| {
        check(
            change,
            &expect![
                "`DIR/format` does not say which format the data dir has: it is damaged, or this is no data dir of lictor; choose an empty `-data-dir`, or put the file back from a backup"
            ],
        );
    };
    for text in [&b"consul 1\n"[..], b"", b"lictor -1", b"lictor 0", b"\xff\xfe"] {
        refuse(&|dir| fs::write(dir.join("format"), text).unwrap());
    }
    refuse(&|dir| fs::remove_file(dir.join("format")).unwrap());
}

#[test]
fn a_log_without_its_watermark_is_refused() {
    let remove = |dir: &Path| fs::remove_file(dir.join("watermark")).unwrap();
    check(
        remove,
        &expect![
            "the log in `DIR/raft` is damaged: this server must not go on with it; move the data dir away and join the cluster as a new server, or put the whole data dir back from a backup of the file system: `DIR/watermark` is missing"
        ],
    );
}

#[test]
fn a_wiped_log_is_not_taken_for_the_old_one() {
    // No vote and no entry was ever acknowledged here, so nothing is lost and the number stays.
    check(|dir| fs::remove_dir_all(dir.join("raft")).unwrap(), &expect!["opened"]);
}

#[test]
fn a_data_dir_that_is_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "x").unwrap();
    expect!["cannot create `DIR`: not a directory"].assert_eq(&open(&path));
}

#[test]
fn a_wiped_data_dir_is_a_new_peer() {
    let dir = tempfile::tempdir().unwrap();
    let id = || DataDir::open(dir.path()).unwrap().open_log().unwrap().node_id;
    let first = id();
    assert_eq!(id(), first);
    for name in ["format", "watermark", "LOCK"] {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    fs::remove_dir_all(dir.path().join("raft")).unwrap();
    assert_ne!(id(), first);
}

/// Compares what the watermark says with what the log holds.
fn compared(marks: (u64, u64), log: (u64, u64), expected: &Expect) {
    let id = |(term, index)| LogId { leader_id: LeaderId { term, node_id: 1 }, index };
    let last = Some(id(marks)).filter(|id| 0 < id.index);
    let found = Some(id(log)).filter(|id| 0 < id.index);
    let marks = Marks { node_id: 1, last, ..Marks::default() };
    let meta = LogMeta { node_id: Some(1), ..LogMeta::default() };
    // An entry below the last one has the term of the last one here.
    let at = marks.last.map(|mark| id((log.0, mark.index)));
    let at_watermark = at.filter(|at| found.is_some_and(|found| at.index <= found.index));
    let extent = Extent { first: Some(0), last: found, at_watermark };
    let shown = match compare(&marks, &meta, &extent) {
        Ok(()) => "whole".to_owned(),
        Err(fault) => fault.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_log_may_hold_more_than_the_watermark_says() {
    compared((1, 5), (1, 5), &expect!["whole"]);
    compared((1, 5), (1, 9), &expect!["whole"]);
    compared((0, 0), (1, 9), &expect!["whole"]);
}

#[test]
fn a_log_must_not_hold_less_than_the_watermark_says() {
    compared(
        (1, 5),
        (1, 4),
        &expect![
            "it lost acknowledged data: it ends at entry 4 of term 1, but entry 5 of term 1 was durable"
        ],
    );
    compared(
        (1, 5),
        (0, 0),
        &expect![
            "it lost acknowledged data: it ends at entry nothing, but entry 5 of term 1 was durable"
        ],
    );
    compared(
        (2, 5),
        (1, 6),
        &expect![
            "it lost acknowledged data: it ends at entry 5 of term 1, but entry 5 of term 2 was durable"
        ],
    );
}

#[test]
fn a_vote_must_not_be_older_than_the_watermark_says() {
    let shown = |noted: Option<Vote>, vote: Option<Vote>| {
        let marks = Marks { node_id: 1, vote: noted, ..Marks::default() };
        let meta = LogMeta { node_id: Some(1), vote, ..LogMeta::default() };
        compare(&marks, &meta, &Extent::default()).map_err(|fault| fault.to_string())
    };
    let (older, newer) = (Vote::new(1, 1), Vote::new_committed(2, 1));
    assert_eq!(shown(None, None), Ok(()));
    assert_eq!(shown(Some(older), Some(newer)), Ok(()));
    assert_eq!(shown(Some(newer), Some(newer)), Ok(()));
    expect!["it lost acknowledged data: it holds the vote <T1-N1:->, but <T2-N1:Q> was durable"]
        .assert_eq(&shown(Some(newer), Some(older)).unwrap_err());
    expect!["it lost acknowledged data: it holds the vote nothing, but <T2-N1:Q> was durable"]
        .assert_eq(&shown(Some(newer), None).unwrap_err());
}
