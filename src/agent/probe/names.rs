//! Host → addresses, on threads of their own.
//!
//! The system's look-up blocks, for as long as its servers are silent. On the runtime's pool hundreds of
//! them would stand before the log's writes; here they stand only before other checks by name. An address
//! that is written as one, and `localhost`, needs no look-up.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{Semaphore, oneshot};

use crate::model::limits::LOOKUPS_RUNNING_MAX;

/// Whoever knows the addresses of hosts; may block. Tests bring one that never answers.
pub(super) trait Hosts: Send + Sync + 'static {
    /// The addresses of a host, the best first; their ports mean nothing.
    fn addresses(&self, host: &str) -> io::Result<Vec<SocketAddr>>;
}

/// The system: its files, its servers, its order.
struct System;

impl Hosts for System {
    fn addresses(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        (host, 0).to_socket_addrs().map(Iterator::collect)
    }
}

/// Finds addresses for all probes; clones share their threads.
#[derive(Clone)]
pub(super) struct Names {
    /// Whom to ask.
    hosts: Arc<dyn Hosts>,
    /// One for each thread that may run.
    threads: Arc<Semaphore>,
}

impl Names {
    /// Asks somebody.
    pub(super) fn of(hosts: impl Hosts) -> Self {
        Self { hosts: Arc::new(hosts), threads: Arc::new(Semaphore::new(LOOKUPS_RUNNING_MAX)) }
    }

    /// The addresses of `host:port`, at least one.
    pub(super) async fn addresses(&self, address: &str) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = address.parse() {
            return Ok(vec![address]);
        }
        let (host, port) = split(address)?;
        let mut found = self.of_host(host).await?;
        for address in &mut found {
            address.set_port(port);
        }
        if found.is_empty() {
            return Err(io::Error::other("the host has no address"));
        }
        Ok(found)
    }

    /// The addresses of a host, without a port.
    async fn of_host(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![(ip, 0).into()]);
        }
        // RFC 6761 §6.3: these are never asked about.
        let lower = host.trim_end_matches('.').to_ascii_lowercase();
        if lower == "localhost" || lower.ends_with(".localhost") {
            return Ok(vec![(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()]);
        }
        // Whoever waits here and times out takes its place in the line with it.
        let permit = Arc::clone(&self.threads).acquire_owned().await.map_err(io::Error::other)?;
        let (done, answer) = oneshot::channel();
        let (hosts, host) = (Arc::clone(&self.hosts), host.to_owned());
        thread::Builder::new().name("look-up".to_owned()).spawn(move || {
            let found = hosts.addresses(&host);
            drop(permit);
            // Nobody listens any more where the probe timed out.
            let _ = done.send(found);
        })?;
        answer.await.map_err(io::Error::other)?
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::of(System)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.clone();
        Box::pin(async move {
            let found = names.of_host(name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// `host:port` → its two parts; an IPv6 address may have its brackets or not.
pub(super) fn split(address: &str) -> io::Result<(&str, u16)> {
    let invalid = |text| io::Error::new(io::ErrorKind::InvalidInput, text);
    let (host, port) = address
        .rsplit_once(':')
        .ok_or_else(|| invalid("missing port in address, write `host:port`"))?;
    let port = port.parse().map_err(|_| invalid("the port is no number from 0 to 65535"))?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if bare.is_empty() {
        return Err(invalid("missing host in address, write `host:port`"));
    }
    Ok((bare, port))
}
