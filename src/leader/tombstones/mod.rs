//! Revision samples over time → which deletions are old enough to be forgotten.
//!
//! A tombstone keeps the index of a key from going backwards for those who watch it. Consul forgets it
//! after 15 minutes, longer than any blocking query waits; so does this.

use std::collections::VecDeque;
use std::time::Duration;

use crate::catalog::command::ReapTombstones;
use crate::catalog::{Command, View};
use crate::model::number::Revision;
use crate::model::time::Now;

/// Remembers which revision there was when. Starts anew with each leader: a tombstone then lives a little
/// longer, which harms nobody.
#[derive(Debug, Default)]
pub struct TombstoneClock {
    /// Oldest first, at least [`SAMPLE_INTERVAL`] apart: no more than [`SAMPLES_MAX`].
    samples: VecDeque<(Now, Revision)>,
    /// The newest revision that is old enough.
    old: Revision,
}

impl TombstoneClock {
    /// Takes a sample; what to propose, if deletions are old enough. To be called every
    /// [`SAMPLE_INTERVAL`]; more often does no harm.
    #[must_use = "nothing is forgotten until the Command is proposed"]
    pub fn sample(&mut self, now: Now, view: &View) -> Option<Command> {
        let latest = self.samples.back().map(|(at, _)| *at);
        if latest.is_none_or(|latest| SAMPLE_INTERVAL <= now.since(latest)) {
            self.samples.push_back((now, view.tables().kv));
        }
        while let Some((at, revision)) = self.samples.front().copied()
            && TOMBSTONE_TTL <= now.since(at)
        {
            self.old = revision;
            self.samples.pop_front();
        }
        while SAMPLES_MAX < self.samples.len() {
            self.samples.pop_front();
        }
        // Without a tombstone that old, a Command would only wake the disk.
        let oldest = view.oldest_tombstone()?;
        let revision = self.old;
        (oldest <= revision).then_some(Command::ReapTombstones(ReapTombstones { revision }))
    }
}

/// How long a deletion is remembered, as in Consul.
const TOMBSTONE_TTL: Duration = Duration::from_secs(15 * 60);

/// How often the revision is noted: so much longer than its time a tombstone may live.
pub const SAMPLE_INTERVAL: Duration = Duration::from_secs(30);

/// Samples of one tombstone's life, and one more.
const SAMPLES_MAX: usize = 32;

#[cfg(test)]
mod tests;
