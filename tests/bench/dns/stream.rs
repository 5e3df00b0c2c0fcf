//! Queries over TCP: pipelined on some connections, and connections that say nothing.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use crate::fault;
use crate::load::Tally;
use crate::query::{self, Expected};

/// Asks one thing on [`CONNECTIONS`] connections for a time, [`WINDOW`] queries in flight on each.
pub(crate) fn run(
    target: SocketAddr,
    query: &[u8],
    expected: Expected,
    time: Duration,
) -> io::Result<Tally> {
    let framed = frame(query);
    let mut tally = Tally::default();
    let mut lanes: Vec<_> =
        (0..CONNECTIONS).map(|_| Lane::open(target)).collect::<Result<_, _>>()?;
    let begun = Instant::now();
    for lane in &mut lanes {
        lane.stream.write_all(&framed.repeat(WINDOW))?;
        lane.in_flight = WINDOW;
    }
    while lanes.iter().any(|lane| 0 < lane.in_flight) {
        let is_asking = begun.elapsed() < time;
        for lane in lanes.iter_mut().filter(|lane| 0 < lane.in_flight) {
            let done = lane.receive(query, expected, &mut tally).and_then(|count| {
                let next = if is_asking { count } else { 0 };
                lane.stream.write_all(&framed.repeat(next))?;
                lane.in_flight += next;
                Ok(())
            });
            match done {
                // Consul's library closes after 128 queries, whatever was asked behind them.
                Err(error) if 0 < lane.answered && is_end(&error) => {
                    tally.lost += lane.in_flight as u64;
                    *lane = Lane::open(target)?;
                    if is_asking {
                        lane.stream.write_all(&framed.repeat(WINDOW))?;
                        lane.in_flight = WINDOW;
                    }
                }
                done => done?,
            }
        }
    }
    Ok(tally)
}

/// Opens connections that ask once and then say nothing. They end with the result.
pub(crate) fn open_idle(
    target: SocketAddr,
    query: &[u8],
    count: usize,
) -> io::Result<Vec<TcpStream>> {
    let framed = frame(query);
    let mut streams = Vec::with_capacity(count);
    let mut answer = [0; 4_096];
    for number in 0..count {
        // Servers bound the connections of one client; these are many.
        let (third, fourth) = (1 + number / 250, 1 + number % 250);
        let address = |byte| u8::try_from(byte).unwrap_or(u8::MAX);
        let source = Ipv4Addr::new(127, 0, address(third), address(fourth));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.bind(&SocketAddr::from((source, 0)).into())?;
        socket.connect(&target.into())?;
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.write_all(&framed)?;
        if stream.read(&mut answer)? == 0 {
            return Err(fault(format!("the server closed connection {number}")));
        }
        streams.push(stream);
    }
    Ok(streams)
}

/// How many of them the server has not closed.
pub(crate) fn count_open(streams: &[TcpStream]) -> usize {
    let is_open = |mut stream: &TcpStream| {
        let _ = stream.set_nonblocking(true);
        stream.read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    };
    streams.iter().filter(|stream| is_open(stream)).count()
}

/// The median time of a query on a new connection.
pub(crate) fn time_new(target: SocketAddr, query: &[u8]) -> io::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..101 {
        let begun = Instant::now();
        drop(open_idle(target, query, 1)?);
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

/// A connection with queries in flight.
struct Lane {
    stream: TcpStream,
    read: Vec<u8>,
    in_flight: usize,
    answered: usize,
}

impl Lane {
    fn open(target: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(target)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        Ok(Self { stream, read: Vec::new(), in_flight: 0, answered: 0 })
    }

    /// Waits for answers, and takes those that are there; says how many.
    fn receive(&mut self, sent: &[u8], expected: Expected, tally: &mut Tally) -> io::Result<usize> {
        let mut chunk = [0; 16_384];
        let length = self.stream.read(&mut chunk)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read.extend_from_slice(chunk.get(..length).unwrap_or(&[]));
        let (mut at, mut count) = (0, 0);
        while let Some(&[high, low]) = self.read.get(at..at + 2) {
            let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
            let Some(answer) = self.read.get(at + 2..end) else { break };
            tally.bytes += answer.len() as u64;
            tally.wrong += u64::from(!query::is_right(answer, Some(sent), expected));
            (at, count) = (end, count + 1);
        }
        self.read.drain(..at);
        tally.answers += count as u64;
        self.answered += count;
        self.in_flight = self.in_flight.saturating_sub(count);
        Ok(count)
    }
}

/// Whether the server has closed a connection.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// A message as it stands in a stream (RFC 1035 §4.2.2).
fn frame(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), message].concat()
}

/// Connections that ask.
const CONNECTIONS: usize = 8;

/// Queries in flight on each.
const WINDOW: usize = 32;

/// How long an answer may take.
const SILENCE_MAX: Duration = Duration::from_secs(5);
