//! Address → whether another connection of it is taken.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::model::lock::lock;

/// How many connections each client has, on all listeners together.
pub(in crate::server) struct Clients {
    /// Open connections by client.
    open: Mutex<HashMap<Whose, u32>>,
    /// All of them.
    count: AtomicUsize,
    /// How many one may have; 0 for any number.
    per_client_max: AtomicU32,
    /// How many there may be.
    max: usize,
}

/// Who counts as one client: an address, or all who come through sockets of the file system, as in Consul.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    /// An address.
    Address(IpAddr),
    /// Those on this machine.
    Socket,
}

/// A connection that counts until it is dropped.
pub(super) struct Admission {
    /// Where it counts.
    clients: Arc<Clients>,
    /// Whose it is.
    whose: Whose,
}

impl Clients {
    /// Room for so many connections in all, and for so many of each client.
    pub(in crate::server) fn new(max: usize, per_client_max: u32) -> Self {
        let per_client_max = AtomicU32::new(per_client_max);
        Self { open: Mutex::default(), count: AtomicUsize::new(0), per_client_max, max }
    }

    /// Changes how many one may have. Those that are open stay.
    pub(in crate::server) fn set_per_client_max(&self, per_client_max: u32) {
        self.per_client_max.store(per_client_max, Ordering::Relaxed);
    }

    /// Counts another connection; nothing where it is one too many.
    pub(super) fn enter(self: &Arc<Self>, whose: Whose) -> Option<Admission> {
        let per_client_max = self.per_client_max.load(Ordering::Relaxed);
        let mut open = self.lock();
        let own = open.get(&whose).copied().unwrap_or(0);
        let is_full = self.max <= self.count.load(Ordering::Relaxed);
        if is_full || 0 < per_client_max && per_client_max <= own {
            metrics::counter!("lictor.http.refused").increment(1);
            return None;
        }
        open.insert(whose, own + 1);
        self.count.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!("lictor.http.connections").increment(1.0);
        Some(Admission { clients: Arc::clone(self), whose })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Whose, u32>> {
        lock(&self.open)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut open = self.clients.lock();
        if let Some(count) = open.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.whose);
            }
        }
        self.clients.count.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!("lictor.http.connections").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Whose = Whose::Address(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    #[test]
    fn one_too_many_is_refused_until_another_one_ends() {
        let clients = Arc::new(Clients::new(100, 2));
        let first = clients.enter(ONE).unwrap();
        let _second = clients.enter(ONE).unwrap();
        assert!(clients.enter(ONE).is_none());
        let _other = clients.enter(Whose::Socket).unwrap();
        drop(first);
        assert!(clients.enter(ONE).is_some());
    }

    #[test]
    fn a_reload_raises_and_lowers_what_one_may_have() {
        let clients = Arc::new(Clients::new(100, 1));
        let _first = clients.enter(ONE).unwrap();
        assert!(clients.enter(ONE).is_none());
        clients.set_per_client_max(0);
        let _second = clients.enter(ONE).unwrap();
        clients.set_per_client_max(2);
        assert!(clients.enter(ONE).is_none());
    }

    #[test]
    fn all_together_are_bounded_and_nothing_is_left_of_who_went() {
        let clients = Arc::new(Clients::new(1, 0));
        let first = clients.enter(ONE).unwrap();
        assert!(clients.enter(Whose::Socket).is_none());
        drop(first);
        assert!(clients.lock().is_empty());
        assert!(clients.enter(Whose::Socket).is_some());
    }
}
