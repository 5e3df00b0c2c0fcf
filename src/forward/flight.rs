//! Questions that are under way: Ask → one fetch, however many wait for it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::dns::outside::{Ask, Failure, Fetched, Told};
use crate::forward::cache::{Cache, Found, bounded};
use crate::forward::choice::{Choice, Pick};
use crate::forward::count;
use crate::forward::exchange::exchange;
use crate::forward::forwarder::Shared;
use crate::forward::question::{self, Echo, Extension, Form, Secret, Verdict};
use crate::model::forward_config::ForwardConfig;
use crate::model::limits::FORWARD_TIME_MAX;
use crate::model::lock::lock;

/// The recursors of one configuration, and all that is known and under way of them.
pub(in crate::forward) struct Circle {
    /// Who they are, in the order stated.
    addresses: Vec<SocketAddr>,
    /// How long one has to answer.
    pub(in crate::forward) timeout: Duration,
    /// Whom to ask next.
    pub(in crate::forward) choice: Mutex<Choice>,
    /// What they said.
    pub(in crate::forward) cache: Arc<Cache>,
    /// What they are asked now.
    flights: Mutex<HashMap<Ask, Flight>>,
}

/// A place among those who wait for one fetch.
#[derive(Clone)]
pub(in crate::forward) struct Flight(watch::Receiver<Option<Fetched>>);

/// Takes a fetch off the list, however it ended.
struct Entry {
    /// Where it is listed.
    circle: Arc<Circle>,
    /// Under what.
    ask: Ask,
}

impl Circle {
    pub(in crate::forward) fn new(
        config: &ForwardConfig,
        addresses: Vec<SocketAddr>,
        cache: Arc<Cache>,
    ) -> Self {
        let choice = Mutex::new(Choice::new(&addresses, config.strategy));
        Self { addresses, timeout: config.timeout, choice, cache, flights: Mutex::default() }
    }

    /// The recursors, in the order stated.
    pub(in crate::forward) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether a question is under way, whatever is wanted beside its answer.
    pub(in crate::forward) fn is_under_way(&self, ask: &Ask) -> bool {
        lock(&self.flights).keys().any(|other| other.kind == ask.kind && other.name == ask.name)
    }

    /// Questions under way.
    pub(in crate::forward) fn under_way(&self) -> usize {
        lock(&self.flights).len()
    }
}

impl Flight {
    /// Waits for what the fetch brings.
    pub(in crate::forward) async fn landing(mut self) -> Fetched {
        let landed = self.0.wait_for(Option::is_some).await;
        // A fetch that ends without a word was stopped together with the program.
        let fetched = landed.ok().and_then(|fetched| fetched.clone());
        fetched.unwrap_or(Fetched::Failed(Failure::Unreachable))
    }
}

/// Joins the fetch of an equal question, or begins one.
///
/// # Errors
/// [`Failure::Overloaded`] where too many are under way.
pub(in crate::forward) fn join(
    shared: &Arc<Shared>,
    circle: &Arc<Circle>,
    ask: &Ask,
) -> Result<Flight, Failure> {
    let mut flights = lock(&circle.flights);
    if let Some(flight) = flights.get(ask) {
        return Ok(flight.clone());
    }
    // An equal one may have landed since the caller looked: it takes itself off the list after keeping what it
    // brought.
    if let Found::Fresh(told) = circle.cache.find(ask, shared.clock.now()) {
        return Ok(Flight(watch::channel(Some(Fetched::Told(told))).1));
    }
    if shared.terms.flights_max <= flights.len() {
        return Err(Failure::Overloaded);
    }
    let (landing, flight) = watch::channel(None);
    flights.insert(ask.clone(), Flight(flight.clone()));
    // A runtime that is shutting down drops the task at once, which takes it off the list.
    drop(flights);
    let entry = Entry { circle: Arc::clone(circle), ask: ask.clone() };
    shared.spawn(fly(Arc::clone(shared), entry, landing));
    Ok(Flight(flight))
}

async fn fly(shared: Arc<Shared>, entry: Entry, landing: watch::Sender<Option<Fetched>>) {
    let (circle, ask) = (&entry.circle, &entry.ask);
    let begun = Instant::now();
    let fetched = match ask_around(&shared, circle, ask).await {
        Ok(told) => {
            let told = Arc::new(bounded(told));
            circle.cache.put(ask.clone(), &told, shared.clock.now());
            Fetched::Told(told)
        }
        Err(failure) => {
            circle.cache.put_failure(ask.clone(), failure, shared.clock.now());
            Fetched::Failed(failure)
        }
    };
    count::time(begun.elapsed());
    // What came is in the cache, so nobody begins a second fetch between these lines.
    drop(entry);
    landing.send_replace(Some(fetched));
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.circle.flights).remove(&self.ask);
    }
}

/// Asks one recursor after the other until one answers.
async fn ask_around(shared: &Shared, circle: &Circle, ask: &Ask) -> Result<Told, Failure> {
    let deadline = Instant::now() + FORWARD_TIME_MAX;
    let order = lock(&circle.choice).order(shared.clock.now(), &mut lock(&shared.rng));
    let mut failure = Failure::Unreachable;
    for pick in order {
        if deadline <= Instant::now() {
            break;
        }
        match ask_one(shared, circle, pick, ask, deadline).await {
            Ok(told) => return Ok(told),
            // Somebody who answers with an error is worth more to a reader than somebody who is silent.
            Err(Failure::Unreachable) => {}
            Err(other) => failure = other,
        }
    }
    if lock(&circle.choice).is_loop() { Err(Failure::Loop) } else { Err(failure) }
}

/// Asks one recursor, in as many forms as it takes, and notes how it did.
async fn ask_one(
    shared: &Shared,
    circle: &Circle,
    pick: Pick,
    ask: &Ask,
    deadline: Instant,
) -> Result<Told, Failure> {
    let now = || shared.clock.now();
    let (form, verdict) = match converse(circle, pick, ask, deadline).await {
        Ok(said) => said,
        Err(error) => {
            tracing::debug!(recursor = %pick.address, %error, "a recursor did not answer");
            if error.kind() == io::ErrorKind::TimedOut {
                shared.suspicion.notify_one();
            }
            lock(&circle.choice).failed(pick.address, now());
            return Err(Failure::Unreachable);
        }
    };
    let mut choice = lock(&circle.choice);
    match verdict {
        Verdict::Told(told, echo) => {
            choice.answered(pick.address);
            if echo == Echo::Folded {
                choice.folds(pick.address);
            }
            if form.edns == Extension::None {
                choice.lacks_edns(pick.address);
            }
            Ok(told)
        }
        // It is about this name: another one may be answered.
        Verdict::Error(ResponseCode::ServFail, _) | Verdict::Nonsense => Err(Failure::Useless),
        Verdict::Error(..) | Verdict::Wrong(_) | Verdict::OtherCase | Verdict::Truncated => {
            tracing::debug!(recursor = %pick.address, ?verdict, "a recursor said nothing useful");
            choice.failed(pick.address, now());
            Err(Failure::Useless)
        }
    }
}

/// Asks one recursor until it has said its last word; that, and the form in which it was asked.
async fn converse(
    circle: &Circle,
    pick: Pick,
    ask: &Ask,
    deadline: Instant,
) -> io::Result<(Form, Verdict)> {
    let mut form = pick.form;
    loop {
        let asked = question::write(ask, form, secret()).map_err(io::Error::other)?;
        let patience = circle.timeout.min(deadline.saturating_duration_since(Instant::now()));
        count::asked(form.by);
        let verdict = exchange(pick.address, &asked, form.by, patience).await?;
        if verdict == Verdict::OtherCase {
            count::other_case();
        }
        match question::again(form, &verdict) {
            Some(next) => form = next,
            None => return Ok((form, verdict)),
        }
    }
}

/// What a forger would have to guess: from the generator that keys are made with.
pub(in crate::forward) fn secret() -> Secret {
    Secret { id: rand::random(), letters: rand::random() }
}
