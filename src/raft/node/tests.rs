//! A member from start to end: in memory, on disk, on a copied, a damaged, a full and a failing disk.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use fs_err as fs;

use crate::catalog::command::KvSet;
use crate::catalog::{Command, Reply, View};
use crate::model::limits::{COMMAND_BYTES_MAX, PROPOSED_BYTES_MAX};
use crate::model::name::{Key, NodeName};
use crate::model::session::SessionId;
use crate::model::time::Now;
use crate::publish::{Consistency, Propose, ProposeFault, Reader, publisher};
use crate::raft::health::Health;
use crate::raft::home::DataDir;
use crate::raft::log::disk::DiskJournal;
use crate::raft::log::journal::{CommitGroup, Journal};
use crate::raft::node::{on_disk, run};
use crate::raft::watermark::Marks;
use crate::raft::{RaftNode, RaftOptions, start};

fn options(data_dir: Option<&Path>) -> RaftOptions {
    RaftOptions {
        data_dir: data_dir.map(|path| DataDir::open(path).unwrap()),
        node: NodeName::new("n1").unwrap(),
        address: SocketAddr::from(([127, 0, 0, 1], 8300)),
        bootstrap: true,
        leader_hold: Duration::from_millis(300),
        clock: || Now(7),
    }
}

pub(super) async fn start_in(data_dir: Option<&Path>) -> (RaftNode, Reader) {
    let (publisher, reader) = publisher();
    (start(options(data_dir), publisher).await.unwrap(), reader)
}

pub(super) fn set(key: &str, value: &str) -> Command {
    let (key, value) = (Key::new(key).unwrap(), value.to_owned().into());
    Command::KvSet(KvSet { key, value, flags: 0, cas: None })
}

pub(super) async fn write(node: &RaftNode, numbers: Range<u32>) {
    for number in numbers {
        node.propose(set(&format!("k{number}"), &format!("v{number}"))).await.unwrap();
    }
}

/// All rows of a View but the log position, which an election moves.
fn rows(view: &View) -> Vec<(Vec<u8>, Vec<u8>)> {
    view.rows().map(|(key, value)| (key.to_bytes(), value)).collect()
}

/// A file of a data dir: where it is, what is in it before the zeros at its end, how long it is.
struct Kept {
    path: PathBuf,
    bytes: Vec<u8>,
    length: u64,
}

/// Reads a data dir as `kill -9` would leave it.
fn keep_dir(dir: &Path) -> Vec<Kept> {
    let mut kept = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
                continue;
            }
            let path = entry.path().strip_prefix(dir).unwrap().to_owned();
            let mut bytes = fs::read(entry.path()).unwrap();
            let length = bytes.len() as u64;
            // Journals are long and mostly empty: whole pages of zeros go first, and fast.
            while bytes.len() % 4096 == 0 && bytes.ends_with(&[0; 4096]) {
                bytes.truncate(bytes.len() - 4096);
            }
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            kept.push(Kept { path, bytes, length });
        }
    }
    kept
}

impl Kept {
    fn write(&self, dir: &Path) {
        let path = dir.join(&self.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &self.bytes).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(self.length).unwrap();
    }
}

pub(super) fn copy_dir(source: &Path, target: &Path) {
    for file in keep_dir(source) {
        file.write(target);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_leads_takes_renewals() {
    let session = SessionId::parse("00000000-0000-0000-0000-000000000001").unwrap();
    let (node, _reader) = start_in(None).await;
    node.renew(session).await.unwrap();
    assert_eq!(node.renewals().take(), BTreeSet::from([session]));
    node.shutdown().await.unwrap();
    assert_eq!(node.renew(session).await, Err(ProposeFault::Stopping));
    let (publisher, _reader) = publisher();
    let alone = start(RaftOptions { bootstrap: false, ..options(None) }, publisher).await.unwrap();
    assert_eq!(alone.renew(session).await, Err(ProposeFault::NoLeader));
    assert_eq!(alone.renewals().take(), BTreeSet::new());
    alone.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_sole_voter_leads_at_once_and_reads_its_own_write() {
    let (node, reader) = start_in(None).await;
    assert!(reader.load().is_ready());
    assert!(node.cluster().is_leader);
    let Reply::Done(revision) = node.propose(set("a", "1")).await.unwrap() else { panic!() };
    assert_eq!(reader.load().key("a").unwrap().modify_revision, revision);
    for consistency in [Consistency::Stale, Consistency::Lease, Consistency::Linearizable] {
        node.barrier(consistency).await.unwrap();
    }
    node.shutdown().await.unwrap();
    assert_eq!(node.propose(set("a", "2")).await, Err(ProposeFault::Stopping));
    assert_eq!(node.barrier(Consistency::Lease).await, Err(ProposeFault::Stopping));
}

#[tokio::test]
async fn who_may_not_found_a_cluster_waits_unready() {
    let (publisher, reader) = publisher();
    let options = RaftOptions { bootstrap: false, ..options(None) };
    let node = start(options, publisher).await.unwrap();
    assert!(!reader.load().is_ready());
    let begun = tokio::time::Instant::now();
    assert_eq!(node.propose(set("a", "1")).await, Err(ProposeFault::NoLeader));
    assert_eq!(node.barrier(Consistency::Lease).await, Err(ProposeFault::NoLeader));
    let held = begun.elapsed();
    assert!(Duration::from_millis(600) <= held, "an election may be under way: {held:?}");
    assert_eq!(node.barrier(Consistency::Stale).await, Ok(()));
    assert_eq!(node.cluster().leader, None);
    let stop = async { node.shutdown().await.unwrap() };
    let (told, ()) = tokio::join!(node.propose(set("a", "1")), stop);
    assert_eq!(told, Err(ProposeFault::Stopping), "a stop does not wait for a leader");
}

#[tokio::test]
async fn a_command_that_is_too_large_is_refused() {
    let (node, _) = start_in(None).await;
    let fault = node.propose(set("a", &"x".repeat(COMMAND_BYTES_MAX))).await.unwrap_err();
    assert!(matches!(fault, ProposeFault::TooLarge { .. }), "{fault}");
    node.propose(set("a", &"x".repeat(COMMAND_BYTES_MAX - 100))).await.unwrap();
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_was_written_is_there_after_a_shutdown() {
    let dir = tempfile::tempdir().unwrap();
    let (node, reader) = start_in(Some(dir.path())).await;
    write(&node, 0..100).await;
    let (cluster, before) = (node.cluster(), rows(&reader.load()));
    node.shutdown().await.unwrap();
    let (node, reader) = start_in(Some(dir.path())).await;
    assert_eq!(rows(&reader.load()), before);
    assert_eq!(node.cluster().peers, cluster.peers);
    assert!(cluster.term < node.cluster().term);
    node.barrier(Consistency::Linearizable).await.unwrap();
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let (node, reader) = start_in(Some(dir.path())).await;
    for round in 0..5 {
        write(&node, round * 20..round * 20 + 20).await;
        let copy = tempfile::tempdir().unwrap();
        copy_dir(dir.path(), copy.path());
        let (restarted, seen) = start_in(Some(copy.path())).await;
        assert_eq!(rows(&seen.load()), rows(&reader.load()));
        assert_eq!(restarted.id(), node.id());
        restarted.shutdown().await.unwrap();
    }
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn mirror_and_tail_give_the_same_rows_after_a_purge() {
    let dir = tempfile::tempdir().unwrap();
    let (node, reader) = start_in(Some(dir.path())).await;
    let writes: Vec<_> = (0..3_000).map(|n| (n % 700, n)).collect();
    for chunk in writes.chunks(500) {
        let proposed =
            chunk.iter().map(|(key, n)| node.propose(set(&format!("k{key}"), &n.to_string())));
        futures_util::future::try_join_all(proposed).await.unwrap();
    }
    let purged = purge(&node).await;
    assert!(1_000 < purged, "{purged}");
    write(&node, 0..10).await;
    let before = rows(&reader.load());
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), copy.path());
    node.shutdown().await.unwrap();
    for dir in [dir.path(), copy.path()] {
        let (node, reader) = start_in(Some(dir)).await;
        assert_eq!(rows(&reader.load()), before);
        assert_eq!(reader.load().audit(), Vec::<String>::new());
        write(&node, 10..20).await;
        node.shutdown().await.unwrap();
    }
}

/// Has the log purged and waits for it.
async fn purge(node: &RaftNode) -> u64 {
    use openraft::async_runtime::watch::WatchReceiver;
    node.inner.raft.trigger().snapshot().await.unwrap();
    let mut metrics = node.inner.raft.metrics();
    loop {
        let purged = metrics.borrow_watched().purged;
        if let Some(purged) = purged {
            return purged.index;
        }
        metrics.changed().await.unwrap();
    }
}

#[tokio::test]
async fn a_mirror_that_is_older_than_the_log_begins_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (node, _) = start_in(Some(dir.path())).await;
    for chunk in 0..4 {
        let proposed = (0..500).map(|n| node.propose(set(&format!("k{n}"), &chunk.to_string())));
        futures_util::future::try_join_all(proposed).await.unwrap();
    }
    purge(&node).await;
    node.shutdown().await.unwrap();
    fs::remove_dir_all(dir.path().join("state")).unwrap();
    let fault = start(options(Some(dir.path())), publisher().0).await.err().unwrap();
    let text = format!("{fault}: {}", std::error::Error::source(&fault).unwrap());
    assert!(text.contains("/state` is damaged"), "{text}");
    assert!(text.contains("it ends at entry nothing, but the log begins after entry"), "{text}");
}

#[tokio::test]
async fn a_new_address_is_told_to_the_cluster() {
    let dir = tempfile::tempdir().unwrap();
    let (node, _) = start_in(Some(dir.path())).await;
    node.shutdown().await.unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 9300));
    let moved = RaftOptions { address, ..options(Some(dir.path())) };
    let node = start(moved, publisher().0).await.unwrap();
    assert_eq!(node.cluster().leader_address(), Some(address));
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_damaged_journal_opens_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (node, _) = start_in(Some(dir.path())).await;
    write(&node, 0..30).await;
    let acknowledged = node.cluster().last_log;
    let kept = keep_dir(dir.path());
    node.shutdown().await.unwrap();

    let is_journal = |file: &&Kept| {
        file.path.starts_with("raft") && file.path.extension().is_some_and(|e| e == "jnl")
    };
    let journal = kept.iter().find(is_journal).unwrap();
    let (mut whole, mut refused) = (0, 0);
    for step in 0..40 {
        let at = journal.bytes.len() * step / 40;
        for damage in [Damage::Flip, Damage::Cut, Damage::Zero] {
            let copy = tempfile::tempdir().unwrap();
            for file in &kept {
                file.write(copy.path());
            }
            damage.apply(journal, at).write(copy.path());
            match DataDir::open(copy.path()).and_then(|home| home.open_log()) {
                Ok(log) => {
                    let last = log.extent.last.map_or(0, |last| last.index);
                    assert!(acknowledged <= last, "{damage:?} at {at} lost entries after {last}");
                    whole += 1;
                }
                Err(_fault) => refused += 1,
            }
        }
    }
    // Nearly all must be refused, or the surgery missed.
    assert!(100 < refused, "only {refused} refused, {whole} whole");
}

/// A way to damage a file.
#[derive(Debug)]
enum Damage {
    /// One byte is another.
    Flip,
    /// Nothing is left from here on.
    Cut,
    /// A page reads as zeros.
    Zero,
}

impl Damage {
    fn apply(&self, file: &Kept, at: usize) -> Kept {
        let Kept { path, mut bytes, mut length } =
            Kept { path: file.path.clone(), bytes: file.bytes.clone(), length: file.length };
        match self {
            Self::Flip => bytes[at] ^= 0x55,
            Self::Cut => {
                bytes.truncate(at);
                length = at as u64;
            }
            Self::Zero => bytes.iter_mut().skip(at).take(4096).for_each(|byte| *byte = 0),
        }
        Kept { path, bytes, length }
    }
}

/// A disk in front of which something happens.
struct Guarded<F> {
    /// The real one.
    disk: DiskJournal,
    /// What happens before each write.
    guard: F,
}

impl<F: FnMut() -> io::Result<()> + Send + 'static> Journal for Guarded<F> {
    fn write(&mut self, group: &CommitGroup) -> io::Result<()> {
        (self.guard)()?;
        self.disk.write(group)
    }
    fn truncate(&mut self, from: u64) -> io::Result<()> {
        (self.guard)()?;
        self.disk.truncate(from)
    }
    fn sweep(&mut self, range: Range<u64>) -> io::Result<()> {
        (self.guard)()?;
        self.disk.sweep(range)
    }
    fn marks(&self) -> Marks {
        self.disk.marks()
    }
    fn note(&mut self, marks: Marks) -> io::Result<()> {
        self.disk.note(marks)
    }
    fn sync_notes(&mut self) -> io::Result<()> {
        self.disk.sync_notes()
    }
}

/// Starts on a disk that does something before each write.
async fn start_guarded(
    dir: &Path,
    guard: impl FnMut() -> io::Result<()> + Send + 'static,
) -> (RaftNode, Reader) {
    let health = Arc::new(Health::new(Some(dir.to_owned()), 0));
    let home = DataDir::open(dir).unwrap();
    let parts = on_disk(home, Arc::clone(&health), |disk| Guarded { disk, guard }).unwrap();
    let (publisher, reader) = publisher();
    (run(options(None), publisher, health, parts).await.unwrap(), reader)
}

/// Starts on a disk that fails when the flag says so.
async fn start_failing(dir: &Path, is_broken: &Arc<AtomicBool>) -> (RaftNode, Reader) {
    let is_broken = Arc::clone(is_broken);
    let guard = move || {
        let is_broken = is_broken.load(Ordering::Acquire);
        if is_broken { Err(io::Error::other("input/output error")) } else { Ok(()) }
    };
    start_guarded(dir, guard).await
}

#[tokio::test]
async fn a_proposal_whose_writer_left_counts_until_it_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let is_slow = Arc::new(AtomicBool::new(false));
    let slow = Arc::clone(&is_slow);
    let guard = move || {
        // Ends when the test drops the other end.
        let _ = slow.load(Ordering::Acquire).then(|| released.recv());
        Ok(())
    };
    let (node, reader) = start_guarded(dir.path(), guard).await;
    is_slow.store(true, Ordering::Release);
    let mut proposed = node.propose(set("a", &"x".repeat(100_000)));
    assert!(futures_util::poll!(&mut proposed).is_pending());
    drop(proposed);
    assert!(node.inner.room.available_permits() < PROPOSED_BYTES_MAX - 100_000);
    drop(release);
    let all = u32::try_from(PROPOSED_BYTES_MAX).unwrap();
    drop(node.inner.room.acquire_many(all).await.unwrap());
    assert!(reader.load().key("a").is_some());
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_failed_disk_refuses_writes_and_goes_on_reading() {
    let dir = tempfile::tempdir().unwrap();
    let is_broken = Arc::new(AtomicBool::new(false));
    let (node, reader) = start_failing(dir.path(), &is_broken).await;
    write(&node, 0..3).await;
    is_broken.store(true, Ordering::Release);
    let text =
        "a write to the log failed: input/output error; reads go on, writes only after a restart";
    let refused = ProposeFault::Storage(text.to_owned());
    let proposed =
        futures_util::future::join_all((0..8).map(|n| node.propose(set(&format!("lost{n}"), "x"))));
    assert_eq!(proposed.await, vec![Err(refused.clone()); 8]);
    // A disk that comes back is not trusted before a restart.
    is_broken.store(false, Ordering::Release);
    assert_eq!(node.propose(set("a", "1")).await, Err(refused));
    assert_eq!(reader.load().keys().count(), 3);
    for consistency in [Consistency::Stale, Consistency::Lease, Consistency::Linearizable] {
        assert_eq!(node.barrier(consistency).await, Ok(()));
    }
    assert_eq!((node.cluster().leader, node.cluster().is_leader), (None, false));
    node.shutdown().await.unwrap();
    let (node, reader) = start_in(Some(dir.path())).await;
    assert_eq!(reader.load().keys().count(), 3);
    write(&node, 3..6).await;
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_panic_of_the_database_leaves_no_writer_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let guard = move || {
        assert!(!broken.load(Ordering::Acquire), "a journal that makes no sense");
        Ok(())
    };
    let (node, reader) = start_guarded(dir.path(), guard).await;
    write(&node, 0..3).await;
    is_broken.store(true, Ordering::Release);
    let told = tokio::time::timeout(Duration::from_secs(10), node.propose(set("lost", "x"))).await;
    let fault = told.expect("the writer is told").unwrap_err().to_string();
    assert!(fault.contains("a journal that makes no sense"), "{fault}");
    assert_eq!(reader.load().keys().count(), 3);
    assert_eq!(node.barrier(Consistency::Linearizable).await, Ok(()));
    node.shutdown().await.unwrap();
    let (node, reader) = start_in(Some(dir.path())).await;
    assert_eq!(reader.load().keys().count(), 3);
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_disk_that_fails_at_the_start_still_shows_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let (node, _) = start_in(Some(dir.path())).await;
    write(&node, 0..3).await;
    node.shutdown().await.unwrap();
    let (node, reader) = start_failing(dir.path(), &Arc::new(AtomicBool::new(true))).await;
    assert_eq!(reader.load().keys().count(), 3);
    assert!(reader.load().is_ready());
    assert!(matches!(node.propose(set("a", "1")).await, Err(ProposeFault::Storage(_))));
    node.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_refused_before_it_fails() {
    let dir = tempfile::tempdir().unwrap();
    let health = Arc::new(Health::new(Some(dir.path().to_owned()), u64::MAX));
    let home = DataDir::open(dir.path()).unwrap();
    let parts = on_disk(home, Arc::clone(&health), |disk| disk).unwrap();
    let (publisher, reader) = publisher();
    let node = run(options(None), publisher, health, parts).await.unwrap();
    let fault = node.propose(set("a", "1")).await.unwrap_err().to_string();
    assert!(fault.starts_with("this server does not accept writes: disk is full: "), "{fault}");
    assert!(fault.ends_with(" MiB free, 17592186044415 MiB needed"), "{fault}");
    assert!(reader.load().is_ready());
    assert_eq!(node.barrier(Consistency::Linearizable).await, Ok(()));
    node.shutdown().await.unwrap();
}
