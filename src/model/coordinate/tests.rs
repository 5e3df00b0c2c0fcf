use std::time::Duration;

use crate::model::coordinate::{Coordinate, CoordinateFault, CoordinateNumbers};

/// A coordinate by the first of its positions, its adjustment and height.
fn at(x: f64, adjustment: f64, height: f64) -> Result<Coordinate, CoordinateFault> {
    let vec = [x, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    Coordinate::new(&CoordinateNumbers { vec, error: 1.5, adjustment, height })
}

fn check(one: (f64, f64, f64), other: (f64, f64, f64), expected: Duration) {
    let make = |(x, adjustment, height)| at(x, adjustment, height).unwrap();
    let (one, other) = (make(one), make(other));
    assert_eq!(one.round_trip(&other), expected);
    assert_eq!(other.round_trip(&one), expected, "the way back");
}

#[test]
fn two_that_measured_nothing_are_two_heights_apart() {
    let origin = Coordinate::origin();
    assert_eq!(origin.round_trip(&origin), Duration::from_micros(20));
}

#[test]
fn heights_and_adjustments_are_added() {
    check((0.0, 0.0, 0.0), (0.25, 0.0, 0.0), Duration::from_millis(250));
    check((0.0, 0.0, 0.125), (0.25, 0.0, 0.25), Duration::from_millis(625));
    check((0.0, 0.125, 0.0), (0.25, 0.25, 0.0), Duration::from_millis(625));
}

#[test]
fn adjustments_below_nothing_are_left_out() {
    check((0.0, -0.25, 0.0), (0.25, -0.25, 0.0), Duration::from_millis(250));
}

#[test]
fn impossible_numbers_are_far_away_or_here() {
    check((-1e308, 0.0, 0.0), (1e308, 0.0, 0.0), Duration::MAX);
    check((0.0, 0.0, -1.0), (0.0, 0.0, 0.0), Duration::ZERO);
    check((1e308, -1e308, 1e308), (-1e308, -1e308, 1e308), Duration::MAX);
}

#[test]
fn what_is_not_finite_is_refused() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(at(number, 0.0, 0.0), Err(CoordinateFault));
        assert_eq!(at(0.0, number, 0.0), Err(CoordinateFault));
        assert_eq!(at(0.0, 0.0, number), Err(CoordinateFault));
    }
}

#[test]
fn numbers_come_back_bit_by_bit() {
    let numbers = at(0.1 + 0.2, -0.0, 5e-324).unwrap().numbers();
    assert_eq!(Coordinate::new(&numbers).unwrap(), at(0.1 + 0.2, -0.0, 5e-324).unwrap());
    assert_ne!(at(0.0, -0.0, 0.0), at(0.0, 0.0, 0.0));
}
