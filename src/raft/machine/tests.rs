//! A saved state on its way to a peer.

use crate::catalog::Catalog;
use crate::catalog::apply::apply;
use crate::catalog::backup::BackupFault;
use crate::catalog::command::{Command, KvSet};
use crate::model::name::Key;
use crate::model::number::Revision;
use crate::model::time::Now;
use crate::raft::machine::Saved;
use crate::raft::machine::state::Position;

fn saved() -> Saved {
    let mut catalog = Catalog::default();
    let key = Key::new("a").unwrap();
    let set = KvSet { key, value: "x".into(), flags: 7, cas: None };
    apply(&mut catalog, Revision(3), Now(0), &Command::KvSet(set));
    Saved { catalog, index_base: 1 << 40 }
}

#[test]
fn a_saved_state_arrives_as_it_was() {
    let before = saved();
    let after = Saved::decode(&before.encode()).unwrap();
    assert!(before.catalog.rows().eq(after.catalog.rows()));
    assert_eq!(after.index_base, 1 << 40);
}

#[test]
fn a_saved_state_that_is_cut_is_refused() {
    let bytes = saved().encode();
    for end in 0..bytes.len() {
        assert!(Saved::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    assert!(matches!(Saved::decode(&[]), Err(BackupFault::Short(0))));
}

#[test]
fn a_revision_is_a_log_position_and_what_a_restore_added() {
    let position = |index_base| Position { index_base, ..Position::default() };
    assert_eq!(position(0).revision(0), Revision(1));
    assert_eq!(position(100).revision(7), Revision(108));
    assert_eq!(position(u64::MAX).revision(7), Revision(u64::MAX));
}
