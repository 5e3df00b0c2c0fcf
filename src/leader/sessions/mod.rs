//! Sessions with a TTL × renewals × Now → those that are over.
//!
//! A TTL is a promise that a session lives at least so long after it was renewed; Consul ends it after twice
//! that, so that a client whose clock or network is slow does not lose what it holds. Timers are the leader's
//! memory: a new leader, which cannot know when anybody renewed, starts each with its full time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::catalog::command::SessionDestroy;
use crate::catalog::{Command, View};
use crate::model::number::Revision;
use crate::model::session::SessionId;
use crate::model::time::Now;

/// The timers of one leader. Another leader, or the same in another term, begins with new ones.
#[derive(Debug, Default)]
pub struct SessionTimers {
    /// Each session with a TTL.
    timers: BTreeMap<SessionId, Timer>,
    /// The same in the order in which they are due.
    due: BTreeSet<(Now, SessionId)>,
    /// Up to when the sessions are known; nothing before the first look.
    known: Option<Revision>,
}

/// How long a session has.
#[derive(Clone, Copy, Debug)]
struct Timer {
    /// From one renewal to the next.
    lifetime: Duration,
    /// When it is over.
    due: Now,
}

impl SessionTimers {
    /// Learns which sessions there are and which were renewed; what to propose for those that are over. To be
    /// called when sessions begin or end, when some are renewed, and at [`SessionTimers::next`]; `now` is a
    /// clock that never goes back, counted from anywhere. What was proposed and comes to nothing is proposed
    /// again after ten seconds.
    #[must_use = "a session lives on until the Command is proposed"]
    pub fn poll(
        &mut self,
        now: Now,
        view: &View,
        renewed: impl IntoIterator<Item = SessionId>,
    ) -> Vec<Command> {
        if self.known != Some(view.tables().sessions) {
            self.known = Some(view.tables().sessions);
            self.learn(now, view);
        }
        for id in renewed {
            if let Some(lifetime) = self.timers.get(&id).map(|timer| timer.lifetime) {
                self.start(id, Timer { lifetime, due: now.after(lifetime) });
            }
        }
        let mut commands = Vec::new();
        while let Some((due, id)) = self.due.first().copied()
            && due <= now
        {
            let lifetime = self.timers.get(&id).map_or(RETRY, |timer| timer.lifetime);
            self.start(id, Timer { lifetime, due: now.after(RETRY) });
            commands.push(Command::SessionDestroy(SessionDestroy { id }));
        }
        commands
    }

    /// When to poll again, if nothing happens before.
    #[must_use]
    pub fn next(&self) -> Option<Now> {
        self.due.first().map(|(due, _)| *due)
    }

    /// How many timers run.
    #[must_use]
    pub fn count(&self) -> usize {
        self.timers.len()
    }

    /// Starts the timers of sessions that are new, and drops those of sessions that ended.
    fn learn(&mut self, now: Now, view: &View) {
        let due = &mut self.due;
        self.timers.retain(|id, timer| {
            let is_there = view.session(*id).is_some();
            if !is_there {
                due.remove(&(timer.due, *id));
            }
            is_there
        });
        for session in view.sessions() {
            let Some(ttl) = session.ttl() else { continue };
            if !self.timers.contains_key(&session.id) {
                let lifetime = ttl * TTL_FACTOR;
                self.start(session.id, Timer { lifetime, due: now.after(lifetime) });
            }
        }
    }

    fn start(&mut self, id: SessionId, timer: Timer) {
        if let Some(before) = self.timers.insert(id, timer) {
            self.due.remove(&(before.due, id));
        }
        self.due.insert((timer.due, id));
    }
}

/// How many TTLs a session lives without being renewed (Consul's `SessionTTLMultiplier`).
const TTL_FACTOR: u32 = 2;

/// After how long the end of a session is proposed again, if it is still there.
const RETRY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
