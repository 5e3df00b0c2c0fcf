use std::net::SocketAddr;
use std::time::Duration;

use super::{Choice, Path, Standing};
use crate::forward::question::{Extension, Letters};
use crate::model::forward_config::Strategy;
use crate::model::time::Now;

fn address(number: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], number))
}

fn three(strategy: Strategy) -> Choice {
    Choice::new(&[address(1), address(2), address(3)], strategy)
}

fn order(choice: &Choice, seconds: u64) -> Vec<u16> {
    let mut rng = fastrand::Rng::with_seed(seconds);
    let order = choice.order(Now(seconds * 1_000), &mut rng);
    order.iter().map(|pick| pick.address.port()).collect()
}

#[test]
fn who_failed_is_asked_last_for_longer_each_time() {
    let mut choice = three(Strategy::Sequential);
    assert_eq!(order(&choice, 0), [1, 2, 3]);
    choice.failed(address(1), Now(0));
    choice.failed(address(2), Now(1_000));
    let orders = [(1, vec![3, 1, 2]), (10, vec![1, 3, 2]), (11, vec![1, 2, 3])];
    for (seconds, expected) in orders {
        assert_eq!(order(&choice, seconds), expected, "at {seconds}");
    }
    // The second time is twice as long, and an answer ends it.
    choice.failed(address(1), Now(20_000));
    assert_eq!(order(&choice, 39), [2, 3, 1]);
    assert_eq!(order(&choice, 40), [1, 2, 3]);
    choice.failed(address(1), Now(40_000));
    choice.answered(address(1));
    assert_eq!(order(&choice, 41), [1, 2, 3]);
    for _ in 0..100 {
        choice.failed(address(1), Now(50_000));
    }
    assert_eq!(order(&choice, 50 + 319), [2, 3, 1]);
    assert_eq!(order(&choice, 50 + 320), [1, 2, 3], "never longer than five minutes or so");
}

#[test]
fn at_random_all_are_first_and_nobody_who_failed() {
    let mut choice = three(Strategy::Random);
    choice.failed(address(2), Now(0));
    let mut first = [0; 4];
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let order = choice.order(Now(1), &mut rng);
        assert_eq!((order.len(), order[2].address), (3, address(2)));
        first[usize::from(order[0].address.port())] += 1;
    }
    assert!(first[2] == 0 && 100 < first[1] && 100 < first[3], "{first:?}");
}

#[test]
fn who_forwards_to_us_is_left_out_until_it_does_not() {
    let mut choice = three(Strategy::Sequential);
    assert!(!choice.is_loop());
    assert!(choice.leads(address(2), Path::Loop), "this is news");
    assert!(!choice.leads(address(2), Path::Loop), "this is not");
    assert_eq!(order(&choice, 0), [1, 3]);
    choice.leads(address(1), Path::Loop);
    choice.leads(address(3), Path::Loop);
    assert!(choice.is_loop());
    assert_eq!(order(&choice, 0), [0_u16; 0]);
    assert!(choice.leads(address(3), Path::Onward));
    assert_eq!(order(&choice, 0), [3]);
    assert!(!choice.leads(address(9), Path::Loop), "who is not there forwards nothing");
    assert!(!Choice::new(&[], Strategy::Random).is_loop());
    assert_eq!(order(&Choice::new(&[], Strategy::Random), 0), [0_u16; 0]);
}

#[test]
fn what_a_recursor_understands_is_remembered() {
    let mut choice = three(Strategy::Sequential);
    choice.folds(address(1));
    choice.lacks_edns(address(2));
    let order = choice.order(Now(0), &mut fastrand::Rng::with_seed(0));
    let forms: Vec<_> = order.iter().map(|pick| (pick.form.letters, pick.form.edns)).collect();
    let expected = [
        (Letters::Plain, Extension::Edns),
        (Letters::Scrambled, Extension::None),
        (Letters::Scrambled, Extension::Edns),
    ];
    assert_eq!(forms, expected);
}

#[test]
fn standings_say_how_each_one_does() {
    let mut choice = three(Strategy::Sequential);
    choice.failed(address(1), Now(0));
    choice.leads(address(2), Path::Loop);
    let standing = |now| choice.standings(now).into_iter().map(|(_, s)| s).collect::<Vec<_>>();
    assert_eq!(standing(Now(0)), [Standing::Lame, Standing::Loops, Standing::Good]);
    let later = Now(0).after(Duration::from_secs(10));
    assert_eq!(standing(later), [Standing::Good, Standing::Loops, Standing::Good]);
}
