use std::time::Duration;

use super::Threshold;
use crate::model::definition::{CheckDefinition, Probe};
use crate::model::health::Status;
use crate::model::name::CheckId;

/// Runs as letters (`p`, `w`, `c`) and the word after each (`.` while nothing is said yet).
fn check([success, warning, critical]: [u32; 3], runs: &str, words: &str) {
    let definition = CheckDefinition {
        id: CheckId::new("c").unwrap(),
        name: String::new(),
        notes: String::new(),
        service_id: None,
        initial_status: None,
        probe: Probe::Ttl { ttl: Duration::from_secs(1) },
        success_before_passing: success,
        failures_before_warning: warning,
        failures_before_critical: critical,
        output_bytes_max: None,
        deregister_after: None,
        token: String::new(),
    };
    let mut threshold = Threshold::new(&definition);
    let mut word = '.';
    let mut found = String::new();
    for run in runs.chars() {
        let status = match run {
            'p' => Status::Passing,
            'w' => Status::Warning,
            _ => Status::Critical,
        };
        match threshold.count(status) {
            Some(Status::Passing) => word = 'p',
            Some(Status::Warning) => word = 'w',
            Some(Status::Critical) => word = 'c',
            None => {}
        }
        found.push(word);
    }
    assert_eq!(found, words, "{success} {warning} {critical}: {runs}");
}

#[test]
fn without_thresholds_every_run_counts() {
    check([0, 0, 0], "pcwpc", "pcwpc");
    check([1, 1, 1], "pcwpc", "pcwpc");
}

#[test]
fn the_nth_run_in_a_row_turns_it_as_in_consul() {
    // Measured on Consul 1.8.7: runs 1 and 2 good, 3 to 7 bad, the rest good.
    check([2, 0, 2], "ppcccccpppp", "pppcccccppp");
    check([2, 0, 3], "pccpccc", "ppppppc");
    check([3, 0, 0], "cppcppp", "ccccccp");
}

#[test]
fn the_first_run_decides_at_once() {
    check([5, 0, 5], "p", "p");
    check([5, 0, 5], "c", "c");
    check([5, 0, 5], "cpppp", "ccccc");
}

#[test]
fn failures_turn_it_warning_before_critical() {
    check([0, 2, 4], "pccccc", "ppwwcc");
    check([0, 2, 4], "pccpcccc", "ppwppwwc");
}
