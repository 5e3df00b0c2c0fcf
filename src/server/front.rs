//! Query bytes → reply bytes: what every DNS listener calls.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use hickory_proto::op::ResponseCode;
use tokio_util::sync::CancellationToken;

use crate::acl::{Authorizer, Tokens};
use crate::catalog::View;
use crate::dns::outside::{Ask, Outside};
use crate::dns::query::{EdnsOptions, QueryOptions};
use crate::dns::{self, CookieSecret, Incoming, Known, Outgoing, Said, Setup, Transport, Worker};
use crate::forward::Forwarder;
use crate::model::dns_config::DnsConfig;
use crate::model::explanation::{Enquiry, Explanation};
use crate::model::time::Now;
use crate::publish::{Propose, Reader};
use crate::server::clock;
use crate::server::fetch::{self, Fetcher, Waiting};
use crate::zone::Zones;

/// The View and the settings that answers are made of.
pub(in crate::server) struct Front {
    /// The catalog.
    reader: Reader,
    /// Who knows what the agent's token may see.
    tokens: Arc<dyn Tokens>,
    /// The settings; a reload swaps them.
    config: ArcSwap<Setup>,
    /// Zones from files; a reload swaps them.
    zones: ArcSwap<Zones>,
    /// How long ago the catalog was last known to be current, in milliseconds.
    age_ms: AtomicU64,
    /// What cookies are made with.
    cookie_secret: CookieSecret,
    /// What the listeners' generators start from.
    seed: u64,
    /// Answers what needs others.
    fetcher: Fetcher,
}

/// All that a batch of answers is made of, loaded once.
pub(in crate::server) struct Moment {
    /// The catalog.
    view: Guard<Arc<View>>,
    /// What the agent's token may see of it.
    acl: Authorizer,
    /// The settings.
    config: Guard<Arc<Setup>>,
    /// Zones from files.
    zones: Guard<Arc<Zones>>,
    /// When it is.
    now: Now,
    /// How long ago the catalog was last known to be current.
    age: Duration,
}

impl Front {
    /// A front whose shuffles and cookies come from `rng`.
    pub(in crate::server) fn new(
        reader: Reader,
        tokens: Arc<dyn Tokens>,
        config: DnsConfig,
        zones: Zones,
        forwarder: Arc<Forwarder>,
        rng: &mut fastrand::Rng,
    ) -> Self {
        let cookie_secret = CookieSecret(rng.u128(..).to_ne_bytes());
        Self {
            reader,
            tokens,
            config: ArcSwap::from_pointee(effective(config, &forwarder)),
            zones: ArcSwap::from_pointee(zones),
            age_ms: AtomicU64::new(0),
            cookie_secret,
            seed: rng.u64(..),
            fetcher: Fetcher::new(forwarder, rng.fork()),
        }
    }

    /// What is known now. Hold it for one batch: it keeps old state alive.
    pub(in crate::server) fn moment(&self) -> Moment {
        Moment {
            view: self.reader.load(),
            // A token that opens nothing shows nothing.
            acl: self.tokens.authorizer(None).unwrap_or_else(|_| Authorizer::deny_all()),
            config: self.config.load(),
            zones: self.zones.load(),
            now: clock::now(),
            age: Duration::from_millis(self.age_ms.load(Ordering::Relaxed)),
        }
    }

    /// Makes the answer to one query, into `out`, of what is known.
    pub(in crate::server) fn respond(
        &self,
        moment: &Moment,
        incoming: &Incoming<'_>,
        worker: &mut Worker,
        out: &mut Vec<u8>,
    ) -> Outgoing {
        let outside = fetch::Heard { forwarder: self.fetcher.forwarder(), fetched: &[] };
        self.respond_with(moment, &outside, incoming, worker, out)
    }

    /// Makes the answer to a query that [`Outgoing::Fetch`] came of. Takes a time.
    pub(in crate::server) async fn complete(
        self: Arc<Self>,
        asks: Vec<Ask>,
        bytes: Vec<u8>,
        transport: Transport,
        source: SocketAddr,
    ) -> Option<Vec<u8>> {
        let waiting = Waiting { asks, bytes, transport, source };
        self.fetcher.complete(&self, waiting).await
    }

    /// Makes the answer to one query, into `out`, of what is known and what others said.
    pub(in crate::server) fn respond_with(
        &self,
        moment: &Moment,
        outside: &dyn Outside,
        incoming: &Incoming<'_>,
        worker: &mut Worker,
        out: &mut Vec<u8>,
    ) -> Outgoing {
        let known = self.known(moment, outside);
        let respond = AssertUnwindSafe(|| dns::respond(&known, incoming, worker, out));
        // A bug that one query finds must not take the thread that others are answered by.
        if let Ok(outgoing) = catch_unwind(respond) {
            if let Outgoing::Reply(Said { unhealthy: Some(unhealthy), .. }) = &outgoing {
                // The arguments are made only where somebody listens.
                tracing::debug!(query = dns::text::question(incoming.bytes), %unhealthy, "no instance may be told");
            }
            return outgoing;
        }
        metrics::counter!("lictor.dns.panics").increment(1);
        tracing::error!(query = ?incoming.bytes, "a query could not be answered; this is a bug");
        *worker = self.worker();
        servfail(incoming.bytes, out)
    }

    /// Says why a query is answered as it is, of what is known now, as far as the viewer may see it; the error is a
    /// text for who asks.
    pub(in crate::server) fn explain(
        &self,
        enquiry: &Enquiry,
        viewer: &Authorizer,
    ) -> Result<Explanation, String> {
        let dnssec_ok = enquiry.dnssec_ok;
        let edns = enquiry.udp_size;
        let edns =
            edns.map(|udp_size| EdnsOptions { udp_size, dnssec_ok, ..EdnsOptions::default() });
        let options = QueryOptions { edns, ..QueryOptions::default() };
        let bytes = dns::query(&enquiry.name, &enquiry.kind, &options, 0)
            .map_err(|fault| fault.to_string())?;
        let source = SocketAddr::new(enquiry.client, EXPLAINED_PORT);
        let incoming = Incoming { bytes: &bytes, transport: enquiry.transport, source };
        let moment = self.moment();
        let outside = fetch::Heard { forwarder: self.fetcher.forwarder(), fetched: &[] };
        let known = self.known(&moment, &outside);
        let explained = dns::explain::explain(&known, &incoming, &mut self.worker().rng, viewer);
        explained.ok_or_else(|| "such a query is not answered".to_owned())
    }

    fn known<'a>(&'a self, moment: &'a Moment, outside: &'a dyn Outside) -> Known<'a> {
        Known {
            view: &moment.view,
            acl: &moment.acl,
            tokens: &*self.tokens,
            config: &moment.config,
            now: moment.now,
            age: moment.age,
            cookie_secret: self.cookie_secret,
            zones: &moment.zones,
            outside,
        }
    }

    /// A worker for one listener.
    pub(in crate::server) fn worker(&self) -> Worker {
        // Listeners may share a sequence: shuffles need to be even, not secret.
        Worker::new(fastrand::Rng::with_seed(self.seed))
    }

    /// Answers by these settings and from these zones from now on.
    pub(in crate::server) fn configure(&self, config: DnsConfig, zones: Zones) {
        let config = effective(config, self.fetcher.forwarder());
        self.config.store(Arc::new(config));
        self.zones.store(Arc::new(zones));
    }

    /// Watches how old the catalog becomes, until `stop`: answers say so, but none waits to find out.
    pub(in crate::server) async fn watch_age(
        self: Arc<Self>,
        propose: Arc<dyn Propose>,
        stop: CancellationToken,
    ) {
        let mut clock = tokio::time::interval(AGE_INTERVAL);
        while stop.run_until_cancelled(clock.tick()).await.is_some() {
            let age = propose.cluster().last_contact.as_millis();
            self.age_ms.store(u64::try_from(age).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

/// The settings as they take effect: whether others are asked depends on whether there are any.
fn effective(config: DnsConfig, forwarder: &Forwarder) -> Setup {
    Setup::new(DnsConfig { is_recursive: forwarder.has_recursors(), ..config })
}

/// The port of clients in explanations: any but 0 would do.
const EXPLAINED_PORT: u16 = 53;

/// How often the catalog's age is looked at.
const AGE_INTERVAL: Duration = Duration::from_secs(1);

/// The shortest way to say that we failed: the query's head with QR and SERVFAIL.
fn servfail(query: &[u8], out: &mut Vec<u8>) -> Outgoing {
    let Some([id_high, id_low, flags, ..]) = query.get(..12) else { return Outgoing::Ignore };
    let (response, opcode_and_rd, code) = (0x80, flags & 0x79, 2);
    out.clear();
    out.extend([*id_high, *id_low, response | opcode_and_rd, code, 0, 0, 0, 0, 0, 0, 0, 0]);
    Outgoing::Reply(Said {
        kind: None,
        rcode: ResponseCode::ServFail,
        is_truncated: false,
        is_cached: false,
        is_stale: false,
        unhealthy: None,
    })
}
