//! Canonical Value → Config: what each key means, and what keys mean together.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::intake::build_autopilot;
use crate::intake::build_dns;
use crate::intake::build_forward;
use crate::intake::check::{self, Subject};
use crate::intake::config::{Config, LogLevel};
use crate::intake::fault::{Fault, Place};
use crate::intake::http;
use crate::intake::network;
use crate::intake::read::{self, Notes};
use crate::intake::service;
use crate::intake::telemetry;
use crate::intake::value::Value;
use crate::model::definition::{CheckDefinition, ServiceDefinition};
use crate::model::limits::{CHECK_OUTPUT_SETTING_MAX, KV_VALUE_SETTING_MAX, TXN_SETTING_MAX};
use crate::model::meta;
use crate::model::name::{CheckId, Datacenter, NodeName, ServiceId};

/// Reads a merged document. What is wrong is noted.
pub(crate) fn config(notes: &mut Notes, dev: bool, root: &Value) -> Config {
    let mut config = Config::new(dev);
    identity(notes, root, &mut config);
    network::read(notes, root, &mut config);
    config.dns = build_dns::settings(notes, root);
    config.dns_access = build_dns::access(notes, root);
    build_dns::domains(notes, root, &mut config);
    config.forward = build_forward::settings(notes, root);
    build_forward::apart(notes, root, &config);
    config.autopilot = build_autopilot::settings(notes, root);
    http::read(notes, root, &mut config);
    behaviour(notes, root, &mut config);
    bounds(notes, root, &mut config);
    config.prometheus_retention_time = telemetry::prometheus_retention_time(notes, root);
    definitions(notes, root, &mut config);
    together(notes, root, &mut config);
    config
}

fn identity(notes: &mut Notes, root: &Value, config: &mut Config) {
    set(&mut config.server, read::flag(root, "server"));
    set(&mut config.bootstrap, read::flag(root, "bootstrap"));
    match read::integer(root, "bootstrap_expect") {
        Some(number) if number < 0 => {
            let text = format!(
                "bootstrap_expect cannot be {number}. Must be greater than or equal to zero"
            );
            notes.problem(Fault::at(read::place(root, "bootstrap_expect"), text), "");
        }
        number => config.bootstrap_expect = number.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
    }
    datacenter(notes, root, config);
    let node_name = read::text(root, "node_name");
    if !node_name.is_empty() {
        match NodeName::new(node_name) {
            Ok(name) => {
                if !name.is_host_label() {
                    let text = format!(
                        "node `{name}` cannot be found by DNS: its name may hold only letters, digits and `-`"
                    );
                    notes.warn(read::place(root, "node_name"), text);
                }
                config.node_name = Some(name);
            }
            Err(fault) => note(notes, root, "node_name", &fault.to_string()),
        }
    }
    let node_id = read::text(root, "node_id");
    if !node_id.is_empty() {
        match uuid::Uuid::try_parse(node_id) {
            Ok(id) if node_id.len() == UUID_CHARS => config.node_id = Some(id.to_string()),
            _ => note(notes, root, "node_id", &format!("`{node_id}` is no UUID of 36 characters")),
        }
    }
    match meta::parse(read::map(root, "node_meta")) {
        Ok(meta) => config.node_meta = meta,
        Err(fault) => note(notes, root, "node_meta", &format!("node_meta invalid: {fault}")),
    }
}

fn datacenter(notes: &mut Notes, root: &Value, config: &mut Config) {
    let Some(stated) = root.entry("datacenter").and_then(read::own_text) else { return };
    // Consul folds it, and refuses what no DNS name could carry.
    let folded = stated.to_lowercase();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match Datacenter::new(&folded) {
        Ok(datacenter) if folded.bytes().all(is_plain) => config.datacenter = datacenter,
        _ if folded.is_empty() => note(notes, root, "datacenter", "datacenter cannot be empty"),
        _ => {
            let text = format!("datacenter cannot be {folded:?}. Please use only [a-z0-9-_]");
            note(notes, root, "datacenter", &text);
        }
    }
}

fn behaviour(notes: &mut Notes, root: &Value, config: &mut Config) {
    config.data_dir = path(root, "data_dir");
    config.zones_dir = path(root, "zones_dir");
    config.pid_file = path(root, "pid_file");
    config.log.file = path(root, "log_file");
    set(&mut config.log.json, read::flag(root, "log_json"));
    let level = read::text(root, "log_level");
    if !level.is_empty() {
        match LogLevel::from_word(level) {
            Some(level) => config.log.level = level,
            None => {
                let text = format!("unknown log level `{level}`");
                let fault = Fault::at(read::place(root, "log_level"), text);
                notes.problem(fault.hint("known are trace, debug, info, warn, error"), "");
            }
        }
    }
    // Servers stay members when they are stopped, for they come back; Consul's defaults.
    config.leave_on_terminate = !config.server;
    config.skip_leave_on_interrupt = config.server;
    set(&mut config.leave_on_terminate, read::flag(root, "leave_on_terminate"));
    set(&mut config.translate_wan_addrs, read::flag(root, "translate_wan_addrs"));
    set(&mut config.skip_leave_on_interrupt, read::flag(root, "skip_leave_on_interrupt"));
    set(&mut config.enable_script_checks, read::flag(root, "enable_script_checks"));
    set(&mut config.enable_local_script_checks, read::flag(root, "enable_local_script_checks"));
    set(&mut config.disable_coordinates, read::flag(root, "disable_coordinates"));
    set(&mut config.disable_remote_exec, read::flag(root, "disable_remote_exec"));
    set(&mut config.ui, read::flag(root, "ui"));
    let ui_config = root.entry("ui_config").and_then(|ui| read::flag(ui, "enabled"));
    set(&mut config.ui, ui_config);
}

fn bounds(notes: &mut Notes, root: &Value, config: &mut Config) {
    set(&mut config.check_update_interval, read::duration(root, "check_update_interval"));
    set(&mut config.session_ttl_min, positive(notes, root, "session_ttl_min"));
    set(&mut config.default_query_time, positive(notes, root, "default_query_time"));
    set(&mut config.max_query_time, positive(notes, root, "max_query_time"));
    set(&mut config.discovery_max_stale, read::duration(root, "discovery_max_stale"));
    let size = read::bounded(notes, root, "check_output_max_size", 1..=CHECK_OUTPUT_SETTING_MAX);
    set(&mut config.check_output_max_size, size.and_then(|size| usize::try_from(size).ok()));
    let Some(limits) = root.entry("limits") else { return };
    let connections =
        read::bounded(notes, limits, "http_max_conns_per_client", 0..=i64::from(u32::MAX));
    let connections = connections.and_then(|number| u32::try_from(number).ok());
    set(&mut config.limits.http_max_conns_per_client, connections);
    let size = read::bounded(notes, limits, "kv_max_value_size", 1..=KV_VALUE_SETTING_MAX);
    set(&mut config.limits.kv_max_value_size, size.and_then(|size| usize::try_from(size).ok()));
    let size = read::bounded(notes, limits, "txn_max_req_len", 1..=TXN_SETTING_MAX);
    set(&mut config.limits.txn_max_req_len, size.and_then(|size| usize::try_from(size).ok()));
}

fn definitions(notes: &mut Notes, root: &Value, config: &mut Config) {
    let mut service_places: BTreeMap<ServiceId, Place> = BTreeMap::new();
    let mut check_places: BTreeMap<CheckId, Place> = BTreeMap::new();
    for item in read::items(root, "services") {
        let Some(definition) = service::service(notes, item) else { continue };
        let before = service_places.insert(definition.id.clone(), item.place.clone());
        let kind = format!("service `{}`", definition.id);
        is_first(notes, &kind, before.as_ref(), &item.place);
        for check in &definition.checks {
            let before = check_places.insert(check.id.clone(), item.place.clone());
            // Twice in one service was noted already.
            let before = before.filter(|place| *place != item.place);
            is_first(notes, &format!("check `{}`", check.id), before.as_ref(), &item.place);
        }
        config.services.push(definition);
    }
    for item in read::items(root, "checks") {
        let Some(definition) = check::check(notes, item, &Subject::Stated) else { continue };
        let before = check_places.insert(definition.id.clone(), item.place.clone());
        is_first(notes, &format!("check `{}`", definition.id), before.as_ref(), &item.place);
        if let Some(id) = &definition.service_id
            && !service_places.contains_key(id.folded())
        {
            // It may have been registered over HTTP, and be kept.
            let text =
                format!("check `{}` is about service `{id}`, which no file defines", definition.id);
            notes.warn(read::place(item, "service_id"), text);
        }
        config.checks.push(definition);
    }
    share_checks(&mut config.services, &mut config.checks);
}

/// Notes an id that was stated before.
fn is_first(notes: &mut Notes, kind: &str, before: Option<&Place>, place: &Place) {
    if let Some(before) = before {
        let text = format!("{kind} is defined twice, first at {before}");
        let fault = Fault::at(place, text).hint("give each an `id` of its own");
        notes.problem(fault, "");
    }
}

/// Moves the checks that name a service to it, so that a service and its checks come and go together.
fn share_checks(services: &mut [ServiceDefinition], checks: &mut Vec<CheckDefinition>) {
    let mut by_id: BTreeMap<ServiceId, Vec<CheckDefinition>> = BTreeMap::new();
    let mut rest = Vec::with_capacity(checks.len());
    for check in checks.drain(..) {
        match check.service_id.clone() {
            Some(id) => by_id.entry(id).or_default().push(check),
            None => rest.push(check),
        }
    }
    for service in services {
        service.checks.extend(by_id.remove(&service.id).unwrap_or_default());
    }
    rest.extend(by_id.into_values().flatten());
    *checks = rest;
}

/// What keys mean together; the texts are Consul's.
fn together(notes: &mut Notes, root: &Value, config: &mut Config) {
    let mut conflict = |key: &str, text: &str, hint: &str| {
        let fault = match root.entry(key) {
            Some(value) => Fault::at(&value.place, text),
            None => Fault::overall(text),
        };
        notes.problem(fault.hint(hint), "");
    };
    let expect = config.bootstrap_expect;
    if config.data_dir.is_none() && !config.dev {
        let hint = "set `data_dir` or `-data-dir`, or use `-dev`, which keeps nothing on disk";
        conflict("data_dir", "data_dir cannot be empty", hint);
    }
    let bootstrap = read::flag(root, "bootstrap").unwrap_or(false);
    if bootstrap && 0 < expect {
        let text = "'bootstrap_expect > 0' and 'bootstrap = true' are mutually exclusive";
        conflict("bootstrap", text, "keep `bootstrap_expect`");
    } else if bootstrap && !config.server {
        let text = "'bootstrap = true' requires 'server = true'";
        conflict("bootstrap", text, "set `server`");
    } else if 0 < expect && !config.server {
        let text = "'bootstrap_expect > 0' requires 'server = true'";
        conflict("bootstrap_expect", text, "set `server`");
    }
    if config.dev && 0 < expect {
        let text = "'bootstrap_expect > 0' not allowed in dev mode";
        conflict("bootstrap_expect", text, "leave one of them out");
    }
    if config.max_query_time < config.default_query_time {
        let text = "`default_query_time` is longer than `max_query_time`";
        conflict(
            "default_query_time",
            text,
            "a blocking query never waits longer than `max_query_time`",
        );
    }
    if expect == 1 {
        // Waiting for one server is not waiting.
        config.bootstrap = true;
    }
    if 1 < expect && expect.is_multiple_of(2) {
        let text = format!(
            "bootstrap_expect = {expect}: an even number of servers survives no more failures than one less"
        );
        notes.warn(read::place(root, "bootstrap_expect"), text);
    }
    if config.dev {
        config.bootstrap = config.server;
        // Whatever a file says: `-dev` keeps nothing on disk.
        config.data_dir = None;
    }
}

/// Notes a fault at a key.
pub(crate) fn note(notes: &mut Notes, object: &Value, key: &str, text: &str) {
    notes.problem(Fault::at(read::place(object, key), text), "");
}

/// Replaces a default by what is stated.
pub(crate) fn set<T>(field: &mut T, stated: Option<T>) {
    if let Some(stated) = stated {
        *field = stated;
    }
}

fn path(root: &Value, key: &str) -> Option<PathBuf> {
    let text = read::text(root, key);
    (!text.is_empty()).then(|| PathBuf::from(text))
}

fn positive(notes: &mut Notes, root: &Value, key: &str) -> Option<Duration> {
    let duration = read::duration(root, key)?;
    if duration.is_zero() {
        note(notes, root, key, &format!("`{key}` must be longer than 0"));
    }
    Some(duration)
}

/// Characters of a UUID with its hyphens.
const UUID_CHARS: usize = 36;
