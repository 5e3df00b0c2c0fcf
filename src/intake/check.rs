//! Canonical Value → CheckDefinition.

use std::time::Duration;

use crate::intake::fault::Fault;
use crate::intake::probe::probe;
use crate::intake::read::{self, Notes};
use crate::intake::schema::Author;
use crate::intake::value::{Kind, Value};
use crate::model::check::SERF_HEALTH;
use crate::model::definition::CheckDefinition;
use crate::model::health::Status;
use crate::model::limits::{CHECK_TEXT_BYTES_MAX, DEREGISTER_AFTER_MIN_MS};
use crate::model::name::{CheckId, ServiceId, ServiceName};
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
