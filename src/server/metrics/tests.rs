use metrics::Level;

use super::*;

/// A recorder that is not the program's.
fn recorder() -> Metrics {
    Metrics { registry: Arc::new(Registry::new(Store)), intervals: Arc::default() }
}

fn count(metrics: &Metrics, name: &'static str, times: u64) {
    let metadata = Metadata::new("", Level::INFO, None);
    metrics.register_counter(&Key::from_static_name(name), &metadata).increment(times);
}

fn record(metrics: &Metrics, name: &'static str, value: f64) {
    let metadata = Metadata::new("", Level::INFO, None);
    metrics.register_histogram(&Key::from_static_name(name), &metadata).record(value);
}

/// Counters with their values, and samples with count and greatest value.
fn show(snapshot: &MetricsSnapshot) -> String {
    let counters = snapshot.counters.iter().map(|c| format!("{} {}", c.name, c.value));
    let samples = snapshot.samples.iter().map(|s| format!("{} {}x{}", s.name, s.count, s.max));
    counters.chain(samples).collect::<Vec<_>>().join(", ")
}

#[test]
fn an_interval_shows_what_happened_in_it_and_the_whole_shows_all() {
    let metrics = recorder();
    count(&metrics, "a", 2);
    record(&metrics, "t", 5.0);
    assert_eq!(show(&metrics.of_interval()), "a 2, t 1x5", "the first one, while it runs");
    metrics.turn(Now(10_000));
    count(&metrics, "a", 3);
    count(&metrics, "b", 1);
    record(&metrics, "t", 1.0);
    assert_eq!(show(&metrics.of_interval()), "a 2, t 1x5", "the last whole one");
    metrics.turn(Now(20_000));
    assert_eq!(show(&metrics.of_interval()), "a 3, b 1, t 1x1");
    assert_eq!(metrics.of_interval().timestamp, "1970-01-01 00:00:10 +0000 UTC");
    metrics.turn(Now(30_000));
    assert_eq!(show(&metrics.of_interval()), "", "nothing happened");
    assert_eq!(show(&metrics.whole(Now(0))), "a 5, b 1, t 2x5");
}
