//! A backup restored through the log: on disk, over kills, and from a longer log.

use std::path::Path;

use bytes::Bytes;

use crate::catalog::backup::encode;
use crate::catalog::command::{Restore, StagePart};
use crate::catalog::{Command, Reply, View};
use crate::model::number::Revision;
use crate::model::time::Now;
use crate::publish::{Propose, Reader};
use crate::raft::RaftNode;
use crate::raft::node::tests::{copy_dir, set, start_in, write};

/// A backup of a server that had done this much more than any here.
async fn backup_of_another(index: u64) -> Vec<u8> {
    let (node, reader) = start_in(None).await;
    node.propose(set("saved", "1")).await.unwrap();
    let mut catalog = (**reader.load_full()).clone();
    node.shutdown().await.unwrap();
    let ahead = Command::Unknown;
    crate::catalog::apply::apply(&mut catalog, Revision(index), Now(0), &ahead);
    encode(&catalog)
}

async fn stage(node: &RaftNode, bytes: &[u8]) -> u32 {
    let mut count = 0;
    for (number, part) in (0..).zip(bytes.chunks(64)) {
        let bytes = Bytes::copy_from_slice(part);
        let part = StagePart { restore: "r".to_owned(), number, bytes };
        let reply = node.propose(Command::StagePart(part)).await.unwrap();
        assert!(matches!(reply, Reply::Done(_)), "{reply:?}");
        count = number + 1;
    }
    count
}

async fn restore(node: &RaftNode, parts: u32) -> Revision {
    let restore = Restore { restore: "r".to_owned(), parts };
    match node.propose(Command::Restore(restore)).await.unwrap() {
        Reply::Done(revision) => revision,
        other => panic!("{other:?}"),
    }
}

/// Writes one more key; its revision.
async fn next(node: &RaftNode, reader: &Reader) -> Revision {
    let value = format!("{}", reader.load().revision());
    let Reply::Done(revision) = node.propose(set("next", &value)).await.unwrap() else { panic!() };
    assert_eq!(reader.load().key_revision("next"), revision);
    revision
}

fn keys(view: &View) -> Vec<String> {
    view.keys().map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned()).collect()
}

/// The data dir as a kill at this moment leaves it, started again.
async fn start_copy(dir: &Path) -> (tempfile::TempDir, RaftNode, Reader) {
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir, copy.path());
    let (node, reader) = start_in(Some(copy.path())).await;
    (copy, node, reader)
}

#[tokio::test]
async fn a_restore_survives_kills_with_its_revisions() {
    let bytes = backup_of_another(5_000).await;
    let dir = tempfile::tempdir().unwrap();
    let (node, reader) = start_in(Some(dir.path())).await;
    write(&node, 0..3).await;
    let parts = stage(&node, &bytes).await;
    assert!(1 < parts);

    // Killed before the last word: everything is as it was, and the restore can be ended.
    let (_copy, other, other_reader) = start_copy(dir.path()).await;
    assert_eq!(keys(&other_reader.load()), ["k0", "k1", "k2"]);
    assert!(Revision(5_000) < restore(&other, parts).await);
    assert_eq!(keys(&other_reader.load()), ["saved"]);
    other.shutdown().await.unwrap();

    let restored = restore(&node, parts).await;
    assert_eq!(restored, Revision(5_001));
    assert_eq!(keys(&reader.load()), ["saved"]);
    assert!(reader.load().staged().is_none());
    assert_eq!(next(&node, &reader).await, Revision(5_002));

    // Killed afterwards, twice: the numbers go on.
    let (copy, other, other_reader) = start_copy(dir.path()).await;
    assert_eq!(keys(&other_reader.load()), ["next", "saved"]);
    let after = next(&other, &other_reader).await;
    assert!(Revision(5_002) < after);
    other.shutdown().await.unwrap();
    let (_copy, other, other_reader) = start_copy(copy.path()).await;
    assert!(after < next(&other, &other_reader).await);
    other.shutdown().await.unwrap();
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_restore_in_memory_wakes_everybody() {
    let bytes = backup_of_another(2).await;
    let (node, reader) = start_in(None).await;
    write(&node, 0..20).await;
    let before = reader.load().revision();
    let mut waiter = reader.waiter(vec![crate::catalog::reply::Topic::Restore]);
    let parts = stage(&node, &bytes).await;
    assert!(before < restore(&node, parts).await);
    waiter.changed().await;
    assert_eq!(keys(&reader.load()), ["saved"]);
    node.shutdown().await.unwrap();
}
