//! Files, folders, flags and HTTP bodies, good and bad, against what is said of them.

#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes every expectation so")]

use std::path::Path;

use serde_json::Value;

use crate::intake::{Config, Loaded, Sources, load};

mod files;

mod hcl;

mod bodies;

mod zones;

/// What differs from the defaults, the definitions, and the warnings; or the faults.
pub(super) fn show(sources: &Sources, hide: &Path) -> String {
    let shown = match load(sources) {
        Ok(loaded) => show_loaded(&loaded, sources.dev),
        Err(fault) => fault.to_string(),
    };
    if shown.is_empty() {
        return "all as by default\n".to_owned();
    }
    let hide = format!("{}/", hide.display());
    shown.replace(&hide, "") + "\n"
}

fn show_loaded(loaded: &Loaded, dev: bool) -> String {
    let mut lines: Vec<String> =
        loaded.warnings.iter().map(|warning| format!("warning: {warning}")).collect();
    let before = Config::new(dev).debug_json();
    let after = loaded.config.debug_json();
    for (key, value) in after.as_object().unwrap() {
        if before.get(key) != Some(value) {
            lines.push(format!("{key} = {value}"));
        }
    }
    for service in &loaded.config.services {
        lines.push(format!("service {}", brief(service)));
    }
    for check in &loaded.config.checks {
        lines.push(format!("check {}", brief(check)));
    }
    lines.join("\n")
}

/// A definition without what it leaves unsaid.
fn brief(definition: &impl serde::Serialize) -> String {
    let mut value = serde_json::to_value(definition).unwrap();
    prune(&mut value);
    value.to_string()
}

fn prune(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(prune);
            map.retain(|key, value| match value {
                Value::Null => false,
                Value::Bool(flag) => *flag,
                Value::Number(number) => number.as_u64() != Some(0),
                Value::String(text) => !text.is_empty(),
                Value::Array(items) => !items.is_empty(),
                Value::Object(map) if key == "weights" => *map != default_weights(),
                Value::Object(map) => !map.is_empty(),
            });
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn default_weights() -> serde_json::Map<String, Value> {
    [("passing", 1), ("warning", 1)]
        .map(|(key, n)| (key.to_owned(), Value::from(n)))
        .into_iter()
        .collect()
}
