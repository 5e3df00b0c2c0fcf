//! The start: open, compare, read, catch up, publish.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{InitializeError, RaftError};
use openraft::{ChangeMembers, Config, SnapshotPolicy, StorageHelper};
use tokio::task::JoinSet;

use crate::publish::{Publisher, Renewals};
use crate::raft::fault::{DamageFault, RaftFault};
use crate::raft::health::{FREE_BYTES_MIN, Health, now};
use crate::raft::home::{DataDir, OpenLog, new_node_id};
use crate::raft::log::LogStore;
use crate::raft::log::journal::Journal;
use crate::raft::machine::StateMachine;
use crate::raft::machine::keeper::Keeper;
use crate::raft::machine::mirror::Mirror;
use crate::raft::machine::state::Replica;
use crate::raft::network::Network;
use crate::raft::node::{Inner, RaftNode, RaftOptions, proposing_room};
use crate::raft::types::{PeerNode, Raft};

/// Opens (or creates) log and mirror, publishes what they hold, takes part in the cluster.
///
/// A sole voter leads, and shows everything that was acknowledged, when this returns.
///
/// # Errors
/// [`RaftFault`], where the data dir does not hold what was acknowledged.
pub async fn start(mut options: RaftOptions, publisher: Publisher) -> Result<RaftNode, RaftFault> {
    let home = options.data_dir.take();
    let counted = home.as_ref().map(|home| home.path().to_owned());
    let health = Arc::new(Health::new(counted, FREE_BYTES_MIN));
    let parts = match home {
        None => in_memory(&health),
        Some(home) => {
            let health = Arc::clone(&health);
            let open = move || on_disk(home, health, |opened| opened);
            tokio::task::spawn_blocking(open).await.map_err(consensus)??
        }
    };
    run(options, publisher, health, parts).await
}

/// What is opened before openraft starts.
pub(in crate::raft) struct Parts {
    /// The number of this peer.
    pub(in crate::raft) id: u64,
    /// The data dir.
    pub(in crate::raft) home: Option<DataDir>,
    /// The log.
    pub(in crate::raft) log: LogStore,
    /// The state that the mirror holds.
    pub(in crate::raft) state: Replica,
    /// The mirror.
    pub(in crate::raft) keeper: Arc<Keeper>,
}

fn in_memory(health: &Arc<Health>) -> Parts {
    let keeper = Arc::new(Keeper::new(None, Replica::default(), Arc::clone(health)));
    let (log, state) = (LogStore::in_memory(), Replica::default());
    Parts { id: new_node_id(), home: None, log, state, keeper }
}

/// Opens what a data dir holds; `wrap` may put something between the log thread and the disk.
pub(in crate::raft) fn on_disk<J: Journal>(
    home: DataDir,
    health: Arc<Health>,
    wrap: impl FnOnce(crate::raft::log::disk::DiskJournal) -> J,
) -> Result<Parts, RaftFault> {
    let path = home.mirror_path();
    // A new database takes dozens of syncs and an old one is read whole, so the two are opened side by side.
    let (log, mirror) = thread::scope(|scope| {
        let mirror = scope.spawn(|| Mirror::open(&path));
        (home.open_log(), mirror.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    let OpenLog { disk, journal, meta, extent, node_id } = log?;
    let (mirror, state) = match mirror {
        // The log still has everything that the mirror should hold.
        Err(fault) if meta.purged.is_none() && fault.is_damage() => {
            tracing::warn!(
                reason = reasons(&fault),
                "the state is damaged and made anew from the log; the old one is in `state.damaged`"
            );
            home.set_mirror_aside()?;
            Mirror::open(&path)?
        }
        opened => opened?,
    };
    let applied = state.position.applied;
    if let Some(purged) = meta.purged
        && applied.map(|id| id.index) < Some(purged.index)
    {
        let applied = applied.map_or_else(|| "nothing".to_owned(), |id| id.index.to_string());
        let source = Box::new(DamageFault::Behind { applied, purged: purged.index });
        return Err(RaftFault::Mirror { path, source });
    }
    let log = LogStore::on_disk(disk, (meta, extent), wrap(journal), Arc::clone(&health))
        .map_err(RaftFault::Thread)?;
    let keeper = Arc::new(Keeper::new(Some(mirror), state.clone(), health));
    Ok(Parts { id: node_id, home: Some(home), log, state, keeper })
}

/// Starts openraft on what was opened.
pub(in crate::raft) async fn run(
    options: RaftOptions,
    publisher: Publisher,
    health: Arc<Health>,
    parts: Parts,
) -> Result<RaftNode, RaftFault> {
    let started = now();
    let Parts { id, home, mut log, state, keeper } = parts;
    let publisher = Arc::new(publisher);
    let mut machine = StateMachine::new(state, Arc::clone(&publisher), Arc::clone(&keeper));
    let membership = StorageHelper::new(&mut log, &mut machine).get_membership().await;
    let voters: Vec<u64> =
        membership.map_err(consensus)?.effective().membership().voter_ids().collect();
    if voters.iter().any(|voter| *voter != id) {
        // A vote that is granted right after a restart could make a second leader while the first still reads
        // under a lease that this peer confirmed before it went down: openraft forgets the lease.
        tokio::time::sleep(Duration::from_millis(ELECTION_MAX_MS)).await;
    }
    let config = Arc::new(config(home.is_some()).map_err(consensus)?);
    let built = Raft::build(id, config, Network, log.clone(), machine).await;
    let raft = built.map_err(consensus)?;
    raft.run();
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&keeper).run(raft.clone()));
    let node = RaftNode {
        inner: Arc::new(Inner {
            id,
            watched: raft.metrics(),
            raft,
            health,
            log,
            keeper,
            tasks: Mutex::new(tasks),
            home: Mutex::new(home),
            room: proposing_room(),
            is_stopping: AtomicBool::new(false),
            leader_hold: options.leader_hold,
            clock: options.clock,
            renewals: Renewals::default(),
            started,
        }),
    };
    let result = take_part(&node, &options, &voters, &publisher).await;
    if result.is_err() && node.shutdown().await.is_err() {
        tracing::warn!("a start that failed could not close its files");
    }
    result.map(|()| node)
}

/// Founds a cluster where that is due, catches up as far as this peer can alone, and publishes.
async fn take_part(
    node: &RaftNode,
    options: &RaftOptions,
    voters: &[u64],
    publisher: &Publisher,
) -> Result<(), RaftFault> {
    let Inner { id, raft, .. } = &*node.inner;
    let own = PeerNode { name: options.node.clone(), address: options.address };
    let is_new = voters.is_empty();
    if is_new && !options.bootstrap {
        // Nothing is known: the View stays unready until a leader tells.
        return Ok(());
    }
    if is_new {
        match raft.initialize(BTreeMap::from([(*id, own.clone())])).await {
            // Entries without a membership: a leader told them, so there is a cluster already.
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
            Err(RaftError::APIError(fault)) => return Err(consensus(fault)),
            // The disk failed: what is there is published all the same.
            Err(RaftError::Fatal(fault)) => tracing::error!(%fault, "cannot found a cluster"),
        }
    }
    if is_new || voters == [*id] {
        // Nobody else can win: no reason to wait for a timeout.
        let _ = raft.trigger().elect(false).await;
        catch_up(node).await;
        follow_address(node, own).await;
    }
    let opened = raft.with_state_machine(|machine| {
        machine.open();
        Box::pin(async {})
    });
    match opened.await {
        Ok(()) => Ok(()),
        // The consensus is down, but what was agreed on before is there to be read.
        Err(_) if node.inner.health.failure().is_some() => {
            publisher.replace(node.inner.keeper.state().view());
            Ok(())
        }
        Err(fault) => Err(consensus(fault)),
    }
}

/// Waits until everything in the log is applied, or never will be.
async fn catch_up(node: &RaftNode) {
    let mut metrics = node.inner.raft.metrics();
    loop {
        let is_done = {
            let now = metrics.borrow_watched();
            let committed = now.cluster_committed.map(|id| id.index);
            let is_agreed = committed.is_some() && now.last_log_index <= committed;
            let is_applied = committed <= now.last_applied.map(|id| id.index);
            now.running_state.is_err() || (is_agreed && is_applied)
        };
        if is_done || node.inner.health.failure().is_some() {
            return;
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

/// Tells the cluster of one that its member is called otherwise, or reached elsewhere, than before.
async fn follow_address(node: &RaftNode, own: PeerNode) {
    let known = node.metrics().membership_config.get_node(&node.inner.id).cloned();
    if known.is_none_or(|known| known == own) {
        return;
    }
    let change = ChangeMembers::SetNodes(BTreeMap::from([(node.inner.id, own)]));
    if let Err(fault) = node.inner.raft.change_membership(change, true).await {
        tracing::warn!(%fault, "the cluster still knows this server under its old address");
    }
}

/// openraft's settings; what is not named is as openraft has it.
fn config(is_on_disk: bool) -> Result<Config, openraft::ConfigError> {
    let config = Config {
        cluster_name: "lictor".to_owned(),
        heartbeat_interval: HEARTBEAT_MS,
        election_timeout_min: ELECTION_MIN_MS,
        election_timeout_max: ELECTION_MAX_MS,
        // Without it, a peer that was cut off brings down a healthy leader when it returns.
        enable_pre_vote: Some(true),
        // A leader that reaches only one voter must not keep the others from electing (openraft#2080).
        quorum_loss_probe_interval: Some(2 * ELECTION_MAX_MS),
        // A restarted leader would resume with a state that may be older than what it showed before.
        enable_leader_restore: Some(false),
        // "Saving a state" is a sync of the mirror: the keeper knows when.
        snapshot_policy: SnapshotPolicy::Never,
        // Kept for followers that are a little behind; in memory there are none.
        max_in_snapshot_log_to_keep: if is_on_disk { TRAILING_ENTRIES } else { 0 },
        purge_batch_size: 256,
        // What waits is bounded by bytes before it comes here; these only bound the number.
        api_channel_size: Some(4_096),
        notification_channel_size: Some(4_096),
        max_append_entries: Some(1_024),
        ..Config::default()
    };
    config.validate()
}

/// The reasons of a fault, on one line. Its own text is for those who have to give up.
fn reasons(fault: &RaftFault) -> String {
    let reasons = std::iter::successors(std::error::Error::source(fault), |fault| fault.source());
    reasons.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn consensus(fault: impl std::error::Error + Send + Sync + 'static) -> RaftFault {
    RaftFault::Consensus(Box::new(fault))
}

/// Time between a leader's signs of life, in milliseconds.
const HEARTBEAT_MS: u64 = 100;

/// Shortest silence that starts an election, in milliseconds: well above a slow sync.
const ELECTION_MIN_MS: u64 = 300;

/// Longest silence that starts an election, in milliseconds; also a leader's lease.
const ELECTION_MAX_MS: u64 = 500;

/// How long nobody else can be elected after a quorum heard the leader.
pub(super) const LEASE: Duration = Duration::from_millis(ELECTION_MAX_MS);

/// Entries that stay in the log although the mirror has them.
const TRAILING_ENTRIES: u64 = 1_024;
