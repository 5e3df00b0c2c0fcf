//! Words of checks → the next LocalView, and who has to hear of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::agent::alias;
use crate::agent::clock::Clock;
use crate::agent::keep::KeptState;
use crate::agent::local::{self, WordChange};
use crate::agent::sync::task::Generation;
use crate::agent::task::{Ended, STATES_DELAY, Task};
use crate::catalog::reply::Topic;
use crate::model::health::Status;
use crate::model::name::CheckId;
use crate::model::time::Now;

/// Whom a new LocalView concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Only those who read it here.
    Readers,
    /// The catalog too.
    Catalog,
}

impl Task {
    pub(super) fn take_results(&mut self, batch: &mut Vec<Ended>) {
        let mut change = WordChange::Nothing;
        for Ended { due, finding } in batch.drain(..) {
            let found = finding.as_ref().map(|finding| finding.status);
            let Some(status) = self.runs.finish(&due, found) else { continue };
            let output = finding.map(|finding| finding.output).unwrap_or_default();
            change = larger(change, self.say(&due.id, status, output));
        }
        self.tell(change);
    }

    /// Notes what a check says.
    pub(super) fn say(&mut self, id: &CheckId, status: Status, output: String) -> WordChange {
        let change = local::set_word(&mut self.local, id, status, output);
        let now = self.clock.now();
        match change {
            WordChange::Status => {
                tracing::debug!("check `{id}` is {status} now");
                self.runs.note_status(id, status, now);
                self.keep_states_within(STATES_DELAY);
            }
            WordChange::Output | WordChange::Nothing => {}
        }
        change
    }

    /// Turns TTL checks critical that nobody spoke for in time.
    pub(super) fn expire(&mut self, now: Now) -> WordChange {
        let mut change = WordChange::Nothing;
        for id in self.runs.expire(now) {
            let Some(check) = self.local.checks.get(&id) else { continue };
            let output = match check.output.as_str() {
                "" => "TTL expired".to_owned(),
                last => format!("TTL expired (last output before timeout follows): {last}"),
            };
            tracing::warn!("check `{id}` missed its TTL and is critical now");
            change = larger(change, self.say(&id, Status::Critical, output));
        }
        change
    }

    /// Goes on with the TTL checks of an earlier process. One that expired while no agent ran is critical
    /// from the start: whoever should have spoken for it may be long gone.
    pub(super) fn resume(&mut self, states: &BTreeMap<CheckId, KeptState>) {
        let (now, wall) = (self.clock.now(), Clock::wall());
        for (id, state) in states {
            let Some(check) = self.local.checks.get(id) else { continue };
            match state.until {
                Some(until) => self.runs.resume(id, Some(until.since(wall)), now),
                // It expired before the stop, and does not do so twice.
                None if (state.status, check.status) == (Status::Critical, Status::Critical) => {
                    self.runs.resume(id, None, now);
                }
                // From before such moments were kept, or the catalog knew better: nobody knows how old it is.
                None => {}
            }
        }
        self.expire(now);
    }

    /// Until when the words of TTL checks count, by the wall's clock: what outlives this process.
    pub(super) fn kept_until(&self) -> BTreeMap<CheckId, Now> {
        let (now, wall) = (self.clock.now(), Clock::wall());
        let moments = self.runs.deadlines();
        moments.map(|(at, id)| (id.clone(), wall.after(at.since(now)))).collect()
    }

    /// Has what checks say written soon.
    pub(super) fn keep_states_within(&mut self, delay: Duration) {
        let due = self.clock.now().after(delay);
        self.states_due = Some(self.states_due.map_or(due, |before| before.min(due)));
    }

    /// Publishes what was said.
    pub(super) fn tell(&mut self, change: WordChange) -> Option<Generation> {
        let is_aliased = change != WordChange::Nothing && self.settle();
        match change {
            WordChange::Nothing => None,
            WordChange::Output
                if !is_aliased && self.options.check_update_interval != Duration::ZERO =>
            {
                self.publish(Audience::Readers)
            }
            WordChange::Output | WordChange::Status => self.publish(Audience::Catalog),
        }
    }

    /// Brings aliases up to date; whether one changed.
    pub(super) fn settle(&mut self) -> bool {
        let nodes = alias::nodes_followed(&self.local, &mut self.index, &self.options.node);
        if nodes != self.followed.0 {
            let topics: Vec<Topic> = nodes.iter().cloned().map(Topic::Node).collect();
            // Before the catalog is read, so that no change falls between the two.
            let waiter = (!topics.is_empty()).then(|| self.reader.waiter(topics));
            self.followed = (nodes, waiter);
        }
        let view = self.reader.load();
        let is_changed = alias::settle(&mut self.local, &mut self.index, &view, &self.options.node);
        if is_changed {
            self.runs.align(&self.local, self.clock.now());
        }
        is_changed
    }

    /// Another node that an alias follows changed.
    pub(super) fn follow(&mut self) {
        if self.settle() {
            self.publish(Audience::Catalog);
        }
    }

    pub(super) fn publish(&self, audience: Audience) -> Option<Generation> {
        self.published.store(Arc::new(self.local.clone()));
        match audience {
            Audience::Readers => None,
            Audience::Catalog => {
                let next = Generation(self.stated.borrow().0.saturating_add(1));
                self.stated.send_replace(next);
                Some(next)
            }
        }
    }
}

/// What a batch of words changed, all in all.
pub(super) fn larger(one: WordChange, other: WordChange) -> WordChange {
    match (one, other) {
        (WordChange::Status, _) | (_, WordChange::Status) => WordChange::Status,
        (WordChange::Output, _) | (_, WordChange::Output) => WordChange::Output,
        (WordChange::Nothing, WordChange::Nothing) => WordChange::Nothing,
    }
}
