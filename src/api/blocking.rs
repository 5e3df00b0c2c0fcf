//! Topics × index → View: the freshness that a read asks for, and the wait of a blocking query.

use std::sync::Arc;
use std::time::Duration;

use crate::api::Api;
use crate::api::answer::Index;
use crate::api::call::{Block, Freshness, ReadOptions};
use crate::api::fault::Fault;
use crate::catalog::View;
use crate::catalog::reply::Topic;
use crate::model::number::Revision;
use crate::publish::{Consistency, ProposeFault};

/// A View that is as fresh as the read asks for, and newer than what a blocking query has seen unless it
/// waited in vain; with what the index headers say of it.
///
/// `topics` are what the result is made of, and `revision_of` says when that last changed. A wake-up that
/// leaves the result's revision at what the client has seen already is not answered, so a query about one
/// key or service returns only for that one.
pub(in crate::api) async fn read(
    api: &Api,
    options: ReadOptions,
    topics: Vec<Topic>,
    revision_of: impl Fn(&View) -> Revision,
) -> Result<(Arc<View>, Index), Fault> {
    let consistency = freshen(api, options.freshness).await?;
    if let Some(block) = options.block {
        // Registered before the View is loaded, so that no change falls between the two.
        let mut waiter = api.services.reader.waiter(topics);
        let newer = async {
            // The View is let go before each wait: holding it would keep old state alive.
            while shown(&revision_of, &api.services.reader.load()) <= block.index {
                waiter.changed().await;
            }
        };
        // At the end of the wait, or of the program, the current data is the answer, changed or not.
        tokio::select! {
            // A stop goes first: it must not wait for those who wait.
            biased;
            () = api.services.stop.cancelled() => {}
            () = newer => {}
            () = tokio::time::sleep(jittered(block)) => {}
        }
    }
    let view = api.services.reader.load_full();
    if !view.is_ready() {
        return Err(Fault::Propose(ProposeFault::NoLeader));
    }
    let cluster = api.services.propose.cluster();
    let index = Index {
        revision: shown(&revision_of, &view),
        has_leader: cluster.leader.is_some(),
        last_contact_ms: cluster.last_contact.as_millis(),
        consistency,
    };
    Ok((view, index))
}

/// The revision that clients see: never 0, which would make a blocking query spin, and never from before a backup
/// took the place of everything, since an index must not go back.
fn shown(revision_of: impl Fn(&View) -> Revision, view: &View) -> Revision {
    revision_of(view).max(view.tables().restored).max(Revision(1))
}

/// Waits until the View is as fresh as a read asks for; what it is then.
pub(in crate::api) async fn freshen(api: &Api, freshness: Freshness) -> Result<Consistency, Fault> {
    let propose = &api.services.propose;
    let consistency = match freshness {
        Freshness::Is(consistency) => consistency,
        Freshness::StaleUpTo(age_max) => {
            let age = propose.cluster().last_contact;
            if age <= age_max { Consistency::Stale } else { Consistency::Lease }
        }
    };
    match consistency {
        Consistency::Stale => {}
        Consistency::Lease | Consistency::Linearizable => propose.barrier(consistency).await?,
    }
    Ok(consistency)
}

/// The wait, longer by up to a sixteenth, so that clients that began together do not return together.
#[expect(clippy::disallowed_methods, reason = "it only spreads clients: no answer depends on it")]
pub(in crate::api) fn jittered(block: Block) -> Duration {
    block.wait + (block.wait / JITTER_FRACTION).mul_f64(fastrand::f64())
}

/// Which part of the wait is added at most (Consul's `JitterFraction`).
const JITTER_FRACTION: u32 = 16;
