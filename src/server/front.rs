//! Query bytes → reply bytes: what every DNS listener calls.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::dns::{self, Incoming, Outgoing, Transport};
use crate::model::dns_config::DnsConfig;
use crate::publish::Reader;
use crate::server::clock;

/// The View and the settings that answers are made of.
pub(in crate::server) struct Front {
    /// The catalog.
    reader: Reader,
    /// The settings; a reload swaps them.
    config: ArcSwap<DnsConfig>,
    /// What the listeners' generators start from.
    seed: u64,
}

impl Front {
    pub(in crate::server) fn new(reader: Reader, config: DnsConfig, seed: u64) -> Self {
        Self { reader, config: ArcSwap::from_pointee(config), seed }
    }

    /// Makes the answer to one query.
    pub(in crate::server) fn respond(
        &self,
        incoming: &Incoming<'_>,
        rng: &mut fastrand::Rng,
    ) -> Outgoing {
        let view = self.reader.load();
        let config = self.config.load();
        metrics::counter!("consul.dns.queries", "transport" => word(incoming.transport))
            .increment(1);
        let now = clock::now();
        let respond = AssertUnwindSafe(|| dns::respond(&view, &config, incoming, now, rng));
        // A bug that one query finds must not take the thread that others are answered by.
        catch_unwind(respond).unwrap_or_else(|_| {
            metrics::counter!("lictor.dns.panics").increment(1);
            tracing::error!(query = ?incoming.bytes, "a query could not be answered; this is a bug");
            servfail(incoming.bytes)
        })
    }

    /// A generator for one listener.
    pub(in crate::server) fn rng(&self) -> fastrand::Rng {
        // Listeners may share a sequence: shuffles need to be even, not secret.
        fastrand::Rng::with_seed(self.seed)
    }

    /// Answers by these settings from now on.
    pub(in crate::server) fn configure(&self, config: DnsConfig) {
        self.config.store(Arc::new(config));
    }
}

/// The shortest way to say that we failed: the query's head with QR and SERVFAIL.
fn servfail(query: &[u8]) -> Outgoing {
    let Some([id_high, id_low, flags, ..]) = query.get(..12) else { return Outgoing::Ignore };
    let (response, opcode_and_rd, code) = (0x80, flags & 0x79, 2);
    let head = [*id_high, *id_low, response | opcode_and_rd, code, 0, 0, 0, 0, 0, 0, 0, 0];
    Outgoing::Reply(head.to_vec())
}

fn word(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
    }
}
