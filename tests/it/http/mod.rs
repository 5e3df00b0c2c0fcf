//! `tests/http/*.http`: requests and the whole answers to them, over raw HTTP/1.1.
//!
//! A file is a list of steps, each ended by a line `====` or the end of the file; lines that begin with `#`
//! before a step's request are comments. A step is
//! ```text
//! PUT /v1/kv/a?cas=$i          request line, with captures filled in
//! X-Header: value              request headers, if any
//!                              an empty line, if there is a body
//! body                         as it stands, without a newline at its end; `<repeat x 524289>` repeats
//! ----
//! 200                          status
//! X-Consul-Index: $i           only the headers that are ours; `!Name` must be absent
//!                              an empty line, if there is a body
//! true                         the whole body; a newline at its end is not looked at, unless the
//!                              pseudo-header `Newline: yes` or `Newline: no` stands above
//! ```
//! In headers and body lines `*` stands for any text, and a body line that is `*` alone for any lines.
//! A header value `$name`, or one in a body line, captures at its first appearance and compares afterwards; `>$name` is a greater
//! number. Other forms of a request: `& GET …` starts it in the background, on a connection that stays open, with no
//! answer part; `wait` has the answer of the oldest of those; `raw` sends the bytes of its body, with
//! `\r \n \\ \xNN` for what cannot be written, newlines between lines ignored, and reads until the other side is silent.
//!
//! A file says in a comment where Consul 1.8.7 and we differ, and wants only what both do.
//!
//! `UPDATE_EXPECT=1` rewrites what differs. `LICTOR_HTTP_ADDR=127.0.0.1:8500` runs all files against a
//! server that somebody else started: lictor or Consul, which must agree.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::harness::Agent;

/// Runs one file against a server.
///
/// # Errors
/// A text that names file and line and shows what was wanted and what came.
pub(crate) fn run_file(path: &Path, address: SocketAddr) -> Result<(), String> {
    let text = fs_err::read_to_string(path).map_err(|fault| fault.to_string())?;
    let (rewritten, faults) = run_text(&text, address);
    if faults.is_empty() {
        return Ok(());
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return fs_err::write(path, rewritten).map_err(|fault| fault.to_string());
    }
    Err(faults.iter().map(|fault| format!("{}:{fault}\n", path.display())).collect())
}

/// Runs all steps; gives the text with what differs rewritten, and the differences.
fn run_text(text: &str, address: SocketAddr) -> (String, Vec<String>) {
    let mut session = Session { address, captures: BTreeMap::new(), background: Vec::new() };
    let (mut steps, mut faults) = (Vec::new(), Vec::new());
    let mut line = 1;
    for step in text.split("\n====\n") {
        match session.step(step) {
            Ok(None) => steps.push(step.to_owned()),
            Ok(Some((rewritten, fault))) => {
                faults.push(format!("{line}: {fault}"));
                steps.push(rewritten);
            }
            Err(fault) => {
                faults.push(format!("{line}: {fault}"));
                steps.push(step.to_owned());
            }
        }
        line += step.lines().count() + 1;
    }
    (steps.join("\n====\n"), faults)
}

/// What a run remembers from step to step.
struct Session {
    /// Whom to ask.
    address: SocketAddr,
    /// What headers said.
    captures: BTreeMap<String, String>,
    /// Requests whose answer nobody has looked at yet.
    background: Vec<JoinHandle<Result<Answer, String>>>,
}

/// An answer, taken apart.
#[derive(Clone, Debug, Default)]
struct Answer {
    status: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Session {
    /// Runs a step. What differs comes back as the rewritten step and a text.
    fn step(&mut self, step: &str) -> Result<Option<(String, String)>, String> {
        let begin = step.lines().take_while(|l| l.starts_with('#') || l.is_empty()).count();
        let comments: String = step.lines().take(begin).fold(String::new(), |t, l| t + l + "\n");
        let rest = step.lines().skip(begin).collect::<Vec<_>>().join("\n");
        if rest.is_empty() {
            return Ok(None);
        }
        if let Some(request) = rest.strip_prefix("& ") {
            let bytes = self.request(request, "");
            let address = self.address;
            let ask = move || ask(address, &bytes, BLOCKING_TIMEOUT, is_whole);
            self.background.push(std::thread::spawn(ask));
            return Ok(None);
        }
        let (request, wanted) = match rest.split_once("\n----") {
            Some((request, wanted)) => (request, wanted.trim_start_matches('\n')),
            None => return Err(format!("no `----` in the step\n{rest}")),
        };
        let answer = if request == "wait" {
            if self.background.is_empty() {
                return Err("`wait` without a request in the background".to_owned());
            }
            self.background.remove(0).join().map_err(|_| "the background panicked".to_owned())??
        } else if let Some(bytes) = request.strip_prefix("raw\n") {
            ask(self.address, &unescape(bytes)?, RAW_TIMEOUT, never)?
        } else {
            ask(self.address, &self.request(request, CLOSE), BLOCKING_TIMEOUT, never)?
        };
        let (shown, is_same) = self.compare(wanted.trim_end_matches('\n'), &answer);
        if is_same {
            return Ok(None);
        }
        let fault = format!("{request}\n--- wanted\n{}\n--- came\n{shown}\n", wanted.trim_end());
        Ok(Some((format!("{comments}{request}\n----\n{shown}"), fault)))
    }

    /// The bytes of a request that stands in a file, with another header.
    fn request(&self, text: &str, header: &str) -> Vec<u8> {
        let text = self.fill(text);
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let body = repeat(body);
        let mut lines = head.lines();
        let line = lines.next().unwrap_or_default();
        let mut bytes = format!("{line} HTTP/1.1\r\nHost: test\r\n{header}");
        for header in lines {
            let _ = write!(bytes, "{header}\r\n");
        }
        if !line.starts_with("GET ") {
            let _ = write!(bytes, "Content-Length: {}\r\n", body.len());
        }
        format!("{bytes}\r\n{body}").into_bytes()
    }

    /// Puts captures in the place of their names.
    fn fill(&self, text: &str) -> String {
        // Longer names first, so that `$ab` is not read as `$a` and a `b`.
        let mut names: Vec<_> = self.captures.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.iter().fold(text.to_owned(), |t, (name, value)| t.replace(&format!("${name}"), value))
    }

    /// Shows an answer the way that the file wants it, placeholders kept where they fit.
    fn compare(&mut self, wanted: &str, answer: &Answer) -> (String, bool) {
        let (head, body) = wanted.split_once("\n\n").unwrap_or((wanted, ""));
        let mut lines = head.lines();
        let mut is_same = lines.next() == Some(answer.status.as_str());
        let mut shown = format!("{}\n", answer.status);
        for line in lines {
            let (line, fits) = self.compare_header(line, answer);
            is_same &= fits;
            if !line.is_empty() {
                let _ = writeln!(shown, "{line}");
            }
        }
        let came = answer.body.strip_suffix('\n').unwrap_or(&answer.body);
        let came_lines: Vec<&str> = came.lines().collect();
        if self.compare_body(&self.fill(body), &came_lines) {
            if !body.is_empty() {
                let _ = write!(shown, "\n{body}");
            }
        } else {
            is_same = false;
            if !came.is_empty() {
                let _ = write!(shown, "\n{came}");
            }
        }
        (shown.trim_end_matches('\n').to_owned(), is_same)
    }

    /// Whether a body fits; if so, captures what it has in the place of names.
    fn compare_body(&mut self, wanted: &str, came: &[&str]) -> bool {
        let (mut lines, mut captures) = (Vec::new(), Vec::new());
        for line in wanted.lines() {
            let Some((before, name, after)) = split_capture(line) else {
                lines.push(line.to_owned());
                continue;
            };
            let value = came.iter().find_map(|l| l.strip_prefix(before)?.strip_suffix(after));
            captures.push((name.to_owned(), value.unwrap_or_default().to_owned()));
            lines.push(format!("{before}{}{after}", value.unwrap_or_default()));
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let is_same = fit_lines(&lines, came);
        if is_same {
            self.captures.extend(captures);
        }
        is_same
    }

    fn compare_header(&mut self, line: &str, answer: &Answer) -> (String, bool) {
        if let Some(name) = line.strip_prefix('!') {
            let found = answer.header(name);
            return found.map_or((line.to_owned(), true), |v| (format!("{name}: {v}"), false));
        }
        let (name, wanted) = line.split_once(": ").unwrap_or((line, ""));
        let came = match name {
            "Newline" => Some(if answer.body.ends_with('\n') { "yes" } else { "no" }),
            _ => answer.header(name),
        };
        let Some(came) = came else { return (format!("!{name}"), false) };
        let is_same = if let Some(capture) = wanted.strip_prefix(">$") {
            let before = self.captures.get(capture).and_then(|text| text.parse::<u64>().ok());
            came.parse().ok().zip(before).is_some_and(|(after, before): (u64, u64)| before < after)
        } else if let Some(capture) = wanted.strip_prefix('$') {
            self.captures.entry(capture.to_owned()).or_insert_with(|| came.to_owned()) == came
        } else {
            fit(wanted, came)
        };
        let shown = if is_same { line.to_owned() } else { format!("{name}: {came}") };
        (shown, is_same)
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Whether lines fit, where `*` alone stands for any number of them.
fn fit_lines(wanted: &[&str], came: &[&str]) -> bool {
    match wanted.split_first() {
        None => came.is_empty(),
        Some((first, rest)) if first.trim() == "*" => {
            (0..=came.len()).any(|skipped| fit_lines(rest, &came[skipped..]))
        }
        Some((first, rest)) => came
            .split_first()
            .is_some_and(|(line, others)| fit(first, line) && fit_lines(rest, others)),
    }
}

/// Parts a line at the `$name` in it.
fn split_capture(line: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = line.split_once('$')?;
    let end = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    (!name.is_empty()).then_some((before, name, after))
}

/// Whether a text fits, where `*` stands for any text.
fn fit(wanted: &str, came: &str) -> bool {
    match wanted.split_once('*') {
        None => wanted == came,
        Some((before, after)) => came.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| fit(after, &rest[at..]))
        }),
    }
}

/// Writes `<repeat x 3>` out.
fn repeat(body: &str) -> String {
    let words = body.strip_prefix("<repeat ").and_then(|rest| rest.strip_suffix('>'));
    let words = words.and_then(|words| words.rsplit_once(' '));
    match words.and_then(|(text, count)| Some(text.repeat(count.parse().ok()?))) {
        Some(text) => text,
        None => body.to_owned(),
    }
}

/// The bytes of a `raw` step.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut chars = text.chars().filter(|c| *c != '\n');
    while let Some(c) = chars.next() {
        if c != '\\' {
            bytes.extend_from_slice(c.to_string().as_bytes());
            continue;
        }
        match chars.next() {
            Some('r') => bytes.push(b'\r'),
            Some('n') => bytes.push(b'\n'),
            Some('\\') => bytes.push(b'\\'),
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                let byte = u8::from_str_radix(&digits, 16);
                bytes.push(byte.map_err(|_| format!("`\\x{digits}` is no byte"))?);
            }
            other => return Err(format!("`\\{other:?}` is no escape")),
        }
    }
    Ok(bytes)
}

/// Sends bytes and reads what comes back, until it is enough, the end, or nothing comes any more.
fn ask(
    address: SocketAddr,
    request: &[u8],
    timeout: Duration,
    is_enough: fn(&[u8]) -> bool,
) -> Result<Answer, String> {
    let fault = |e: std::io::Error| format!("{address}: {e}");
    let mut stream = TcpStream::connect(address).map_err(fault)?;
    stream.set_read_timeout(Some(timeout)).map_err(fault)?;
    // A server that refuses a body early may close before all of it is sent; its answer counts.
    let _ = stream.write_all(request);
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    while !is_enough(&bytes) {
        match stream.read(&mut piece) {
            Ok(count @ 1..) => bytes.extend_from_slice(&piece[..count]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => break,
        }
    }
    parse(&bytes)
}

/// Of a connection that its server closes, nothing is enough but the end.
fn never(_: &[u8]) -> bool {
    false
}

/// Whether an answer is there to its end. Nothing may follow: none was asked for.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    match length.and_then(|text| text.parse::<usize>().ok()) {
        Some(length) => end + 4 + length <= bytes.len(),
        None => bytes.ends_with(b"0\r\n\r\n"),
    }
}

fn parse(bytes: &[u8]) -> Result<Answer, String> {
    if bytes.is_empty() {
        // A closed connection is an answer too.
        return Ok(Answer { status: "closed".to_owned(), ..Answer::default() });
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or_else(|| format!("no HTTP: {:?}", String::from_utf8_lossy(bytes)))?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let pairs = lines.filter_map(|line| line.split_once(':'));
    let headers = pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    let mut answer = Answer { status: status.to_owned(), headers, body: String::new() };
    let body = &bytes[end + 4..];
    let is_chunked = answer.header("Transfer-Encoding") == Some("chunked");
    let body = if is_chunked { unchunk(body)? } else { body.to_vec() };
    answer.body = String::from_utf8_lossy(&body).into_owned();
    Ok(answer)
}

fn unchunk(mut rest: &[u8]) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").ok_or("a cut chunk")?;
        let size = std::str::from_utf8(&rest[..end]).map_err(|e| e.to_string())?;
        let size = usize::from_str_radix(size, 16).map_err(|e| e.to_string())?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(rest.get(..size).ok_or("a cut chunk")?);
        rest = rest.get(size + 2..).ok_or("a cut chunk")?;
    }
}

/// A header: nothing is asked on the same connection afterwards.
const CLOSE: &str = "Connection: close\r\n";

/// How long an answer may take, a blocking query's included.
const BLOCKING_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a server may be silent after bytes that may be no whole request.
const RAW_TIMEOUT: Duration = Duration::from_secs(2);

#[test]
fn all_files_hold() {
    // A file may leave its mark on the cluster, so each has an agent of its own, unless one is given.
    let given = std::env::var("LICTOR_HTTP_ADDR").ok().map(|address| address.parse().unwrap());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http");
    let mut paths: Vec<_> = fs_err::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "there are no files");
    let run = |path: &Path| match given {
        Some(address) => run_file(path, address),
        None => {
            let agent = Agent::dev().start();
            run_file(path, agent.http)
        }
    };
    let faults: Vec<String> = paths.iter().map(|path| run(path)).filter_map(Result::err).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

mod tests;
