//! Ports for programs that have to be told theirs before they run.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

/// An address of this machine whose port nobody uses, neither for UDP nor for TCP. It is told once, and is below those
/// that the kernel chooses by itself, so that nobody takes it before a program does.
pub(crate) fn free_address() -> SocketAddr {
    loop {
        let told = PORTS_TOLD.fetch_add(1, Ordering::Relaxed);
        // Each process begins elsewhere.
        let offset = std::process::id().wrapping_mul(PORTS_MAX).wrapping_add(told) % PORTS_COUNT;
        let port = u16::try_from(PORT_MIN + offset).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        assert!(told < PORTS_MAX, "no port from {PORT_MIN} on is free");
        if UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// How many ports have been looked at.
static PORTS_TOLD: AtomicU32 = AtomicU32::new(0);

/// How many ports a process looks at.
const PORTS_MAX: u32 = 100;

/// The first port.
const PORT_MIN: u32 = 20_000;

/// How many ports there are; Linux chooses from 32768 on.
const PORTS_COUNT: u32 = 12_000;
