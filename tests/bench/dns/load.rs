//! Queries → how many were answered, and whether they were answered right. Over UDP, by the batch.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg, setsockopt, sockopt,
};

use crate::lines::Queries;
use crate::query::{self, Expected};

/// How to ask.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Whom.
    pub(crate) target: SocketAddr,
    /// What the answers have to be.
    pub(crate) expected: Expected,
    /// From how many sockets.
    pub(crate) sockets: usize,
    /// How many queries are in flight on each.
    pub(crate) window: usize,
    /// For how long, at most.
    pub(crate) time: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Answers.
    pub(crate) answers: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Queries without an answer.
    pub(crate) lost: u64,
    /// Wrong answers among those that were looked at.
    pub(crate) wrong: u64,
}

/// Asks until the time is over or all was asked, and waits for the last answers.
pub(crate) fn run(queries: &Queries, plan: &Plan) -> io::Result<Tally> {
    let mut lanes: Vec<_> =
        (0..plan.sockets).map(|_| Lane::open(plan)).collect::<Result<_, _>>()?;
    let mut generator = Generator { queries, rng: fastrand::Rng::with_seed(1), turn: 0 };
    let mut rooms = Rooms::new();
    let mut tally = Tally::default();
    let begun = Instant::now();
    let mut last_answer = begun;
    let mut is_asking = true;
    loop {
        let now = Instant::now();
        is_asking &= now < begun + plan.time;
        let mut in_flight = 0;
        for lane in &mut lanes {
            let received = lane.receive(&mut rooms, &generator, plan.expected, &mut tally)?;
            if 0 < received {
                last_answer = now;
            }
            if is_asking {
                is_asking = lane.ask(&mut rooms, &mut generator, plan.window)?;
            }
            in_flight += lane.in_flight;
        }
        if in_flight == 0 && !is_asking {
            return Ok(tally);
        }
        if SILENCE_MAX < now - last_answer {
            for lane in &mut lanes {
                tally.lost += std::mem::take(&mut lane.in_flight) as u64;
            }
            last_answer = now;
        }
    }
}

/// A socket that asks.
struct Lane {
    socket: UdpSocket,
    in_flight: usize,
}

/// What all lanes use in turn.
struct Rooms {
    queries: Vec<Vec<u8>>,
    answers: Vec<Vec<u8>>,
    headers: MultiHeaders<SockaddrIn>,
    seen: usize,
}

impl Rooms {
    fn new() -> Self {
        Self {
            queries: vec![Vec::new(); BATCH],
            answers: vec![vec![0; ANSWER_BYTES_MAX]; BATCH],
            headers: MultiHeaders::preallocate(BATCH, None),
            seen: 0,
        }
    }
}

impl Lane {
    fn open(plan: &Plan) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let _ = setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER_BYTES);
        socket.connect(plan.target)?;
        Ok(Self { socket, in_flight: 0 })
    }

    /// Takes the answers that are there; says how many.
    fn receive(
        &mut self,
        rooms: &mut Rooms,
        generator: &Generator<'_>,
        expected: Expected,
        tally: &mut Tally,
    ) -> io::Result<usize> {
        if self.in_flight == 0 {
            return Ok(0);
        }
        let mut slices: Vec<_> = rooms.answers.iter_mut().map(|a| [IoSliceMut::new(a)]).collect();
        let (fd, flags) = (self.socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
        let received = match recvmmsg(fd, &mut rooms.headers, slices.iter_mut(), flags, None) {
            Ok(received) => received,
            // An ICMP error counts as a loss later on.
            Err(Errno::EAGAIN | Errno::ECONNREFUSED | Errno::EINTR) => return Ok(0),
            Err(errno) => return Err(errno.into()),
        };
        let mut count = 0;
        for message in received {
            count += 1;
            tally.bytes += message.bytes as u64;
            rooms.seen += 1;
            if rooms.seen.is_multiple_of(CHECKED_EACH) {
                let answer = message.iovs().next().unwrap_or(&[]);
                let sent = generator.sent(answer);
                tally.wrong += u64::from(!query::is_right(answer, sent, expected));
            }
        }
        tally.answers += count as u64;
        self.in_flight = self.in_flight.saturating_sub(count);
        Ok(count)
    }

    /// Fills the window; says whether there is more to ask.
    fn ask(
        &mut self,
        rooms: &mut Rooms,
        generator: &mut Generator<'_>,
        window: usize,
    ) -> io::Result<bool> {
        let wanted = window.saturating_sub(self.in_flight).min(BATCH);
        let mut count = 0;
        for query in rooms.queries.iter_mut().take(wanted) {
            if !generator.next(query) {
                break;
            }
            count += 1;
        }
        let slices: Vec<_> =
            rooms.queries.iter().take(count).map(|query| [IoSlice::new(query)]).collect();
        let addresses = [None; BATCH];
        let mut sent = 0;
        while sent < count {
            let rest = addresses.get(sent..count).unwrap_or(&[]);
            let (fd, flags) = (self.socket.as_raw_fd(), MsgFlags::empty());
            let control: [ControlMessage<'_>; 0] = [];
            let slices = slices.iter().skip(sent);
            match sendmmsg(fd, &mut rooms.headers, slices, rest, control, flags) {
                Ok(results) => sent += results.count().max(1),
                Err(Errno::ECONNREFUSED | Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        self.in_flight += count;
        Ok(count == wanted)
    }
}

/// What is asked next.
struct Generator<'q> {
    queries: &'q Queries,
    rng: fastrand::Rng,
    turn: usize,
}

impl Generator<'_> {
    /// Writes the next query; says whether there was one.
    fn next(&mut self, query: &mut Vec<u8>) -> bool {
        let next = match self.queries {
            Queries::AnyOf(all) => match all.as_slice() {
                [only] => Some(only),
                all => all.get(self.rng.usize(..all.len())),
            },
            Queries::InTurn(all) => {
                self.turn += 1;
                all.get(self.turn - 1)
            }
            Queries::MadeUp(query, _) => Some(query),
        };
        let Some(next) = next else { return false };
        query.clone_from(next);
        if let Queries::MadeUp(_, places) = self.queries {
            let mut random = self.rng.u64(..);
            for letter in query.get_mut(places.clone()).unwrap_or(&mut []) {
                *letter = b'a' + (random & 15) as u8;
                random >>= 4;
            }
        }
        true
    }

    /// The query that an answer is for, where its id tells.
    fn sent(&self, answer: &[u8]) -> Option<&[u8]> {
        match self.queries {
            Queries::AnyOf(all) | Queries::InTurn(all) => {
                Some(all.get(query::id(answer)).map_or(&[], Vec::as_slice))
            }
            Queries::MadeUp(..) => None,
        }
    }
}

/// Datagrams that one call moves.
const BATCH: usize = 64;

/// Of so many answers one is looked at.
const CHECKED_EACH: usize = 64;

/// Room for an answer.
const ANSWER_BYTES_MAX: usize = 4_096;

/// What waits in the kernel, in bytes.
const RECEIVE_BUFFER_BYTES: usize = 1024 * 1024;

/// Queries that are not answered within this time are lost.
const SILENCE_MAX: Duration = Duration::from_secs(2);
