//! The room's door: Ask → Fetched, from the cache or from the recursors.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use hickory_proto::rr::Name;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dns::outside::{Ask, Failure, Fetched, Told};
use crate::forward::cache::{Cache, Found, Recheck};
use crate::forward::choice::{Path, Standing};
use crate::forward::clock::Clock;
use crate::forward::fault::Fault;
use crate::forward::flight::{Circle, join};
use crate::forward::probe::{self, Probes};
use crate::forward::{count, patrol, surroundings};
use crate::model::forward_config::ForwardConfig;
use crate::model::limits::FORWARD_CACHE_BYTES_MAX;
use crate::model::lock::lock;

/// Asks recursors for what this agent does not know, and keeps what they say. To be used inside a Tokio
/// runtime; what it has under way ends when it is dropped.
pub struct Forwarder {
    /// What its tasks share with it.
    shared: Arc<Shared>,
}

/// What the tasks of a forwarder share.
pub(in crate::forward) struct Shared {
    /// The recursors of now, with all that is under way to them. A new configuration replaces it.
    pub(in crate::forward) circle: ArcSwap<Circle>,
    /// Loop probes.
    pub(in crate::forward) probes: Mutex<Probes>,
    /// Told when a recursor was silent or asked us what it was asked: it may forward to us.
    pub(in crate::forward) suspicion: Notify,
    /// The clock.
    pub(in crate::forward) clock: Clock,
    /// Draws random orders.
    pub(in crate::forward) rng: Mutex<fastrand::Rng>,
    /// What is not configured.
    pub(in crate::forward) terms: Terms,
    /// Where this agent listens for DNS.
    listeners: Vec<SocketAddr>,
    /// Fetches and probes.
    pub(in crate::forward) tasks: TaskTracker,
    /// Ends them.
    pub(in crate::forward) stop: CancellationToken,
}

/// What is not configured, and what tests shorten.
#[derive(Clone, Debug)]
pub(in crate::forward) struct Terms {
    /// After how long a client is told what is stale (RFC 8767 §5, "client response timer").
    pub(in crate::forward) stale_after: Duration,
    /// How often recursors are probed for loops.
    pub(in crate::forward) probe_every: Duration,
    /// Where the machine's name servers stand.
    pub(in crate::forward) resolv_conf: PathBuf,
    /// Questions under way at one time.
    pub(in crate::forward) flights_max: usize,
}

/// What a forwarder is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Each recursor, in the order stated, and how it does.
    pub recursors: Vec<(SocketAddr, Standing)>,
    /// Questions of which something is kept.
    pub cached: usize,
    /// What that takes, in bytes.
    pub cached_bytes: u64,
    /// Questions under way.
    pub under_way: usize,
}

impl Forwarder {
    /// Forwards to the configured recursors. `listeners` are the addresses that this agent's DNS is bound to, as
    /// the kernel names them; `seed` is what random orders start from.
    ///
    /// # Errors
    /// [`Fault::Own`] where a recursor is one of `listeners`.
    pub fn new(
        config: &ForwardConfig,
        listeners: Vec<SocketAddr>,
        seed: u64,
    ) -> Result<Self, Fault> {
        Self::with_terms(config, listeners, seed, (Terms::default(), Clock::start()))
    }

    pub(in crate::forward) fn with_terms(
        config: &ForwardConfig,
        listeners: Vec<SocketAddr>,
        seed: u64,
        (terms, clock): (Terms, Clock),
    ) -> Result<Self, Fault> {
        let addresses = surroundings::addresses(config, &listeners, &terms.resolv_conf)?;
        let cache = Arc::new(Cache::new(FORWARD_CACHE_BYTES_MAX));
        let shared = Arc::new(Shared {
            circle: ArcSwap::from_pointee(Circle::new(config, addresses, cache)),
            probes: Mutex::default(),
            suspicion: Notify::new(),
            clock,
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            terms,
            listeners,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        shared.spawn(patrol::patrol(Arc::clone(&shared)));
        Ok(Self { shared })
    }

    /// Forwards to other recursors from now on. What is under way to the old ones goes on for whoever waits for
    /// it; answers that are kept stay where the addresses do.
    ///
    /// # Errors
    /// [`Fault::Own`]; the old configuration stays then.
    pub fn configure(&self, config: &ForwardConfig) -> Result<(), Fault> {
        let shared = &self.shared;
        let addresses =
            surroundings::addresses(config, &shared.listeners, &shared.terms.resolv_conf)?;
        let before = shared.circle.load();
        let cache = if before.addresses() == addresses {
            Arc::clone(&before.cache)
        } else {
            Arc::new(Cache::new(FORWARD_CACHE_BYTES_MAX))
        };
        shared.circle.store(Arc::new(Circle::new(config, addresses, cache)));
        shared.spawn(patrol::round(Arc::clone(shared)));
        Ok(())
    }

    /// Whether there is anybody to ask. Where not, questions are refused rather than fetched.
    #[must_use]
    pub fn has_recursors(&self) -> bool {
        !self.shared.circle.load().addresses().is_empty()
    }

    /// What is known already. Never waits.
    #[must_use]
    pub fn cached(&self, ask: &Ask) -> Option<Fetched> {
        let now = self.shared.clock.now();
        let fetched = match self.shared.circle.load().cache.find(ask, now) {
            Found::Fresh(told) | Found::Stale(told, Recheck::Later) => Fetched::Told(told),
            Found::Failed(failure) => Fetched::Failed(failure),
            Found::Stale(_, Recheck::Due) | Found::Missing => return None,
        };
        count::found(&fetched);
        Some(fetched)
    }

    /// What is known, or else what the recursors say. Equal questions that are under way at one time are asked
    /// once. Waits no longer than [`FORWARD_TIME_MAX`](crate::model::limits::FORWARD_TIME_MAX); whoever goes
    /// away before ends nothing, and what comes is kept for the next one.
    pub async fn fetch(&self, ask: Ask) -> Fetched {
        let circle = self.shared.circle.load_full();
        let known = match circle.cache.find(&ask, self.shared.clock.now()) {
            Found::Fresh(told) | Found::Stale(told, Recheck::Later) => {
                let fetched = Fetched::Told(told);
                count::found(&fetched);
                return fetched;
            }
            Found::Failed(failure) => {
                count::found(&Fetched::Failed(failure));
                return Fetched::Failed(failure);
            }
            Found::Stale(told, Recheck::Due) => Some(told),
            Found::Missing => None,
        };
        let landing = match join(&self.shared, &circle, &ask) {
            Ok(flight) => flight.landing(),
            Err(failure) => return without(known, failure),
        };
        let Some(known) = known else {
            let fetched = landing.await;
            count::fetched(&fetched);
            return fetched;
        };
        // RFC 8767 §5: the fetch goes on, and the next client hears what it brought.
        match timeout(self.shared.terms.stale_after, landing).await {
            Ok(Fetched::Told(told)) => {
                let fetched = Fetched::Told(told);
                count::fetched(&fetched);
                fetched
            }
            Ok(Fetched::Failed(failure)) => without(Some(known), failure),
            Err(_) => without(Some(known), Failure::Unreachable),
        }
    }

    /// Takes note of who asks for what is not known. A recursor that asks what it is being asked may forward to this
    /// agent: a probe finds out, before the question that waits for itself runs out of time.
    pub fn asked_by(&self, asker: IpAddr, ask: &Ask) {
        let circle = self.shared.circle.load();
        let is_recursor = circle
            .addresses()
            .iter()
            .any(|recursor| recursor.ip().to_canonical() == asker.to_canonical());
        if is_recursor && circle.is_under_way(ask) {
            self.shared.suspicion.notify_one();
        }
    }

    /// Takes note of a name that somebody asks this agent for, and that is none of its own. Where it is one of
    /// our loop probes, says so: the question is to be answered with an error (REFUSED), never forwarded.
    #[must_use]
    pub fn sees(&self, name: &Name) -> bool {
        let Some(nonce) = probe::nonce(name) else { return false };
        let now = self.shared.clock.now();
        let Some(recursor) = lock(&self.shared.probes).returned(nonce, now) else { return false };
        if lock(&self.shared.circle.load().choice).leads(recursor, Path::Loop) {
            tracing::warn!(
                %recursor,
                "the recursor forwards to this agent and is not asked; take one of the two out of the other's configuration"
            );
        }
        true
    }

    /// What it is doing.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let circle = self.shared.circle.load();
        let (cached, cached_bytes) = circle.cache.size();
        let recursors = lock(&circle.choice).standings(self.shared.clock.now());
        Stats { recursors, cached, cached_bytes, under_way: circle.under_way() }
    }

    /// Ends what is under way, and waits for it.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl Shared {
    /// Runs something until it ends or the forwarder does.
    pub(in crate::forward) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled(task).await;
        });
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            stale_after: Duration::from_millis(1_800),
            probe_every: Duration::from_secs(300),
            resolv_conf: PathBuf::from("/etc/resolv.conf"),
            flights_max: crate::model::limits::FORWARDS_MAX,
        }
    }
}

/// What is told where nothing new came.
fn without(known: Option<Arc<Told>>, failure: Failure) -> Fetched {
    let fetched = known.map_or(Fetched::Failed(failure), Fetched::Told);
    count::fetched(&fetched);
    fetched
}

#[cfg(test)]
mod tests;
