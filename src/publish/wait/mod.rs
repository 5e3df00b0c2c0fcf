//! Topics → wake-ups: a change costs what its watchers cost, not what the catalog holds.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use crate::catalog::reply::Topic;
use crate::model::lock::lock;
use crate::model::name::{Key, KeyPrefix};

/// Who waits for what.
#[derive(Clone, Default)]
pub(in crate::publish) struct Waiters {
    /// The registry; held only to add, remove or wake, never while waiting.
    registry: Arc<Mutex<Registry>>,
}

/// The registrations.
#[derive(Default)]
struct Registry {
    /// Number of the next registration.
    next: u64,
    /// Everybody, by topic and registration; in order, so that the keys below a prefix stand together.
    topics: BTreeMap<Topic, BTreeMap<u64, Arc<Notify>>>,
    /// How many registered prefixes have a length, so that a key's prefixes are tried only at lengths
    /// that somebody watches.
    prefix_lengths: BTreeMap<usize, usize>,
    /// How many wait.
    count: usize,
}

/// A registration: wakes once or more after any of its topics was published; ends when dropped.
#[must_use = "a waiter that is not awaited only costs memory"]
pub struct Waiter {
    /// Where it is registered.
    waiters: Waiters,
    /// Its number.
    id: u64,
    /// What it waits for.
    topics: Vec<Topic>,
    /// What wakes it.
    notify: Arc<Notify>,
}

impl Waiter {
    /// Waits until one of the topics was published since the registration or the last wake-up.
    pub async fn changed(&mut self) {
        self.notify.notified().await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.waiters.lock().remove(self.id, &self.topics);
    }
}

impl Waiters {
    pub(in crate::publish) fn register(&self, topics: Vec<Topic>) -> Waiter {
        let notify = Arc::new(Notify::new());
        let id = self.lock().add(&topics, &notify);
        Waiter { waiters: self.clone(), id, topics, notify }
    }

    pub(in crate::publish) fn wake<'a>(&self, topics: impl IntoIterator<Item = &'a Topic>) {
        for topic in topics {
            match topic {
                Topic::Key(key) => {
                    let registry = self.lock();
                    registry.wake(topic);
                    registry.wake_prefixes(key.as_bytes());
                }
                Topic::KeyTree(prefix) => self.wake_tree(prefix),
                Topic::Nodes
                | Topic::Node(_)
                | Topic::Coordinates
                | Topic::NodeCoordinates(_)
                | Topic::Services
                | Topic::Service(_)
                | Topic::Checks
                | Topic::KeyPrefix(_)
                | Topic::Sessions
                | Topic::NodeSessions(_)
                | Topic::Session(_)
                | Topic::Restore
                | Topic::PreparedQueries
                | Topic::PreparedQuery(_) => self.lock().wake(topic),
            }
        }
    }

    /// Wakes who waits for a key or a prefix below this one, or for a prefix above it.
    fn wake_tree(&self, prefix: &KeyPrefix) {
        self.lock().wake_prefixes(prefix.as_bytes());
        // An empty prefix is no key: then all keys are below it, and these stand between the checks and the
        // prefixes.
        let keys = Key::new(prefix)
            .map_or(Bound::Excluded(Topic::Checks), |key| Bound::Included(Topic::Key(key)));
        let prefixes = Bound::Included(Topic::KeyPrefix(prefix.clone()));
        for start in [keys, prefixes] {
            let mut next = Some(start);
            while let Some(start) = next {
                // The lock is given back between portions: others want to register meanwhile. Who does so
                // already sees the new View.
                next = self.lock().wake_below(prefix.as_bytes(), start);
            }
        }
    }

    pub(in crate::publish) fn wake_all(&self) {
        for notify in self.lock().topics.values().flat_map(BTreeMap::values) {
            // `notify_one` keeps a permit for a waiter that is not awaiting at this moment.
            notify.notify_one();
        }
    }

    pub(in crate::publish) fn count(&self) -> usize {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        lock(&self.registry)
    }
}

impl Registry {
    fn add(&mut self, topics: &[Topic], notify: &Arc<Notify>) -> u64 {
        let id = self.next;
        self.next += 1;
        self.count += 1;
        for topic in topics {
            self.topics.entry(topic.clone()).or_default().insert(id, Arc::clone(notify));
            if let Topic::KeyPrefix(prefix) = topic {
                *self.prefix_lengths.entry(prefix.as_bytes().len()).or_default() += 1;
            }
        }
        id
    }

    fn remove(&mut self, id: u64, topics: &[Topic]) {
        self.count -= 1;
        for topic in topics {
            if let Some(waiting) = self.topics.get_mut(topic) {
                waiting.remove(&id);
                if waiting.is_empty() {
                    self.topics.remove(topic);
                }
            }
            let Topic::KeyPrefix(prefix) = topic else { continue };
            if let Some(count) = self.prefix_lengths.get_mut(&prefix.as_bytes().len()) {
                *count -= 1;
                if *count == 0 {
                    self.prefix_lengths.remove(&prefix.as_bytes().len());
                }
            }
        }
    }

    fn wake(&self, topic: &Topic) {
        for notify in self.topics.get(topic).into_iter().flat_map(BTreeMap::values) {
            notify.notify_one();
        }
    }

    /// Wakes a portion of those who wait for what begins so, from a topic on; where the next portion starts.
    fn wake_below(&self, prefix: &[u8], start: Bound<Topic>) -> Option<Bound<Topic>> {
        let below =
            self.topics.range((start, Bound::Unbounded)).take_while(|(topic, _)| match topic {
                Topic::Key(key) => key.starts_with(prefix),
                Topic::KeyPrefix(longer) => longer.as_bytes().starts_with(prefix),
                Topic::Nodes
                | Topic::Node(_)
                | Topic::Coordinates
                | Topic::NodeCoordinates(_)
                | Topic::Services
                | Topic::Service(_)
                | Topic::Checks
                | Topic::KeyTree(_)
                | Topic::Sessions
                | Topic::NodeSessions(_)
                | Topic::Session(_)
                | Topic::Restore
                | Topic::PreparedQueries
                | Topic::PreparedQuery(_) => false,
            });
        let mut count = 0;
        for (topic, waiting) in below {
            for notify in waiting.values() {
                notify.notify_one();
            }
            count += waiting.len();
            if WOKEN_AT_ONCE_MAX <= count {
                return Some(Bound::Excluded(topic.clone()));
            }
        }
        None
    }

    fn wake_prefixes(&self, key: &[u8]) {
        for length in self.prefix_lengths.keys() {
            if let Some(prefix) = key.get(..*length) {
                self.wake(&Topic::KeyPrefix(KeyPrefix::new(prefix)));
            }
        }
    }
}

/// Waiters below a prefix that are woken before others get the lock; those of one topic stay together.
const WOKEN_AT_ONCE_MAX: usize = 256;

#[cfg(test)]
mod tests;
