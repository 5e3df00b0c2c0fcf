//! MetricsSnapshot → Consul's JSON, or the text that Prometheus reads (exposition format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::api::answer::json;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::api::json::Number;
use crate::api::{Api, Metric, MetricsSnapshot, MetricsSpan, Sample};

/// What was counted.
pub(in crate::api) async fn metrics(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    permit(call.acl.agent_read(&api.options.node))?;
    let program = &api.services.program;
    if call.params.first("format") == Some("prometheus") {
        if !api.options.answers_prometheus {
            return Err(Fault::Format(PROMETHEUS_OFF));
        }
        let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        return Ok((
            [(header::CONTENT_TYPE, text)],
            to_prometheus(&program.metrics(MetricsSpan::Whole)),
        )
            .into_response());
    }
    json(call.pretty, &SnapshotJson::new(&program.metrics(MetricsSpan::Interval)))
}

/// `/v1/agent/metrics`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct SnapshotJson<'a> {
    /// When the interval began.
    timestamp: &'a str,
    /// Numbers that go up and down.
    gauges: Vec<GaugeJson<'a>>,
    /// A form of Consul's that nothing fills.
    points: [u8; 0],
    /// Numbers that only grow.
    counters: Vec<SampleJson<'a>>,
    /// Distributions.
    samples: Vec<SampleJson<'a>>,
}

/// A number that goes up and down.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GaugeJson<'a> {
    /// Its name.
    name: &'a str,
    /// The number.
    value: Number,
    /// Labels.
    labels: BTreeMap<&'a str, &'a str>,
}

/// A counter or a distribution.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SampleJson<'a> {
    /// Its name.
    name: &'a str,
    /// How many values.
    count: Number,
    /// Their sum by second.
    rate: Number,
    /// Their sum.
    sum: Number,
    /// The least.
    min: Number,
    /// The greatest.
    max: Number,
    /// Their mean.
    mean: Number,
    /// Their standard deviation.
    stddev: Number,
    /// Labels.
    labels: BTreeMap<&'a str, &'a str>,
}

impl<'a> SnapshotJson<'a> {
    /// Shows a snapshot.
    pub(in crate::api) fn new(snapshot: &'a MetricsSnapshot) -> Self {
        Self {
            timestamp: &snapshot.timestamp,
            gauges: snapshot.gauges.iter().map(gauge).collect(),
            points: [],
            counters: snapshot.counters.iter().map(counter).collect(),
            samples: snapshot.samples.iter().map(sample).collect(),
        }
    }
}

fn gauge(metric: &Metric) -> GaugeJson<'_> {
    GaugeJson { name: &metric.name, value: Number(metric.value), labels: labels(&metric.labels) }
}

fn counter(metric: &Metric) -> SampleJson<'_> {
    let one = if metric.value == 0.0 { 0.0 } else { 1.0 };
    SampleJson {
        name: &metric.name,
        count: Number(metric.value),
        rate: Number(metric.value / INTERVAL_S),
        sum: Number(metric.value),
        min: Number(one),
        max: Number(one),
        mean: Number(one),
        stddev: Number(0.0),
        labels: labels(&metric.labels),
    }
}

fn sample(sample: &Sample) -> SampleJson<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a count of one interval is far below 2^53")]
    let count = sample.count as f64;
    SampleJson {
        name: &sample.name,
        count: Number(count),
        rate: Number(sample.sum / INTERVAL_S),
        sum: Number(sample.sum),
        min: Number(sample.min),
        max: Number(sample.max),
        mean: Number(sample.mean),
        stddev: Number(sample.stddev),
        labels: labels(&sample.labels),
    }
}

fn labels(labels: &[(String, String)]) -> BTreeMap<&str, &str> {
    labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Renders a snapshot for Prometheus, each family once, ordered by name.
pub(in crate::api) fn to_prometheus(snapshot: &MetricsSnapshot) -> String {
    let mut families: BTreeMap<String, (&'static str, String)> = BTreeMap::new();
    let simple = [("counter", &snapshot.counters), ("gauge", &snapshot.gauges)];
    for (kind, metrics) in simple {
        for metric in metrics {
            let name = clean(&metric.name);
            let line = line(&name, "", &metric.labels, None, metric.value);
            families.entry(name).or_insert((kind, String::new())).1.push_str(&line);
        }
    }
    for sample in &snapshot.samples {
        let name = clean(&sample.name);
        let mut lines = String::new();
        for (quantile, value) in &sample.quantiles {
            lines.push_str(&line(&name, "", &sample.labels, Some(*quantile), *value));
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of one interval is far below 2^53")]
        let count = sample.count as f64;
        lines.push_str(&line(&name, "_sum", &sample.labels, None, sample.sum));
        lines.push_str(&line(&name, "_count", &sample.labels, None, count));
        families.entry(name).or_insert(("summary", String::new())).1.push_str(&lines);
    }
    let mut text = String::new();
    for (name, (kind, lines)) in families {
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP {name} {name}\n# TYPE {name} {kind}\n{lines}");
    }
    text
}

/// One line of the exposition format.
fn line(
    name: &str,
    suffix: &str,
    labels: &[(String, String)],
    quantile: Option<f64>,
    value: f64,
) -> String {
    let mut shown: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{}=\"{}\"", clean(name), escape(value)))
        .collect();
    shown.extend(quantile.map(|quantile| format!("quantile=\"{quantile}\"")));
    let braces = if shown.is_empty() { String::new() } else { format!("{{{}}}", shown.join(",")) };
    format!("{name}{suffix}{braces} {value}\n")
}

/// A name of letters, digits and underscores that begins with no digit.
fn clean(name: &str) -> String {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let cleaned: String = name.chars().map(|c| if is_legal(c) { c } else { '_' }).collect();
    if cleaned.starts_with(|c: char| c.is_ascii_digit()) { format!("_{cleaned}") } else { cleaned }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The length of an interval, in seconds (go-metrics' default, which Consul's rates are made of).
const INTERVAL_S: f64 = 10.0;

/// What Consul says where its users did not switch it on.
const PROMETHEUS_OFF: &str = "Prometheus is not enabled since its retention time is not positive";
