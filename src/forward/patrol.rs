//! Probes recursors for loops: at the start, after each configuration, every few minutes, and when one is silent or asks
//! what it is asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::forward::choice::{FIRST_FORM, Path};
use crate::forward::exchange::exchange;
use crate::forward::flight::{Circle, secret};
use crate::forward::forwarder::Shared;
use crate::forward::probe::{self, Fate};
use crate::forward::question::{self, Verdict};
use crate::model::lock::lock;

/// Probes again and again.
pub(in crate::forward) async fn patrol(shared: Arc<Shared>) {
    let mut pause = PAUSE_MIN;
    loop {
        round(Arc::clone(&shared)).await;
        sleep(pause).await;
        // There is a reason, or the time is over: either way it is time.
        let is_suspected =
            timeout(shared.terms.probe_every, shared.suspicion.notified()).await.is_ok();
        pause = next_pause(pause, is_suspected);
    }
}

/// How soon after a probe the next one may follow, where there is a reason: ever later, since a recursor that is silent
/// for long is just gone.
fn next_pause(pause: Duration, is_suspected: bool) -> Duration {
    if is_suspected { (pause * 2).min(PAUSE_MAX) } else { PAUSE_MIN }
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

/// The least pause between two probes of a recursor.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// The longest one, as long as there is a reason for the next.
const PAUSE_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_silence_is_asked_about_ever_less_often() {
        let mut pause = PAUSE_MIN;
        let mut seconds = Vec::new();
        for is_suspected in [true, true, true, true, true, false, true] {
            pause = next_pause(pause, is_suspected);
            seconds.push(pause.as_secs());
        }
        assert_eq!(seconds, [2, 4, 8, 10, 10, 1, 2]);
    }
}
