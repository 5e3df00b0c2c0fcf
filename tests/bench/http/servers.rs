//! Column → a server of its own on its core, ready to be asked.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::{Process, free_port};
use crate::wire::Connection;
use crate::{Options, fault};

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// This program.
    Lictor,
    /// What it takes the place of.
    Consul,
}

/// A server that runs.
pub(crate) struct Server {
    /// Its process.
    pub(crate) process: Process,
    /// Where its API is.
    pub(crate) http: SocketAddr,
    /// Its files.
    _folder: TempDir,
}

impl Column {
    /// What the column is called.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Lictor => "lictor",
            Self::Consul => "Consul",
        }
    }
}

/// Where a server keeps its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// On disk.
    Disk,
    /// In memory (`-dev`).
    Memory,
}

/// Starts a server, and waits until it can be written to.
pub(crate) fn start(
    column: Column,
    state: State,
    cores: &str,
    options: &Options,
) -> io::Result<Server> {
    let program: &Path = match (column, &options.consul) {
        (Column::Lictor, _) => &options.lictor,
        (Column::Consul, Some(consul)) => consul,
        (Column::Consul, None) => return Err(fault("there is no Consul")),
    };
    let folder = tempfile::tempdir()?;
    let settings = folder.path().join("bench.json");
    fs::write(
        &settings,
        format!("{{\"limits\": {{\"http_max_conns_per_client\": {CONNECTIONS_MAX}}}}}"),
    )?;
    let http_port = free_port()?;
    let arguments = arguments(state, folder.path(), &settings, http_port)?;
    let mut process = Process::start(cores, program, &arguments, Stdio::null())?;
    let http = SocketAddr::from((Ipv4Addr::LOCALHOST, http_port));
    let begun = Instant::now();
    while begun.elapsed() < START_TIME_MAX && !process.has_ended() {
        if has_leader(http).unwrap_or(false) {
            return Ok(Server { process, http, _folder: folder });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(fault(format!("{} did not get ready", column.title())))
}

fn has_leader(http: SocketAddr) -> io::Result<bool> {
    let mut connection = Connection::open(http, Ipv4Addr::LOCALHOST)?;
    let answer = connection.exchange("GET", "/v1/status/leader", "")?;
    Ok(answer.status == 200 && 4 < answer.body.len())
}

/// The command line that both understand.
fn arguments(
    state: State,
    folder: &Path,
    settings: &Path,
    http_port: u16,
) -> io::Result<Vec<String>> {
    let common = ["agent", "-node", "bench", "-bind", "127.0.0.1"];
    let kind: &[&str] = match state {
        State::Disk => &["-server", "-bootstrap-expect", "1"],
        State::Memory => &["-dev"],
    };
    let mut words: Vec<String> = common.iter().chain(kind).map(|word| (*word).to_owned()).collect();
    let ports = [
        ("-http-port", http_port),
        ("-dns-port", free_port()?),
        ("-server-port", free_port()?),
        ("-serf-lan-port", free_port()?),
        ("-serf-wan-port", free_port()?),
    ];
    for (flag, port) in ports {
        words.extend([flag.to_owned(), port.to_string()]);
    }
    words.extend(["-config-file".to_owned(), settings.display().to_string()]);
    if state == State::Disk {
        words.extend(["-data-dir".to_owned(), folder.display().to_string()]);
    }
    Ok(words)
}

/// Connections that one address may have: more than are opened, and as many as Consul takes where a process may
/// open 20,000 files.
const CONNECTIONS_MAX: usize = 15_000;

/// How long a server may take to start.
const START_TIME_MAX: Duration = Duration::from_secs(60);
