//! Starts the real program on ports that nobody uses, waits for its `ready` line, and ends it with the test.
//!
//! ```text
//! let agent = Agent::dev().start();          // in memory
//! let agent = Agent::server(&dir).start();   // on disk; `agent.kill()` is kill -9
//! ```

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// An agent that is about to be started.
#[must_use]
pub(crate) struct Builder {
    /// What starts the program, with its arguments; nothing where it is started directly.
    wrapper: Vec<OsString>,
    arguments: Vec<OsString>,
}

/// A running agent; dropping it kills it.
pub(crate) struct Agent {
    child: Child,
    log: Arc<Log>,
    /// Where its API is.
    pub(crate) http: SocketAddr,
    /// Where its DNS is, UDP and TCP.
    pub(crate) dns: SocketAddr,
}

/// What it printed, with a signal for every further line.
#[derive(Default)]
struct Log {
    lines: Mutex<State>,
    grown: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<String>,
    is_ended: bool,
    is_shut: bool,
}

impl Agent {
    /// An agent that keeps nothing.
    pub(crate) fn dev() -> Builder {
        Builder { wrapper: Vec::new(), arguments: vec!["agent".into(), "-dev".into()] }
            .args(["-node", "n1"])
            .any_ports()
    }

    /// A single server that keeps its state in `dir`.
    pub(crate) fn server(dir: &Path) -> Builder {
        Builder { wrapper: Vec::new(), arguments: vec!["agent".into(), "-server".into()] }
            .args(["-bootstrap-expect", "1", "-node", "n1", "-bind", "127.0.0.1"])
            .args(["-data-dir"])
            .args([dir])
            .any_ports()
    }

    /// Waits for a line of its output that holds `text`, and returns it.
    pub(crate) fn wait_for_line(&self, text: &str) -> String {
        match self.log.wait_for(|line| line.contains(text)) {
            Ok(line) => line,
            Err(all) => panic!("the agent ended without saying `{text}`:\n{all}"),
        }
    }

    /// Reads no more of what it prints.
    pub(crate) fn stop_reading(&self) {
        self.log.lines.lock().expect("no reader panics").is_shut = true;
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("process ids are small"));
        kill(pid, signal).expect("our own child takes signals");
    }

    /// Suspends it; when this returns, no thread of it runs any more.
    pub(crate) fn suspend(&self) {
        self.signal(Signal::SIGSTOP);
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("process ids are small"));
        let status = waitpid(pid, Some(WaitPidFlag::WUNTRACED)).expect("our own child stops");
        assert_eq!(status, WaitStatus::Stopped(pid, Signal::SIGSTOP));
    }

    /// Ends it as a power cut would, as far as the program can tell.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("our own child can be waited for");
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("our own child can be waited for");
        (status, self.log.all())
    }

    /// One HTTP exchange: status and body.
    pub(crate) fn http(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        http(self.http, method, path, body)
    }

    /// One HTTP exchange that has to succeed.
    pub(crate) fn must(&self, method: &str, path: &str, body: &str) -> String {
        let (status, answer) = self.http(method, path, body.as_bytes());
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Builder {
    fn any_ports(self) -> Self {
        self.args(["-http-port", "0", "-dns-port", "0", "-server-port", "0"]).args([
            "-serf-lan-port",
            "0",
            "-serf-wan-port",
            "-1",
            "-grpc-port",
            "-1",
        ])
    }

    /// Adds flags.
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Has another program start it, which must become it in the end (`exec`).
    pub(crate) fn under<S: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = S>) -> Self {
        self.wrapper = wrapper.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(self) -> Agent {
        match self.try_start() {
            Ok(agent) => agent,
            Err((status, all)) => panic!("the agent did not get ready ({status}):\n{all}"),
        }
    }

    /// Starts it and waits until it is ready, or has refused: how it ended, and what it printed.
    pub(crate) fn try_start(self) -> Result<Agent, (ExitStatus, String)> {
        let (mut child, log) = self.spawn();
        let line = match log.wait_for(|line| line.contains(READY)) {
            Ok(line) => line,
            Err(all) => {
                return Err((child.wait().expect("our own child can be waited for"), all));
            }
        };
        let address = |name: &str| -> SocketAddr {
            let word = line.split_whitespace().find_map(|word| word.strip_prefix(name));
            let word = word.unwrap_or_else(|| panic!("no {name} in: {line}"));
            word.parse().unwrap_or_else(|fault| panic!("{name}{word}: {fault}"))
        };
        Ok(Agent { http: address("http="), dns: address("dns="), child, log })
    }

    /// Starts it where it has to refuse: what it printed, and how it ended.
    pub(crate) fn fail(self) -> (ExitStatus, String) {
        let (mut child, log) = self.spawn();
        let all = match log.wait_for(|line| line.contains(READY)) {
            Ok(line) => {
                let _ = child.kill();
                panic!("the agent should have refused to start, but said: {line}");
            }
            Err(all) => all,
        };
        (child.wait().expect("our own child can be waited for"), all)
    }

    fn spawn(self) -> (Child, Arc<Log>) {
        let mut words = self.wrapper;
        words.push(env!("CARGO_BIN_EXE_lictor").into());
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .args(&self.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = Arc::new(Log::default());
        let stdout = child.stdout.take().expect("it is piped");
        let stderr = child.stderr.take().expect("it is piped");
        // Both streams must end before the log has: the last error may come on either.
        let copy = Arc::clone(&log);
        std::thread::spawn(move || {
            let errors = {
                let copy = Arc::clone(&copy);
                std::thread::spawn(move || copy.read(stderr))
            };
            copy.read(stdout);
            let _ = errors.join();
            copy.end();
        });
        (child, log)
    }
}

impl Log {
    fn read(&self, stream: impl Read) {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut state = self.lines.lock().expect("no reader panics");
            state.lines.push_back(line);
            self.grown.notify_all();
            // The stream stays open until the program that prints has ended, and this one with it.
            while state.is_shut {
                state = self.grown.wait(state).expect("no reader panics");
            }
        }
    }

    fn end(&self) {
        self.lines.lock().expect("no reader panics").is_ended = true;
        self.grown.notify_all();
    }

    /// The first line that fits, or all of them once the program has ended without it.
    fn wait_for(&self, fits: impl Fn(&str) -> bool) -> Result<String, String> {
        let mut state = self.lines.lock().expect("no reader panics");
        loop {
            if let Some(line) = state.lines.iter().find(|line| fits(line)) {
                return Ok(line.clone());
            }
            if state.is_ended {
                return Err(state.text());
            }
            let (next, timeout) = self.grown.wait_timeout(state, HANG).expect("no reader panics");
            assert!(!timeout.timed_out(), "the agent hangs; it said:\n{}", next.text());
            state = next;
        }
    }

    /// Everything, once the program has ended.
    fn all(&self) -> String {
        self.wait_for(|_| false).unwrap_or_else(|all| all)
    }
}

impl State {
    fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// A connection to the API that stays open: many exchanges take less time than many connections.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `X-Consul-Index`.
    pub(crate) index: Option<u64>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// One exchange; an error where the server is gone.
    pub(crate) fn exchange(&mut self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        self.ask(method, path, body)?;
        self.answer()
    }

    /// Asks, and leaves it to [`Connection::answer`] to wait.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<()> {
        let length = body.len();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(text.as_bytes())
    }

    /// The same with a body of any bytes.
    pub(crate) fn ask_bytes(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<()> {
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)
    }

    /// Asks with a body of which the last byte is missing, and says that no more will come.
    pub(crate) fn ask_cut(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<()> {
        let length = body.len() + 1;
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        stream.shutdown(std::net::Shutdown::Write)?;
        io::copy(&mut self.stream, &mut io::sink()).map(|_| ())
    }

    /// Waits for what was asked for.
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let mut line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let (mut index, mut length) = (None, 0);
        while !line.is_empty() {
            line = self.line()?.to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("x-consul-index: ") {
                index = value.parse().ok();
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, index, body })
    }

    /// Whether nothing comes within some time, which is what a suspended server sends.
    pub(crate) fn is_silent_for(&mut self, time: Duration) -> bool {
        self.stream.get_ref().set_read_timeout(Some(time)).expect("a time is set");
        let is_silent = self.stream.fill_buf().is_err();
        self.stream.get_ref().set_read_timeout(None).expect("a time is set");
        is_silent
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// One HTTP/1.1 exchange on a connection of its own: status and body.
pub(crate) fn http(address: SocketAddr, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let (status, _, body) = exchange(address, method, path, body);
    (status, body)
}

/// One HTTP/1.1 exchange on a connection of its own: status, head and body.
pub(crate) fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &[u8],
) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("the API accepts connections");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the API reads");
    // The server may answer and hang up before it has read all of a body that it refuses.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let mut body = answer[end + 4..].to_vec();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = unchunk(&body);
    }
    (status, head, body)
}

fn unchunk(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = chunks.windows(2).position(|two| two == b"\r\n") {
        let length = String::from_utf8_lossy(&chunks[..end]).into_owned();
        let length = usize::from_str_radix(length.trim(), 16).expect("a chunk's length");
        body.extend_from_slice(&chunks[end + 2..end + 2 + length]);
        chunks = &chunks[(end + 4 + length).min(chunks.len())..];
    }
    body
}

/// What the line begins with that names every bound address.
const READY: &str = "==> ready:";

/// How long an agent may say nothing before the test is given up. No test depends on it but a hanging one.
const HANG: Duration = Duration::from_secs(60);

#[test]
fn an_agent_that_refuses_to_start_is_told_from_one_that_starts() {
    let refuse = || Agent::dev().args(["-dns-port", "no-number"]).fail();
    let (status, output) = refuse();
    assert_eq!(status.code(), Some(1), "{output}");
    let result = std::panic::catch_unwind(|| Agent::dev().args(["-dns-port", "no-number"]).start());
    assert!(result.is_err(), "a start that fails must fail the test");
    let result = std::panic::catch_unwind(|| Agent::dev().fail());
    assert!(result.is_err(), "a start that should fail and does not must fail the test");
}
