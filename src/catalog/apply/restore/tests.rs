//! Restores: in parts, in disorder, of damaged bytes, and what revisions readers are told afterwards.

use fastrand::Rng;

use crate::catalog::apply::apply;
use crate::catalog::backup::encode;
use crate::catalog::command::{Command, DropStaged, KvDelete, KvSet, Restore, StagePart};
use crate::catalog::{Catalog, Reject, Reply};
use crate::model::name::Key;
use crate::model::number::Revision;
use crate::model::time::Now;

fn set(key: &str, value: &str) -> Command {
    let (key, value) = (Key::new(key).unwrap(), value.to_owned().into());
    Command::KvSet(KvSet { key, value, flags: 0, cas: None })
}

fn delete(key: &str) -> Command {
    Command::KvDelete(KvDelete { key: Key::new(key).unwrap(), cas: None })
}

fn part(restore: &str, number: u32, bytes: &[u8]) -> Command {
    let bytes = bytes.to_vec().into();
    Command::StagePart(StagePart { restore: restore.to_owned(), number, bytes })
}

fn restore(restore: &str, parts: u32) -> Command {
    Command::Restore(Restore { restore: restore.to_owned(), parts })
}

/// The next revision, as the machine gives it.
fn next(catalog: &Catalog) -> Revision {
    Revision(catalog.tables().applied.0 + 1)
}

fn run(catalog: &mut Catalog, command: &Command) -> Reply {
    let (reply, _) = apply(catalog, next(catalog), Now(0), command);
    assert_eq!(catalog.audit(), Vec::<String>::new(), "after {command:?}");
    reply
}

/// A catalog whose last command was at a revision.
fn saved_at(last: u64) -> Catalog {
    let mut catalog = Catalog::default();
    run(&mut catalog, &set("a", "old"));
    run(&mut catalog, &set("gone", "x"));
    run(&mut catalog, &delete("gone"));
    apply(&mut catalog, Revision(last), Now(0), &set("b", "old"));
    catalog
}

/// Cuts a backup into this many parts and restores it.
fn restore_all(catalog: &mut Catalog, bytes: &[u8], parts: u32) -> Reply {
    let size = bytes.len().div_ceil(parts as usize);
    for (number, bytes) in (0..).zip(bytes.chunks(size)) {
        let reply = run(catalog, &part("r", number, bytes));
        assert!(matches!(reply, Reply::Done(_)), "{reply:?}");
    }
    run(catalog, &restore("r", parts))
}

/// A command of a restore: sometimes the right one.
pub(in crate::catalog::apply) fn random(rng: &mut Rng) -> Command {
    let id = if rng.u8(0..8) == 0 { "r2" } else { "r1" };
    let bytes = encode(&saved_at(rng.u64(10..60)).without_staged());
    let (first, last) = bytes.split_at(bytes.len() / 2);
    match rng.u8(0..9) {
        0..3 => part(id, 0, first),
        3..5 => part(id, 1, last),
        // A part of another backup: their sums do not fit.
        5 => part(id, 1, first),
        6 => Command::DropStaged(DropStaged { restore: id.to_owned() }),
        _ => restore(id, 2),
    }
}

#[test]
fn a_restore_brings_back_what_was_saved_and_nothing_else() {
    let saved = saved_at(9);
    for parts in [1, 2, 7] {
        let mut catalog = saved.clone();
        for command in [set("a", "new"), delete("b"), set("c", "new")] {
            run(&mut catalog, &command);
        }
        let before = catalog.tables().applied;
        let Reply::Done(at) = restore_all(&mut catalog, &encode(&saved), parts) else { panic!() };
        assert!(before < at);
        let entries = |catalog: &Catalog| -> Vec<_> {
            catalog.keys_with_prefix("").map(|entry| (**entry).clone()).collect()
        };
        assert_eq!(entries(&catalog), entries(&saved), "revisions of entries included");
        assert!(catalog.staged().is_none());
        assert_eq!(catalog.tombstone_count(), 0);
    }
}

/// Whatever a reader asks for, the answer after a restore is newer than any before: also where the backup is from
/// a longer log than ours.
#[test]
fn every_revision_is_that_of_the_restore() {
    for last in [5, 1_000] {
        let saved = saved_at(last);
        let mut catalog = Catalog::default();
        for command in [set("a", "x"), set("d", "x"), delete("d"), set("e", "x")] {
            run(&mut catalog, &command);
        }
        let before = catalog.tables().applied;
        let Reply::Done(at) = restore_all(&mut catalog, &encode(&saved), 3) else { panic!() };
        assert!(before < at && Revision(last) < at, "{at}");
        let told = [
            catalog.key_revision("a"),
            catalog.key_revision("d"),
            catalog.key_revision("never"),
            catalog.prefix_revision("a"),
            catalog.prefix_revision(""),
            catalog.node_revision("n"),
            catalog.service_revision("web"),
            catalog.tables().nodes,
            catalog.tables().services,
            catalog.tables().checks,
        ];
        assert_eq!(told, [at; 10]);
        run(&mut catalog, &set("a", "y"));
        assert_eq!(catalog.key_revision("a"), Revision(at.0 + 1));
    }
}

#[test]
fn parts_that_do_not_belong_together_restore_nothing() {
    let lost = || Reply::Rejected(Reject::RestoreLost);
    let bytes = encode(&saved_at(9));
    let (first, last) = bytes.split_at(100);
    let mut catalog = Catalog::default();
    run(&mut catalog, &set("a", "kept"));
    assert_eq!(run(&mut catalog, &part("r", 1, last)), lost(), "the first one is missing");
    assert_eq!(run(&mut catalog, &restore("r", 0)), lost());
    run(&mut catalog, &part("r", 0, first));
    assert_eq!(run(&mut catalog, &part("r", 2, last)), lost(), "one is missing between");
    assert_eq!(run(&mut catalog, &part("other", 1, last)), lost());
    assert_eq!(run(&mut catalog, &restore("r", 2)), lost());
    assert_eq!(run(&mut catalog, &restore("other", 1)), lost());
    run(&mut catalog, &Command::DropStaged(DropStaged { restore: "other".to_owned() }));
    assert!(catalog.staged().is_some(), "another restore's end does not end this one");
    run(&mut catalog, &part("other", 0, first));
    assert_eq!(run(&mut catalog, &part("r", 1, last)), lost(), "another one began meanwhile");
    run(&mut catalog, &Command::DropStaged(DropStaged { restore: "other".to_owned() }));
    assert!(catalog.staged().is_none());
    assert_eq!(catalog.key("a").unwrap().value, "kept");
}

#[test]
fn a_damaged_backup_restores_nothing_and_is_forgotten() {
    let mut bytes = encode(&saved_at(9));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let mut catalog = Catalog::default();
    run(&mut catalog, &set("a", "kept"));
    let reply = restore_all(&mut catalog, &bytes, 2);
    assert!(matches!(reply, Reply::Rejected(Reject::RestoreDamaged(_))), "{reply:?}");
    assert!(catalog.staged().is_none());
    assert_eq!(catalog.key("a").unwrap().value, "kept");
}

/// A peer that is sent the state in the middle of a restore ends it as those that saw all of it.
#[test]
fn what_is_set_aside_travels_with_the_state() {
    let bytes = encode(&saved_at(9));
    let (first, last) = bytes.split_at(100);
    let mut one = Catalog::default();
    run(&mut one, &part("r", 0, first));
    let mut other = crate::catalog::backup::decode(&encode(&one)).unwrap();
    for catalog in [&mut one, &mut other] {
        run(catalog, &part("r", 1, last));
        assert!(matches!(run(catalog, &restore("r", 2)), Reply::Done(_)));
    }
    assert_eq!(encode(&one), encode(&other));
}
