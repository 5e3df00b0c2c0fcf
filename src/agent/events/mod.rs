//! User events × what this agent states → those that are for it; the last of them are kept.
//!
//! [`EventLog`] decides and does no I/O: whoever brings an event, the API today, hands it in. [`Events`] shares it,
//! and wakes who waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use crate::agent::LocalView;
use crate::model::event::UserEvent;
use crate::model::limits::EVENTS_KEPT_MAX;
use crate::model::lock::lock;
use crate::model::name::{NodeName, Tag};

/// The events that an agent got.
#[derive(Debug)]
pub(in crate::agent) struct EventLog {
    /// The agent's node.
    node: NodeName,
    /// The last events that were for it, at most [`EVENTS_KEPT_MAX`].
    kept: VecDeque<Arc<UserEvent>>,
    /// Lamport's clock: later than every event that was seen.
    clock: u64,
}

impl EventLog {
    /// Nothing was seen yet.
    pub(in crate::agent) fn new(node: NodeName) -> Self {
        Self { node, kept: VecDeque::new(), clock: 1 }
    }

    /// Gives an event that is fired here its time.
    pub(in crate::agent) fn stamp(&mut self, event: &mut UserEvent) {
        event.lamport_time = self.clock;
        self.clock = self.clock.saturating_add(1);
    }

    /// Takes an event, wherever it was fired; whether it is for this agent, and kept.
    pub(in crate::agent) fn receive(&mut self, event: UserEvent, local: &LocalView) -> bool {
        self.clock = self.clock.max(event.lamport_time.saturating_add(1));
        if !self.is_for_us(&event, local) {
            return false;
        }
        if EVENTS_KEPT_MAX <= self.kept.len() {
            self.kept.pop_front();
        }
        self.kept.push_back(Arc::new(event));
        true
    }

    fn is_for_us(&self, event: &UserEvent, local: &LocalView) -> bool {
        let audience = &event.audience;
        let has_service = || {
            local.services.values().any(|service| {
                let definition = &service.definition;
                let tags = definition.tags.iter().map(Tag::as_str);
                audience.admits_service(definition.name.as_str(), tags)
            })
        };
        audience.admits_node(self.node.as_str()) && (!audience.wants_service() || has_service())
    }
}

/// The events that an agent got, for all who want to know.
#[derive(Debug)]
pub(in crate::agent) struct Events {
    /// Them.
    log: Mutex<EventLog>,
    /// How many came, to wait for more.
    count: watch::Sender<u64>,
}

impl Events {
    /// Nothing was seen yet.
    pub(in crate::agent) fn new(node: NodeName) -> Self {
        Self { log: Mutex::new(EventLog::new(node)), count: watch::Sender::new(0) }
    }

    /// Fires an event here.
    pub(in crate::agent) fn fire(&self, mut event: UserEvent, local: &LocalView) {
        let is_kept = {
            let mut log = self.lock();
            log.stamp(&mut event);
            log.receive(event, local)
        };
        if is_kept {
            self.count.send_modify(|count| *count += 1);
        }
    }

    /// The events that are kept, the oldest first.
    pub(in crate::agent) fn kept(&self) -> Vec<Arc<UserEvent>> {
        self.lock().kept.iter().cloned().collect()
    }

    /// Lamport's time: later than every event that was seen.
    pub(in crate::agent) fn time(&self) -> u64 {
        self.lock().clock
    }

    /// Changes whenever another event is kept.
    pub(in crate::agent) fn count(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, EventLog> {
        lock(&self.log)
    }
}

#[cfg(test)]
mod tests;
