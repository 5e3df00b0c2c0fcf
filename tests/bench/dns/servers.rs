//! Column → a server on its core with its data, ready to be asked.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use tempfile::TempDir;

use crate::data::{self, Part};
use crate::process::{Process, free_port};
use crate::query::{self, Expected};
use crate::{Options, fault, register};

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Column {
    /// A UDP echo.
    Echo,
    /// The same, which sends as many bytes as lictor answers.
    EchoSized,
    /// This program.
    Lictor,
    /// Knot DNS, an authoritative server.
    Knot,
    /// NSD, another.
    Nsd,
    /// What lictor takes the place of.
    Consul,
}

/// A server that runs.
pub(crate) struct Server {
    /// Its process.
    pub(crate) process: Process,
    /// Where it answers DNS.
    pub(crate) dns: SocketAddr,
    /// Where it takes registrations.
    pub(crate) http: Option<SocketAddr>,
    /// Its files.
    _folder: TempDir,
}

impl Column {
    /// What the column is called.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::EchoSized => "echo, answer-sized",
            Self::Lictor => "lictor",
            Self::Knot => "Knot",
            Self::Nsd => "NSD",
            Self::Consul => "Consul",
        }
    }

    /// Whether it speaks DNS.
    pub(crate) fn is_dns(self) -> bool {
        !matches!(self, Self::Echo | Self::EchoSized)
    }

    /// Whether it can be started on this machine.
    pub(crate) fn is_installed(self, options: &Options) -> bool {
        match self {
            Self::Echo | Self::EchoSized | Self::Lictor => true,
            Self::Knot => installed("knotd").is_some(),
            Self::Nsd => installed("nsd").is_some(),
            Self::Consul => options.consul.is_some(),
        }
    }
}

/// Starts a server and waits until it answers from its data. An echo is told what size to send.
pub(crate) fn start(
    column: Column,
    options: &Options,
    parts: &[Part],
    echoed: usize,
) -> io::Result<Server> {
    let folder = tempfile::tempdir()?;
    let core = options.server_core;
    let (port, http_port) = (free_port()?, free_port()?);
    let dns = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let http = SocketAddr::from((Ipv4Addr::LOCALHOST, http_port));
    let mut server = match column {
        Column::Echo | Column::EchoSized => return start_echo(core, echoed, folder),
        Column::Lictor | Column::Consul => {
            let program = match column {
                Column::Consul => options.consul.as_ref().ok_or_else(|| fault("no --consul"))?,
                _ => &options.lictor,
            };
            let arguments = agent(port, http_port)?;
            let process = Process::start(&core.to_string(), program, &arguments, Stdio::null())?;
            Server { process, dns, http: Some(http), _folder: folder }
        }
        Column::Knot => {
            fs::write(folder.path().join("consul.zone"), data::zone(parts))?;
            let file = folder.path().join("knot.conf");
            fs::write(&file, knot_settings(folder.path(), port))?;
            let process = start_installed("knotd", core, &file)?;
            Server { process, dns, http: None, _folder: folder }
        }
        Column::Nsd => {
            fs::write(folder.path().join("consul.zone"), data::zone(parts))?;
            let file = folder.path().join("nsd.conf");
            fs::write(&file, nsd_settings(folder.path(), port))?;
            let process = start_installed("nsd", core, &file)?;
            Server { process, dns, http: None, _folder: folder }
        }
    };
    if let Some(http) = server.http {
        register::wait_for_leader(http, || server.process.has_ended())?;
        for part in parts {
            let all = data::instances(*part).iter().map(data::Instance::registration).collect();
            register::put(http, all)?;
        }
    }
    wait_for_answer(&mut server, column)?;
    Ok(server)
}

fn start_echo(core: usize, echoed: usize, folder: TempDir) -> io::Result<Server> {
    let program = std::env::current_exe()?;
    let arguments = ["--serve-echo".to_owned(), echoed.to_string()];
    let mut process = Process::start(&core.to_string(), &program, &arguments, Stdio::piped())?;
    let mut line = String::new();
    if let Some(output) = process.child.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    let port: u16 = line.trim().parse().map_err(|_| fault("the echo did not start"))?;
    let dns = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Ok(Server { process, dns, http: None, _folder: folder })
}

fn start_installed(program: &str, core: usize, settings: &Path) -> io::Result<Process> {
    let program = installed(program).ok_or_else(|| fault(format!("{program}: not installed")))?;
    let mut arguments = vec!["-c".to_owned(), settings.display().to_string()];
    if program.ends_with("nsd") {
        arguments.push("-d".to_owned());
    }
    Process::start(&core.to_string(), &program, &arguments, Stdio::null())
}

/// Where a server's program is; not all have `/usr/sbin` on their path.
fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The command line that both kinds of agent understand.
fn agent(dns_port: u16, http_port: u16) -> io::Result<Vec<String>> {
    let mut words: Vec<String> = ["agent", "-dev", "-node", "bench", "-grpc-port", "-1"]
        .into_iter()
        .map(str::to_owned)
        .collect();
    let ports = [
        ("-dns-port", dns_port),
        ("-http-port", http_port),
        ("-server-port", free_port()?),
        ("-serf-lan-port", free_port()?),
        ("-serf-wan-port", free_port()?),
    ];
    for (flag, port) in ports {
        words.extend([flag.to_owned(), port.to_string()]);
    }
    Ok(words)
}

fn knot_settings(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "server:\n  rundir: {folder}\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n\
         \x20 background-workers: 1\n  tcp-max-clients: 10000\n\
         database:\n  storage: {folder}\n\
         zone:\n- domain: consul\n  file: {folder}/consul.zone\n  zonefile-sync: -1\n  journal-content: none\n"
    )
}

fn nsd_settings(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "server:\n ip-address: 127.0.0.1@{port}\n server-count: 1\n username: \"\"\n zonesdir: {folder}\n\
         \x20pidfile: {folder}/nsd.pid\n xfrdir: {folder}\n xfrdfile: {folder}/xfrd.state\n database: \"\"\n\
         \x20zonelistfile: {folder}/zone.list\n cookie-secret-file: {folder}/cookies\n rrl-ratelimit: 0\n\
         \x20tcp-count: 10000\n\
         \x20logfile: {folder}/nsd.log\n\
         remote-control:\n control-enable: no\n\
         zone:\n name: consul\n zonefile: consul.zone\n"
    )
}

/// Asks for what is there until it is told.
fn wait_for_answer(server: &mut Server, column: Column) -> io::Result<()> {
    let begun = Instant::now();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(server.dns)?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let name = if server.http.is_some() { "bench.node.consul" } else { "ns.consul" };
    let query = query::encode(name, query::TYPE_A, 1, true);
    let expected = Expected::Dns { rcode: query::NOERROR, answers_min: 1 };
    let mut answer = [0; 4_096];
    while begun.elapsed() < START_TIME_MAX && !server.process.has_ended() {
        // Nobody listens yet: the next call says so, and that is no reason to stop.
        let _ = socket.send(&query);
        match socket.recv(&mut answer) {
            Ok(length) if query::is_right(answer.get(..length).unwrap_or(&[]), None, expected) => {
                return Ok(());
            }
            Ok(_) => {}
            Err(_) => std::thread::yield_now(),
        }
    }
    Err(fault(format!("{} did not get ready", column.title())))
}

/// How long a server may take to start, without its registrations.
const START_TIME_MAX: Duration = Duration::from_secs(60);
