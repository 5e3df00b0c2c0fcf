//! Script: exit 0 passes, 1 warns, anything else is critical.
//!
//! The program leads a process group of its own. On timeout, or when the run is dropped, the whole group
//! is killed, so that what it forked does not outlive it.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::agent::probe::Finding;
use crate::agent::probe::output::Tail;
use crate::model::health::Status;
use crate::model::time::GoDuration;

/// Runs a program once.
pub(super) async fn run(args: &[String], limit: Duration, output_bytes_max: usize) -> Finding {
    match execute(args, limit, output_bytes_max).await {
        Ok(Ended { status, tail }) => {
            Finding { status: status_of(status), output: tail.text_with_note() }
        }
        Err(Fault::Failed(fault)) => Finding::critical(fault),
        Err(Fault::TimedOut(tail)) => timed_out(limit, &tail),
    }
}

/// What a program that took too long is said to have done.
pub(super) fn timed_out(limit: Duration, tail: &Tail) -> Finding {
    let (limit, said) = (GoDuration(limit), tail.text_with_note());
    Finding::critical(format!("Timed out ({limit}) running check\n\n{said}"))
}

/// A program that came to its end.
pub(super) struct Ended {
    /// How.
    status: ExitStatus,
    /// What it printed.
    pub(super) tail: Tail,
}

/// Why a program did not.
pub(super) enum Fault {
    /// It could not be run.
    Failed(String),
    /// It took too long, and was killed; what it printed until then.
    TimedOut(Tail),
}

/// Runs a program to its end.
pub(super) async fn execute(
    args: &[String],
    limit: Duration,
    output_bytes_max: usize,
) -> Result<Ended, Fault> {
    let Some((program, args)) = args.split_first() else {
        return Err(Fault::Failed("the check names no program".to_owned()));
    };
    let failed = |fault: io::Error| Fault::Failed(format!("cannot run `{program}`: {fault}"));
    let (child, mut pipe) = start(program, args).map_err(failed)?;
    let mut group = Group::new(child);
    let mut tail = Tail::new(output_bytes_max);
    match timeout(limit, watch(&mut group, &mut pipe, &mut tail)).await {
        Ok(Ok(status)) => Ok(Ended { status, tail }),
        Ok(Err(fault)) => Err(failed(fault)),
        Err(_) => {
            group.kill();
            // SIGKILL cannot be refused; this only collects what is left of the leader.
            let _ = group.wait().await;
            Err(Fault::TimedOut(tail))
        }
    }
}

fn start(program: &str, args: &[String]) -> io::Result<(Child, Receiver)> {
    // One pipe for both, so that lines stand in the order in which they were printed.
    let (reader, writer) = io::pipe()?;
    let reader = Receiver::from_owned_fd(reader.into())?;
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .spawn()?;
    Ok((child, reader))
}

/// Reads what the program prints until it ended.
async fn watch(group: &mut Group, pipe: &mut Receiver, tail: &mut Tail) -> io::Result<ExitStatus> {
    let mut buffer = vec![0; 4096];
    let mut is_open = true;
    let status = loop {
        tokio::select! {
            biased;
            // Output first: what was printed before the end belongs to the run.
            read = pipe.read(&mut buffer), if is_open => match read? {
                0 => is_open = false,
                count => tail.push(buffer.get(..count).unwrap_or_default()),
            },
            status = group.wait() => break status?,
        }
    };
    // What the program left in the pipe; not what a daemon that it started may print for ever.
    let mut drained = 0;
    while is_open && drained < DRAINED_BYTES_MAX {
        match pipe.try_read(&mut buffer) {
            Ok(0) | Err(_) => is_open = false,
            Ok(count) => {
                tail.push(buffer.get(..count).unwrap_or_default());
                drained += count;
            }
        }
    }
    Ok(status)
}

fn status_of(status: ExitStatus) -> Status {
    match status.code() {
        Some(0) => Status::Passing,
        Some(1) => Status::Warning,
        Some(_) | None => Status::Critical,
    }
}

/// A process group that does not outlive this value unless its leader ended by itself.
struct Group {
    /// The leader.
    child: Child,
    /// The group's number, until the leader was collected: afterwards the number may be somebody else's.
    id: Option<Pid>,
}

impl Group {
    fn new(child: Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Self { child, id }
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.id = None;
        Ok(status)
    }

    fn kill(&mut self) {
        if let Some(id) = self.id {
            // It fails only if the whole group is gone already.
            let _ = killpg(id, Signal::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Bytes of a pipe that are looked at: more than any pipe holds (Linux: 1 MiB at most for a user).
const DRAINED_BYTES_MAX: usize = 4 * 1024 * 1024;
