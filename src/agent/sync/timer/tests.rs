use std::time::Duration;

use super::{Agreement, Timer, scale};
use crate::model::time::Now;

/// The shortest and the longest wait in seconds, of many.
fn check(agreement: Agreement, nodes: usize, least_s: u64, most_s: u64) {
    let mut rng = fastrand::Rng::with_seed(1);
    let waits: Vec<u64> = (0..1000)
        .map(|_| {
            let mut timer = Timer::new(Now(0));
            timer.note(agreement, nodes, Now(0), &mut rng);
            timer.next().0
        })
        .collect();
    let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    assert!(least_s * 1000 <= *least && *least <= least_s * 1000 + 2_000, "{agreement:?} {least}");
    assert!(*most <= most_s * 1000 && most_s * 950 <= *most, "{agreement:?} {most}");
}

#[test]
fn waits_are_consuls() {
    check(Agreement::Agrees, 1, 60, 120);
    check(Agreement::Agrees, 10_000, 60, 60 + 8 * 60);
    check(Agreement::Refused, 10_000, 15, 30);
}

#[test]
fn the_spread_grows_with_the_cluster() {
    let scales = [0, 1, 128, 129, 256, 257, 512, 8_192, 8_193, 10_000].map(scale);
    assert_eq!(scales, [1, 1, 1, 2, 2, 3, 3, 7, 8, 8]);
}

#[test]
fn a_leader_is_looked_for_at_once_and_then_ever_slower() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut timer = Timer::new(Now(0));
    let mut waits = Vec::new();
    for _ in 0..10 {
        let before = timer.next();
        timer.note(Agreement::NoLeader, 1, before, &mut rng);
        waits.push(u64::try_from(timer.next().since(before).as_millis()).unwrap());
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1280, 2000, 2000]);
    timer.note(Agreement::Agrees, 1, Now(0), &mut rng);
    timer.note(Agreement::NoLeader, 1, Now(0), &mut rng);
    assert_eq!(timer.next(), Now(0).after(Duration::from_millis(10)));
}
