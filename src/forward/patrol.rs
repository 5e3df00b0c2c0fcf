//! Probes recursors for loops: at the start, after each configuration, every few minutes, and when one is silent.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::forward::choice::{FIRST_FORM, Path};
use crate::forward::exchange::exchange;
use crate::forward::flight::{Circle, secret};
use crate::forward::forwarder::{Shared, lock};
use crate::forward::probe::{self, Fate};
use crate::forward::question::{self, Verdict};

/// Probes again and again.
pub(in crate::forward) async fn patrol(shared: Arc<Shared>) {
    loop {
        round(Arc::clone(&shared)).await;
        sleep(shared.terms.probe_pause).await;
        // Silence, or the time is over: either way it is time.
        let _ = timeout(shared.terms.probe_every, shared.silence.notified()).await;
    }
}

/// Probes each recursor once.
pub(in crate::forward) async fn round(shared: Arc<Shared>) {
    let circle = shared.circle.load_full();
    join_all(circle.addresses().iter().map(|recursor| probe(&shared, &circle, *recursor))).await;
}

/// Probes one recursor. Where the probe comes back to us, [`Forwarder::sees`] notes it; here it is noted where
/// one did not, though it was answered.
///
/// [`Forwarder::sees`]: crate::forward::Forwarder::sees
async fn probe(shared: &Shared, circle: &Circle, recursor: SocketAddr) {
    let nonce = rand::random();
    let asked = probe::ask(nonce).and_then(|ask| question::write(&ask, FIRST_FORM, secret()));
    let Ok(asked) = asked else { return };
    lock(&shared.probes).begin(nonce, recursor, shared.clock.now());
    let said = exchange(recursor, &asked, FIRST_FORM.by, circle.timeout).await;
    let is_answered = said.is_ok_and(|verdict| !matches!(verdict, Verdict::Wrong(_)));
    if !is_answered || lock(&shared.probes).fate(nonce) == Fate::Returned {
        return;
    }
    if lock(&circle.choice).leads(recursor, Path::Onward) {
        tracing::info!(%recursor, "the recursor does not forward to this agent any more");
    }
}
