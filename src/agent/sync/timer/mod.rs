//! When the catalog is compared with what is stated, if nothing changes: every minute and a bit, and soon
//! again after a failure.

use std::time::Duration;

use crate::model::time::Now;

/// The next comparison.
#[derive(Debug)]
pub(super) struct Timer {
    /// When.
    due: Now,
    /// The next wait for a leader.
    leader_wait: Duration,
}

/// What a comparison came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agreement {
    /// The catalog agrees.
    Agrees,
    /// Nobody leads: try again within moments, since it takes no more to elect somebody.
    NoLeader,
    /// A write was refused or failed.
    Refused,
}

impl Timer {
    pub(super) fn new(now: Now) -> Self {
        Self { due: now, leader_wait: LEADER_WAIT_MIN }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Now {
        self.due
    }

    /// Notes what a comparison came to, in a cluster of so many nodes.
    pub(super) fn note(
        &mut self,
        agreement: Agreement,
        nodes: usize,
        now: Now,
        rng: &mut fastrand::Rng,
    ) {
        let wait = match agreement {
            Agreement::Agrees => FULL + FULL.mul_f64(rng.f64()) * scale(nodes),
            Agreement::Refused => RETRY + RETRY.mul_f64(rng.f64()),
            Agreement::NoLeader => self.leader_wait,
        };
        self.leader_wait = match agreement {
            Agreement::NoLeader => (self.leader_wait * 2).min(LEADER_WAIT_MAX),
            Agreement::Agrees | Agreement::Refused => LEADER_WAIT_MIN,
        };
        self.due = now.after(wait);
    }
}

/// How much wider agents spread in a large cluster, so that the leader sees a steady trickle: 1 up to 128
/// nodes, one more for each doubling beyond it, as in Consul.
fn scale(nodes: usize) -> u32 {
    if nodes <= 128 {
        return 1;
    }
    // ceil(log2(n)) is the number of bits of n − 1.
    let bits = usize::BITS - (nodes - 1).leading_zeros();
    bits - 7 + 1
}

/// Between two full comparisons, at least.
const FULL: Duration = Duration::from_secs(60);

/// After a refused write, at least.
const RETRY: Duration = Duration::from_secs(15);

/// First look for a leader: an agent that starts with its server is in DNS moments later.
const LEADER_WAIT_MIN: Duration = Duration::from_millis(10);

/// Later looks.
const LEADER_WAIT_MAX: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
