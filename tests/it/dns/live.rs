//! The same files, asked of the real program: registered over HTTP, asked over UDP and over TCP.
//!
//! What is compared is the answer of a [`World`] that holds what a running agent adds of itself: its node and
//! the service `consul`. The files' own expectations are held against a world without them, in-process.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use lictor::dns::{Transport, text};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::file::{File, Pairs, QueryLine, Question, ServiceLine, Step};
use super::files;
use super::recursor::Recursor;
use super::world::World;
use crate::harness::Agent;

#[test]
fn the_running_program_answers_as_the_files_do() {
    let mut faults = String::new();
    for path in files() {
        let text = fs_err::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        for fault in differences(&File::parse(&text).unwrap()) {
            faults.extend([&*name, ":", &fault, "\n"]);
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

/// Where the running program does not answer as the world does.
fn differences(file: &File) -> Vec<String> {
    let Started { agent, recursor, _zones } = start(file);
    let mut world = World::new().unwrap();
    world.join_agent().unwrap();
    let mut found = Vec::new();
    for (line, step) in &file.steps {
        if let Some((method, path, body)) = registration(step) {
            agent.must(method, path, &body.to_string());
        }
        // The catalog of the one server is never old.
        if !matches!(step, Step::Age(_)) {
            world.perform(step).unwrap();
        }
        let Step::Ask(question) = step else { continue };
        for transport in [Transport::Udp, Transport::Tcp] {
            let expected = world.ask_over(question, transport);
            let came = match transport {
                // What others are asked comes later than what stands behind it.
                Transport::Udp if recursor.is_some() && expected != "ignored\n" => {
                    Some(ask_udp_patiently(agent.dns, &question.bytes))
                }
                Transport::Udp => ask_udp(agent.dns, &question.bytes),
                Transport::Tcp => ask_tcp(agent.dns, &question.bytes),
            };
            let came =
                came.map_or_else(|| "ignored\n".to_owned(), |b| text::normalise(&text::show(&b)));
            let shown = |text: &str| match recursor {
                Some(_) => hide_ttls(&comparable(text, question)),
                None => comparable(text, question),
            };
            if shown(&came) != shown(&expected) {
                found.push(format!(
                    "{line}: over {transport:?}\n--- the world\n{expected}--- the program\n{came}"
                ));
            }
        }
    }
    found
}

/// An agent, and what it needs.
struct Started {
    agent: Agent,
    /// Who is asked for what is not its own, if anybody.
    recursor: Option<Recursor>,
    /// Its zone files.
    _zones: TempDir,
}

/// Starts an agent with the file's settings, zones and recursor.
fn start(file: &File) -> Started {
    let mut config = json!({ "dns_config": {} });
    let zones = tempfile::tempdir().unwrap();
    let mut scripts = Vec::new();
    for (_, step) in &file.steps {
        match step {
            Step::Config { key, value } => configure(&mut config, key, value),
            Step::Zone { apex, text } => {
                // A file has its origin from its name; one whose name begins with a dot would be hidden.
                let file = if apex == "." { "root" } else { apex };
                let text = format!("$ORIGIN {apex}{}\n{text}", if apex == "." { "" } else { "." });
                fs_err::write(zones.path().join(format!("{file}.zone")), text).unwrap();
                config["zones_dir"] = json!(zones.path());
            }
            Step::Recursor(script) => scripts.push(script.clone()),
            _ => {}
        }
    }
    let recursor = (!scripts.is_empty()).then(|| Recursor::scripted(scripts));
    if let Some(recursor) = &recursor {
        config["recursors"] = json!([recursor.address.to_string()]);
        // Nobody waits for one that is never going to answer.
        config["dns_config"]["recursor_timeout"] = json!("1s");
    }
    // The last name wins: the world's agent is called so.
    let agent = Agent::dev().args(["-node", "agent", "-hcl", &config.to_string()]).start();
    Started { agent, recursor, _zones: zones }
}

fn configure(config: &mut Value, key: &str, value: &str) {
    let value: Value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
    match key.split_once(' ').unwrap_or((key, "")) {
        (key @ ("domain" | "alt_domain"), _) => config[key] = value,
        ("service_ttl", name) => {
            config["dns_config"]["service_ttl"][name] = json!(format!("{value}s"));
        }
        (key @ ("node_ttl" | "max_stale"), _) => {
            config["dns_config"][key] = json!(format!("{value}s"));
        }
        ("soa", timer) => config["dns_config"]["soa"][timer] = value,
        (key @ ("allow_clients" | "deny_clients"), _) => {
            let networks = value.as_str().unwrap().split(',').collect::<Vec<_>>();
            config["dns_config"][key] = json!(networks);
        }
        (key, _) => config["dns_config"][key] = value,
    }
}

/// The request that registers what a line says.
fn registration(step: &Step) -> Option<(&'static str, &'static str, Value)> {
    let (put, path) = ("PUT", "/v1/catalog/register");
    match step {
        Step::Config { .. }
        | Step::Zone { .. }
        | Step::Recursor(_)
        | Step::Age(_)
        | Step::Ask(_) => None,
        Step::Node { name, address, meta, tagged } => Some((
            put,
            path,
            json!({
                "Node": name, "Address": address,
                "NodeMeta": object(meta), "TaggedAddresses": object(tagged),
            }),
        )),
        Step::Service(line) => Some((
            put,
            path,
            json!({
                "Node": line.node, "SkipNodeUpdate": true, "Service": service(line),
            }),
        )),
        Step::Query(line) => Some(("POST", "/v1/query", query(line))),
        Step::Check { id, node, service, status } => Some((
            put,
            path,
            json!({
                "Node": node, "SkipNodeUpdate": true,
                "Check": { "CheckID": id, "Name": id, "ServiceID": service, "Status": status },
            }),
        )),
    }
}

fn query(line: &QueryLine) -> Value {
    let kind = if line.is_template { "name_prefix_match" } else { "" };
    json!({
        "Name": line.name,
        "Template": { "Type": kind, "Regexp": line.regexp },
        "Service": {
            "Service": line.service, "OnlyPassing": line.is_only_passing, "Near": line.near,
            "IgnoreCheckIDs": line.ignored, "Tags": line.tags, "Connect": line.is_mesh,
            "NodeMeta": object(&line.node_meta),
        },
        "DNS": { "TTL": line.ttl },
    })
}

fn object(pairs: &Pairs) -> Value {
    pairs.iter().map(|(key, value)| (key.clone(), json!(value))).collect()
}

fn service(line: &ServiceLine) -> Value {
    let (passing, warning) = line.weights.unwrap_or((1, 1));
    let tagged = line
        .tagged
        .iter()
        .map(|(tag, address)| (tag.clone(), json!({ "Address": address, "Port": line.port })));
    let tagged: Value = tagged.collect();
    json!({
        "TaggedAddresses": tagged,
        "ID": line.id, "Service": line.name, "Port": line.port, "Address": line.address,
        "Tags": line.tags, "Weights": { "Passing": passing, "Warning": warning },
    })
}

/// What of an answer has to agree.
fn comparable(text: &str, question: &Question) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        // A cookie's second half is made of the moment and a secret.
        if line.starts_with("option 10 ") && line.len() == "option 10 ".len() + 48 {
            line.truncate("option 10 ".len() + 16);
        }
    }
    let is_cut = |line: &String| line.starts_with("status ") && line.contains(" tc ");
    if question.is_some || lines.iter().any(is_cut) {
        // Chance decides which records are told, not how many of which kind.
        for line in &mut lines {
            let words: Vec<&str> = line.split(' ').collect();
            if let [section @ ("answer" | "authority" | "additional"), _, _, _, kind, ..] =
                words.as_slice()
            {
                *line = format!("{section} {kind}");
            }
        }
        lines.sort();
    }
    lines.join("\n")
}

/// Leaves out the TTLs, which run down while an answer is kept, and what others were asked.
fn hide_ttls(text: &str) -> String {
    let hide = |line: &str| {
        let mut words: Vec<&str> = line.split(' ').collect();
        if let [part, _, ttl, "IN", _, ..] = words.as_mut_slice()
            && *part != "question"
        {
            *ttl = "TTL";
        }
        words.join(" ")
    };
    let lines = text.lines().filter(|line| !line.starts_with("ask "));
    lines.map(hide).collect::<Vec<_>>().join("\n")
}

/// Asks over UDP; nothing where the question is ignored.
pub(crate) fn ask_udp(address: SocketAddr, query: &[u8]) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address).unwrap();
    socket.send(query).unwrap();
    // What is ignored is told from what is slow by a question behind it, which is not.
    let probe = [0xff, 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1];
    socket.send(&probe).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut buffer = vec![0; 65_535];
    let (mut answer, mut is_probed) = (None, false);
    while !is_probed {
        let length = socket.recv(&mut buffer).expect("the probe is answered");
        is_probed = buffer[..2] == probe[..2];
        if !is_probed {
            answer = Some(buffer[..length].to_vec());
        }
    }
    answer
}

/// Asks over UDP, and waits for the answer.
pub(super) fn ask_udp_patiently(address: SocketAddr, query: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address).unwrap();
    socket.send(query).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut buffer = vec![0; 65_535];
    let length = socket.recv(&mut buffer).expect("it is answered");
    buffer[..length].to_vec()
}

/// Asks over TCP, on a connection of its own; nothing where the question is ignored.
pub(super) fn ask_tcp(address: SocketAddr, query: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let length = u16::try_from(query.len()).unwrap();
    stream.write_all(&length.to_be_bytes()).unwrap();
    stream.write_all(query).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(fault) if fault.kind() == ErrorKind::ConnectionReset => {}
        Err(fault) => panic!("over TCP: {fault}"),
    }
    answer.get(2..).filter(|answer| !answer.is_empty()).map(<[u8]>::to_vec)
}
