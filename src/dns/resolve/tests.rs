use super::*;
use crate::dns::setup::Setup;
use crate::dns::tests::{config, known, view};

/// Whether a network is ours for who may see all, and for who may see nothing.
fn check(network: &str, expected: (bool, bool)) {
    let (view, config) = (view(1), Arc::new(Setup::new(config())));
    let (network, blind) = (network.parse().unwrap(), Authorizer::deny_all());
    let seeing = known(&view, &config);
    let for_all = is_somebody_in(&seeing, network);
    let for_none = is_somebody_in(&Known { acl: &blind, ..seeing }, network);
    assert_eq!((for_all, for_none), expected, "{network}");
}

#[test]
fn a_network_is_ours_to_who_may_see_somebody_in_it() {
    // The only machine has 10.0.0.1.
    check("10.0.0.0/24", (true, false));
    check("9.255.255.0/24", (false, false));
    check("10.0.1.0/24", (false, false));
    check("2001:db8::/64", (false, false));
}
