//! DNS over UDP: one thread a core and socket, datagram in, datagram out, without a runtime in between.
//!
//! All threads bind the same address with SO_REUSEPORT, and the kernel spreads clients over them. On a
//! wildcard address the reply leaves from the address that was asked (packet info): a resolver drops what
//! comes from elsewhere (RFC 2181 §4.1).

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::dns::{Incoming, Outgoing, Transport};
use crate::server::front::Front;

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
            threads.push(thread.spawn(move || serve(&socket, &front, &is_stopping))?);
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
fn serve(socket: &Socket, front: &Front, is_stopping: &AtomicBool) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let mut control = nix::cmsg_space!(nix::libc::in6_pktinfo);
    let mut rng = front.rng();
    while !is_stopping.load(Ordering::Acquire) {
        let (length, source, local) = match receive(socket, &mut buffer, &mut control) {
            Ok(Some(received)) => received,
            Ok(None) => continue,
            Err(errno) => {
                // ICMP errors of earlier replies arrive here and end with the call.
                tracing::trace!(%errno, "a datagram could not be received");
                continue;
            }
        };
        let Some(bytes) = buffer.get(..length) else { continue };
        // Nobody can listen there, or it is a reflection aimed at a broadcast (RFC 8085 §5.1).
        if source.port() == 0 || source.ip().is_unspecified() {
            continue;
        }
        let incoming = Incoming { bytes, transport: Transport::Udp, source };
        let Outgoing::Reply(reply) = front.respond(&incoming, &mut rng) else { continue };
        if let Err(errno) = send(socket, &reply, source, local.as_ref()) {
            tracing::debug!(%errno, %source, "a reply could not be sent");
        }
    }
}

/// One datagram: its length, who sent it, and the address that it was sent to where that is not plain.
type Received = (usize, SocketAddr, Option<ControlMessageOwned>);

fn receive(
    socket: &Socket,
    buffer: &mut [u8],
    control: &mut [u8],
) -> Result<Option<Received>, Errno> {
    let mut slices = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut slices,
        Some(control),
        MsgFlags::empty(),
    )?;
    // A datagram longer than the buffer is longer than any query: it was cut, and is dropped.
    if message.flags.contains(MsgFlags::MSG_TRUNC) {
        return Ok(None);
    }
    let local = message.cmsgs()?.find(|message| {
        matches!(
            message,
            ControlMessageOwned::Ipv4PacketInfo(_) | ControlMessageOwned::Ipv6PacketInfo(_)
        )
    });
    let source = message.address.as_ref().and_then(socket_address);
    Ok(source.map(|source| (message.bytes, source, local)))
}

fn send(
    socket: &Socket,
    reply: &[u8],
    destination: SocketAddr,
    local: Option<&ControlMessageOwned>,
) -> Result<(), Errno> {
    let slices = [IoSlice::new(reply)];
    let destination = SockaddrStorage::from(destination);
    let (fd, flags) = (socket.as_raw_fd(), MsgFlags::empty());
    match local {
        Some(ControlMessageOwned::Ipv4PacketInfo(info)) => {
            // `ipi_spec_dst` is where the packet arrived and where the reply leaves from; naming the
            // interface too would override the routing table.
            let info = nix::libc::in_pktinfo { ipi_ifindex: 0, ..*info };
            let control = [ControlMessage::Ipv4PacketInfo(&info)];
            sendmsg(fd, &slices, &control, flags, Some(&destination))?;
        }
        Some(ControlMessageOwned::Ipv6PacketInfo(info)) => {
            let control = [ControlMessage::Ipv6PacketInfo(info)];
            sendmsg(fd, &slices, &control, flags, Some(&destination))?;
        }
        _ => {
            sendmsg(fd, &slices, &[], flags, Some(&destination))?;
        }
    }
    Ok(())
}

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    }
    storage.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into()))
}

/// Largest query that is read, in bytes. Queries are small; updates and signatures come over TCP.
const DATAGRAM_BYTES_MAX: usize = 4_096;

/// Receive buffer of a socket, in bytes.
const RECEIVE_BUFFER_BYTES: usize = 4 * 1024 * 1024;
