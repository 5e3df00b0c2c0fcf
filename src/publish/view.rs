//! Publisher → immutable Views: one pointer swap for a batch of applied commands.

use std::sync::Arc;

use crate::catalog::View;
use crate::catalog::reply::{Changes, Topic};
use crate::publish::wait::{Waiter, Waiters};
use arc_swap::{ArcSwap, Guard};

/// Makes the two ends, with an unready View between them.
#[must_use]
pub fn publisher() -> (Publisher, Reader) {
    let shared = Arc::new(Shared {
        current: ArcSwap::from_pointee(View::unready()),
        waiters: Waiters::default(),
    });
    (Publisher { shared: Arc::clone(&shared) }, Reader { shared })
}

/// What both ends share.
struct Shared {
    /// The newest View.
    current: ArcSwap<View>,
    /// Who waits for what.
    waiters: Waiters,
}

/// The writing end; there is one.
pub struct Publisher {
    /// What both ends share.
    shared: Arc<Shared>,
}

impl Publisher {
    /// Publishes a View, then wakes who waits for one of these topics.
    pub fn publish<'a>(&self, view: View, topics: impl IntoIterator<Item = &'a Topic>) {
        self.shared.current.store(Arc::new(view));
        self.shared.waiters.wake(topics);
    }

    /// Publishes a View, then wakes whom its changes concern.
    pub fn publish_changes(&self, view: View, changes: &Changes) {
        if changes.is_everything { self.replace(view) } else { self.publish(view, &changes.topics) }
    }

    /// Publishes a View that replaces all that was known, and wakes everybody.
    pub fn replace(&self, view: View) {
        self.shared.current.store(Arc::new(view));
        self.shared.waiters.wake_all();
    }
}

/// The reading end.
#[derive(Clone)]
pub struct Reader {
    /// What both ends share.
    shared: Arc<Shared>,
}

impl Reader {
    /// The newest View, without a lock. Hold it for one answer, not across a wait: it keeps old state
    /// alive.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<View>> {
        self.shared.current.load()
    }

    /// The newest View, to be kept for a while.
    #[must_use]
    pub fn load_full(&self) -> Arc<View> {
        self.shared.current.load_full()
    }

    /// Starts to wait for any of these topics. Make the Waiter *before* loading the View that is compared,
    /// so that no change falls between the two.
    pub fn waiter(&self, topics: Vec<Topic>) -> Waiter {
        self.shared.waiters.register(topics)
    }

    /// How many blocking queries wait.
    #[must_use]
    pub fn waiter_count(&self) -> usize {
        self.shared.waiters.count()
    }
}
