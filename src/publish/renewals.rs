//! Renewed sessions, on their way from who renews them to the leader's timers: memory, never a log entry.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::model::session::SessionId;

/// Sessions that were renewed and whose timers do not know it yet; clones are the same one. It holds no more
/// than there are sessions, as long as only those are noted that are there.
#[derive(Clone, Debug, Default)]
pub struct Renewals {
    /// What all clones share.
    shared: Arc<Shared>,
}

/// What all clones share.
#[derive(Debug, Default)]
struct Shared {
    /// The sessions.
    renewed: Mutex<BTreeSet<SessionId>>,
    /// Wakes who waits for them.
    notify: Notify,
}

impl Renewals {
    /// Notes that a session was renewed.
    pub fn note(&self, session: SessionId) {
        // No code under this lock panics half-way through a change.
        self.shared.renewed.lock().unwrap_or_else(PoisonError::into_inner).insert(session);
        self.shared.notify.notify_one();
    }

    /// Takes what was noted since the last time.
    #[must_use = "what is taken and not handed to the timers is lost"]
    pub fn take(&self) -> BTreeSet<SessionId> {
        std::mem::take(&mut *self.shared.renewed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until something was noted since the last wait.
    pub async fn noted(&self) {
        self.shared.notify.notified().await;
    }
}
