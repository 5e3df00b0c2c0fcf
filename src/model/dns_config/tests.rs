use super::*;

fn check(allowed: &[&str], denied: &[&str], client: &str, expected: bool) {
    let nets = |nets: &[&str]| nets.iter().map(|net| net.parse().unwrap()).collect();
    let access = Access { allowed: nets(allowed), denied: nets(denied) };
    assert_eq!(access.allows(client.parse().unwrap()), expected, "{access:?} {client}");
}

#[test]
fn the_longest_prefix_decides_who_may_ask() {
    check(&[], &[], "192.0.2.1", true);
    check(&["192.0.2.0/24"], &[], "192.0.2.1", true);
    check(&["192.0.2.0/24"], &[], "198.51.100.1", false);
    check(&["192.0.2.0/24"], &[], "2001:db8::1", false);
    check(&[], &["192.0.2.0/24"], "192.0.2.1", false);
    check(&[], &["192.0.2.0/24"], "198.51.100.1", true);
    check(&["192.0.2.1/32"], &["192.0.2.0/24"], "192.0.2.1", true);
    check(&["192.0.2.0/24"], &["192.0.2.1/32"], "192.0.2.1", false);
    check(&["192.0.2.0/24"], &["192.0.2.0/24"], "192.0.2.1", false);
    check(&["2001:db8::/32"], &["2001:db8:1::/48"], "2001:db8:1::1", false);
    check(&["192.0.2.0/24"], &[], "::ffff:192.0.2.1", true);
}
