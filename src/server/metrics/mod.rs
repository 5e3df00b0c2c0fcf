//! Counted events → snapshots: the recorder behind the `metrics` facade.
//!
//! Numbers are kept for the whole life of the program, which is what Prometheus reads, and for intervals of ten
//! seconds, which is what Consul's JSON shows. A distribution keeps its sum and how many values
//! fell between the powers of two, not the values, so its memory does not grow.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use metrics_util::registry::{Registry, Storage};
use tokio_util::sync::CancellationToken;

use crate::api::{Metric, MetricsSnapshot, Sample};
use crate::model::lock::lock;
use crate::model::time::Now;
use crate::server::clock;

/// All that was counted; clones are the same one.
#[derive(Clone)]
pub(in crate::server) struct Metrics {
    /// Every number by name and labels.
    registry: Arc<Registry<Key, Store>>,
    /// The intervals that Consul's JSON speaks of.
    intervals: Arc<Mutex<Intervals>>,
}

/// The interval that runs, and the last whole one.
#[derive(Default)]
struct Intervals {
    /// When the running one began.
    begun: Now,
    /// What counters stood at then.
    before: HashMap<Key, u64>,
    /// The last whole one.
    last: Option<MetricsSnapshot>,
}

/// How each kind of number is kept.
struct Store;

/// The values of one distribution.
#[derive(Default)]
struct Distribution(Mutex<Spans>);

/// The same values over two spans of time.
#[derive(Default)]
struct Spans {
    /// Since the start.
    whole: Values,
    /// Since the interval began.
    interval: Values,
}

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
        let registry = Arc::new(Registry::new(Store));
        let metrics = Self { registry, intervals: Arc::default() };
        if metrics::set_global_recorder(metrics.clone()).is_err() {
            tracing::debug!("metrics are recorded elsewhere");
        }
        metrics
    }

    /// What was counted since the start.
    pub(in crate::server) fn whole(&self, now: Now) -> MetricsSnapshot {
        let mut snapshot = MetricsSnapshot { timestamp: clock::show(now), ..Default::default() };
        self.registry.visit_counters(|key, counter| {
            snapshot.counters.push(metric(key, number(counter.load(Ordering::Relaxed))));
        });
        self.registry.visit_histograms(|key, values| {
            snapshot.samples.push(values.lock().whole.sample(key));
        });
        snapshot.gauges = self.gauges();
        in_order(snapshot)
    }

    /// What was counted in the last whole interval; in the one that runs, where there is none yet.
    pub(in crate::server) fn of_interval(&self) -> MetricsSnapshot {
        let intervals = self.lock();
        let mut snapshot = intervals.last.clone().unwrap_or_else(|| self.running(&intervals));
        snapshot.gauges = self.gauges();
        snapshot
    }

    /// Ends an interval whenever it is time, until `stop`.
    pub(in crate::server) async fn keep_intervals(self, stop: CancellationToken) {
        self.lock().begun = clock::now();
        let mut clock = tokio::time::interval(INTERVAL);
        clock.tick().await;
        while stop.run_until_cancelled(clock.tick()).await.is_some() {
            self.turn(clock::now());
        }
    }

    /// Ends an interval and begins the next one.
    fn turn(&self, now: Now) {
        let mut intervals = self.lock();
        intervals.last = Some(self.running(&intervals));
        intervals.begun = now;
        let before = &mut intervals.before;
        self.registry.visit_counters(|key, counter| {
            before.insert(key.clone(), counter.load(Ordering::Relaxed));
        });
        self.registry.visit_histograms(|_, values| values.lock().interval = Values::default());
    }

    /// What was counted since the interval began; what was not touched is not named.
    fn running(&self, intervals: &Intervals) -> MetricsSnapshot {
        let timestamp = clock::show(intervals.begun);
        let mut snapshot = MetricsSnapshot { timestamp, ..Default::default() };
        self.registry.visit_counters(|key, counter| {
            let before = intervals.before.get(key).copied().unwrap_or_default();
            let count = counter.load(Ordering::Relaxed).saturating_sub(before);
            if 0 < count {
                snapshot.counters.push(metric(key, number(count)));
            }
        });
        self.registry.visit_histograms(|key, values| {
            let values = values.lock().interval.clone();
            if 0 < values.count {
                snapshot.samples.push(values.sample(key));
            }
        });
        in_order(snapshot)
    }

    fn gauges(&self) -> Vec<Metric> {
        let mut gauges = Vec::new();
        self.registry.visit_gauges(|key, gauge| {
            gauges.push(metric(key, f64::from_bits(gauge.load(Ordering::Relaxed))));
        });
        gauges.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
        gauges
    }

    fn lock(&self) -> MutexGuard<'_, Intervals> {
        lock(&self.intervals)
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
        let mut spans = self.lock();
        spans.whole.add(value, 1);
        spans.interval.add(value, 1);
    }

    fn record_many(&self, value: f64, count: usize) {
        let mut spans = self.lock();
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        spans.whole.add(value, count);
        spans.interval.add(value, count);
    }
}

impl Distribution {
    fn lock(&self) -> MutexGuard<'_, Spans> {
        lock(&self.0)
    }
}

impl Values {
    fn add(&mut self, value: f64, count: u64) {
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = if self.count == 0 { value } else { self.max.max(value) };
        self.count += count;
        self.sum += value * number(count);
        self.squares += value * value * number(count);
        *self.buckets.entry(exponent(value)).or_default() += count;
    }

    fn sample(&self, key: &Key) -> Sample {
        let count = number(self.count.max(1));
        let mean = self.sum / count;
        let quantiles = QUANTILES.map(|quantile| (quantile, self.quantile(quantile))).to_vec();
        let Metric { name, labels, .. } = metric(key, 0.0);
        Sample {
            name,
            labels,
            count: self.count,
            sum: self.sum,
            min: self.min,
            max: self.max,
            mean,
            stddev: (self.squares / count - mean * mean).max(0.0).sqrt(),
            quantiles,
        }
    }

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

/// A count as the JSON's kind of number.
#[expect(clippy::cast_precision_loss, reason = "the JSON has only floating numbers")]
fn number(count: u64) -> f64 {
    count as f64
}

fn in_order(mut snapshot: MetricsSnapshot) -> MetricsSnapshot {
    snapshot.counters.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
    snapshot.samples.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
    snapshot
}

fn metric(key: &Key, value: f64) -> Metric {
    let label = |label: &metrics::Label| (label.key().to_owned(), label.value().to_owned());
    Metric { name: key.name().to_owned(), labels: key.labels().map(label).collect(), value }
}

/// How long an interval is: Consul's.
const INTERVAL: Duration = Duration::from_secs(10);

/// The shares that Consul's Prometheus text shows.
const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

#[cfg(test)]
mod tests;
