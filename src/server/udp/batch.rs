//! Datagrams by the dozen: `recvmmsg` and `sendmmsg` through nix's safe calls.
//!
//! nix gives all messages of one `sendmmsg` the same control messages, so that a call carries replies that
//! leave from one address; on a socket that is bound to an address that is all of them.

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage,
    recvmmsg, sendmmsg, sendmsg,
};
use socket2::Socket;

/// A datagram as it came.
pub(in crate::server::udp) struct Datagram<'b> {
    /// What it says.
    pub(in crate::server::udp) bytes: &'b [u8],
    /// Who sent it.
    pub(in crate::server::udp) source: SocketAddr,
    /// The address that it was sent to, where the socket does not tell.
    pub(in crate::server::udp) local: Option<Local>,
}

/// An address of ours that was asked.
#[derive(Clone, Copy)]
pub(in crate::server::udp) enum Local {
    /// Of IPv4.
    V4(libc::in_pktinfo),
    /// Of IPv6.
    V6(libc::in6_pktinfo),
}

impl Local {
    /// What the kernel is told, so that a reply leaves from there.
    fn control(&self) -> ControlMessage<'_> {
        match self {
            Self::V4(info) => ControlMessage::Ipv4PacketInfo(info),
            Self::V6(info) => ControlMessage::Ipv6PacketInfo(info),
        }
    }

    /// Whether replies for both leave from the same address.
    fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::V4(one), Self::V4(other)) => {
                one.ipi_spec_dst.s_addr == other.ipi_spec_dst.s_addr
            }
            (Self::V6(one), Self::V6(other)) => {
                one.ipi6_addr.s6_addr == other.ipi6_addr.s6_addr
                    && one.ipi6_ifindex == other.ipi6_ifindex
            }
            (Self::V4(_), Self::V6(_)) | (Self::V6(_), Self::V4(_)) => false,
        }
    }
}

/// Room for one batch of queries.
pub(in crate::server::udp) struct Inbox {
    /// Where they are read to.
    buffers: Box<[[u8; DATAGRAM_BYTES_MAX]; BATCH]>,
    /// What the kernel says about each.
    headers: MultiHeaders<SockaddrStorage>,
}

impl Inbox {
    pub(in crate::server::udp) fn new() -> Self {
        #[expect(
            clippy::large_stack_arrays,
            reason = "128 KiB, once a thread, on its way to the heap"
        )]
        let buffers = Box::new([[0; DATAGRAM_BYTES_MAX]; BATCH]);
        Self { buffers, headers: headers() }
    }

    /// Waits for datagrams and hands over those that have arrived.
    pub(in crate::server::udp) fn receive(
        &mut self,
        socket: &Socket,
        take: impl FnOnce(&mut dyn Iterator<Item = Datagram<'_>>),
    ) -> Result<(), Errno> {
        let mut is_control_lost = false;
        {
            let mut slices = self.buffers.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
            // The first is waited for, the rest is what is there already.
            let flags = MsgFlags::MSG_WAITFORONE;
            let fd = socket.as_raw_fd();
            let received = recvmmsg(fd, &mut self.headers, slices.iter_mut(), flags, None)?;
            let mut datagrams = received.filter_map(|message| {
                is_control_lost |= message.flags.contains(MsgFlags::MSG_CTRUNC);
                read(&message)
            });
            take(&mut datagrams);
        }
        if is_control_lost {
            // nix does not give the kernel the whole room again that it took less of.
            self.headers = headers();
        }
        Ok(())
    }
}

fn headers() -> MultiHeaders<SockaddrStorage> {
    MultiHeaders::preallocate(BATCH, Some(nix::cmsg_space!(libc::in6_pktinfo)))
}

/// A message as a datagram; nothing if it was cut, since no query is that long.
fn read<'b>(message: &RecvMsg<'_, 'b, SockaddrStorage>) -> Option<Datagram<'b>> {
    if message.flags.contains(MsgFlags::MSG_TRUNC) {
        return None;
    }
    let local = message.cmsgs().ok()?.find_map(|message| match message {
        // `ipi_spec_dst` is where the packet arrived and where the reply leaves from; naming the interface too
        // would override the routing table.
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Some(Local::V4(libc::in_pktinfo { ipi_ifindex: 0, ..info }))
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(Local::V6(info)),
        _ => None,
    });
    let source = message.address.as_ref().and_then(socket_address)?;
    Some(Datagram { bytes: message.iovs().next()?, source, local })
}

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    }
    storage.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into()))
}

/// Replies that wait to be sent together.
pub(in crate::server::udp) struct Outbox {
    /// What is being written.
    draft: Vec<u8>,
    /// What they say; those beyond `addresses` are room for the next ones.
    replies: Box<[Vec<u8>; BATCH]>,
    /// For whom they are.
    addresses: Vec<Option<SockaddrStorage>>,
    /// The address that all of them leave from, where it has to be said.
    local: Option<Local>,
    /// What the kernel is told about each.
    headers: MultiHeaders<SockaddrStorage>,
    /// The same, with the address that they leave from.
    headers_from: MultiHeaders<SockaddrStorage>,
}

impl Outbox {
    pub(in crate::server::udp) fn new() -> Self {
        Self {
            draft: Vec::new(),
            replies: Box::new([const { Vec::new() }; BATCH]),
            addresses: Vec::with_capacity(BATCH),
            local: None,
            headers: MultiHeaders::preallocate(BATCH, None),
            headers_from: headers(),
        }
    }

    /// Room for the next reply. It counts once it has an address.
    pub(in crate::server::udp) fn draft(&mut self) -> &mut Vec<u8> {
        &mut self.draft
    }

    /// Says for whom the draft is, and from which of our addresses.
    pub(in crate::server::udp) fn address(
        &mut self,
        destination: SocketAddr,
        local: Option<Local>,
        socket: &Socket,
    ) {
        let is_same = match (self.local, local) {
            (None, None) => true,
            (Some(one), Some(other)) => one.is_same(other),
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !is_same {
            self.send(socket);
            self.local = local;
        }
        if let Some(place) = self.replies.get_mut(self.addresses.len()) {
            std::mem::swap(place, &mut self.draft);
            self.addresses.push(Some(SockaddrStorage::from(destination)));
        }
        if self.addresses.len() == BATCH {
            self.send(socket);
        }
    }

    /// Sends all.
    pub(in crate::server::udp) fn send(&mut self, socket: &Socket) {
        let mut sent = 0;
        while let Some(addresses) = self.addresses.get(sent..).filter(|rest| !rest.is_empty()) {
            let slices = self.replies.each_ref().map(|reply| [IoSlice::new(reply)]);
            let slices = slices.iter().skip(sent);
            let (fd, flags) = (socket.as_raw_fd(), MsgFlags::empty());
            let count = match &self.local {
                None => {
                    let headers = &mut self.headers;
                    sendmmsg(fd, headers, slices, addresses, NO_CONTROL, flags).map(Iterator::count)
                }
                Some(local) => {
                    let headers = &mut self.headers_from;
                    let from = [local.control()];
                    sendmmsg(fd, headers, slices, addresses, from, flags).map(Iterator::count)
                }
            };
            sent += match count {
                Ok(count) => count.max(1),
                Err(errno) => {
                    // It is about the first of them; the others may have better luck.
                    tracing::debug!(%errno, "a reply could not be sent");
                    1
                }
            };
        }
        self.addresses.clear();
    }
}

/// Sends one reply.
pub(in crate::server::udp) fn send_one(
    socket: &Socket,
    reply: &[u8],
    destination: SocketAddr,
    local: Option<Local>,
) -> Result<(), Errno> {
    let from = local.as_ref().map(Local::control);
    let (fd, flags) = (socket.as_raw_fd(), MsgFlags::empty());
    let address = SockaddrStorage::from(destination);
    sendmsg(fd, &[IoSlice::new(reply)], from.as_slice(), flags, Some(&address)).map(drop)
}

/// What a socket with one address needs to be told about it.
const NO_CONTROL: [ControlMessage<'static>; 0] = [];

/// Datagrams that are read and sent with one system call.
const BATCH: usize = 32;

/// Largest query that is read, in bytes. Queries are small; updates and signatures come over TCP.
const DATAGRAM_BYTES_MAX: usize = 4_096;
