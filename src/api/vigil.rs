//! A blocking query that waits ⇄ who serves it: many may wait for the same, and one of them can do so for all.
//!
//! A query says here what it waits for besides what its request says. Who serves it may send it to sleep then: a change
//! does not wake it any more, only its own end (its time, a stop) or being called. No change is lost by that: its Waiter
//! keeps one that came meanwhile.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures_util::task::AtomicWaker;

use crate::acl::Authorizer;
use crate::api::attend::Rules;
use crate::model::lock::lock;
use crate::model::number::Revision;
use crate::publish::{Consistency, Waiter};

/// What a blocking query and who serves it share. A request without one is never sent to sleep.
#[derive(Default)]
pub(crate) struct Vigil {
    /// How far it is.
    state: Mutex<State>,
    /// Wakes the query when it is sent to sleep, or called.
    waker: AtomicWaker,
}

/// How far a blocking query is.
#[derive(Default)]
struct State {
    /// By what its answer is made.
    terms: Terms,
    /// What it waits for, since it does.
    expected: Option<Expected>,
    /// The View that it looked at last.
    looked_at: Revision,
    /// The View in which it found what it waits for.
    found_in: Option<Revision>,
    /// Whether it sleeps.
    is_asleep: bool,
}

/// What the answer to a blocking query depends on, besides its request: two that ask and expect the same are answered
/// alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Expected {
    /// How fresh the answer says that it is.
    pub(crate) consistency: Consistency,
    /// What it has to differ from, where it shows a part of what may change.
    pub(crate) seen: Option<u64>,
}

/// By what an answer is made that may change while a query waits.
#[derive(Clone, Default)]
struct Terms {
    /// What the operator decided.
    rules: Option<Arc<Rules>>,
    /// What the caller may see.
    acl: Option<Authorizer>,
}

/// What a blocking query found.
pub(crate) struct Finding {
    /// By what its answer is made.
    terms: Terms,
    /// The oldest View that its answer may be made of.
    view: Revision,
}

impl Vigil {
    /// Says what the operator decided when it was asked.
    pub(crate) fn obey(&self, rules: &Arc<Rules>) {
        self.note(|state| state.terms.rules = Some(Arc::clone(rules)));
    }

    /// Says what its caller could see then.
    pub(crate) fn act_for(&self, acl: &Authorizer) {
        self.note(|state| state.terms.acl = Some(acl.clone()));
    }

    /// Waits until one of a Waiter's topics was published, or longer, while it sleeps. `looked_at` is the View that had
    /// nothing new.
    pub(crate) async fn keep(&self, expected: Expected, looked_at: Revision, waiter: &mut Waiter) {
        self.note(|state| (state.expected, state.looked_at) = (Some(expected), looked_at));
        loop {
            tokio::select! {
                // A change that wakes all of them at once is to be told by one.
                biased;
                () = self.until(|state| state.is_asleep) => {}
                () = waiter.changed() => return,
            }
            self.until(|state| !state.is_asleep).await;
        }
    }

    /// What it waits for is there, in a View or a newer one.
    pub(crate) fn find_in(&self, view: Revision) {
        self.note(|state| state.found_in = Some(view));
    }

    /// What it waits for; nothing as long as it does not.
    pub(crate) fn expected(&self) -> Option<Expected> {
        lock(&self.state).expected
    }

    /// What it found, if it found what it waited for.
    pub(crate) fn finding(&self) -> Option<Finding> {
        let state = lock(&self.state);
        Some(Finding { terms: state.terms.clone(), view: state.found_in? })
    }

    /// Whether what another one found, that asked and expected the same, is as good as what it would find itself: the
    /// answer is made on the same terms, and of no older View than the one that it looked at last.
    pub(crate) fn may_hear_of(&self, finding: &Finding) -> bool {
        let state = lock(&self.state);
        state.terms.are_same(&finding.terms) && state.looked_at <= finding.view
    }

    /// Sends it to sleep: another one waits in its place.
    pub(crate) fn sleep(&self) {
        self.note(|state| state.is_asleep = true);
        self.waker.wake();
    }

    /// Has it wait for itself again, and look at once if there was a change meanwhile.
    pub(crate) fn call(&self) {
        self.note(|state| state.is_asleep = false);
        self.waker.wake();
    }

    fn note(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
    }

    async fn until(&self, is_so: impl Fn(&State) -> bool) {
        poll_fn(|context| {
            self.waker.register(context.waker());
            if is_so(&lock(&self.state)) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Terms {
    fn are_same(&self, other: &Self) -> bool {
        let rules = |terms: &Self| terms.rules.as_ref().map(Arc::as_ptr);
        let has_same_rules = rules(self) == rules(other);
        let has_same_acl = match (&self.acl, &other.acl) {
            (Some(own), Some(other)) => own.is_same(other),
            (own, other) => own.is_none() && other.is_none(),
        };
        has_same_rules && has_same_acl
    }
}
