//! Canonical Value → what `telemetry` says, and its keys.

use std::time::Duration;

use crate::intake::build::note;
use crate::intake::keys::{later, works};
use crate::intake::read::{self, Notes};
use crate::intake::schema::{Naming, Table, Type};
use crate::intake::value::Value;
use crate::model::time::parse_duration;

/// For how long Prometheus is to find what is not counted any more; zero where it is to find nothing, and nothing
/// where nobody said.
pub(crate) fn prometheus_retention_time(notes: &mut Notes, root: &Value) -> Option<Duration> {
    let stated = root.entry("telemetry")?;
    let text = stated.entry(RETENTION).and_then(read::own_str)?;
    let parsed = match text.strip_prefix('-') {
        None => parse_duration(text),
        // To Consul, less than none is none.
        Some(rest) => parse_duration(rest).map(|_| Duration::ZERO),
    };
    match parsed {
        Ok(time) => Some(time),
        Err(fault) => {
            note(notes, stated, RETENTION, &format!("`telemetry.{RETENTION}`: {fault}"));
            None
        }
    }
}

/// Whether and for how long Prometheus is answered.
const RETENTION: &str = "prometheus_retention_time";

/// The keys of `telemetry`.
pub(crate) static TELEMETRY: Table = Table {
    naming: Naming::Exact,
    keys: &[
        // A text, since a negative duration means something here.
        works(RETENTION, Type::Text),
        later("circonus_api_app", Type::Text),
        later("circonus_api_token", Type::Text),
        later("circonus_api_url", Type::Text),
        later("circonus_broker_id", Type::Text),
        later("circonus_broker_select_tag", Type::Text),
        later("circonus_check_display_name", Type::Text),
        later("circonus_check_force_metric_activation", Type::Text),
        later("circonus_check_id", Type::Text),
        later("circonus_check_instance_id", Type::Text),
        later("circonus_check_search_tag", Type::Text),
        later("circonus_check_tags", Type::Text),
        later("circonus_submission_interval", Type::Text),
        later("circonus_submission_url", Type::Text),
        later("disable_hostname", Type::Bool),
        later("dogstatsd_addr", Type::Text),
        later("dogstatsd_tags", Type::Texts),
        later("filter_default", Type::Bool),
        later("metrics_prefix", Type::Text),
        later("prefix_filter", Type::Texts),
        later("statsd_address", Type::Text),
        later("statsite_address", Type::Text),
    ],
};
