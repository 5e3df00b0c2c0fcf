use std::sync::{Arc, atomic::Ordering};
use std::time::Duration;

use expect_test::expect;
use hickory_proto::op::ResponseCode;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{AtomicStorage, Registry};

use super::{asked, fetched, found, other_case, time, wrong_reply};
use crate::dns::outside::{Failure, Fetched, Told};
use crate::forward::question::By;

/// Keeps what is counted.
struct Counts(Registry<Key, AtomicStorage>);

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.0.get_or_create_counter(key, |counter| Counter::from_arc(Arc::clone(counter)))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.0.get_or_create_gauge(key, |gauge| Gauge::from_arc(Arc::clone(gauge)))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.0.get_or_create_histogram(key, |values| Histogram::from_arc(Arc::clone(values)))
    }
}

/// Every number that something left behind.
fn counted(act: impl FnOnce()) -> String {
    let counts = Counts(Registry::atomic());
    metrics::with_local_recorder(&counts, act);
    let mut lines = Vec::new();
    counts.0.visit_counters(|key, counter| {
        let labels: Vec<_> =
            key.labels().map(|label| format!(" {}={}", label.key(), label.value())).collect();
        let count = counter.load(Ordering::Relaxed);
        lines.push(format!("{}{} {count}\n", key.name(), labels.concat()));
    });
    counts.0.visit_histograms(|key, values| {
        values.data_with(|values| lines.push(format!("{} {values:?}\n", key.name())));
    });
    lines.sort();
    lines.concat()
}

#[test]
fn every_outcome_has_a_name() {
    let told = |rcode, stale| {
        let (answers, authorities, additionals) = (vec![], vec![], vec![]);
        Fetched::Told(Arc::new(Told { rcode, answers, authorities, additionals, stale }))
    };
    let (yes, no) = (ResponseCode::NoError, ResponseCode::NXDomain);
    let shown = counted(|| {
        fetched(&told(yes, None));
        fetched(&told(no, None));
        fetched(&told(no, Some(Duration::ZERO)));
        found(&told(yes, None));
        found(&told(no, None));
        found(&told(yes, Some(Duration::ZERO)));
        let failures = [Failure::Unreachable, Failure::Useless, Failure::Loop, Failure::Overloaded];
        for failure in failures {
            found(&Fetched::Failed(failure));
            fetched(&Fetched::Failed(failure));
        }
        asked(By::Udp);
        asked(By::Tcp);
        other_case();
        wrong_reply();
        time(Duration::from_micros(1_500));
    });
    expect![[r#"
        lictor.forward.asked transport=tcp 1
        lictor.forward.asked transport=udp 1
        lictor.forward.case_mismatch 1
        lictor.forward.queries outcome=cached 2
        lictor.forward.queries outcome=loop 2
        lictor.forward.queries outcome=nxdomain 1
        lictor.forward.queries outcome=overloaded 2
        lictor.forward.queries outcome=stale 2
        lictor.forward.queries outcome=told 1
        lictor.forward.queries outcome=unreachable 2
        lictor.forward.queries outcome=useless 2
        lictor.forward.time [1.5]
        lictor.forward.wrong_replies 1
    "#]]
    .assert_eq(&shown);
}
