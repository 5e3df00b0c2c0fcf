//! Requests → a rate: a fixed number of connections, each with one request under way.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::fault;
use crate::wire::Crowd;

/// What was seen.
pub(crate) struct Tally {
    /// Whole answers.
    pub(crate) answers: u64,
    /// How long it took.
    pub(crate) time: Duration,
}

/// Asks for some time. `request` makes the bytes of the one of a number.
pub(crate) fn run(
    target: SocketAddr,
    connections: usize,
    time: Duration,
    mut request: impl FnMut(u64) -> Vec<u8>,
) -> io::Result<Tally> {
    let mut crowd = Crowd::open(target, connections, &[Ipv4Addr::LOCALHOST])?;
    let mut number = 0;
    for connection in &mut crowd.connections {
        connection.send(&request(number))?;
        number += 1;
    }
    let (begun, mut answers) = (Instant::now(), 0);
    while begun.elapsed() < time {
        crowd.turn(100, |connection, _, status, _| {
            if status != 200 {
                return Err(fault(format!("an answer has the status {status}")));
            }
            answers += 1;
            number += 1;
            connection.send(&request(number))
        })?;
    }
    Ok(Tally { answers, time: begun.elapsed() })
}
