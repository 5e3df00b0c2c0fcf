//! Renewed sessions, on their way from who renews them to the leader's timers: memory, never a log entry.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::model::lock::lock;
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
        lock(&self.shared.renewed).insert(session);
        self.shared.notify.notify_one();
    }

    /// Takes what was noted since the last time.
    #[must_use = "what is taken and not handed to the timers is lost"]
    pub fn take(&self) -> BTreeSet<SessionId> {
        std::mem::take(&mut *lock(&self.shared.renewed))
    }

    /// Waits until something was noted since the last wait.
    pub async fn noted(&self) {
        self.shared.notify.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn session(number: u8) -> SessionId {
        SessionId::parse(&format!("00000000-0000-0000-0000-0000000000{number:02}")).unwrap()
    }

    #[tokio::test]
    async fn what_is_noted_is_taken_once_by_whichever_clone() {
        let renewals = Renewals::default();
        let clone = renewals.clone();
        assert_eq!(renewals.take(), BTreeSet::new());
        for number in [2, 1, 2] {
            clone.note(session(number));
        }
        // Who waits is woken, although it was noted before.
        renewals.noted().await;
        assert_eq!(renewals.take(), BTreeSet::from([session(1), session(2)]));
        assert_eq!(clone.take(), BTreeSet::new());
    }

    #[tokio::test]
    async fn who_waits_sleeps_until_the_next_is_noted() {
        let renewals = Renewals::default();
        renewals.note(session(1));
        renewals.noted().await;
        assert_eq!(renewals.noted().now_or_never(), None);
        renewals.note(session(2));
        assert_eq!(renewals.noted().now_or_never(), Some(()));
    }
}
