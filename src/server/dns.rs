//! All of DNS that runs: listeners, what they answer from, and who is asked for the rest.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::acl::Tokens;
use crate::forward::{self, Forwarder};
use crate::intake::Config;
use crate::model::name::NodeName;
use crate::publish::Reader;
use crate::server::ServerFault;
use crate::server::front::Front;
use crate::server::stream::{self, StreamServer};
use crate::server::udp::{UdpSockets, UdpThreads};
use crate::server::zone_files::ZoneFiles;

/// DNS, as it runs.
#[must_use = "listeners answer until `stop`"]
pub(in crate::server) struct Dns {
    /// What answers are made of.
    pub(in crate::server) front: Arc<Front>,
    /// Who asks others.
    forwarder: Arc<Forwarder>,
    /// Zones, and the files that they are from.
    zone_files: ZoneFiles,
    /// Datagrams.
    udp: Vec<UdpThreads>,
    /// Streams.
    stream: StreamServer,
}

/// Sockets that are bound and do not answer yet.
pub(in crate::server) struct DnsSockets {
    /// Datagrams.
    pub(in crate::server) udp: Vec<UdpSockets>,
    /// Streams.
    pub(in crate::server) tcp: Vec<TcpListener>,
}

impl Dns {
    /// Starts to answer.
    ///
    /// # Errors
    /// A recursor that is one of these sockets, and a system that gives no threads.
    pub(in crate::server) async fn start(
        sockets: DnsSockets,
        config: &Config,
        node: &NodeName,
        reader: &Reader,
        tokens: &Arc<dyn Tokens>,
        rng: &mut fastrand::Rng,
    ) -> Result<Self, ServerFault> {
        let listeners = sockets.udp.iter().map(|sockets| sockets.address).collect();
        let forwarder = Arc::new(Forwarder::new(&config.forward, listeners, rng.u64(..))?);
        let zone_files = ZoneFiles::default().read(config.zones_dir.clone()).await;
        let (dns, zones) = (config.dns(node), zone_files.zones());
        let (reader, tokens) = (reader.clone(), Arc::clone(tokens));
        let front = Arc::new(Front::new(reader, tokens, dns, zones, Arc::clone(&forwarder), rng));
        let stream = stream::start(sockets.tcp, &front);
        let mut udp = Vec::new();
        for sockets in sockets.udp {
            let address: SocketAddr = sockets.address;
            let threads = sockets.start(&front);
            let fault = |source| ServerFault::Bind { purpose: "DNS over UDP", address, source };
            udp.push(threads.map_err(fault)?);
        }
        Ok(Self { front, forwarder, zone_files, udp, stream })
    }

    /// Asks by a new configuration.
    ///
    /// # Errors
    /// A recursor that is this agent itself; nothing is changed then.
    pub(in crate::server) fn reload_forwarder(
        &self,
        config: &Config,
    ) -> Result<(), forward::Fault> {
        self.forwarder.configure(&config.forward)
    }

    /// Answers by a new configuration, and from zone files as they are now.
    pub(in crate::server) async fn reload(&mut self, config: &Config, node: &NodeName) {
        let zone_files = std::mem::take(&mut self.zone_files);
        self.zone_files = zone_files.read(config.zones_dir.clone()).await;
        self.front.configure(config.dns(node), self.zone_files.zones());
    }

    /// Takes no more queries, and waits for answers that are under way.
    pub(in crate::server) async fn stop(self) {
        self.stream.stop().await;
        for threads in self.udp {
            threads.stop();
        }
        self.forwarder.stop().await;
    }
}
