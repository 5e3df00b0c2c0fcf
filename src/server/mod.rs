//! The running program: start and stop order, sockets, clock, metrics, logging.
//!
//! Start: configuration → the data dir's lock → identity → sockets → banner and log → Raft and the first View →
//! DNS → agent → HTTP → what a leader does → `ready`. Stop: what a leader does → leave, where that was asked for →
//! HTTP, whose open requests may finish → the agent's checks → DNS → Raft, which closes its files.

mod start;

mod settings;

mod running;

mod dns;

mod front;

mod fetch;

mod zone_files;

mod meter;

mod udp;

mod accept;

mod stream;

mod http;

mod leading;

mod coordinates;

mod program;

mod stats;

mod identity;

mod banner;

mod pid_file;

mod metrics;

mod memory;

mod logging;

mod log_queue;

mod monitor;

mod host;

mod clock;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::agent::AgentFault;
use crate::forward;
use crate::intake::{self, LoadFault, Sources};
use crate::raft::RaftFault;
use crate::server::running::Signals;
#[doc(hidden)]
pub use crate::server::stream::serve_alone;

/// Runs an agent until it is told to stop.
///
/// Prints the banner and one `ready` line with every bound address to standard output, and its log behind
/// them. SIGINT and SIGTERM stop it in order, a second one at once; SIGHUP reads the configuration again.
///
/// # Errors
/// [`ServerFault`], where it cannot start. Nothing was printed about it yet.
pub fn run(sources: &Sources) -> Result<ExitCode, ServerFault> {
    let loaded = intake::load(sources)?;
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("lictor")
        .build()
        .map_err(ServerFault::Runtime)?;
    let code = runtime.block_on(async {
        let mut signals = Signals::take().map_err(ServerFault::Runtime)?;
        let running = tokio::select! {
            // Whoever signals while a long log is read back does not want to wait. Nothing is lost by it:
            // a start changes nothing that a kill at the same moment would not leave behind as well.
            biased;
            () = signals.stop() => return Ok(ExitCode::FAILURE),
            running = start::start(loaded, sources.clone()) => running?,
        };
        Ok::<_, ServerFault>(running.until_stopped(signals).await)
    })?;
    // Nothing that is still running is worth waiting for: all that counts was stopped in order.
    runtime.shutdown_background();
    Ok(code)
}

/// Takes as many file descriptors as the system grants: every client of DNS over TCP holds one, and the state's
/// files must never lack any. What is not granted is no fault.
fn raise_open_files() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Why an agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerFault {
    /// The configuration is wrong.
    #[error(transparent)]
    Load(#[from] LoadFault),
    /// No threads or no timers.
    #[error("the runtime cannot start")]
    Runtime(#[source] io::Error),
    /// A socket that cannot be had.
    #[error("cannot listen on {address} for {purpose}")]
    Bind {
        /// What for: `DNS over UDP`.
        purpose: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A socket of the file system that cannot be had.
    #[error("cannot listen on unix://{} for HTTP", path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that cannot be read or written.
    #[error(transparent)]
    File(io::Error),
    /// The host's name is no node name.
    #[error("this host's name cannot be used: {0}; name the node with -node")]
    HostName(String),
    /// A wildcard address is bound, and there is nothing to tell others.
    #[error("no private IPv4 address found; say with -advertise where others reach this machine")]
    NoPrivateAddress,
    /// A wildcard address is bound, and there are several to choose from.
    #[error("multiple private IPv4 addresses found ({0}); choose one with -bind or -advertise")]
    SeveralPrivateAddresses(String),
    /// A way to run that later versions bring.
    #[error(
        "{0}; run this one as a server of its own: `-server -bootstrap-expect 1 -data-dir DIR`, or `-dev`"
    )]
    NotYet(&'static str),
    /// The state cannot be opened.
    #[error(transparent)]
    Raft(#[from] RaftFault),
    /// A recursor that cannot be asked.
    #[error(transparent)]
    Forward(#[from] forward::Fault),
    /// The agent cannot start.
    #[error(transparent)]
    Agent(#[from] AgentFault),
}

impl ServerFault {
    /// What the user can do about it, where it is not in the text.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        if let Self::Socket { source, .. } = self {
            return (source.kind() == io::ErrorKind::AddrInUse)
                .then_some("another process listens there: stop it, or choose another path");
        }
        let Self::Bind { source, .. } = self else { return None };
        match source.kind() {
            io::ErrorKind::AddrInUse => Some(
                "another process listens there: stop it, or choose other ports with `-http-port` and `-dns-port`",
            ),
            io::ErrorKind::PermissionDenied => {
                Some("ports below 1024 need the capability CAP_NET_BIND_SERVICE")
            }
            io::ErrorKind::AddrNotAvailable => {
                Some("this machine has no such address: `-client` and `-bind` say which to use")
            }
            _ => None,
        }
    }
}
