//! Canonical Value → Probe: what a check does to find out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::intake::fault::Fault;
use crate::intake::read::{self, Notes};
use crate::intake::schema::Author;
use crate::intake::value::{Kind, Value};
use crate::model::definition::{Probe, Timing, Tls};
use crate::model::limits::{CHECK_INTERVAL_MIN_MS, KEY_SHOWN_CHARS_MAX, UNIT_NAME_BYTES_MAX};
use crate::model::name::{NodeName, ServiceId};
use crate::model::time::GoDuration;

/// Reads what a check does. What is wrong is noted; `None` where it does nothing.
pub(crate) fn probe(notes: &mut Notes, value: &Value) -> Option<Probe> {
    let ttl = read::duration(value, "ttl").filter(|ttl| !ttl.is_zero());
    let interval = read::duration(value, "interval").filter(|interval| !interval.is_zero());
    let script = script(value);
    let alias =
        ["alias_node", "alias_service"].iter().any(|key| !read::text(value, key).is_empty());
    let stated = stated(value, &script);
    let runs = stated.first().copied();

    if let (Some(_), Some(_)) = (ttl, interval) {
        let hint = "a check either waits to be told (`ttl`) or asks by itself (`interval`)";
        invalid(notes, value, "ttl", "Interval and TTL cannot both be specified", hint);
        return None;
    }
    match (runs, alias) {
        (Some(key), _) if interval.is_none() => {
            let text = "Interval must be > 0 for Script, HTTP, or TCP checks";
            invalid(notes, value, key, text, "set `interval`, as in `interval = \"10s\"`");
            None
        }
        (Some(key), true) => {
            let hint = "an alias runs nothing";
            invalid(notes, value, key, "Interval cannot be set for Alias checks", hint);
            None
        }
        (None, true) if ttl.is_some() => {
            let hint = "an alias is never told anything";
            invalid(notes, value, "ttl", "TTL must be not be set for Alias checks", hint);
            None
        }
        (None, true) => alias_probe(notes, value),
        (None, false) => {
            if ttl.is_none() {
                let hint = "a check needs one of `ttl`, `http`, `tcp`, `udp`, `grpc`, `h2ping`, \
                            `args`, `os_service` or an alias";
                invalid(notes, value, "ttl", "TTL must be > 0 for TTL checks", hint);
            }
            ttl.map(|ttl| Probe::Ttl { ttl })
        }
        (Some(key), false) => {
            if 1 < stated.len() && notes.author == Author::Operator {
                let text =
                    format!("the check states several of {}; `{key}` counts", stated.join(", "));
                notes.warn(&value.place, text);
            }
            timed_probe(notes, value, key, interval.unwrap_or_default(), script)
        }
    }
}

/// The keys that name what a check does by the clock; the first one counts, in Consul's order.
fn stated(value: &Value, script: &[String]) -> Vec<&'static str> {
    let is_stated = |key: &str| match key {
        // In a container, `args` says what is done there.
        "args" => !script.is_empty() && read::text(value, "docker_container_id").is_empty(),
        key => !read::text(value, key).is_empty(),
    };
    TIMED_KEYS.into_iter().filter(|key| is_stated(key)).collect()
}

fn alias_probe(notes: &mut Notes, value: &Value) -> Option<Probe> {
    let node = read::text(value, "alias_node");
    let service = read::text(value, "alias_service");
    let node = (!node.is_empty()).then(|| NodeName::new(node)).transpose();
    let service = (!service.is_empty()).then(|| ServiceId::new(service)).transpose();
    match (node, service) {
        (Ok(node), Ok(service)) => Some(Probe::Alias { node, service }),
        (Err(fault), _) => {
            invalid(notes, value, "alias_node", &fault.to_string(), "name a node of the catalog");
            None
        }
        (_, Err(fault)) => {
            invalid(notes, value, "alias_service", &fault.to_string(), "state a service's id");
            None
        }
    }
}

/// A probe that runs by the clock, of the kind that `key` names.
fn timed_probe(
    notes: &mut Notes,
    value: &Value,
    key: &str,
    interval: Duration,
    script: Vec<String>,
) -> Option<Probe> {
    let timing = timing(notes, value, key, interval);
    let target = read::text(value, key).to_owned();
    if notes.author == Author::Operator {
        warn_of_target(notes, value, key, &target);
    }
    match key {
        "http" => Some(Probe::Http {
            url: target,
            method: match read::text(value, "method") {
                "" => "GET".to_owned(),
                method => method.to_owned(),
            },
            header: header(value),
            body: read::text(value, "body").to_owned(),
            tls_skip_verify: read::flag(value, "tls_skip_verify").unwrap_or(false),
            timing,
        }),
        "tcp" => Some(Probe::Tcp { address: target, timing }),
        "udp" => Some(Probe::Udp { address: target, timing }),
        "grpc" => {
            let (address, service) = target.split_once('/').unwrap_or((&target, ""));
            let (address, service) = (address.to_owned(), service.to_owned());
            Some(Probe::Grpc { address, service, tls: tls(value, "grpc_use_tls", false), timing })
        }
        "h2ping" => {
            let tls = tls(value, "h2ping_use_tls", true);
            Some(Probe::H2Ping { address: target, tls, timing })
        }
        "docker_container_id" if script.is_empty() => {
            let hint = "set `args`, as in `args = [\"/bin/check\", \"-x\"]`";
            invalid(notes, value, key, "a check in a container names no program", hint);
            None
        }
        "docker_container_id" => Some(Probe::Docker { container: target, args: script, timing }),
        "os_service" => unit(notes, value, target, timing),
        _ => Some(Probe::Script { args: script, timing }),
    }
}

fn timing(notes: &mut Notes, value: &Value, key: &str, interval: Duration) -> Timing {
    let interval_min = Duration::from_millis(CHECK_INTERVAL_MIN_MS);
    if interval < interval_min {
        let text = format!("an interval of {} is too short, 1s is used", GoDuration(interval));
        notes.warn(read::place(value, "interval"), text);
    }
    let is_program = matches!(key, "args" | "docker_container_id");
    let timeout_default = if is_program { SCRIPT_TIMEOUT } else { NETWORK_TIMEOUT };
    let timeout = read::duration(value, "timeout").filter(|timeout| !timeout.is_zero());
    Timing { interval: interval.max(interval_min), timeout: timeout.unwrap_or(timeout_default) }
}

/// How the connection is encrypted, if `key` or what is usual for its kind says so.
fn tls(value: &Value, key: &str, is_usual: bool) -> Option<Tls> {
    let server_name = read::text(value, "tls_server_name");
    read::flag(value, key).unwrap_or(is_usual).then(|| Tls {
        skip_verify: read::flag(value, "tls_skip_verify").unwrap_or(false),
        server_name: (!server_name.is_empty()).then(|| server_name.to_owned()),
    })
}

/// A unit of systemd, whose names have few letters; a pattern of several units is none.
fn unit(notes: &mut Notes, value: &Value, name: String, timing: Timing) -> Option<Probe> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    if UNIT_NAME_BYTES_MAX < name.len() || !name.chars().all(is_legal) {
        let shown: String = name.chars().take(KEY_SHOWN_CHARS_MAX).collect();
        let text = format!("`{shown}` is no name of a systemd unit");
        let hint = "name one unit, as in `os_service = \"nginx.service\"`";
        invalid(notes, value, "os_service", &text, hint);
        return None;
    }
    Some(Probe::OsService { name, timing })
}

/// Says of a target that it can never be reached; Consul takes it, so it is no fault.
fn warn_of_target(notes: &mut Notes, value: &Value, key: &str, target: &str) {
    let place = read::place(value, key);
    let target = if key == "grpc" { target.split('/').next().unwrap_or_default() } else { target };
    let has_port = target.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let lower = target.to_ascii_lowercase();
    match key {
        "http" if !lower.starts_with("http://") && !lower.starts_with("https://") => {
            notes.warn(
                place,
                format!("`{target}` is no URL that begins with `http://` or `https://`"),
            );
        }
        "tcp" | "udp" | "h2ping" | "grpc" if !has_port => {
            notes.warn(place, format!("`{target}` names no port; write `host:port`"));
        }
        _ => {}
    }
    if !matches!(key, "grpc" | "h2ping") && !read::text(value, "tls_server_name").is_empty() {
        let text = "`tls_server_name` has an effect on `grpc` and `h2ping` only";
        notes.warn(read::place(value, "tls_server_name"), text);
    }
}

/// Program and arguments: `args`, or the `script` of Consul before 1.0, which was a shell's.
fn script(value: &Value) -> Vec<String> {
    let args = ["args", "script_args"].map(|key| read::texts(value, key));
    if let Some(args) = args.into_iter().find(|args| !args.is_empty()) {
        return args;
    }
    match (read::text(value, "script"), read::text(value, "shell")) {
        ("", _) => Vec::new(),
        (line, "") => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()],
        (line, shell) => vec![shell.to_owned(), "-c".to_owned(), line.to_owned()],
    }
}

fn header(value: &Value) -> BTreeMap<String, Vec<String>> {
    let Some(header) = value.entry("header") else { return BTreeMap::new() };
    let Kind::Object(entries) = &header.kind else { return BTreeMap::new() };
    entries.iter().map(|entry| (entry.key.clone(), read::texts(header, &entry.key))).collect()
}

/// Notes a fault of what a check does; its text is Consul's in both languages.
fn invalid(notes: &mut Notes, value: &Value, key: &str, text: &str, hint: &str) {
    let fault = Fault::at(read::place(value, key), text).hint(hint);
    notes.problem(fault, format!("Invalid check: {text}"));
}

/// The keys that name what a check does by the clock, in the order in which Consul looks at them.
const TIMED_KEYS: [&str; 8] =
    ["http", "tcp", "udp", "grpc", "docker_container_id", "args", "h2ping", "os_service"];

/// How long a request or connection may take where no timeout is stated.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a program may take where no timeout is stated.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(30);
