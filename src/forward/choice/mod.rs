//! Which recursor is asked next: what each one did so far → an order, and the form it understands.
//!
//! Pure: time and the generator for a random order come in. Nobody is left out for having failed, only asked
//! later; who forwards to ourselves is left out.

use std::net::SocketAddr;
use std::time::Duration;

use crate::forward::question::{By, Extension, Form, Letters};
use crate::model::forward_config::Strategy;
use crate::model::time::Now;

/// The recursors, and what they did so far.
#[derive(Clone, Debug)]
pub(in crate::forward) struct Choice {
    /// In the order stated.
    peers: Vec<Peer>,
    /// Who is asked first.
    strategy: Strategy,
}

/// One recursor.
#[derive(Clone, Debug)]
struct Peer {
    /// Where it is.
    address: SocketAddr,
    /// How it is asked first.
    form: Form,
    /// Times that it was silent or useless since it last answered.
    failures: u32,
    /// Until when others are asked first.
    lame_until: Now,
    /// Whether it forwards to us.
    path: Path,
}

/// Where the questions go that a recursor gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::forward) enum Path {
    /// Onward.
    Onward,
    /// Back to us.
    Loop,
}

/// How a recursor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It answers, or was not asked yet.
    Good,
    /// It failed a moment ago, and is asked after the others.
    Lame,
    /// It forwards to us, and is not asked.
    Loops,
}

/// A recursor that is to be asked, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::forward) struct Pick {
    /// Where it is.
    pub(in crate::forward) address: SocketAddr,
    /// How it is asked first.
    pub(in crate::forward) form: Form,
}

impl Choice {
    /// Recursors of whom nothing is known yet.
    pub(in crate::forward) fn new(addresses: &[SocketAddr], strategy: Strategy) -> Self {
        let peer = |address: &SocketAddr| Peer {
            address: *address,
            form: FIRST_FORM,
            failures: 0,
            lame_until: Now::default(),
            path: Path::Onward,
        };
        Self { peers: addresses.iter().map(peer).collect(), strategy }
    }

    /// Who is asked, in this order: first who did not fail, then who did, the one whose failure is longest ago
    /// first.
    pub(in crate::forward) fn order(&self, now: Now, rng: &mut fastrand::Rng) -> Vec<Pick> {
        let mut peers: Vec<&Peer> =
            self.peers.iter().filter(|peer| peer.path == Path::Onward).collect();
        match self.strategy {
            Strategy::Sequential => {}
            Strategy::Random => rng.shuffle(&mut peers),
        }
        // Stable: who is equally good stays in the strategy's order.
        peers.sort_by_key(|peer| if now < peer.lame_until { peer.lame_until } else { Now(0) });
        peers.iter().map(|peer| Pick { address: peer.address, form: peer.form }).collect()
    }

    /// A recursor answered, in this form.
    pub(in crate::forward) fn answered(&mut self, address: SocketAddr) {
        self.change(address, |peer| {
            peer.failures = 0;
            peer.lame_until = Now::default();
        });
    }

    /// A recursor was silent, or said what helps nobody. Each time in a row it is put last for longer.
    pub(in crate::forward) fn failed(&mut self, address: SocketAddr, now: Now) {
        self.change(address, |peer| {
            let doublings = peer.failures.min(LAME_DOUBLINGS_MAX);
            peer.failures = peer.failures.saturating_add(1);
            peer.lame_until = now.after(LAME_FIRST * 2_u32.pow(doublings));
        });
    }

    /// A recursor does not repeat letters.
    pub(in crate::forward) fn folds(&mut self, address: SocketAddr) {
        self.change(address, |peer| peer.form.letters = Letters::Plain);
    }

    /// A recursor stumbles over EDNS.
    pub(in crate::forward) fn lacks_edns(&mut self, address: SocketAddr) {
        self.change(address, |peer| peer.form.edns = Extension::None);
    }

    /// Notes where a recursor's questions go; whether that is news.
    pub(in crate::forward) fn leads(&mut self, address: SocketAddr, path: Path) -> bool {
        let mut is_news = false;
        self.change(address, |peer| {
            is_news = peer.path != path;
            peer.path = path;
        });
        is_news
    }

    /// Whether there are recursors, and all of them forward to us.
    pub(in crate::forward) fn is_loop(&self) -> bool {
        !self.peers.is_empty() && self.peers.iter().all(|peer| peer.path == Path::Loop)
    }

    /// Every recursor, and how it does.
    pub(in crate::forward) fn standings(&self, now: Now) -> Vec<(SocketAddr, Standing)> {
        let standing = |peer: &Peer| match peer.path {
            Path::Loop => Standing::Loops,
            Path::Onward if now < peer.lame_until => Standing::Lame,
            Path::Onward => Standing::Good,
        };
        self.peers.iter().map(|peer| (peer.address, standing(peer))).collect()
    }

    fn change(&mut self, address: SocketAddr, change: impl FnOnce(&mut Peer)) {
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.address == address) {
            change(peer);
        }
    }
}

/// How a recursor is asked of whom nothing is known.
pub(in crate::forward) const FIRST_FORM: Form =
    Form { by: By::Udp, letters: Letters::Scrambled, edns: Extension::Edns };

/// For how long a recursor that failed once is asked last.
const LAME_FIRST: Duration = Duration::from_secs(10);

/// How often that time is doubled.
const LAME_DOUBLINGS_MAX: u32 = 5;

#[cfg(test)]
mod tests;
