//! Queries that wait for others: `dns` says what it lacks, the forwarder fetches it, and `dns` answers.
//!
//! All of this happens beside the listeners: whoever asks for names of our own never waits behind it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::dns::outside::{Ask, Failure, Fetched, Outside};
use crate::dns::{Incoming, Outgoing, Transport, Worker};
use crate::forward::Forwarder;
use crate::model::limits::{DNS_CHAIN_MAX, DNS_QUERIES_WAITING_MAX};
use crate::model::lock::lock;
use crate::server::front::Front;
use crate::server::meter::Meter;

/// A query that waits.
pub(in crate::server) struct Waiting {
    /// What it lacks.
    pub(in crate::server) asks: Vec<Ask>,
    /// The message.
    pub(in crate::server) bytes: Vec<u8>,
    /// How it came.
    pub(in crate::server) transport: Transport,
    /// From where.
    pub(in crate::server) source: SocketAddr,
}

/// What answers queries that wait.
pub(in crate::server) struct Fetcher {
    /// Who asks others.
    forwarder: Arc<Forwarder>,
    /// Places for queries that wait.
    places: Semaphore,
    /// Makes and counts their answers, which nobody asks for twice: the forwarder remembers what they are
    /// made of.
    desk: Mutex<(Worker, Meter)>,
}

impl Fetcher {
    pub(in crate::server) fn new(forwarder: Arc<Forwarder>, rng: fastrand::Rng) -> Self {
        let desk = (Worker::without_cache(rng), Meter::waiting());
        let places = Semaphore::new(DNS_QUERIES_WAITING_MAX);
        Self { forwarder, places, desk: Mutex::new(desk) }
    }

    /// Who asks others.
    pub(in crate::server) fn forwarder(&self) -> &Forwarder {
        &self.forwarder
    }

    /// Fetches what a query lacks, and what that leads to, and answers it. Nothing where nothing is due.
    pub(in crate::server) async fn complete(
        &self,
        front: &Front,
        waiting: Waiting,
    ) -> Option<Vec<u8>> {
        let mut fetched = Vec::new();
        let mut asks = waiting.asks;
        let place = self.places.try_acquire();
        for ask in &asks {
            self.forwarder.asked_by(waiting.source.ip(), ask);
        }
        // Each round follows an alias further; chains are bounded, and so are rounds.
        for round in 0..=DNS_CHAIN_MAX {
            let answers = join_all(asks.into_iter().map(async |ask| {
                let may_fetch = place.is_ok() && round < DNS_CHAIN_MAX;
                let fetched = if may_fetch {
                    self.forwarder.fetch(ask.clone()).await
                } else {
                    Fetched::Failed(Failure::Overloaded)
                };
                (ask, fetched)
            }));
            fetched.extend(answers.await);
            let outside = Heard { forwarder: &self.forwarder, fetched: &fetched };
            let (bytes, transport) = (&*waiting.bytes, waiting.transport);
            let incoming = Incoming { bytes, transport, source: waiting.source };
            let mut desk = lock(&self.desk);
            let (worker, meter) = &mut *desk;
            let mut reply = Vec::new();
            match front.respond_with(&front.moment(), &outside, &incoming, worker, &mut reply) {
                Outgoing::Reply(said) => {
                    meter.count(&said);
                    return Some(reply);
                }
                Outgoing::Fetch(more) => asks = more,
                Outgoing::Ignore => return None,
            }
        }
        None
    }
}

/// What others said: what was fetched for one query, and else what is remembered.
pub(in crate::server) struct Heard<'a> {
    /// What remembers.
    pub(in crate::server) forwarder: &'a Forwarder,
    /// What was fetched.
    pub(in crate::server) fetched: &'a [(Ask, Fetched)],
}

impl Outside for Heard<'_> {
    fn look(&self, ask: &Ask) -> Option<Fetched> {
        if let Some((_, fetched)) = self.fetched.iter().find(|(asked, _)| asked == ask) {
            return Some(fetched.clone());
        }
        // A probe that comes back proves a loop, and would go round in it.
        if self.forwarder.sees(&ask.name) {
            return Some(Fetched::Failed(Failure::Loop));
        }
        self.forwarder.cached(ask)
    }
}
