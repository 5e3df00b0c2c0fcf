//! The least that a UDP server can do: what came goes back, by the batch, on one thread.

use std::io::{self, IoSlice, IoSliceMut, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg, setsockopt, sockopt,
};

/// Prints the port and serves until it is killed. With a size, so many bytes go back, under the query's header.
pub(crate) fn serve(size: usize) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let _ = setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER_BYTES);
    let port = socket.local_addr()?.port();
    writeln!(io::stdout(), "{port}")?;
    let fd = socket.as_raw_fd();
    let mut buffers = vec![[0; DATAGRAM_BYTES_MAX]; BATCH];
    let mut replies = vec![vec![0; size]; BATCH];
    let mut inbox = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut outbox = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut sources = Vec::with_capacity(BATCH);
    let mut lengths = Vec::with_capacity(BATCH);
    loop {
        sources.clear();
        lengths.clear();
        {
            let mut slices: Vec<_> = buffers.iter_mut().map(|b| [IoSliceMut::new(b)]).collect();
            let flags = MsgFlags::MSG_WAITFORONE;
            let received = recvmmsg(fd, &mut inbox, slices.iter_mut(), flags, None)?;
            for message in received {
                sources.push(message.address);
                lengths.push(message.bytes);
            }
        }
        let came = buffers.iter().zip(&lengths).map(|(b, length)| b.get(..*length).unwrap_or(&[]));
        if 0 < size {
            for (reply, query) in replies.iter_mut().zip(came.clone()) {
                let head = reply.len().min(query.len()).min(12);
                reply.splice(..head, query.iter().take(head).copied());
            }
        }
        let slices: Vec<_> = came
            .zip(&replies)
            .map(|(query, reply)| [IoSlice::new(if 0 < size { reply } else { query })])
            .collect();
        let mut sent = 0;
        while sent < sources.len() {
            let rest = sources.get(sent..).unwrap_or(&[]);
            let slices = slices.iter().skip(sent);
            let control: [ControlMessage<'_>; 0] = [];
            let flags = MsgFlags::empty();
            let count = sendmmsg(fd, &mut outbox, slices, rest, control, flags);
            sent += count.map_or(1, |results| results.count().max(1));
        }
    }
}

/// Datagrams that one call moves; lictor's number.
const BATCH: usize = 32;

/// Room for each.
const DATAGRAM_BYTES_MAX: usize = 4_096;

/// What waits in the kernel, in bytes.
const RECEIVE_BUFFER_BYTES: usize = 4 * 1024 * 1024;
