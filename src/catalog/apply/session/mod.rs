//! Sessions begin and end; whatever ends one gives back its locks.

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::apply::{kv, prepared_query};
use crate::catalog::command::SessionDestroy;
use crate::catalog::reply::{Changes, Reject, Reply, Topic};
use crate::catalog::row::RowKey;
use crate::catalog::state::Catalog;
use crate::model::health::Status;
use crate::model::limits::LOCK_DELAY_MAX;
use crate::model::name::{CheckId, Key, NodeName};
use crate::model::number::Revision;
use crate::model::session::{Behavior, Session, SessionId};

/// Begins a session. One that is there already was begun by the same command: it is left as it is.
pub(super) fn create(
    catalog: &mut Catalog,
    revision: Revision,
    session: &Session,
    changes: &mut Changes,
) -> Reply {
    if catalog.sessions.contains_key(&session.id) {
        return Reply::Done(revision);
    }
    if let Err(reject) = check_session(catalog, session) {
        return Reply::Rejected(reject);
    }
    let (create_revision, modify_revision) = (revision, revision);
    let session = Session { create_revision, modify_revision, ..session.clone() };
    note_session(catalog, revision, &session, changes);
    catalog.put_session(&Arc::new(session));
    Reply::Done(revision)
}

/// Ends a session that a client or the leader's timer wants to end. One that is not there has ended already.
pub(super) fn destroy(
    catalog: &mut Catalog,
    revision: Revision,
    destroy: &SessionDestroy,
    changes: &mut Changes,
) -> Reply {
    end(catalog, revision, destroy.id, changes);
    Reply::Done(revision)
}

/// Ends the sessions of a node.
pub(super) fn end_with_node(
    catalog: &mut Catalog,
    revision: Revision,
    node: &NodeName,
    changes: &mut Changes,
) {
    let ended: Vec<SessionId> = catalog.sessions_on(node).map(|session| session.id).collect();
    for id in ended {
        end(catalog, revision, id, changes);
    }
}

/// Ends the sessions that depend on a check.
pub(super) fn end_with_check(
    catalog: &mut Catalog,
    revision: Revision,
    node: &NodeName,
    check: &CheckId,
    changes: &mut Changes,
) {
    let start = (node.clone(), check.clone(), SessionId::LEAST);
    let bound = catalog.check_sessions.range(start..);
    let ended: Vec<SessionId> = bound
        .take_while(|(of_node, of_check, _)| of_node == node && of_check == check)
        .map(|(_, _, id)| *id)
        .collect();
    for id in ended {
        end(catalog, revision, id, changes);
    }
}

/// Forgets lock delays that have passed. One that would take longer than any may was stamped by a clock that
/// was wrong, and must not hold a lock back until that time comes.
pub(super) fn forget_lock_delays(catalog: &mut Catalog, changes: &mut Changes) {
    let now = catalog.tables.clock;
    let latest = now.after(LOCK_DELAY_MAX);
    let mut forget = |catalog: &mut Catalog, key: Key| {
        catalog.end_lock_delay(&key);
        changes.rows.insert(RowKey::LockDelay(key));
    };
    while let Some((until, key)) = catalog.lock_delay_ends.get_min().cloned()
        && until <= now
    {
        forget(catalog, key);
    }
    while let Some((until, key)) = catalog.lock_delay_ends.get_max().cloned()
        && latest < until
    {
        forget(catalog, key);
    }
}

fn check_session(catalog: &Catalog, session: &Session) -> Result<(), Reject> {
    let entry = catalog.nodes.get(&session.node).ok_or(Reject::SessionNodeUnknown)?;
    for id in session.check_ids() {
        let check = entry.checks.get(id).ok_or_else(|| Reject::SessionCheckUnknown(id.clone()))?;
        if check.status == Status::Critical {
            return Err(Reject::SessionCheckCritical(id.clone()));
        }
    }
    Ok(())
}

/// Ends a session: its locks are released or its keys deleted, and nobody gets them for its lock delay.
fn end(catalog: &mut Catalog, revision: Revision, id: SessionId, changes: &mut Changes) {
    let Some(session) = catalog.remove_session(id) else { return };
    note_session(catalog, revision, &session, changes);
    catalog.tables.session_extinction = revision;
    let delay = Duration::from_nanos(session.lock_delay_ns).min(LOCK_DELAY_MAX);
    let until = catalog.tables.clock.after(delay);
    for key in catalog.keys_of_session(id) {
        match session.behavior {
            Behavior::Release => kv::unlock(catalog, revision, &key, changes),
            Behavior::Delete => kv::remove(catalog, revision, &key, changes),
        }
        if catalog.tables.clock < until {
            catalog.delay_lock(&key, until);
            changes.rows.insert(RowKey::LockDelay(key));
        }
    }
    prepared_query::end_with_session(catalog, revision, id, changes);
}

fn note_session(
    catalog: &mut Catalog,
    revision: Revision,
    session: &Session,
    changes: &mut Changes,
) {
    catalog.tables.sessions = revision;
    changes.rows.insert(RowKey::Session(session.id));
    changes.topics.insert(Topic::Sessions);
    changes.topics.insert(Topic::NodeSessions(session.node.clone()));
    changes.topics.insert(Topic::Session(session.id));
}

#[cfg(test)]
pub(in crate::catalog::apply) mod tests;
