//! Bytes ⇄ HTTP/1.1, as little of it as a generator needs: it must cost much less than what it measures.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use socket2::{Domain, Socket, Type};

use crate::fault;

/// A connection that stays open.
pub(crate) struct Connection {
    /// The socket.
    stream: TcpStream,
    /// What arrived and is no whole answer yet.
    held: Vec<u8>,
}

/// An answer, as far as anybody looks at it.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// `X-Consul-Index`.
    pub(crate) index: u64,
    /// The body, as it was framed.
    pub(crate) body: Vec<u8>,
}

/// Connections that are waited for together.
pub(crate) struct Crowd {
    /// All of them.
    pub(crate) connections: Vec<Connection>,
    /// What says which has something to read.
    epoll: Epoll,
}

impl Connection {
    /// Connects from an address of this machine.
    pub(crate) fn open(target: SocketAddr, source: Ipv4Addr) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((source, 0)).into())?;
        socket.connect(&target.into())?;
        socket.set_tcp_nodelay(true)?;
        Ok(Self { stream: socket.into(), held: Vec::new() })
    }

    /// Sends a request whose bytes [`request`] made.
    pub(crate) fn send(&mut self, request: &[u8]) -> io::Result<()> {
        // Requests are small: a socket that does not take one at once is a fault of the bench.
        self.stream.write_all(request)
    }

    /// One exchange, waited for.
    pub(crate) fn exchange(&mut self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        self.send(&request(method, path, body))?;
        loop {
            if let Some(answer) = self.take()? {
                return Ok(answer);
            }
            self.fill()?;
        }
    }

    /// Reads what is there.
    fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        let length = self.stream.read(&mut piece)?;
        if length == 0 {
            return Err(fault("the server hung up"));
        }
        self.held.extend_from_slice(piece.get(..length).unwrap_or_default());
        Ok(())
    }

    /// Takes an answer, if a whole one is there.
    fn take(&mut self) -> io::Result<Option<Answer>> {
        let Some(framed) = frame(&self.held)? else { return Ok(None) };
        let body = self.held.get(framed.head..framed.end).unwrap_or_default().to_vec();
        self.held.drain(..framed.end);
        Ok(Some(Answer { status: framed.status, index: framed.index, body }))
    }

    /// The same without its body: its status and index.
    fn skip(&mut self) -> io::Result<Option<(u16, u64)>> {
        let Some(framed) = frame(&self.held)? else { return Ok(None) };
        if framed.end == self.held.len() {
            self.held.clear();
        } else {
            self.held.drain(..framed.end);
        }
        Ok(Some((framed.status, framed.index)))
    }
}

impl Crowd {
    /// Connects so many times, from each of the sources in turn.
    pub(crate) fn open(target: SocketAddr, count: usize, sources: &[Ipv4Addr]) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::empty())?;
        let mut connections = Vec::with_capacity(count);
        for (number, source) in sources.iter().cycle().take(count).enumerate() {
            let connection = Connection::open(target, *source)?;
            let number = u64::try_from(number).map_err(io::Error::other)?;
            epoll.add(&connection.stream, EpollEvent::new(EpollFlags::EPOLLIN, number))?;
            connections.push(connection);
        }
        Ok(Self { connections, epoll })
    }

    /// Waits until something arrives, and hands each whole answer to `each`: which connection, its status and index.
    pub(crate) fn turn(
        &mut self,
        wait_ms: u16,
        mut each: impl FnMut(&mut Connection, usize, u16, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 256];
        let count = match self.epoll.wait(&mut events, EpollTimeout::from(wait_ms)) {
            Ok(count) => count,
            Err(nix::errno::Errno::EINTR) => 0,
            Err(errno) => return Err(errno.into()),
        };
        for event in events.iter().take(count) {
            let number = usize::try_from(event.data()).map_err(io::Error::other)?;
            let Some(connection) = self.connections.get_mut(number) else { continue };
            connection.fill()?;
            while let Some((status, index)) = connection.skip()? {
                each(connection, number, status, index)?;
            }
        }
        Ok(())
    }
}

/// The bytes of a request.
pub(crate) fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let length = if body.is_empty() && method == "GET" {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    format!("{method} {path} HTTP/1.1\r\nHost: bench\r\n{length}\r\n{body}").into_bytes()
}

/// Where an answer begins and ends.
struct Framed {
    status: u16,
    index: u64,
    /// Bytes of the head.
    head: usize,
    /// Bytes of all.
    end: usize,
}

/// Finds the end of the first answer; nothing where it is not whole.
fn frame(bytes: &[u8]) -> io::Result<Option<Framed>> {
    let Some(head) = find(bytes, b"\r\n\r\n").map(|at| at + 4) else { return Ok(None) };
    let text = std::str::from_utf8(bytes.get(..head).unwrap_or_default())
        .map_err(|_| fault("a head that is no text"))?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.get(9..12)?.parse().ok());
    let status = status.ok_or_else(|| fault("a status that is none"))?;
    let (mut index, mut length) = (0, None);
    for line in lines {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if name.eq_ignore_ascii_case("x-consul-index") {
            index = value.parse().unwrap_or(0);
        } else if name.eq_ignore_ascii_case("content-length") {
            length = value.parse::<usize>().ok();
        }
    }
    let end = match length {
        Some(length) => Some(head + length).filter(|end| *end <= bytes.len()),
        // Whatever has no length is in chunks: bodies are JSON, in which their end does not occur.
        None => find(bytes.get(head..).unwrap_or_default(), b"0\r\n\r\n").map(|at| head + at + 5),
    };
    Ok(end.map(|end| Framed { status, index, head, end }))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
