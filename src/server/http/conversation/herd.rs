//! Blocking queries that wait for the same → one of them that does, and tells the others.
//!
//! A key or a service that a thousand watch changes for all of them at once, and a thousand would make the same answer.
//! Those that ask the same, down to the last header, and expect the same, are a Herd: the one that has waited longest
//! keeps awake, and writes what it is answered to all. Where it goes before, for whatever reason, the next one is
//! called.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{Request, Version, header};
use tokio::task::{unconstrained, yield_now};

use crate::api::vigil::{Expected, Vigil};
use crate::model::lock::lock;
use crate::model::number::Revision;
use crate::server::http::conversation::line::Tell;

/// All herds of a program.
#[derive(Default)]
pub(in crate::server::http) struct Herds(Mutex<Registry>);

/// Who waits for what.
#[derive(Default)]
struct Registry {
    /// How many have been members until now.
    count: u64,
    /// Members by what they wait for, in the order in which they came: the first one is awake, the others sleep.
    herds: HashMap<Arc<Wish>, BTreeMap<u64, Member>>,
}

/// What a blocking query waits for: all that its answer depends on.
#[derive(PartialEq, Eq, Hash)]
struct Wish {
    /// What it asks.
    inquiry: Inquiry,
    /// What it expects.
    expected: Expected,
}

/// The head of a request. Two that have the same one, and no body, ask the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Inquiry(Box<[u8]>);

/// One that waits.
pub(super) struct Member {
    /// How it is sent to sleep, and called.
    pub(super) vigil: Arc<Vigil>,
    /// How it is told an answer.
    pub(super) line: Arc<dyn Tell>,
}

/// The place of one of them, until it is told or goes.
pub(super) struct Membership {
    /// Where.
    herds: Arc<Herds>,
    /// What it waits for.
    wish: Arc<Wish>,
    /// Its number.
    id: u64,
}

/// Those of a herd that are to be told what one of them found.
#[must_use = "they see for themselves unless they are told"]
pub(super) struct Others(VecDeque<Member>);

/// Those of a herd that were told. Their tasks have nothing to do but to clear away what the wait needed; they are woken
/// for that when this goes.
pub(super) struct Told(Vec<Member>);

impl Inquiry {
    /// What a request asks; nothing where its answer ends the connection (RFC 9112 §9.3).
    pub(super) fn of<B>(request: &Request<B>) -> Option<Self> {
        let headers = request.headers();
        if request.version() != Version::HTTP_11 || headers.contains_key(header::CONNECTION) {
            return None;
        }
        let mut head = format!("{} {}\n", request.method(), request.uri()).into_bytes();
        for (name, value) in headers {
            // Neither can hold the end of a line, nor a name the colon.
            for piece in [name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"] {
                head.extend_from_slice(piece);
            }
        }
        Some(Self(head.into()))
    }
}

impl Herds {
    /// Has a blocking query wait with those that wait for the same: it sleeps, if there are any.
    pub(super) fn join(
        self: &Arc<Self>,
        inquiry: Inquiry,
        expected: Expected,
        member: Member,
    ) -> Membership {
        let mut registry = lock(&self.0);
        let id = registry.count;
        registry.count += 1;
        let mut wish = Arc::new(Wish { inquiry, expected });
        if let Some((known, _)) = registry.herds.get_key_value(&wish) {
            wish = Arc::clone(known);
        }
        let herd = registry.herds.entry(Arc::clone(&wish)).or_default();
        if !herd.is_empty() {
            member.vigil.sleep();
        }
        herd.insert(id, member);
        Membership { herds: Arc::clone(self), wish, id }
    }
}

impl Membership {
    /// Ends the herd, for one that has an answer for all of it; who comes from now on begins another one.
    pub(super) fn end_herd(self) -> Others {
        let mut registry = lock(&self.herds.0);
        let is_member =
            registry.herds.get(&self.wish).is_some_and(|herd| herd.contains_key(&self.id));
        // One that was told meanwhile is in no herd any more.
        let herd = is_member.then(|| registry.herds.remove(&self.wish)).flatten();
        let others = herd.unwrap_or_default().into_iter().filter(|(id, _)| *id != self.id);
        Others(others.map(|(_, member)| member).collect())
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut registry = lock(&self.herds.0);
        let Some(herd) = registry.herds.get_mut(&self.wish) else { return };
        let was_awake = herd.first_key_value().is_some_and(|(first, _)| *first == self.id);
        herd.remove(&self.id);
        match herd.first_key_value() {
            Some((_, next)) if was_awake => next.vigil.call(),
            Some(_) => {}
            None => {
                registry.herds.remove(&self.wish);
            }
        }
    }
}

impl Others {
    /// Whether there is nobody.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells all that know nothing newer an answer, made of a View or a newer one.
    pub(super) async fn tell(mut self, answer: Bytes, view: Revision) -> Told {
        let mut told = Told(Vec::with_capacity(self.0.len()));
        while !self.is_empty() {
            let portion = self.0.len().min(TOLD_AT_ONCE_MAX);
            // Without Tokio's own bound, which would cut the portion short.
            unconstrained(async {
                for member in self.0.drain(..portion) {
                    if member.vigil.may_hear_of(view) {
                        member.line.tell(&answer);
                        told.0.push(member);
                    } else {
                        member.vigil.call();
                    }
                }
            })
            .await;
            if !self.is_empty() {
                yield_now().await;
            }
        }
        told
    }
}

impl Drop for Others {
    /// Whoever was not told sees for itself.
    fn drop(&mut self) {
        self.0.iter().for_each(|member| member.vigil.call());
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.0.iter().for_each(|member| member.line.wake());
    }
}

/// How many are told before other tasks have their turn.
const TOLD_AT_ONCE_MAX: usize = 256;
