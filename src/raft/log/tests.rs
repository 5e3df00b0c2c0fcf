//! The log against openraft's own suite, in memory and on disk; entries as bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openraft::testing::log::{StoreBuilder, Suite};
use openraft::{EntryPayload, StorageError};
use tempfile::TempDir;

use crate::catalog::Command;
use crate::catalog::command::KvSet;
use crate::model::name::Key;
use crate::model::time::Now;
use crate::publish::publisher;
use crate::raft::health::Health;
use crate::raft::home::DataDir;
use crate::raft::log::{LogStore, entry};
use crate::raft::machine::StateMachine;
use crate::raft::machine::keeper::Keeper;
use crate::raft::machine::state::Replica;
use crate::raft::node::{Parts, on_disk};
use crate::raft::types::{Entry, LeaderId, LogId, Membership, PeerNode, Proposal, TypeConfig};

/// Makes stores without a data dir.
struct InMemory;

impl StoreBuilder<TypeConfig, LogStore, StateMachine> for InMemory {
    async fn build(&self) -> Result<((), LogStore, StateMachine), StorageError<TypeConfig>> {
        let keeper = Keeper::new(None, Replica::default(), Arc::new(Health::new(None, 0)));
        let publisher = Arc::new(publisher().0);
        Ok((
            (),
            LogStore::in_memory(),
            StateMachine::new(Replica::default(), publisher, Arc::new(keeper)),
        ))
    }
}

/// Makes stores with a data dir each.
struct OnDisk;

impl StoreBuilder<TypeConfig, LogStore, StateMachine, TempDir> for OnDisk {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError<TypeConfig>> {
        let dir = tempfile::tempdir().unwrap();
        let home = DataDir::open(dir.path()).unwrap();
        let health = Arc::new(Health::new(None, 0));
        let Parts { log, state, keeper, .. } = on_disk(home, health, |disk| disk).unwrap();
        Ok((dir, log, StateMachine::new(state, Arc::new(publisher().0), keeper)))
    }
}

#[tokio::test]
async fn openraft_accepts_the_log_in_memory() {
    Suite::test_all(InMemory).await.unwrap();
}

#[tokio::test]
async fn openraft_accepts_the_log_on_disk() {
    Suite::test_all(OnDisk).await.unwrap();
}

/// An entry that carries a command.
fn command_entry(index: u64) -> Entry {
    let set = KvSet { key: Key::new("a").unwrap(), value: "x".into(), flags: 0, cas: None };
    let proposal = Proposal::new(Command::KvSet(set), Now(7)).unwrap();
    let log_id = LogId { leader_id: LeaderId { term: 3, node_id: 9 }, index };
    Entry { log_id, payload: EntryPayload::Normal(proposal) }
}

#[test]
fn entries_come_back_as_they_were() {
    let node = PeerNode::default();
    let membership = Membership::new(vec![BTreeSet::from([9])], BTreeMap::from([(9, node)]));
    let payloads = [
        EntryPayload::Blank,
        EntryPayload::Membership(membership.unwrap()),
        command_entry(5).payload,
    ];
    for payload in payloads {
        let before = Entry { payload, ..command_entry(5) };
        assert_eq!(entry::decode(5, &entry::encode(&before)).unwrap(), before);
    }
}

#[test]
fn an_entry_with_one_other_bit_or_cut_is_refused() {
    let whole = entry::encode(&command_entry(5)).to_vec();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        assert!(entry::decode(5, &bytes).is_err(), "bit flipped at {at}");
        assert!(entry::decode(5, &whole[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn an_entry_in_another_place_is_refused() {
    let fault = entry::decode(6, &entry::encode(&command_entry(5))).unwrap_err();
    assert_eq!(fault.to_string(), "log entry 5 stands where log entry 6 belongs");
}

#[test]
fn an_entry_of_a_newer_format_is_refused() {
    let mut bytes = entry::encode(&command_entry(5)).to_vec();
    bytes[4] = 2;
    let checksum = crc32fast::hash(&bytes[4..]).to_le_bytes();
    bytes[..4].copy_from_slice(&checksum);
    let fault = entry::decode(5, &bytes).unwrap_err();
    assert_eq!(fault.to_string(), "log entry 5 has format 2; this version reads format 1");
}

/// The first versions did not write when an entry was proposed.
#[test]
fn an_entry_without_a_time_is_read() {
    #[derive(serde::Serialize)]
    struct First {
        index: u64,
        term: u64,
        leader: u64,
        payload: BTreeMap<&'static str, bytes::Bytes>,
    }
    let EntryPayload::Normal(proposal) = command_entry(5).payload else { panic!("no command") };
    let payload = BTreeMap::from([("command", proposal.bytes().clone())]);
    let mut bytes = vec![0, 0, 0, 0, 1];
    rmp_serde::encode::write_named(&mut bytes, &First { index: 5, term: 3, leader: 9, payload })
        .unwrap();
    let checksum = crc32fast::hash(&bytes[4..]).to_le_bytes();
    bytes[..4].copy_from_slice(&checksum);
    let EntryPayload::Normal(read) = entry::decode(5, &bytes).unwrap().payload else {
        panic!("no command")
    };
    assert_eq!((read.command(), read.at()), (proposal.command(), Now(0)));
}

#[test]
fn a_command_of_a_newer_peer_keeps_its_bytes() {
    let bytes = rmp_serde::to_vec_named(&BTreeMap::from([("op", "frobnicate")])).unwrap();
    let proposal = Proposal::decode(bytes.clone().into(), Now(7)).unwrap();
    assert_eq!(proposal.command(), &Command::Unknown);
    let before = Entry { payload: EntryPayload::Normal(proposal), ..command_entry(5) };
    let EntryPayload::Normal(after) = entry::decode(5, &entry::encode(&before)).unwrap().payload
    else {
        panic!("no command")
    };
    assert_eq!(after.bytes(), &bytes);
}
