//! Counted events → snapshots: the recorder behind the `metrics` facade.
//!
//! Numbers are kept for the whole life of the program. A distribution keeps its sum and how many values
//! fell between the powers of two, not the values, so its memory does not grow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use metrics_util::registry::{Registry, Storage};

use crate::api::{Metric, MetricsSnapshot, Sample};
use crate::model::time::Now;
use crate::server::clock;

/// All that was counted; clones are the same one.
#[derive(Clone)]
pub(in crate::server) struct Metrics {
    /// Every number by name and labels.
    registry: Arc<Registry<Key, Store>>,
}

/// How each kind of number is kept.
struct Store;

/// The values of one distribution.
#[derive(Default)]
struct Distribution(Mutex<Values>);

/// What is kept of the values.
#[derive(Clone, Default)]
struct Values {
    /// How many.
    count: u64,
    /// Their sum.
    sum: f64,
    /// The sum of their squares.
    squares: f64,
    /// The least.
    min: f64,
    /// The greatest.
    max: f64,
    /// How many by the power of two that they do not exceed.
    buckets: BTreeMap<i32, u64>,
}

impl Metrics {
    /// Becomes the program's recorder; the first one does, later ones count nothing.
    pub(in crate::server) fn install() -> Self {
        let metrics = Self { registry: Arc::new(Registry::new(Store)) };
        if metrics::set_global_recorder(metrics.clone()).is_err() {
            tracing::debug!("metrics are recorded elsewhere");
        }
        metrics
    }

    /// What was counted until now.
    pub(in crate::server) fn snapshot(&self, now: Now) -> MetricsSnapshot {
        let mut snapshot = MetricsSnapshot { timestamp: clock::show(now), ..Default::default() };
        self.registry.visit_counters(|key, counter| {
            #[expect(clippy::cast_precision_loss, reason = "the JSON has only floating numbers")]
            let value = counter.load(Ordering::Relaxed) as f64;
            snapshot.counters.push(metric(key, value));
        });
        self.registry.visit_gauges(|key, gauge| {
            snapshot.gauges.push(metric(key, f64::from_bits(gauge.load(Ordering::Relaxed))));
        });
        self.registry.visit_histograms(|key, distribution| {
            snapshot.samples.push(distribution.sample(key));
        });
        snapshot.counters.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
        snapshot.gauges.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
        snapshot.samples.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
        snapshot
    }
}

impl Recorder for Metrics {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.registry.get_or_create_counter(key, |counter| Counter::from_arc(Arc::clone(counter)))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.registry.get_or_create_gauge(key, |gauge| Gauge::from_arc(Arc::clone(gauge)))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.registry.get_or_create_histogram(key, |values| Histogram::from_arc(Arc::clone(values)))
    }
}

impl Storage<Key> for Store {
    type Counter = Arc<AtomicU64>;
    type Gauge = Arc<AtomicU64>;
    type Histogram = Arc<Distribution>;

    fn counter(&self, _: &Key) -> Self::Counter {
        Arc::default()
    }

    fn gauge(&self, _: &Key) -> Self::Gauge {
        Arc::default()
    }

    fn histogram(&self, _: &Key) -> Self::Histogram {
        Arc::default()
    }
}

impl HistogramFn for Distribution {
    fn record(&self, value: f64) {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values.min = if values.count == 0 { value } else { values.min.min(value) };
        values.max = if values.count == 0 { value } else { values.max.max(value) };
        values.count += 1;
        values.sum += value;
        values.squares += value * value;
        *values.buckets.entry(exponent(value)).or_default() += 1;
    }
}

impl Distribution {
    fn sample(&self, key: &Key) -> Sample {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        #[expect(clippy::cast_precision_loss, reason = "statistics")]
        let count = values.count.max(1) as f64;
        let mean = values.sum / count;
        let quantiles = QUANTILES.map(|quantile| (quantile, values.quantile(quantile))).to_vec();
        let Metric { name, labels, .. } = metric(key, 0.0);
        Sample {
            name,
            labels,
            count: values.count,
            sum: values.sum,
            min: values.min,
            max: values.max,
            mean,
            stddev: (values.squares / count - mean * mean).max(0.0).sqrt(),
            quantiles,
        }
    }
}

impl Values {
    /// The upper bound of the bucket that a share of the values reaches.
    fn quantile(&self, share: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "statistics")]
        let wanted = self.count as f64 * share;
        let mut seen = 0;
        for (exponent, count) in &self.buckets {
            seen += count;
            #[expect(clippy::cast_precision_loss, reason = "statistics")]
            if wanted <= seen as f64 {
                return 2f64.powi(*exponent).min(self.max);
            }
        }
        self.max
    }
}

/// The least power of two that a value does not exceed.
fn exponent(value: f64) -> i32 {
    if value.is_finite() && 0.0 < value {
        #[expect(clippy::cast_possible_truncation, reason = "a float's exponent has 11 bits")]
        let exponent = value.log2().ceil() as i32;
        exponent
    } else {
        i32::MIN
    }
}

fn metric(key: &Key, value: f64) -> Metric {
    let label = |label: &metrics::Label| (label.key().to_owned(), label.value().to_owned());
    Metric { name: key.name().to_owned(), labels: key.labels().map(label).collect(), value }
}

/// The shares that Consul's Prometheus text shows.
const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];
