//! UDP: critical only if the port is refused or unreachable, since silence is what most services answer.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::agent::probe::Finding;
use crate::agent::probe::names::Names;
use crate::model::health::Status;
use crate::model::time::GoDuration;

/// Sends a datagram to `host:port` and waits a moment for a refusal.
pub(super) async fn run(address: &str, limit: Duration, names: &Names) -> Finding {
    match timeout(limit, send(address, limit.min(REFUSAL_WAIT_MAX), names)).await {
        Ok(Ok(())) => {
            Finding { status: Status::Passing, output: format!("UDP connect {address}: Success") }
        }
        Ok(Err(fault)) => Finding::critical(format!("dial udp {address}: {fault}")),
        // Only finding the host's address can take so long: the rest is bounded below the limit.
        Err(_) => {
            let limit = GoDuration(limit);
            Finding::critical(format!("dial udp {address}: no address found within {limit}"))
        }
    }
}

async fn send(address: &str, wait: Duration, names: &Names) -> std::io::Result<()> {
    let target = names.addresses(address).await?.into_iter().next();
    let target = target.ok_or_else(|| std::io::Error::other("the host has no address"))?;
    let local: SocketAddr = match target {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(target).await?;
    socket.send(PAYLOAD).await?;
    // On a connected socket, a port unreachable (RFC 1122 §4.1.3.3) comes back as an error of the next call.
    match timeout(wait.mul_f32(0.9), socket.recv(&mut [0; 1])).await {
        Ok(Err(fault)) => Err(fault),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

/// What is sent: short, and readable in somebody's log.
const PAYLOAD: &[u8] = b"health check\n";

/// How long a refusal may take: longer than any round trip on Earth.
const REFUSAL_WAIT_MAX: Duration = Duration::from_secs(1);
