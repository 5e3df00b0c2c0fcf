//! What the configuration points at on this machine: `/etc/resolv.conf` and the interfaces' addresses.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use fs_err::File;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;

use crate::forward::address::{self, Place};
use crate::forward::fault::Fault;
use crate::model::forward_config::{ForwardConfig, Recursor};

/// The addresses of the configured recursors.
///
/// # Errors
/// [`Fault::Own`] where a stated recursor is one of `listeners`.
pub(in crate::forward) fn addresses(
    config: &ForwardConfig,
    listeners: &[SocketAddr],
    resolv_conf: &Path,
) -> Result<Vec<SocketAddr>, Fault> {
    let wants_system = config.recursors.contains(&Recursor::System);
    let system = match wants_system.then(|| read(resolv_conf)) {
        Some(Ok(text)) => address::name_servers(&text, |name| if_nametoindex(name).ok()),
        Some(Err(error)) => {
            // A machine without the file may get it later; what else is configured works meanwhile.
            tracing::warn!(%error, "the system's name servers cannot be read");
            Vec::new()
        }
        None => Vec::new(),
    };
    let place = Place { system, listeners: listeners.to_vec(), own: own_addresses() };
    let found = address::addresses(&config.recursors, &place)?;
    if wants_system && found.is_empty() {
        tracing::warn!("`system` names no recursor other than this agent, so nothing is forwarded");
    }
    Ok(found)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(RESOLV_CONF_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn own_addresses() -> Vec<IpAddr> {
    // Without a list of interfaces, only the loopback is known to be ours.
    let Ok(interfaces) = getifaddrs() else { return Vec::new() };
    let addr = |interface: nix::ifaddrs::InterfaceAddress| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    };
    interfaces.filter_map(addr).collect()
}

/// What is read of the file, in bytes.
const RESOLV_CONF_BYTES_MAX: u64 = 64 * 1024;
