//! What the room counts, by name.

use std::time::Duration;

use hickory_proto::op::ResponseCode;

use crate::dns::outside::{Failure, Fetched};
use crate::forward::question::By;

/// A question that was answered from what is kept.
pub(in crate::forward) fn found(fetched: &Fetched) {
    let outcome = match fetched {
        Fetched::Told(told) if told.stale.is_some() => "stale",
        Fetched::Told(_) => "cached",
        Fetched::Failed(failure) => word(*failure),
    };
    outcome_is(outcome);
}

/// A question that was answered after asking.
pub(in crate::forward) fn fetched(fetched: &Fetched) {
    let outcome = match fetched {
        Fetched::Told(told) if told.stale.is_some() => "stale",
        Fetched::Told(told) if told.rcode == ResponseCode::NXDomain => "nxdomain",
        Fetched::Told(_) => "told",
        Fetched::Failed(failure) => word(*failure),
    };
    outcome_is(outcome);
}

/// A query that goes to a recursor.
pub(in crate::forward) fn asked(by: By) {
    let transport = match by {
        By::Udp => "udp",
        By::Tcp => "tcp",
    };
    metrics::counter!("lictor.forward.asked", "transport" => transport).increment(1);
}

/// An answer whose letters are in another case than those of the question.
pub(in crate::forward) fn other_case() {
    metrics::counter!("lictor.forward.case_mismatch").increment(1);
}

/// A message that is no answer to the question.
pub(in crate::forward) fn wrong_reply() {
    metrics::counter!("lictor.forward.wrong_replies").increment(1);
}

/// How long a fetch took, in milliseconds.
pub(in crate::forward) fn time(took: Duration) {
    metrics::histogram!("lictor.forward.time").record(took.as_secs_f64() * 1_000.0);
}

fn outcome_is(outcome: &'static str) {
    metrics::counter!("lictor.forward.queries", "outcome" => outcome).increment(1);
}

fn word(failure: Failure) -> &'static str {
    match failure {
        Failure::Unreachable => "unreachable",
        Failure::Useless => "useless",
        Failure::Loop => "loop",
        Failure::Overloaded => "overloaded",
    }
}

#[cfg(test)]
mod tests;
