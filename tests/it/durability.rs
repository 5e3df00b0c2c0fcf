//! What was acknowledged is there, whatever happens to the process, its disk and its files: with the real
//! program.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fs_err as fs;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Agent, Connection};

/// What a writer knows of a key: its value, and the ModifyIndex if it was told.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    value: Option<String>,
    index: Option<u64>,
}

/// Writes at random below a prefix of its own, and remembers what it was told.
struct Writer {
    prefix: String,
    rng: fastrand::Rng,
    /// Every key that was written or deleted.
    keys: BTreeMap<String, Known>,
    /// The write whose answer did not come.
    doubt: Option<(String, Known)>,
    /// The highest `X-Consul-Index` of each key.
    told: BTreeMap<String, u64>,
    count: u32,
}

impl Writer {
    fn new(seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        let (keys, told) = (BTreeMap::new(), BTreeMap::new());
        Self { prefix: format!("w{seed}"), rng, keys, doubt: None, told, count: 0 }
    }

    /// Writes until the server is gone or does not want more; a word for each acknowledgement.
    fn run(&mut self, address: SocketAddr, acknowledged: &Sender<()>) {
        let Ok(mut connection) = Connection::open(address) else { return };
        while let Ok(true) = self.step(&mut connection) {
            let _ = acknowledged.send(());
        }
    }

    /// One write and one read. Whether the server takes writes.
    fn step(&mut self, connection: &mut Connection) -> io::Result<bool> {
        let key = format!("{}/k{}", self.prefix, self.rng.u8(0..12));
        let before = self.keys.get(&key).cloned().unwrap_or_default();
        self.count += 1;
        let value = Some(format!("{}-{}", self.prefix, self.count));
        let mut after = Known { value, index: None };
        let (method, query, expected) = match self.rng.u8(0..5) {
            0 => {
                after = Known::default();
                ("DELETE", String::new(), "true")
            }
            1 => {
                after = before.clone();
                ("PUT", "?cas=1".to_owned(), "false")
            }
            2 if before.value.is_none() => ("PUT", "?cas=0".to_owned(), "true"),
            2 if before.index.is_some() => {
                ("PUT", format!("?cas={}", before.index.unwrap()), "true")
            }
            _ => ("PUT", String::new(), "true"),
        };
        self.doubt = Some((key.clone(), after.clone()));
        let body = after.value.clone().unwrap_or_default();
        let answer = connection.exchange(method, &format!("/v1/kv/{key}{query}"), &body)?;
        if answer.status != 200 {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(text.contains("shutting down"), "{method} {key}{query}: {text}");
            return Ok(false);
        }
        let text = String::from_utf8_lossy(&answer.body).trim().to_owned();
        assert_eq!(text, expected, "{method} {key}{query}, knowing {before:?}");
        self.doubt = None;
        self.keys.insert(key.clone(), after);
        self.look(connection, &key)?;
        Ok(true)
    }

    /// Reads a key, which has to be what is known of it, or what was in doubt.
    fn look(&mut self, connection: &mut Connection, key: &str) -> io::Result<()> {
        let answer = connection.exchange("GET", &format!("/v1/kv/{key}"), "")?;
        if answer.status == 500 {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let found = if answer.status == 404 {
            Known::default()
        } else {
            let entry: Value = serde_json::from_slice(&answer.body).unwrap();
            let value = STANDARD.decode(entry[0]["Value"].as_str().unwrap()).unwrap();
            let value = Some(String::from_utf8(value).unwrap());
            Known { value, index: entry[0]["ModifyIndex"].as_u64() }
        };
        let known = self.keys.get(key).cloned().unwrap_or_default();
        let is_known = found.value == known.value && known.index.is_none_or(|_| found == known);
        let is_doubted = self
            .doubt
            .as_ref()
            .is_some_and(|(doubted, after)| doubted == key && after.value == found.value);
        assert!(is_known || is_doubted, "{key} is {found:?}, but {known:?} was acknowledged");
        let index = answer.index.unwrap();
        let told = self.told.insert(key.to_owned(), index).unwrap_or(0);
        assert!(told <= index, "the index of {key} went from {told} back to {index}");
        assert!(found.index <= Some(index), "{key}: {found:?} is newer than index {index}");
        self.keys.insert(key.to_owned(), found);
        Ok(())
    }

    /// Reads everything after a restart.
    fn verify(&mut self, address: SocketAddr) {
        let mut connection = Connection::open(address).unwrap();
        let doubted = self.doubt.iter().map(|(key, _)| key.clone());
        let keys: Vec<_> = self.keys.keys().cloned().chain(doubted).collect();
        for key in keys {
            self.look(&mut connection, &key).unwrap();
        }
        self.doubt = None;
    }
}

/// Registers services with a TTL check each and speaks for these.
#[derive(Default)]
struct Registrar {
    /// What each check may say: what was acknowledged, and what may have been heard.
    states: BTreeMap<String, Vec<&'static str>>,
    /// Services that may be there: all that were ever asked for.
    asked: BTreeSet<String>,
    count: u32,
}

impl Registrar {
    fn run(&mut self, address: SocketAddr) -> io::Result<()> {
        let mut connection = Connection::open(address)?;
        let mut must = |method: &str, path: &str, body: &str| -> io::Result<()> {
            let answer = connection.exchange(method, path, body)?;
            assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
            Ok(())
        };
        loop {
            self.count += 1;
            let name = format!("r{}", self.count);
            let body = format!(r#"{{"Name":"{name}","Port":1,"Check":{{"TTL":"1h"}}}}"#);
            self.asked.insert(name.clone());
            must("PUT", "/v1/agent/service/register", &body)?;
            self.states.insert(name.clone(), vec!["critical"]);
            for (word, status) in [("warn", "warning"), ("pass", "passing")] {
                self.states.get_mut(&name).unwrap().push(status);
                must("PUT", &format!("/v1/agent/check/{word}/service:{name}"), "")?;
                self.states.insert(name.clone(), vec![status]);
            }
        }
    }

    fn verify(&mut self, agent: &Agent) {
        let services: Value =
            serde_json::from_str(&agent.must("GET", "/v1/agent/services", "")).unwrap();
        let checks: Value =
            serde_json::from_str(&agent.must("GET", "/v1/agent/checks", "")).unwrap();
        for (name, states) in &mut self.states {
            assert_eq!(services[name]["Port"], 1, "service {name} is lost");
            let status = checks[format!("service:{name}")]["Status"].as_str().unwrap_or("gone");
            assert!(states.contains(&status), "check of {name} is {status}, not {states:?}");
            states.retain(|state| *state == status);
            let told = agent.must("GET", &format!("/v1/catalog/service/{name}"), "");
            assert!(told.contains("\"n1\""), "the catalog has no {name}: {told}");
        }
        for name in services.as_object().unwrap().keys() {
            assert!(self.asked.contains(name), "{name} was never asked for");
        }
    }
}

#[test]
fn everything_acknowledged_survives_kill_after_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut writers: Vec<Writer> = (1..=4).map(Writer::new).collect();
    let mut registrar = Registrar::default();
    let mut rng = fastrand::Rng::with_seed(7);
    for _round in 0..4 {
        let agent = Agent::server(dir.path()).start();
        let address = agent.http;
        for writer in &mut writers {
            writer.verify(address);
        }
        registrar.verify(&agent);
        let (acknowledged, told) = mpsc::channel();
        let count = rng.usize(50..500);
        thread::scope(|scope| {
            for writer in &mut writers {
                let acknowledged = acknowledged.clone();
                scope.spawn(move || writer.run(address, &acknowledged));
            }
            scope.spawn(|| registrar.run(address).unwrap_err());
            drop(acknowledged);
            assert_eq!(told.iter().take(count).count(), count, "the writers gave up");
            agent.kill();
        });
    }
    let agent = Agent::server(dir.path()).start();
    for writer in &mut writers {
        writer.verify(agent.http);
    }
    registrar.verify(&agent);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "only a failure's message holds the time")]
fn ten_thousand_acknowledged_writes_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Agent::server(dir.path()).start();
    let address = agent.http;
    thread::scope(|scope| {
        for writer in 0..8 {
            scope.spawn(move || {
                let mut connection = Connection::open(address).unwrap();
                for n in 0..1_250 {
                    let path = format!("/v1/kv/w{writer}/{n:04}");
                    let answer = connection.exchange("PUT", &path, "x").unwrap();
                    assert_eq!((answer.status, &*answer.body), (200, &b"true"[..]));
                }
            });
        }
    });
    agent.kill();
    let begun = Instant::now();
    let agent = Agent::server(dir.path()).start();
    let took = begun.elapsed();
    for writer in 0..8 {
        let keys = agent.must("GET", &format!("/v1/kv/w{writer}/?keys"), "");
        let keys: Vec<String> = serde_json::from_str(&keys).unwrap();
        assert_eq!(keys.len(), 1_250, "writer {writer}; the restart took {took:?}");
    }
}

/// Whether DNS says that a service is there: the reply's count of answers.
fn answers(agent: &Agent) -> u8 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let query = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x03web\x07service\x06consul\0\0\x01\0\x01";
    socket.send_to(query, agent.dns).unwrap();
    let mut reply = [0; 1500];
    let length = socket.recv(&mut reply).expect("DNS answers");
    assert!(12 < length);
    reply[7]
}

/// Refused writes are said to be so, and everything else goes on.
fn assert_reads_go_on(agent: &Agent) {
    assert_eq!(answers(agent), 1);
    for mode in ["", "&stale", "&consistent"] {
        assert_eq!(agent.must("GET", &format!("/v1/kv/kept?raw{mode}"), ""), "before");
    }
    assert!(agent.must("GET", "/v1/catalog/services", "").contains("web"));
}

/// Gives it something to keep and to answer.
fn prepare(agent: &Agent) {
    agent.must("PUT", "/v1/kv/kept", "before");
    agent.must("PUT", "/v1/agent/service/register", r#"{"Name":"web","Port":1}"#);
    assert_eq!(answers(agent), 1);
}

/// Limits how long a file of a process may get: writes beyond fail as those to a broken disk do.
fn limit_files(agent: &Agent, bytes: &str) {
    let (pid, limit) = (agent.pid().to_string(), format!("--fsize={bytes}:"));
    let status = Command::new("prlimit").args(["--pid", &pid, &limit]).status();
    assert!(status.expect("prlimit of util-linux is there").success());
}

#[test]
fn a_disk_that_refuses_a_write_ends_writing_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Agent::server(dir.path()).start();
    prepare(&agent);
    limit_files(&agent, "1024");
    let refused = "this server does not accept writes: a write to the log failed: \
                   File too large (os error 27); reads go on, writes only after a restart";
    for room in ["1024", "unlimited"] {
        // A disk that has come back is not trusted: nobody knows what is on it.
        limit_files(&agent, room);
        for _ in 0..3 {
            let (status, body) = agent.http("PUT", "/v1/kv/lost", b"x");
            assert_eq!((status, &*String::from_utf8_lossy(&body)), (500, refused));
        }
        assert_reads_go_on(&agent);
    }
    agent.signal(Signal::SIGTERM);
    let (status, output) = agent.wait();
    assert_eq!(status.code(), Some(0), "{output}");
    let agent = Agent::server(dir.path()).start();
    assert_reads_go_on(&agent);
    agent.must("PUT", "/v1/kv/kept", "after");
}

#[test]
fn a_start_that_cannot_write_says_what_it_could_not_write() {
    let dir = tempfile::tempdir().unwrap();
    let limit = ["sh", "-c", "ulimit -f 8; exec \"$@\"", "sh"];
    let (status, output) = Agent::server(dir.path()).under(limit).fail();
    assert_eq!(status.code(), Some(1), "{output}");
    let is_named = output.contains(&dir.path().display().to_string());
    assert!(is_named && output.contains("File too large"), "{output}");
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let root = if nix::unistd::geteuid().is_root() { "-m" } else { "-rm" };
    let mount = "mount -t tmpfs -o size=400m none \"$0\" && exec \"$@\"";
    let disk = dir.path().to_str().unwrap();
    let agent = Agent::server(&dir.path().join("data"))
        .under(["unshare", root, "sh", "-c", mount, disk])
        .start();
    prepare(&agent);
    // Only the agent sees the disk; its root leads there.
    let inside = format!("/proc/{}/root{disk}/filler", agent.pid());
    fs::write(&inside, vec![1; 180 * 1024 * 1024]).unwrap();
    let write = || {
        let (status, body) = agent.http("PUT", "/v1/kv/more", b"x");
        (status, String::from_utf8(body).unwrap())
    };
    // The room is counted four times a second.
    let (_, text) = (0..100_000).map(|_| write()).find(|(status, _)| *status == 500).unwrap();
    assert!(text.starts_with("this server does not accept writes: disk is full: "), "{text}");
    assert_reads_go_on(&agent);
    fs::remove_file(&inside).unwrap();
    (0..100_000).map(|_| write()).find(|(status, _)| *status == 200).unwrap();
    assert_reads_go_on(&agent);
}

/// What a start on a damaged data dir comes to.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// Everything is there.
    Whole,
    /// It does not start and says this.
    Refused(&'static str),
    /// One of the two.
    Either,
}

/// A way to damage a data dir.
type Damage = fn(&Path);

fn remove(path: PathBuf) {
    if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
}

/// Changes the journal of a database: what is written in it, without the zeros behind.
fn edit_journal(database: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let names = fs::read_dir(database).unwrap().map(|entry| entry.unwrap().path());
    let path = names.filter(|path| path.extension().is_some_and(|e| e == "jnl")).max().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let length = bytes.len() as u64;
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1);
    edit(&mut bytes);
    fs::write(&path, &bytes).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
}

fn flip(bytes: &mut [u8], quarter: usize) {
    let at = bytes.len() * quarter / 4;
    bytes[at] ^= 0x55;
}

/// What can be wrong, what is done to a whole data dir, and what has to come of it.
const DAMAGES: &[(&str, Damage, Expected)] = {
    use Expected::{Either, Refused, Whole};
    &[
        ("nothing", |_| {}, Whole),
        ("log, early", |d| edit_journal(&d.join("raft"), |b| flip(b, 1)), Either),
        ("log, late", |d| edit_journal(&d.join("raft"), |b| flip(b, 3)), Either),
        (
            "log, cut",
            |d| edit_journal(&d.join("raft"), |b| b.truncate(b.len() / 2)),
            Refused("raft` is damaged"),
        ),
        ("log, empty", |d| edit_journal(&d.join("raft"), Vec::clear), Refused("raft` is damaged")),
        ("log, none", |d| remove(d.join("raft")), Refused("lost acknowledged data")),
        ("state, early", |d| edit_journal(&d.join("state"), |b| flip(b, 1)), Whole),
        ("state, late", |d| edit_journal(&d.join("state"), |b| flip(b, 3)), Whole),
        ("state, cut", |d| edit_journal(&d.join("state"), |b| b.truncate(b.len() / 2)), Whole),
        ("state, none", |d| remove(d.join("state")), Whole),
        ("state, a file is missing", |d| remove(d.join("state/keyspaces/0/current")), Whole),
        ("LOCK", |d| remove(d.join("LOCK")), Whole),
        ("node-id", |d| remove(d.join("node-id")), Whole),
        ("node-id, empty", |d| fs::write(d.join("node-id"), "").unwrap(), Whole),
        ("format", |d| remove(d.join("format")), Refused("format` does not say")),
        ("watermark", |d| remove(d.join("watermark")), Refused("watermark` is missing")),
        (
            "watermark, zeros",
            |d| fs::write(d.join("watermark"), [0; 8192]).unwrap(),
            Refused("watermark` is damaged"),
        ),
    ]
};

#[test]
fn a_damaged_data_dir_is_whole_or_refused() {
    let whole = tempfile::tempdir().unwrap();
    let agent = Agent::server(whole.path()).start();
    prepare(&agent);
    for n in 0..50 {
        agent.must("PUT", &format!("/v1/kv/many/{n}"), "x");
    }
    agent.signal(Signal::SIGTERM);
    assert_eq!(agent.wait().0.code(), Some(0));
    for (what, damage, expected) in DAMAGES {
        let copy = tempfile::tempdir().unwrap();
        let dir = copy.path().join("data");
        let copied = Command::new("cp").arg("-a").arg(whole.path()).arg(&dir).status();
        assert!(copied.unwrap().success());
        damage(&dir);
        match (Agent::server(&dir).try_start(), *expected) {
            (Ok(agent), Expected::Whole | Expected::Either) => {
                let keys = agent.must("GET", "/v1/kv/many/?keys", "");
                let keys: Vec<String> = serde_json::from_str(&keys).unwrap();
                assert_eq!(keys.len(), 50, "{what}");
                assert_eq!(answers(&agent), 1, "{what}");
                assert_reads_go_on(&agent);
                // The catalog still takes what this agent states.
                agent.must("PUT", "/v1/agent/service/register", r#"{"Name":"new","Port":1}"#);
                let new = agent.must("GET", "/v1/catalog/service/new", "");
                assert!(new.contains("\"n1\""), "{what}: {new}");
                agent.must("PUT", "/v1/kv/kept", "again");
            }
            (Err((status, output)), Expected::Refused(_) | Expected::Either) => {
                assert_eq!(status.code(), Some(1), "{what}: {output}");
                assert!(output.contains(&dir.display().to_string()), "{what}: {output}");
                if let Expected::Refused(text) = expected {
                    assert!(output.contains(text), "{what}: {output}");
                }
                let has_advice = ["move the data dir away", "choose an empty `-data-dir`"]
                    .iter()
                    .any(|advice| output.contains(advice));
                assert!(has_advice, "{what}: {output}");
            }
            (Ok(_), Expected::Refused(_)) => panic!("{what}: it started"),
            (Err((_, output)), Expected::Whole) => panic!("{what}: {output}"),
        }
    }
}

#[test]
fn a_suspended_server_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Agent::server(dir.path()).start();
    prepare(&agent);
    let mut watch = Connection::open(agent.http).unwrap();
    let index = watch.exchange("GET", "/v1/kv/kept", "").unwrap().index.unwrap();
    watch.ask("GET", &format!("/v1/kv/kept?raw&wait=60s&index={index}"), "").unwrap();
    let mut other = Connection::open(agent.http).unwrap();
    agent.suspend();
    other.ask("PUT", "/v1/kv/other", "sent meanwhile").unwrap();
    // Longer than a lease and an election timeout.
    assert!(other.is_silent_for(Duration::from_millis(1_500)));
    agent.signal(Signal::SIGCONT);
    let answer = other.answer().unwrap();
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!((answer.status, &*text), (200, "true"));
    assert_eq!(agent.must("GET", "/v1/kv/other?raw&consistent", ""), "sent meanwhile");
    agent.must("PUT", "/v1/kv/kept", "after");
    assert_eq!(watch.answer().unwrap().body, b"after");
}

#[test]
fn a_data_dir_that_cannot_be_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    // /proc takes no files, whoever asks.
    for path in [file.clone(), file.join("below"), PathBuf::from("/proc/lictor")] {
        let (status, output) = Agent::server(&path).fail();
        assert_eq!(status.code(), Some(1), "{output}");
        assert!(output.contains(&path.display().to_string()), "{output}");
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "x");
}

#[test]
fn a_stop_under_writes_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut writers: Vec<Writer> = (1..=6).map(Writer::new).collect();
    let agent = Agent::server(dir.path()).start();
    let address = agent.http;
    let (acknowledged, told) = mpsc::channel();
    thread::scope(|scope| {
        for writer in &mut writers {
            let acknowledged = acknowledged.clone();
            scope.spawn(move || writer.run(address, &acknowledged));
        }
        drop(acknowledged);
        assert_eq!(told.iter().take(300).count(), 300, "the writers gave up");
        agent.signal(Signal::SIGTERM);
        let (status, output) = agent.wait();
        assert_eq!(status.code(), Some(0), "{output}");
    });
    let agent = Agent::server(dir.path()).start();
    for writer in &mut writers {
        writer.verify(agent.http);
    }
}

#[test]
fn a_second_signal_ends_a_stop_that_waits() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Agent::server(dir.path()).start();
    prepare(&agent);
    // A request that is half here keeps the stop waiting.
    let mut open = Connection::open(agent.http).unwrap();
    let index = open.exchange("GET", "/v1/kv/kept", "").unwrap().index.unwrap();
    open.ask("GET", &format!("/v1/kv/kept?wait=60s&index={index}"), "").unwrap();
    agent.must("GET", "/v1/kv/kept", "");
    agent.signal(Signal::SIGTERM);
    agent.wait_for_line("stopping");
    agent.signal(Signal::SIGINT);
    let (status, output) = agent.wait();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(!output.contains("stopped"), "{output}");
    assert_reads_go_on(&Agent::server(dir.path()).start());
}
