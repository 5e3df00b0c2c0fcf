//! Many instances → the time and memory that they take.

use std::io;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fault;
use crate::servers::Server;
use crate::wire::{Connection, Crowd, request};

/// What they took.
pub(crate) struct Filled {
    /// Seconds until all were there.
    pub(crate) time_secs: f64,
    /// Bytes of memory an instance.
    pub(crate) bytes_each: f64,
}

/// How they are registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// One request an instance.
    OneByOne,
    /// In transactions of as many operations as Consul takes.
    Transactions,
}

/// The best way that a server knows.
pub(crate) fn way(server: &Server) -> io::Result<Way> {
    let mut connection = Connection::open(server.http, Ipv4Addr::LOCALHOST)?;
    let status = connection.exchange("PUT", "/v1/txn", "[]")?.status;
    Ok(if status == 404 { Way::OneByOne } else { Way::Transactions })
}

/// Registers so many instances, each with a check, on [`NODES`] machines, a hundred to a service.
pub(crate) fn run(server: &Server, count: usize, way: Way) -> io::Result<Filled> {
    send(
        server,
        (0..NODES).map(|node| request("PUT", "/v1/catalog/register", &machine(node).to_string())),
    )?;
    std::thread::sleep(SETTLE);
    let before_kib = server.process.resident_kib();
    let begun = Instant::now();
    match way {
        Way::OneByOne => send(
            server,
            (0..count).map(|number| {
                request("PUT", "/v1/catalog/register", &registration(number).to_string())
            }),
        )?,
        Way::Transactions => {
            let numbers: Vec<usize> = (0..count).collect();
            send(
                server,
                numbers.chunks(OPERATIONS_MAX / 2).map(|numbers| {
                    let operations: Vec<Value> =
                        numbers.iter().flat_map(|number| operations(*number)).collect();
                    request("PUT", "/v1/txn", &Value::from(operations).to_string())
                }),
            )?;
        }
    }
    let time_secs = begun.elapsed().as_secs_f64();
    std::thread::sleep(SETTLE);
    let after_kib = server.process.resident_kib();
    let bytes = after_kib.saturating_sub(before_kib) as f64 * 1024.0;
    Ok(Filled { time_secs, bytes_each: bytes / count.max(1) as f64 })
}

/// Sends requests over some connections, and waits for all answers.
fn send(server: &Server, mut requests: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
    let mut crowd = Crowd::open(server.http, CONNECTIONS, &[Ipv4Addr::LOCALHOST])?;
    let mut under_way = 0_usize;
    for connection in &mut crowd.connections {
        let Some(request) = requests.next() else { break };
        connection.send(&request)?;
        under_way += 1;
    }
    let mut last = Instant::now();
    while 0 < under_way {
        if HANG < last.elapsed() {
            return Err(fault("registrations are not answered"));
        }
        crowd.turn(1_000, |connection, _, status, _| {
            if status != 200 {
                return Err(fault(format!("a registration has the status {status}")));
            }
            last = Instant::now();
            match requests.next() {
                Some(request) => connection.send(&request),
                None => {
                    under_way -= 1;
                    Ok(())
                }
            }
        })?;
    }
    Ok(())
}

fn machine(node: usize) -> Value {
    json!({"Node": format!("node-{node}"), "Address": format!("10.0.{}.{}", node / 250, 1 + node % 250)})
}

fn service(number: usize) -> Value {
    json!({
        "ID": format!("service-{}-{number}", number % SERVICES),
        "Service": format!("service-{}", number % SERVICES),
        "Tags": ["v1", "primary"],
        "Meta": {"version": "1.2.3"},
        "Port": 8000 + number % 1000,
    })
}

fn check(number: usize) -> Value {
    json!({
        "Node": format!("node-{}", number % NODES),
        "CheckID": format!("service:service-{}-{number}", number % SERVICES),
        "Name": "Service check",
        "Status": "passing",
        "Output": "HTTP GET http://10.0.0.1:8000/health: 200 OK",
        "ServiceID": format!("service-{}-{number}", number % SERVICES),
    })
}

/// An instance with its check, in one request.
fn registration(number: usize) -> Value {
    json!({
        "Node": format!("node-{}", number % NODES),
        "SkipNodeUpdate": true,
        "Service": service(number),
        "Check": check(number),
    })
}

/// The same as operations of a transaction.
fn operations(number: usize) -> [Value; 2] {
    let node = format!("node-{}", number % NODES);
    [
        json!({"Service": {"Verb": "set", "Node": node, "Service": service(number)}}),
        json!({"Check": {"Verb": "set", "Check": check(number)}}),
    ]
}

/// Machines.
const NODES: usize = 1_000;

/// Services.
const SERVICES: usize = 1_000;

/// Operations of one transaction that Consul 1.8 takes.
const OPERATIONS_MAX: usize = 64;

/// Connections that register side by side.
const CONNECTIONS: usize = 64;

/// How long a server may tidy up before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(3);

/// How long it may answer nothing.
const HANG: Duration = Duration::from_secs(60);
