use super::*;

/// One client each.
const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";
const C: &str = "2001:db8::1";

fn take(places: &Arc<Places>, address: &str) -> Option<Seat> {
    places.take(address.parse().unwrap())
}

/// Takes places that all wait, in this order; then one more: which of the first had to leave for it.
fn check(addresses: &[&str], busy: &[usize], comes: &str, expected: Result<Option<usize>, ()>) {
    let places = Arc::new(Places::new(4, 2));
    let seats: Vec<Seat> =
        addresses.iter().map(|address| take(&places, address).unwrap()).collect();
    seats.iter().for_each(Seat::rest);
    for at in busy {
        seats[*at].work();
    }
    let came = take(&places, comes);
    let leaves = seats.iter().position(is_wanted);
    assert_eq!(came.is_some().then_some(leaves).ok_or(()), expected, "{addresses:?} {comes}");
}

/// Whether a place is wanted for another.
fn is_wanted(seat: &Seat) -> bool {
    use futures_util::FutureExt;
    seat.wanted().now_or_never().is_some()
}

#[test]
fn who_waits_longest_leaves() {
    check(&[], &[], A, Ok(None));
    check(&[A], &[], A, Ok(None));
    check(&[A, B, B], &[], C, Ok(None));
    // A client that has all it may have leaves others alone.
    check(&[A, B, B], &[], B, Ok(Some(1)));
    check(&[A, B, B], &[1], B, Ok(Some(2)));
    check(&[A, B, B], &[1, 2], B, Err(()));
    check(&[A, A, B, B], &[], C, Ok(Some(0)));
    check(&[A, A, B, B], &[0, 1], C, Ok(Some(2)));
    check(&[A, A, B, B], &[0, 1, 2, 3], C, Err(()));
    check(&[A, A, B, B], &[0, 1], A, Err(()));
}

#[test]
fn an_ipv6_network_is_one_client() {
    check(&[C, C], &[], "2001:db8::2:3:4:5", Ok(Some(0)));
    check(&[C, C], &[], "2001:db8:0:1::1", Ok(None));
    check(&[A, A], &[], "::ffff:192.0.2.1", Ok(Some(0)));
}

#[test]
fn who_worked_last_leaves_last() {
    let places = Arc::new(Places::new(2, 2));
    let seats = [take(&places, A).unwrap(), take(&places, A).unwrap()];
    seats.iter().for_each(Seat::rest);
    seats[0].work();
    seats[0].rest();
    let _third = take(&places, A).unwrap();
    assert_eq!(seats.each_ref().map(is_wanted), [false, true]);
    // Told once, it is not chosen again.
    let _fourth = take(&places, A).unwrap();
    assert_eq!(seats.each_ref().map(is_wanted), [true, false]);
}

#[test]
fn who_does_not_leave_is_not_waited_for_without_end() {
    let places = Arc::new(Places::new(1, 1));
    let take_waiting = || take(&places, A).inspect(Seat::rest);
    let seats: Vec<Seat> = std::iter::from_fn(take_waiting).collect();
    assert_eq!(seats.len(), 1 + LEAVING_MAX);
    drop(seats);
    assert_eq!(places.count.load(Ordering::Relaxed), 0);
    assert!(take_waiting().is_some());
}

#[test]
fn places_run_out_at_three_quarters() {
    let places = Arc::new(Places::new(8, 8));
    let mut seats: Vec<Seat> = (0..5).map(|_| take(&places, A).unwrap()).collect();
    assert_eq!(seats[0].idle_timeout(), DNS_TCP_IDLE_TIMEOUT);
    seats.push(take(&places, A).unwrap());
    assert_eq!(seats[0].idle_timeout(), DNS_TCP_IDLE_TIMEOUT_CROWDED);
    seats.pop();
    assert_eq!(seats[0].idle_timeout(), DNS_TCP_IDLE_TIMEOUT);
}

#[test]
fn who_holds_much_may_not_where_all_hold_too_much() {
    let places = Arc::new(Places::new(8, 8));
    let [one, other] = [A, B].map(|address| take(&places, address).unwrap());
    let most = DNS_TCP_HELD_BYTES_MAX;
    assert!(one.hold(most));
    assert!(other.hold(DNS_TCP_HELD_BYTES_FEW));
    assert!(!other.hold(DNS_TCP_HELD_BYTES_FEW + 1));
    assert!(!one.hold(most), "the other one still holds its own");
    drop(other);
    assert!(one.hold(most));
    assert!(!one.hold(most + 1));
    drop(one);
    assert_eq!(places.held.load(Ordering::Relaxed), 0);
}
