//! DNS over UDP: one thread a core and socket, datagrams in, datagrams out, without a runtime in between.
//!
//! All threads bind the same address with SO_REUSEPORT, and the kernel spreads clients over them. What has
//! arrived is read with one system call, answered, and sent with another. On a wildcard address a reply
//! leaves from the address that was asked (packet info): a resolver drops what comes from elsewhere
//! (RFC 2181 §4.1).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use crate::dns::{Incoming, Outgoing, Transport};
use crate::server::front::Front;
use crate::server::meter::Meter;
use crate::server::udp::batch::{Inbox, Outbox};
use crate::server::udp::later::Later;

mod batch;

mod later;

/// UDP sockets that are bound to one address, not yet answering.
pub(in crate::server) struct UdpSockets {
    /// One a thread.
    sockets: Vec<Socket>,
    /// Where they are bound.
    pub(in crate::server) address: SocketAddr,
}

/// Threads that answer.
#[must_use = "threads run until `stop`"]
pub(in crate::server) struct UdpThreads {
    /// Their sockets, which a stop closes for reading.
    sockets: Vec<Arc<Socket>>,
    /// The threads.
    threads: Vec<JoinHandle<()>>,
    /// Whether they should end.
    is_stopping: Arc<AtomicBool>,
}

/// Binds `count` sockets to one address; port 0 takes any, the same for all.
pub(in crate::server) fn bind(address: SocketAddr, count: usize) -> io::Result<UdpSockets> {
    let first = bind_one(address)?;
    let address = first.local_addr()?.as_socket().unwrap_or(address);
    let mut sockets = vec![first];
    for _ in 1..count {
        sockets.push(bind_one(address)?);
    }
    Ok(UdpSockets { sockets, address })
}

fn bind_one(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_port(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A burst waits in the kernel while a thread is busy; less than asked is no fault.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
    if address.ip().is_unspecified() {
        if address.is_ipv4() {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        } else {
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        }
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

impl UdpSockets {
    /// Starts to answer.
    pub(in crate::server) fn start(self, front: &Arc<Front>) -> io::Result<UdpThreads> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let sockets: Vec<_> = self.sockets.into_iter().map(Arc::new).collect();
        let mut threads = Vec::new();
        for (number, socket) in sockets.iter().enumerate() {
            let (socket, front, is_stopping) =
                (Arc::clone(socket), Arc::clone(front), Arc::clone(&is_stopping));
            let thread = std::thread::Builder::new().name(format!("dns-udp-{number}"));
            let later = Later::new(Arc::clone(&socket));
            threads.push(thread.spawn(move || serve(&socket, &front, &later, &is_stopping))?);
        }
        Ok(UdpThreads { sockets, threads, is_stopping })
    }
}

impl UdpThreads {
    /// Ends the threads and waits for them.
    pub(in crate::server) fn stop(self) {
        self.is_stopping.store(true, Ordering::Release);
        for socket in &self.sockets {
            // Wakes a blocked receive; "not connected" is the expected word of a datagram socket.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a DNS thread had ended by a panic");
            }
        }
    }
}

/// Answers until told to stop.
fn serve(socket: &Socket, front: &Arc<Front>, later: &Later, is_stopping: &AtomicBool) {
    let mut worker = front.worker();
    let mut meter = Meter::new(Transport::Udp);
    let (mut inbox, mut outbox) = (Inbox::new(), Outbox::new());
    while !is_stopping.load(Ordering::Acquire) {
        let received = inbox.receive(socket, |datagrams| {
            let moment = front.moment();
            let begun = meter.begin();
            for datagram in datagrams {
                // Nobody can listen there, or it is a reflection aimed at a broadcast (RFC 8085 §5.1).
                if datagram.source.port() == 0 || datagram.source.ip().is_unspecified() {
                    continue;
                }
                let (bytes, source) = (datagram.bytes, datagram.source);
                let incoming = Incoming { bytes, transport: Transport::Udp, source };
                match front.respond(&moment, &incoming, &mut worker, outbox.draft()) {
                    Outgoing::Reply(said) => {
                        meter.count(&said);
                        outbox.address(datagram.source, datagram.local, socket);
                    }
                    Outgoing::Fetch(asks) => later.take(asks, &datagram, front),
                    Outgoing::Ignore => meter.count_ignored(),
                }
            }
            meter.end(begun);
        });
        if let Err(errno) = received {
            // ICMP errors of earlier replies arrive here and end with the call.
            tracing::trace!(%errno, "datagrams could not be received");
        }
        outbox.send(socket);
    }
}

/// Receive buffer of a socket, in bytes.
const RECEIVE_BUFFER_BYTES: usize = 4 * 1024 * 1024;
