//! Results of single runs → the word that counts: `success_before_passing` and its sisters.

use crate::model::definition::CheckDefinition;
use crate::model::health::Status;

/// How many runs in a row it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) struct Threshold {
    /// Good runs in a row that turn it good.
    success: u32,
    /// Bad runs in a row that turn it warning.
    warning: u32,
    /// Bad runs in a row that turn it critical.
    critical: u32,
    /// Runs of one kind in a row, until now.
    streak: Streak,
}

/// What was seen last, and how often in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Streak {
    /// Nothing yet.
    Fresh,
    /// Passing or warning.
    Good(u32),
    /// Critical.
    Bad(u32),
}

impl Threshold {
    pub(in crate::agent) fn new(definition: &CheckDefinition) -> Self {
        let critical = definition.failures_before_critical.max(1);
        Self {
            success: definition.success_before_passing.max(1),
            warning: match definition.failures_before_warning {
                0 => critical,
                failures => failures,
            },
            critical,
            streak: Streak::Fresh,
        }
    }

    /// Counts a run; the word that counts now, or `None` while the old one does.
    ///
    /// The first run of all decides at once, as Consul's does: the word before it is only a guess.
    pub(in crate::agent) fn count(&mut self, status: Status) -> Option<Status> {
        let is_first = self.streak == Streak::Fresh;
        match status {
            Status::Passing | Status::Warning => {
                let runs = match self.streak {
                    Streak::Good(runs) => runs.saturating_add(1),
                    Streak::Fresh => self.success,
                    Streak::Bad(_) => 1,
                };
                self.streak = Streak::Good(runs);
                (is_first || self.success <= runs).then_some(status)
            }
            Status::Critical => {
                let runs = match self.streak {
                    Streak::Bad(runs) => runs.saturating_add(1),
                    Streak::Fresh => self.critical,
                    Streak::Good(_) => 1,
                };
                self.streak = Streak::Bad(runs);
                if is_first || self.critical <= runs {
                    return Some(Status::Critical);
                }
                (self.warning <= runs).then_some(Status::Warning)
            }
        }
    }
}

#[cfg(test)]
mod tests;
