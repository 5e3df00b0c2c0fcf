//! One query to one recursor: Asked → sockets → Verdict.
//!
//! Not hickory-net's `UdpClientStream`: it lets one datagram with our id that cannot be read, or one with other
//! letters, end the wait, hears any number of wrong ones, logs a warning for each, and repeats queries with a
//! schedule of its own. What is left of it then is these few lines.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout, timeout_at};

use crate::forward::count;
use crate::forward::question::{Asked, By, Verdict, judge};
use crate::model::limits::{UDP_REPLY_BYTES_MAX, WRONG_REPLIES_MAX};

/// Sends a query and waits for what is an answer to it; after [`WRONG_REPLIES_MAX`] that are none, the last of
/// them is the verdict.
///
/// # Errors
/// Where the recursor cannot be reached, or is silent for `patience`.
pub(in crate::forward) async fn exchange(
    recursor: SocketAddr,
    asked: &Asked,
    by: By,
    patience: Duration,
) -> io::Result<Verdict> {
    let deadline = Instant::now() + patience;
    let verdict = match by {
        By::Udp => timeout_at(deadline, over_udp(recursor, asked, patience / 2)).await,
        By::Tcp => timeout_at(deadline, over_tcp(recursor, asked)).await,
    };
    verdict.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// A fresh socket has a port that the kernel draws; being connected, it hears nobody else (RFC 5452 §9.2).
async fn over_udp(recursor: SocketAddr, asked: &Asked, half: Duration) -> io::Result<Verdict> {
    let any = match recursor.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(recursor).await?;
    socket.send(&asked.bytes).await?;
    // Datagrams get lost. The same bytes from the same port give a forger nothing that the first did not.
    let mut wrong = 0;
    match timeout(half, hear(&socket, asked, &mut wrong)).await {
        Ok(verdict) => verdict,
        Err(_) => {
            socket.send(&asked.bytes).await?;
            hear(&socket, asked, &mut wrong).await
        }
    }
}

async fn hear(socket: &UdpSocket, asked: &Asked, wrong: &mut usize) -> io::Result<Verdict> {
    let mut buffer = vec![0; UDP_REPLY_BYTES_MAX];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let verdict = judge(asked, By::Udp, buffer.get(..length).unwrap_or_default());
        if !is_wrong(&verdict, wrong) {
            return Ok(verdict);
        }
    }
}

async fn over_tcp(recursor: SocketAddr, asked: &Asked) -> io::Result<Verdict> {
    let mut stream = TcpStream::connect(recursor).await?;
    // RFC 7766 §8: length and message in one segment.
    let length = u16::try_from(asked.bytes.len()).map_err(io::Error::other)?;
    let message = [&length.to_be_bytes(), asked.bytes.as_slice()].concat();
    stream.write_all(&message).await?;
    let mut wrong = 0;
    loop {
        let length = stream.read_u16().await?;
        let mut buffer = vec![0; usize::from(length)];
        stream.read_exact(&mut buffer).await?;
        let verdict = judge(asked, By::Tcp, &buffer);
        if !is_wrong(&verdict, &mut wrong) {
            return Ok(verdict);
        }
    }
}

/// Whether the wait goes on. Each wrong reply is counted.
fn is_wrong(verdict: &Verdict, wrong: &mut usize) -> bool {
    let Verdict::Wrong(why) = verdict else { return false };
    *wrong += 1;
    count::wrong_reply();
    tracing::trace!(?why, "a reply is no answer to the question");
    *wrong < WRONG_REPLIES_MAX
}
