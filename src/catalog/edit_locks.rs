//! One change to keys, sessions or locks → all maps that show it, each function leaving them in agreement.

use std::sync::Arc;

use imbl::OrdSet;

use crate::catalog::state::Catalog;
use crate::model::kv::KvPair;
use crate::model::name::Key;
use crate::model::session::{Session, SessionId};
use crate::model::time::Now;

impl Catalog {
    /// Puts an entry under its key.
    pub(in crate::catalog) fn put_pair(&mut self, pair: &Arc<KvPair>) {
        let before = self.kv.insert(pair.key.clone(), Arc::clone(pair));
        self.forget_lock(before.as_deref());
        if let Some(session) = pair.session {
            self.session_keys.entry(session).or_default().insert(pair.key.clone());
        }
    }

    /// Takes an entry away, and the lock on it.
    pub(in crate::catalog) fn remove_pair(&mut self, key: &Key) {
        let before = self.kv.remove(key);
        self.forget_lock(before.as_deref());
    }

    /// Takes the lock of an entry that is gone from who held it.
    fn forget_lock(&mut self, before: Option<&KvPair>) {
        let Some((key, session)) = before.and_then(|pair| Some((&pair.key, pair.session?))) else {
            return;
        };
        let Some(keys) = self.session_keys.get_mut(&session) else { return };
        keys.remove(key);
        if keys.is_empty() {
            self.session_keys.remove(&session);
        }
    }

    /// Puts a session in place that was not there.
    pub(in crate::catalog) fn put_session(&mut self, session: &Arc<Session>) {
        let (node, id) = (&session.node, session.id);
        self.node_sessions.insert((node.clone(), id));
        for check in session.check_ids() {
            self.check_sessions.insert((node.clone(), check.clone(), id));
        }
        self.sessions.insert(id, Arc::clone(session));
    }

    /// Takes a session away. What it held stays in [`Catalog::session_keys`]: the caller sees to that.
    pub(in crate::catalog) fn remove_session(&mut self, id: SessionId) -> Option<Arc<Session>> {
        let session = self.sessions.remove(&id)?;
        self.node_sessions.remove(&(session.node.clone(), id));
        for check in session.check_ids() {
            self.check_sessions.remove(&(session.node.clone(), check.clone(), id));
        }
        Some(session)
    }

    /// The keys whose locks a session holds.
    pub(in crate::catalog) fn keys_of_session(&self, id: SessionId) -> OrdSet<Key> {
        self.session_keys.get(&id).cloned().unwrap_or_default()
    }

    /// Lets nobody have the lock of a key for a while.
    pub(in crate::catalog) fn delay_lock(&mut self, key: &Key, until: Now) {
        self.end_lock_delay(key);
        self.lock_delays.insert(key.clone(), until);
        self.lock_delay_ends.insert((until, key.clone()));
    }

    /// Lets anybody have the lock of a key again.
    pub(in crate::catalog) fn end_lock_delay(&mut self, key: &Key) {
        if let Some(until) = self.lock_delays.remove(key) {
            self.lock_delay_ends.remove(&(until, key.clone()));
        }
    }
}
