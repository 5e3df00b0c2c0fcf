//! Who may be connected: places in all and for each client, and who has to leave where they are taken.
//!
//! RFC 9210 §4.2 leaves it to the server whether it then refuses the new connection or closes an idle one. The
//! new one has a query; one that waits for its client has none, and RFC 7766 §6.2.4 has its client ready
//! to find it closed. So the one that waits longest leaves: among the client's own, where it has all that one
//! client may have, otherwise among everybody's. A program that forgets to close thereby never locks its
//! machine out, nor a crowd that says nothing those who ask. The new one is refused only where nobody waits.
//!
//! Bytes that connections hold are bounded in all too: many that each send half of a large message, or do not
//! read, would add up. Those that hold few, as usual queries and replies do, are never asked about.
//!
//! "Longest" is found among the oldest few connections, so that a flood of new ones costs little each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

use crate::model::limits::{
    DNS_TCP_HELD_BYTES_FEW, DNS_TCP_HELD_BYTES_MAX, DNS_TCP_IDLE_TIMEOUT,
    DNS_TCP_IDLE_TIMEOUT_CROWDED,
};
use crate::model::lock::lock;

/// All places.
pub(super) struct Places {
    /// How many there are.
    max: usize,
    /// How many one client may have.
    per_client_max: usize,
    /// How many are taken: the length of `taken.seats`, without the lock.
    count: AtomicUsize,
    /// How often a connection began to wait: the order in which they did.
    rests: AtomicU64,
    /// Bytes that connections hold, those that hold few left out.
    held: AtomicUsize,
    /// Those that are taken.
    taken: Mutex<Taken>,
}

/// Places that are taken.
#[derive(Default)]
struct Taken {
    /// All, by their number: the oldest first.
    seats: BTreeMap<u64, Arc<State>>,
    /// Their numbers by client.
    clients: HashMap<Client, BTreeSet<u64>>,
    /// How many ever were.
    ever: u64,
}

/// What the connection and the places know of each other.
struct State {
    /// Since when it waits for its client, as the order says; 0 while it works.
    resting: AtomicU64,
    /// Says that it has to leave.
    wanted: Notify,
}

/// The place of one connection, until it is dropped.
pub(super) struct Seat {
    /// Which places.
    places: Arc<Places>,
    /// Whose it is.
    client: Client,
    /// Which one.
    number: u64,
    /// What both sides know.
    state: Arc<State>,
    /// Its share of the bytes that are held.
    held: AtomicUsize,
}

/// Who counts as one: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Client(IpAddr);

impl Places {
    pub(super) fn new(max: usize, per_client_max: usize) -> Self {
        let (count, rests, held) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicUsize::new(0));
        Self { max, per_client_max, count, rests, held, taken: Mutex::default() }
    }

    /// Gives a place to a new connection; another one may have to leave for it. None is given where nobody
    /// can, or too many that were told to have not left yet.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let client = Client::new(address);
        let mut taken = self.lock();
        if !self.make_room(&taken, client) {
            metrics::counter!("lictor.dns.tcp.refused").increment(1);
            return None;
        }
        taken.ever += 1;
        let number = taken.ever;
        let state = Arc::new(State { resting: AtomicU64::new(0), wanted: Notify::new() });
        taken.seats.insert(number, Arc::clone(&state));
        taken.clients.entry(client).or_default().insert(number);
        self.count.store(taken.seats.len(), Ordering::Relaxed);
        metrics::gauge!("lictor.dns.tcp.connections").increment(1.0);
        Some(Seat { places: Arc::clone(self), client, number, state, held: AtomicUsize::new(0) })
    }

    /// Whether there is room for another one of a client's, now or soon.
    fn make_room(&self, taken: &Taken, client: Client) -> bool {
        let own = taken.clients.get(&client);
        let (count, own_count) = (taken.seats.len(), own.map_or(0, BTreeSet::len));
        if self.max + LEAVING_MAX <= count || self.per_client_max + LEAVING_MAX <= own_count {
            return false;
        }
        let leaving = match own {
            Some(own) if self.per_client_max <= own_count => {
                longest_resting(own.iter().filter_map(|number| taken.seats.get(number)))
            }
            _ if self.max <= count => longest_resting(taken.seats.values()),
            _ => return true,
        };
        let Some(leaving) = leaving else { return false };
        // Nobody is told twice.
        leaving.resting.store(0, Ordering::Relaxed);
        leaving.wanted.notify_one();
        metrics::counter!("lictor.dns.tcp.gave_way").increment(1);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        lock(&self.taken)
    }
}

/// The one that waits longest for its client, as far as is looked.
fn longest_resting<'a>(seats: impl Iterator<Item = &'a Arc<State>>) -> Option<&'a Arc<State>> {
    let resting = |state: &&Arc<State>| state.resting.load(Ordering::Relaxed);
    seats.take(LOOKED_AT_MAX).filter(|state| resting(state) != 0).min_by_key(resting)
}

impl Seat {
    /// Its connection waits for its client from now on, unless it did already.
    pub(super) fn rest(&self) {
        if self.state.resting.load(Ordering::Relaxed) == 0 {
            let order = 1 + self.places.rests.fetch_add(1, Ordering::Relaxed);
            self.state.resting.store(order, Ordering::Relaxed);
        }
    }

    /// Its connection has something to do for its client.
    pub(super) fn work(&self) {
        self.state.resting.store(0, Ordering::Relaxed);
    }

    /// Waits until the place is wanted for another connection.
    pub(super) async fn wanted(&self) {
        self.state.wanted.notified().await;
    }

    /// Takes note of how many bytes its connection holds, of messages that are not whole and replies that are
    /// not written. Returns whether it may: not, where it is many and all together hold too many.
    pub(super) fn hold(&self, bytes: usize) -> bool {
        let after = if bytes <= DNS_TCP_HELD_BYTES_FEW { 0 } else { bytes };
        let before = self.held.swap(after, Ordering::Relaxed);
        if before != after {
            // One after the other, so that the sum never gets below what is held.
            self.places.held.fetch_add(after, Ordering::Relaxed);
            self.places.held.fetch_sub(before, Ordering::Relaxed);
        }
        after == 0 || self.places.held.load(Ordering::Relaxed) <= DNS_TCP_HELD_BYTES_MAX
    }

    /// How long its connection may be idle.
    pub(super) fn idle_timeout(&self) -> Duration {
        let crowd = self.places.max - self.places.max / 4;
        if self.places.count.load(Ordering::Relaxed) < crowd {
            DNS_TCP_IDLE_TIMEOUT
        } else {
            DNS_TCP_IDLE_TIMEOUT_CROWDED
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hold(0);
        let mut taken = self.places.lock();
        taken.seats.remove(&self.number);
        if let Some(own) = taken.clients.get_mut(&self.client) {
            own.remove(&self.number);
            if own.is_empty() {
                taken.clients.remove(&self.client);
            }
        }
        self.places.count.store(taken.seats.len(), Ordering::Relaxed);
        metrics::gauge!("lictor.dns.tcp.connections").decrement(1.0);
    }
}

impl Client {
    fn new(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(v4.into()),
            IpAddr::V6(v6) => Self(Ipv6Addr::from_bits(v6.to_bits() & NETWORK_BITS).into()),
        }
    }
}

/// The upper half of an address.
const NETWORK_BITS: u128 = !0 << 64;

/// Connections that are looked at to find one that can leave.
const LOOKED_AT_MAX: usize = 256;

/// Connections that were told to leave and may still be there, beyond the places.
const LEAVING_MAX: usize = 64;

#[cfg(test)]
mod tests;
