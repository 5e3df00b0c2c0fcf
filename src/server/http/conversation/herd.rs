//! Blocking queries that wait for the same → one of them that does, and tells the others.
//!
//! A key or a service that a thousand watch changes for all of them at once, and a thousand would make the same answer.
//! Those that ask the same, down to the last header, and expect the same, are a herd: the one that has waited longest is
//! awake, and what it is answered is written to all. Where it goes before, for whatever reason, the next one is called.
//!
//! Invariants
//! - Each is told at most once, and by nobody once its own wait has ended.
//! - Whoever is not told is called, or has been awake all along: no change is missed by anybody.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{Request, Version, header};
use sha2::{Digest as _, Sha256};
use tokio::task::{unconstrained, yield_now};

use crate::api::vigil::{Expected, Finding, Vigil};
use crate::model::lock::lock;
use crate::server::http::conversation::line::Tell;

/// All herds of a program.
#[derive(Default)]
pub(in crate::server::http) struct Herds(Mutex<Registry>);

/// Who waits for what.
#[derive(Default)]
struct Registry {
    /// How many have been members until now.
    count: u64,
    /// Those who wait.
    herds: HashMap<Wish, Herd>,
}

/// What a blocking query waits for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Wish {
    /// What it asks.
    inquiry: Inquiry,
    /// What it expects.
    expected: Expected,
}

/// The head of a request, by its digest: it may be long, and be waited with for minutes. Two that have the same one, and
/// no body, ask the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Inquiry([u8; 32]);

/// Those who wait for the same, by their numbers.
struct Herd {
    /// The one that is awake.
    awake: (u64, Member),
    /// The others, in the order in which they came.
    asleep: BTreeMap<u64, Member>,
}

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
    wish: Wish,
    /// Its number.
    id: u64,
}

/// Those of a herd that are to be told what one of them found.
#[must_use = "they see for themselves unless they are told"]
pub(super) struct Others(VecDeque<Member>);

/// Those of a herd that were told. Their tasks have nothing to do but to clear away what the wait needed; they are woken
/// for that when this goes.
pub(super) struct Resting(Vec<Member>);

impl Inquiry {
    /// What a request asks; nothing where its answer ends the connection, or tells whether it does (RFC 9112 §9.3).
    pub(super) fn of<B>(request: &Request<B>) -> Option<Self> {
        let headers = request.headers();
        let mut options = headers.get_all(header::CONNECTION).iter();
        let stays_open =
            options.all(|option| option.as_bytes().eq_ignore_ascii_case(b"keep-alive"));
        if request.version() != Version::HTTP_11 || !stays_open {
            return None;
        }
        let mut digest =
            Sha256::new_with_prefix(format!("{} {}\n", request.method(), request.uri()));
        for (name, value) in headers {
            // Neither can hold the end of a line, nor a name the colon.
            for piece in [name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"] {
                digest.update(piece);
            }
        }
        Some(Self(digest.finalize().into()))
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
        let wish = Wish { inquiry, expected };
        let mut registry = lock(&self.0);
        let id = registry.count;
        registry.count += 1;
        match registry.herds.entry(wish) {
            Entry::Vacant(place) => {
                place.insert(Herd { awake: (id, member), asleep: BTreeMap::new() });
            }
            Entry::Occupied(mut herd) => {
                member.vigil.sleep();
                herd.get_mut().asleep.insert(id, member);
            }
        }
        Membership { herds: Arc::clone(self), wish, id }
    }
}

impl Membership {
    /// Ends the herd, for one that has an answer for all of it; who comes from now on begins another one.
    pub(super) fn end_herd(self) -> Others {
        let mut registry = lock(&self.herds.0);
        // One whose herd was ended meanwhile is in none any more.
        let Entry::Occupied(herd) = registry.herds.entry(self.wish) else {
            return Others(VecDeque::new());
        };
        if !herd.get().has(self.id) {
            return Others(VecDeque::new());
        }
        let Herd { awake, asleep } = herd.remove();
        let members = std::iter::once(awake).chain(asleep).filter(|(id, _)| *id != self.id);
        Others(members.map(|(_, member)| member).collect())
    }
}

impl Herd {
    fn has(&self, id: u64) -> bool {
        self.awake.0 == id || self.asleep.contains_key(&id)
    }
}

impl Drop for Membership {
    /// Calls the next one, where the one that was awake goes.
    fn drop(&mut self) {
        let mut registry = lock(&self.herds.0);
        let Entry::Occupied(mut place) = registry.herds.entry(self.wish) else { return };
        let herd = place.get_mut();
        if herd.awake.0 != self.id {
            herd.asleep.remove(&self.id);
        } else if let Some(next) = herd.asleep.pop_first() {
            next.1.vigil.call();
            herd.awake = next;
        } else {
            place.remove();
        }
    }
}

impl Others {
    /// Whether there is nobody.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells an answer to all for whom what it tells of is as good as what they would find.
    pub(super) async fn tell(mut self, answer: &Bytes, finding: &Finding) -> Resting {
        let mut told = Resting(Vec::with_capacity(self.0.len()));
        let portion = (TOLD_BYTES_AT_ONCE_MAX / answer.len().max(1)).clamp(1, TOLD_AT_ONCE_MAX);
        while !self.is_empty() {
            // Without Tokio's own bound, which would cut the portion short.
            unconstrained(async {
                for _ in 0..portion {
                    let Some(member) = self.0.pop_front() else { break };
                    if member.vigil.may_hear_of(finding) {
                        member.line.tell(answer);
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

impl Drop for Resting {
    fn drop(&mut self) {
        self.0.iter().for_each(|member| member.line.wake());
    }
}

/// How many are told before other tasks have their turn.
const TOLD_AT_ONCE_MAX: usize = 256;

/// How many bytes of answers are written before.
const TOLD_BYTES_AT_ONCE_MAX: usize = 1024 * 1024;
