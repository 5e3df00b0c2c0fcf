//! A process on a core → the CPU time and memory that it took.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::fault;

/// A process that is ended with this value.
pub(crate) struct Process {
    /// `taskset`, which became it.
    pub(crate) child: Child,
}

/// What a process took since it started.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    /// CPU time of all its threads and children.
    pub(crate) cpu: Duration,
    /// How many times one of them was given the core.
    pub(crate) turns: u64,
}

impl Process {
    /// Starts a program on a core, or on several: `0,1`.
    pub(crate) fn start(
        cores: &str,
        program: &Path,
        arguments: &[String],
        stdout: Stdio,
    ) -> io::Result<Self> {
        let mut command = Command::new("taskset");
        command.arg("-c").arg(cores).arg(program).args(arguments);
        command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| fault(format!("taskset: {error}")))?;
        Ok(Self { child })
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// What it took so far.
    pub(crate) fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for pid in family(self.child.id()) {
            for thread in threads(pid) {
                let Ok(text) = fs::read_to_string(thread.join("schedstat")) else { continue };
                let mut numbers = text.split_whitespace().map(|word| word.parse().unwrap_or(0));
                usage.cpu += Duration::from_nanos(numbers.next().unwrap_or(0));
                usage.turns += numbers.nth(1).unwrap_or(0);
            }
        }
        usage
    }

    /// Memory that it occupies, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = |pid| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let resident = |pid: u32| -> Option<u64> {
            let text = status(pid);
            let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        family(self.child.id()).into_iter().filter_map(resident).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let pids = family(self.child.id());
        for pid in pids {
            let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

/// Puts this process on a core.
pub(crate) fn pin(core: usize) -> io::Result<()> {
    let pid = std::process::id().to_string();
    let arguments = ["-a", "-p", "-c", &core.to_string(), &pid];
    let status = Command::new("taskset").args(arguments).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(fault(format!("there is no core {core}"))) }
}

/// A process and its descendants.
fn family(pid: u32) -> Vec<u32> {
    let mut pids = vec![pid];
    let mut seen = 0;
    while let Some(pid) = pids.get(seen).copied() {
        for thread in threads(pid) {
            let children = fs::read_to_string(thread.join("children")).unwrap_or_default();
            pids.extend(children.split_whitespace().filter_map(|word| word.parse::<u32>().ok()));
        }
        seen += 1;
    }
    pids
}

fn threads(pid: u32) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// A port that nobody uses.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
