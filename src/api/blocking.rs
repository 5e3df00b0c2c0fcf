//! Subject × View → answer: the freshness that a read asks for, and the wait of a blocking query.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;

use crate::api::Api;
use crate::api::answer::{Index, json_bytes};
use crate::api::cache_control::{CacheControl, CacheUse};
use crate::api::call::{Call, Freshness, ReadOptions};
use crate::api::fault::Fault;
use crate::api::vigil::Expected;
use crate::catalog::View;
use crate::catalog::reply::Topic;
use crate::model::number::Revision;
use crate::publish::{Consistency, ProposeFault};

/// What a read is about.
pub(in crate::api) struct Subject<R> {
    /// What the answer is made of: a change of one of these may change it.
    pub topics: Vec<Topic>,
    /// When that last changed.
    pub revision_of: R,
    /// How much of it the answer shows.
    pub scope: Scope,
}

/// How much of its topics an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Scope {
    /// All: what changes them changes the answer.
    Whole,
    /// A part, so that a change may leave the answer as it was: then nobody is woken.
    Part,
}

impl Scope {
    /// A part, if so.
    pub(in crate::api) fn part_if(is_part: bool) -> Self {
        if is_part { Self::Part } else { Self::Whole }
    }
}

/// Answers a read with the JSON that `body_of` makes of a View.
///
/// # Errors
/// [`Fault`], where the read cannot be as fresh as it shall, or the body cannot be made.
pub(in crate::api) async fn respond(
    api: &Api,
    call: &Call,
    options: ReadOptions,
    subject: Subject<impl Fn(&View) -> Revision>,
    body_of: impl Fn(&View) -> Result<Vec<u8>, Fault>,
) -> Result<Response, Fault> {
    let (view, index) = read_part(api, options, subject, &body_of).await?;
    let body = body_of(&view)?;
    // What was left out is known only now.
    Ok(json_bytes(index.headers_with_consistency(call), body))
}

/// A View for an answer that shows all of its topics, as [`read_part`].
///
/// # Errors
/// [`Fault`], where the read cannot be as fresh as it shall.
pub(in crate::api) async fn read(
    api: &Api,
    options: ReadOptions,
    topics: Vec<Topic>,
    revision_of: impl Fn(&View) -> Revision,
) -> Result<(Arc<View>, Index), Fault> {
    let subject = Subject { topics, revision_of, scope: Scope::Whole };
    read_part(api, options, subject, |_| Ok(Vec::new())).await
}

/// A View that is as fresh as the read asks for, and newer than what a blocking query has seen unless it waited in
/// vain; with what the index headers say of it.
///
/// A wake-up that leaves the subject's revision at what the client has seen is not answered, so a query about one key
/// or service returns only for that one. Where the answer shows a part of its topics, neither is one that leaves the
/// answer as it was when the wait began: eight bytes remember that.
///
/// # Errors
/// [`Fault`], as [`respond`].
pub(in crate::api) async fn read_part(
    api: &Api,
    options: ReadOptions,
    subject: Subject<impl Fn(&View) -> Revision>,
    body_of: impl Fn(&View) -> Result<Vec<u8>, Fault>,
) -> Result<(Arc<View>, Index), Fault> {
    let Subject { topics, revision_of, scope } = subject;
    let (consistency, cache) = freshen(api, options.freshness).await?;
    if let Some(block) = options.block {
        // Registered before the View is loaded, so that no change falls between the two.
        let mut waiter = api.services.reader.waiter(topics);
        let changed = async {
            let mut seen = None;
            loop {
                let looked_at = {
                    // Let go before the wait: a View keeps old state alive.
                    let view = api.services.reader.load();
                    if has_news(&view, block.index, &revision_of, scope, &body_of, &mut seen)? {
                        if let Some(vigil) = &block.vigil {
                            vigil.find_in(view.revision());
                        }
                        return Ok(());
                    }
                    view.revision()
                };
                let expected = Expected { consistency, seen };
                match &block.vigil {
                    Some(vigil) => vigil.keep(expected, looked_at, &mut waiter).await,
                    None => waiter.changed().await,
                }
            }
        };
        wait_for(api, block.wait, changed).await?;
    }
    let view = api.services.reader.load_full();
    if !view.is_ready() {
        return Err(Fault::Propose(ProposeFault::NoLeader));
    }
    let pulse = api.services.propose.pulse();
    let index = Index {
        revision: shown(&revision_of, &view),
        has_leader: pulse.has_leader,
        last_contact_ms: pulse.last_contact.as_millis(),
        consistency,
        cache,
    };
    Ok((view, index))
}

/// Whether there is something to wake a blocking query for. `seen` remembers the answer that it need not be told.
fn has_news(
    view: &View,
    index: Revision,
    revision_of: &impl Fn(&View) -> Revision,
    scope: Scope,
    body_of: &impl Fn(&View) -> Result<Vec<u8>, Fault>,
    seen: &mut Option<u64>,
) -> Result<bool, Fault> {
    let is_newer = index < shown(revision_of, view);
    match (scope, *seen) {
        (Scope::Whole, _) => Ok(is_newer),
        // What the client has is older than what was there when it asked.
        (Scope::Part, None) if is_newer => Ok(true),
        (Scope::Part, None) => {
            *seen = Some(digest(&body_of(view)?));
            Ok(false)
        }
        (Scope::Part, Some(before)) => Ok(is_newer && digest(&body_of(view)?) != before),
    }
}

/// A number that is another one for another answer.
fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

/// The revision that clients see: never 0, which would make a blocking query spin, and never from before a backup
/// took the place of everything, since an index must not go back.
fn shown(revision_of: impl Fn(&View) -> Revision, view: &View) -> Revision {
    revision_of(view).max(view.tables().restored).max(Revision(1))
}

/// Makes the View as fresh as a read asks for; how fresh that is, and whether the leader was asked for a cached one.
pub(in crate::api) async fn freshen(
    api: &Api,
    freshness: Freshness,
) -> Result<(Consistency, Option<CacheUse>), Fault> {
    let propose = &api.services.propose;
    let age = || propose.pulse().last_contact;
    let consistency = match freshness {
        Freshness::Is(consistency) => consistency,
        Freshness::StaleUpTo(age_max) if age() <= age_max => Consistency::Stale,
        Freshness::StaleUpTo(_) => Consistency::Lease,
        Freshness::Cached(control) => {
            let (consistency, cache) = freshen_cached(api, control).await?;
            return Ok((consistency, Some(cache)));
        }
    };
    match consistency {
        Consistency::Stale => {}
        Consistency::Lease | Consistency::Linearizable => propose.barrier(consistency).await?,
    }
    Ok((consistency, None))
}

async fn freshen_cached(
    api: &Api,
    control: CacheControl,
) -> Result<(Consistency, CacheUse), Fault> {
    let propose = &api.services.propose;
    let hit = || {
        let cluster = propose.cluster();
        // What the leader has is as good as what it would say.
        let consistency = if cluster.is_leader { Consistency::Lease } else { Consistency::Stale };
        (consistency, CacheUse::Hit { age: cluster.last_contact })
    };
    let age = propose.pulse().last_contact;
    if control.admits(age) {
        return Ok(hit());
    }
    match propose.barrier(Consistency::Lease).await {
        Ok(()) => Ok((Consistency::Lease, CacheUse::Miss)),
        Err(_) if control.admits_after_error(propose.pulse().last_contact) => Ok(hit()),
        Err(fault) => Err(Fault::Propose(fault)),
    }
}

/// Waits for news, but no longer than a client wants to, and not beyond a stop: then what is there is the answer,
/// changed or not.
///
/// # Errors
/// Those of the news.
pub(in crate::api) async fn wait_for(
    api: &Api,
    wait: Duration,
    news: impl Future<Output = Result<(), Fault>>,
) -> Result<(), Fault> {
    tokio::select! {
        // A stop goes first: it must not wait for those who wait.
        biased;
        () = api.services.stop.cancelled() => Ok(()),
        done = news => done,
        () = tokio::time::sleep(jittered(wait)) => Ok(()),
    }
}

/// A wait, longer by up to a sixteenth, so that clients that began together do not return together.
#[expect(clippy::disallowed_methods, reason = "it only spreads clients: no answer depends on it")]
fn jittered(wait: Duration) -> Duration {
    wait + (wait / JITTER_FRACTION).mul_f64(fastrand::f64())
}

/// Which part of the wait is added at most (Consul's `JitterFraction`).
const JITTER_FRACTION: u32 = 16;
