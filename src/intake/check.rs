//! Canonical Value → CheckDefinition.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::intake::fault::Fault;
use crate::intake::read::{self, Notes};
use crate::intake::schema::Author;
use crate::intake::value::{Kind, Value};
use crate::model::check::SERF_HEALTH;
use crate::model::definition::{CheckDefinition, Probe, Timing};
use crate::model::health::Status;
use crate::model::limits::{CHECK_INTERVAL_MIN_MS, CHECK_TEXT_BYTES_MAX, DEREGISTER_AFTER_MIN_MS};
use crate::model::name::{CheckId, NodeName, ServiceId, ServiceName};
use crate::model::time::GoDuration;

/// What a check stands beside.
pub(crate) enum Subject<'a> {
    /// It is part of a service.
    Service {
        /// The service's id.
        id: &'a ServiceId,
        /// The service's name.
        name: &'a ServiceName,
        /// The check's id where none is stated.
        generated_id: String,
    },
    /// It stands alone, and says itself whether it is about a service.
    Stated,
}

/// Whether nothing is stated at all, which Consul takes for "no check".
pub(crate) fn is_empty(value: &Value) -> bool {
    matches!(&value.kind, Kind::Object(entries) if entries.is_empty())
}

/// Reads a check. What is wrong is noted; `None` where no definition can be made of it.
pub(crate) fn check(
    notes: &mut Notes,
    value: &Value,
    subject: &Subject<'_>,
) -> Option<CheckDefinition> {
    let (name, service_id) = name_and_service(notes, value, subject)?;
    let initial_status = status(notes, value, subject);
    let id = id(notes, value, subject, &name);
    let probe = probe(notes, value);
    for key in ["name", "notes"] {
        let bytes = read::text(value, key).len();
        if CHECK_TEXT_BYTES_MAX < bytes {
            let text = format!("`{key}` has {bytes} bytes, {CHECK_TEXT_BYTES_MAX} are allowed");
            let consul = format!("Invalid check: {text}");
            notes.problem(Fault::at(read::place(value, key), text), consul);
        }
    }
    if read::integer(value, "output_max_size").is_some_and(|bytes| bytes < 0) {
        let text = "`output_max_size` must not be negative";
        let fault = Fault::at(read::place(value, "output_max_size"), text);
        notes.problem(fault, "Invalid check: MaxOutputMaxSize must be positive");
    }
    let output_bytes_max = read::integer(value, "output_max_size").filter(|bytes| 0 < *bytes);
    Some(CheckDefinition {
        id: id?,
        name,
        notes: read::text(value, "notes").to_owned(),
        service_id,
        initial_status,
        probe: probe?,
        success_before_passing: threshold(notes, value, "success_before_passing"),
        failures_before_warning: failures_before_warning(notes, value),
        failures_before_critical: threshold(notes, value, "failures_before_critical"),
        output_bytes_max: output_bytes_max.and_then(|bytes| usize::try_from(bytes).ok()),
        deregister_after: deregister_after(notes, value),
        token: read::text(value, "token").to_owned(),
    })
}

fn name_and_service(
    notes: &mut Notes,
    value: &Value,
    subject: &Subject<'_>,
) -> Option<(String, Option<ServiceId>)> {
    let stated = read::text(value, "name");
    match subject {
        Subject::Service { id, name, .. } => {
            let generated = || format!("Service '{name}' check");
            let name = if stated.is_empty() { generated() } else { stated.to_owned() };
            Some((name, Some((*id).clone())))
        }
        Subject::Stated if stated.is_empty() => {
            let fault = Fault::at(read::place(value, "name"), "a check without a name");
            notes.problem(fault.hint("set `name`"), "Missing check name");
            None
        }
        Subject::Stated => match read::text(value, "service_id") {
            "" => Some((stated.to_owned(), None)),
            text => match ServiceId::new(text) {
                Ok(id) => Some((stated.to_owned(), Some(id))),
                Err(fault) => {
                    let place = read::place(value, "service_id");
                    let consul = format!("Invalid service ID: {fault}");
                    notes.problem(Fault::at(place, fault.to_string()), consul);
                    None
                }
            },
        },
    }
}

fn status(notes: &mut Notes, value: &Value, subject: &Subject<'_>) -> Option<Status> {
    let word = read::text(value, "status");
    let status = Status::from_word(word);
    if status.is_none() && !word.is_empty() {
        let text = format!("`{word}` is no status");
        let fault = Fault::at(read::place(value, "status"), text);
        let consul = match subject {
            Subject::Service { .. } => "Status for checks must 'passing', 'warning', 'critical'",
            Subject::Stated => "Bad check status",
        };
        notes.problem(fault.hint("write `passing`, `warning` or `critical`"), consul);
    }
    status
}

fn id(notes: &mut Notes, value: &Value, subject: &Subject<'_>, name: &str) -> Option<CheckId> {
    let stated = [read::text(value, "check_id"), read::text(value, "id")];
    let generated = match subject {
        Subject::Service { generated_id, .. } => generated_id,
        Subject::Stated => name,
    };
    let id = stated.into_iter().find(|text| !text.is_empty()).unwrap_or(generated);
    match CheckId::new(id) {
        Ok(id) if id.as_str().eq_ignore_ascii_case(SERF_HEALTH) => {
            // Two writers of one row would change it back and forth for ever.
            let text =
                format!("the id `{id}` is that of the check that the leader keeps for nodes");
            let hint = "give the check another `id`";
            let consul = format!("Invalid check: {text}; {hint}");
            notes.problem(Fault::at(&value.place, text).hint(hint), consul);
            None
        }
        Ok(id) => Some(id),
        Err(fault) => {
            let text = format!("the id of check `{name}` is unusable: {fault}");
            let consul = format!("Invalid check: {fault}");
            notes.problem(Fault::at(&value.place, text), consul);
            None
        }
    }
}

/// Notes a fault of what a check does; its text is Consul's in both languages.
fn invalid(notes: &mut Notes, value: &Value, key: &str, text: &str, hint: &str) {
    let fault = Fault::at(read::place(value, key), text).hint(hint);
    notes.problem(fault, format!("Invalid check: {text}"));
}

fn probe(notes: &mut Notes, value: &Value) -> Option<Probe> {
    for key in ["docker_container_id", "grpc", "h2ping", "os_service"] {
        if !read::text(value, key).is_empty() {
            let text = format!("checks by `{key}` are not supported");
            invalid(
                notes,
                value,
                key,
                &text,
                "use `http`, `tcp`, `udp`, `args`, `ttl` or an alias",
            );
            return None;
        }
    }
    let ttl = read::duration(value, "ttl").filter(|ttl| !ttl.is_zero());
    let interval = read::duration(value, "interval").filter(|interval| !interval.is_zero());
    let script = script(value);
    let alias =
        ["alias_node", "alias_service"].iter().any(|key| !read::text(value, key).is_empty());
    let stated: Vec<&str> = ["http", "tcp", "udp"]
        .into_iter()
        .filter(|key| !read::text(value, key).is_empty())
        .chain((!script.is_empty()).then_some("args"))
        .collect();
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
                let hint = "a check needs one of `ttl`, `http`, `tcp`, `udp`, `args` or an alias";
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
            Some(timed_probe(notes, value, key, interval.unwrap_or_default(), script))
        }
    }
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
) -> Probe {
    let interval_min = Duration::from_millis(CHECK_INTERVAL_MIN_MS);
    if interval < interval_min {
        let text = format!("an interval of {} is too short, 1s is used", GoDuration(interval));
        notes.warn(read::place(value, "interval"), text);
    }
    let timeout_default = if key == "args" { SCRIPT_TIMEOUT } else { NETWORK_TIMEOUT };
    let timeout = read::duration(value, "timeout").filter(|timeout| !timeout.is_zero());
    let timing = Timing {
        interval: interval.max(interval_min),
        timeout: timeout.unwrap_or(timeout_default),
    };
    let target = read::text(value, key).to_owned();
    if notes.author == Author::Operator {
        warn_of_target(notes, value, key, &target);
    }
    match key {
        "http" => Probe::Http {
            url: target,
            method: match read::text(value, "method") {
                "" => "GET".to_owned(),
                method => method.to_owned(),
            },
            header: header(value),
            body: read::text(value, "body").to_owned(),
            tls_skip_verify: read::flag(value, "tls_skip_verify").unwrap_or(false),
            timing,
        },
        "tcp" => Probe::Tcp { address: target, timing },
        "udp" => Probe::Udp { address: target, timing },
        _ => Probe::Script { args: script, timing },
    }
}

/// Says of a target that it can never be reached; Consul takes it, so it is no fault.
fn warn_of_target(notes: &mut Notes, value: &Value, key: &str, target: &str) {
    let place = read::place(value, key);
    let has_port = target.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let lower = target.to_ascii_lowercase();
    match key {
        "http" if !lower.starts_with("http://") && !lower.starts_with("https://") => {
            notes.warn(
                place,
                format!("`{target}` is no URL that begins with `http://` or `https://`"),
            );
        }
        "tcp" | "udp" if !has_port => {
            notes.warn(place, format!("`{target}` names no port; write `host:port`"));
        }
        _ => {}
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

fn threshold(notes: &mut Notes, value: &Value, key: &str) -> u32 {
    match notes.author {
        // Consul's API takes a negative threshold, and counts up to it at once.
        Author::Client => {
            u32::try_from(read::integer(value, key).unwrap_or(0).clamp(0, i64::from(u32::MAX)))
                .unwrap_or(0)
        }
        Author::Operator => read::bounded(notes, value, key, 0..=i64::from(u32::MAX))
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(0),
    }
}

fn failures_before_warning(notes: &mut Notes, value: &Value) -> u32 {
    let key = ["failures_before_warning", "failures_before_critical"]
        .into_iter()
        .find(|key| value.entry(key).is_some());
    match key {
        Some("failures_before_warning") => threshold(notes, value, "failures_before_warning"),
        // The same, where only the other is stated; its faults are noted where it is read itself.
        Some(key) => u32::try_from(read::integer(value, key).unwrap_or(0)).unwrap_or(0),
        None => 0,
    }
}

fn deregister_after(notes: &mut Notes, value: &Value) -> Option<Duration> {
    let stated = read::duration(value, "deregister_critical_service_after")?;
    let shortest = Duration::from_millis(DEREGISTER_AFTER_MIN_MS);
    if stated.is_zero() {
        return None;
    }
    if stated < shortest {
        let text = format!(
            "`deregister_critical_service_after` of {} is too short, 1m is used",
            GoDuration(stated)
        );
        notes.warn(read::place(value, "deregister_critical_service_after"), text);
    }
    Some(stated.max(shortest))
}

/// How long a request or connection may take where no timeout is stated.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a program may take where no timeout is stated.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(30);
