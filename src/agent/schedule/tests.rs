use std::collections::BTreeMap;
use std::time::Duration;

use super::{Due, Lane, Schedule};
use crate::model::limits::{PROBES_RUNNING_MAX, SCRIPTS_RUNNING_MAX, SOCKETS_RUNNING_MAX};
use crate::model::name::CheckId;
use crate::model::time::Now;

fn id(text: &str) -> CheckId {
    CheckId::new(text).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Runs a schedule until a moment, each run ending at once; every start.
fn play(schedule: &mut Schedule, until: Now) -> Vec<(Now, CheckId)> {
    let mut starts = Vec::new();
    while let Some(now) = schedule.next().filter(|now| *now < until) {
        for due in schedule.poll(now) {
            starts.push((now, due.id.clone()));
            assert!(schedule.finish(&due));
        }
    }
    starts
}

#[test]
fn a_thousand_checks_of_one_interval_are_spread_over_it() {
    for seed in [0, 1, 0xdead_beef] {
        let mut schedule = Schedule::new(seed, SOCKETS_RUNNING_MAX);
        for number in 0..1000 {
            schedule.put(&id(&format!("service:web-{number}")), seconds(30), Lane::Socket, Now(0));
        }
        let starts = play(&mut schedule, Now(60_000));
        assert_eq!(starts.len(), 2000, "each twice in two intervals");
        let mut bins = BTreeMap::<u64, u64>::new();
        for (now, _) in &starts {
            *bins.entry(now.0 / 1000).or_default() += 1;
        }
        // The mean is 33 a second.
        let fullest = bins.values().max().unwrap();
        assert!(*fullest <= 66, "{fullest} checks start in one second");
        assert!(bins.len() == 60, "some seconds have none");
    }
}

#[test]
fn runs_keep_their_phase_even_after_a_late_poll() {
    let mut schedule = Schedule::new(3, SOCKETS_RUNNING_MAX);
    schedule.put(&id("c"), seconds(10), Lane::Socket, Now(500));
    let first = schedule.next().unwrap();
    assert!(Now(500) <= first && first < Now(10_500));
    let late = first.after(seconds(25));
    let due = schedule.poll(late);
    assert_eq!(due.len(), 1, "one run, not one for each that was missed");
    assert_eq!(schedule.next(), Some(first.after(seconds(30))));
}

#[test]
fn a_check_that_still_runs_is_left_out() {
    let mut schedule = Schedule::new(3, SOCKETS_RUNNING_MAX);
    schedule.put(&id("c"), seconds(1), Lane::Socket, Now(0));
    let due = schedule.poll(Now(1_000));
    assert_eq!(due.len(), 1);
    for now in (2_000..60_000).step_by(500) {
        assert_eq!(schedule.poll(Now(now)), []);
    }
    assert!(schedule.finish(&due[0]));
    assert_eq!(schedule.poll(Now(61_000)).len(), 1);
}

#[test]
fn the_result_of_a_check_that_was_put_anew_does_not_count() {
    let mut schedule = Schedule::new(3, SOCKETS_RUNNING_MAX);
    schedule.put(&id("c"), seconds(1), Lane::Socket, Now(0));
    let old = schedule.poll(Now(1_000)).remove(0);
    schedule.put(&id("c"), seconds(1), Lane::Socket, Now(1_000));
    assert_eq!(schedule.poll(Now(5_000)), [], "the old run is under way");
    assert!(!schedule.finish(&old));
    let new = schedule.poll(Now(7_000)).remove(0);
    assert!(!schedule.finish(&old), "a run ends once");
    assert!(schedule.finish(&new));
    schedule.remove(&id("c"));
    assert_eq!(schedule.next(), None);
}

#[test]
fn only_so_many_run_at_once_and_the_longest_overdue_comes_next() {
    for (lane, running_max) in
        [(Lane::Script, SCRIPTS_RUNNING_MAX), (Lane::Socket, SOCKETS_RUNNING_MAX)]
    {
        let mut schedule = Schedule::new(3, SOCKETS_RUNNING_MAX);
        for number in 0..running_max + 2 {
            schedule.put(&id(&format!("c{number}")), seconds(10), lane, Now(0));
        }
        let running: Vec<Due> = schedule.poll(Now(10_000));
        assert_eq!(running.len(), running_max);
        assert_eq!(schedule.next(), None, "only an end makes room");
        assert_eq!(schedule.poll(Now(11_000)), []);
        assert!(schedule.finish(&running[0]));
        let next = schedule.poll(Now(11_000));
        assert_eq!(next.len(), 1);
        assert!(!running.contains(&next[0]));
    }
}

#[test]
fn hung_runs_of_one_kind_take_no_place_from_the_other() {
    for (hung, other) in [(Lane::Script, Lane::Socket), (Lane::Socket, Lane::Script)] {
        let mut schedule = Schedule::new(3, SOCKETS_RUNNING_MAX);
        for number in 0..PROBES_RUNNING_MAX {
            schedule.put(&id(&format!("hung{number}")), seconds(10), hung, Now(0));
        }
        schedule.put(&id("other"), seconds(10), other, Now(0));
        let starts = schedule.poll(Now(10_000));
        let due = starts.iter().find(|due| due.id == id("other")).unwrap();
        assert!(schedule.finish(due));
        assert!(schedule.next().is_some(), "{other:?} has room");
        let starts = schedule.poll(Now(20_000));
        assert_eq!(starts.len(), 1, "all the rest is hung");
        // A run keeps its place until it ends, even where its check is of the other kind now.
        schedule.put(&id("other"), seconds(10), hung, Now(20_000));
        assert!(!schedule.finish(&starts[0]));
        assert_eq!(schedule.poll(Now(30_000)), []);
    }
}
