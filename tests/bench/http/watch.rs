//! A write → the last watcher's answer.

use std::io;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::fault;
use crate::servers::Server;
use crate::wire::{Connection, Crowd, request};

/// What watchers cost and how long they waited.
pub(crate) struct Watched {
    /// Milliseconds from the write until the last one had its answer, the median.
    pub(crate) wake_ms: f64,
    /// Memory that they took while they waited, in MiB.
    pub(crate) memory_mib: f64,
}

/// Has `count` connections wait for a key, and writes it `writes` times.
pub(crate) fn run(server: &Server, count: usize, writes: usize) -> io::Result<Watched> {
    let mut writer = Connection::open(server.http, Ipv4Addr::LOCALHOST)?;
    let mut value = 0;
    let mut put = |writer: &mut Connection, key| -> io::Result<()> {
        value += 1;
        match writer.exchange("PUT", key, &value.to_string())?.status {
            200 => Ok(()),
            status => Err(fault(format!("a write has the status {status}"))),
        }
    };
    put(&mut writer, KEY)?;
    let before_kib = server.process.resident_kib();
    let sources: Vec<Ipv4Addr> = (1..=SOURCES).map(|last| Ipv4Addr::new(127, 0, 0, last)).collect();
    let mut crowd = Crowd::open(server.http, count, &sources)?;
    let mut index = writer.exchange("GET", KEY, "")?.index;
    let mut times_ms = Vec::with_capacity(writes);
    let mut memory_mib: f64 = 0.0;
    for _ in 0..writes {
        let waiting = request("GET", &format!("{KEY}?wait=5m&index={index}"), "");
        for connection in &mut crowd.connections {
            connection.send(&waiting)?;
        }
        settle(server)?;
        let kib = server.process.resident_kib().saturating_sub(before_kib);
        memory_mib = memory_mib.max(kib as f64 / 1024.0);
        // A server that has slept is slow at first, whichever it is: this one is in use, and nobody is woken by it.
        for _ in 0..WRITES_ELSEWHERE {
            put(&mut writer, ELSEWHERE)?;
        }
        let begun = Instant::now();
        put(&mut writer, KEY)?;
        let mut woken = 0;
        while woken < count {
            if HANG < begun.elapsed() {
                return Err(fault(format!("only {woken} of {count} watchers were woken")));
            }
            crowd.turn(1_000, |_, _, status, newer| {
                woken += 1;
                index = newer;
                if status == 200 {
                    Ok(())
                } else {
                    Err(fault(format!("a watcher was told {status}")))
                }
            })?;
        }
        times_ms.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    times_ms.sort_by(f64::total_cmp);
    let wake_ms = times_ms.get(times_ms.len() / 2).copied().unwrap_or_default();
    Ok(Watched { wake_ms, memory_mib })
}

/// Waits until the server does nothing any more: then all watchers wait.
fn settle(server: &Server) -> io::Result<()> {
    let begun = Instant::now();
    let mut before = server.process.usage().cpu;
    while begun.elapsed() < HANG {
        std::thread::sleep(QUIET);
        let after = server.process.usage().cpu;
        if after.saturating_sub(before) < QUIET / 10 {
            return Ok(());
        }
        before = after;
    }
    Err(fault("the server does not come to rest"))
}

/// What is watched.
const KEY: &str = "/v1/kv/watched";

/// What nobody watches.
const ELSEWHERE: &str = "/v1/kv/elsewhere";

/// How often that is written before what is watched.
const WRITES_ELSEWHERE: usize = 20;

/// Addresses that watchers come from.
const SOURCES: u8 = 16;

/// How long the server has to do next to nothing until it rests.
const QUIET: Duration = Duration::from_millis(200);

/// How long anything may take.
const HANG: Duration = Duration::from_secs(60);
