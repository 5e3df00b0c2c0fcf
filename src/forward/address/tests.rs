use std::net::{IpAddr, SocketAddr};

use super::{Place, addresses, name_servers};
use crate::forward::fault::Fault;
use crate::model::forward_config::Recursor;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn place(listeners: &[&str], system: &[&str]) -> Place {
    Place {
        system: system.iter().map(|text| at(text)).collect(),
        listeners: listeners.iter().map(|text| at(text)).collect(),
        own: vec!["10.0.0.5".parse::<IpAddr>().unwrap(), "2001:db8::5".parse().unwrap()],
    }
}

#[test]
fn who_listens_is_no_recursor() {
    // Listener, recursor, whether the recursor is the listener.
    let cases = [
        ("127.0.0.1:53", "127.0.0.1:53", true),
        ("127.0.0.1:53", "127.0.0.1:5353", false),
        ("127.0.0.1:53", "127.0.0.53:53", false),
        ("127.0.0.1:53", "0.0.0.0:53", true),
        ("0.0.0.0:53", "127.0.0.53:53", true),
        ("0.0.0.0:53", "10.0.0.5:53", true),
        ("0.0.0.0:53", "10.0.0.6:53", false),
        ("0.0.0.0:53", "[::1]:53", false),
        ("0.0.0.0:53", "[::ffff:10.0.0.5]:53", true),
        ("[::]:53", "[::1]:53", true),
        ("[::]:53", "[2001:db8::5]:53", true),
        ("[::]:53", "[2001:db8::6]:53", false),
        ("[::]:53", "10.0.0.5:53", false),
        ("10.0.0.5:53", "10.0.0.5:53", true),
        ("10.0.0.5:53", "127.0.0.1:53", false),
    ];
    for (listener, recursor, is_ours) in cases {
        let found = addresses(&[Recursor::At(at(recursor))], &place(&[listener], &[]));
        let expected = if is_ours { Err(Fault::Own(at(recursor))) } else { Ok(vec![at(recursor)]) };
        assert_eq!(found, expected, "{listener} {recursor}");
        // The system may name us, since programs on it ask us.
        let found = addresses(&[Recursor::System], &place(&[listener], &[recursor]));
        let expected = if is_ours { vec![] } else { vec![at(recursor)] };
        assert_eq!(found, Ok(expected), "{listener} {recursor}");
    }
}

#[test]
fn the_system_stands_where_it_is_stated_and_each_one_once() {
    let place = place(&[], &["192.0.2.2:53", "192.0.2.1:53"]);
    let stated =
        [Recursor::At(at("192.0.2.1:53")), Recursor::System, Recursor::At(at("192.0.2.3:53"))];
    let expected = ["192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"].map(at);
    assert_eq!(addresses(&stated, &place), Ok(expected.to_vec()));
}

#[test]
fn a_fault_says_which_one() {
    let fault = Fault::Own(at("127.0.0.1:53"));
    assert_eq!(fault.to_string(), "recursor `127.0.0.1:53` is this agent itself");
}

#[test]
fn name_servers_are_read_as_the_c_library_does() {
    let scope = |name: &str| (name == "eth0").then_some(2);
    let cases: [(&str, &[&str]); 9] = [
        ("", &[]),
        ("nameserver 192.0.2.1\nnameserver\t2001:db8::1\n", &["192.0.2.1:53", "[2001:db8::1]:53"]),
        ("# nameserver 192.0.2.1\n;nameserver 192.0.2.1\n", &[]),
        ("nameserver 192.0.2.1 # the first\noptions no-such-option\n", &["192.0.2.1:53"]),
        ("search a b\nnameserver x\nnameserver\nnameserver 192.0.2.1", &["192.0.2.1:53"]),
        ("nameserver fe80::1%eth0\n", &["[fe80::1%2]:53"]),
        ("nameserver fe80::1%7\nnameserver fe80::1%eth9\n", &["[fe80::1%7]:53"]),
        ("nameserver 0.0.0.0\n", &["127.0.0.1:53"]),
        ("\u{fffd}\0nameserver\nnameservers 192.0.2.1\n", &[]),
    ];
    for (text, expected) in cases {
        let found: Vec<_> = name_servers(text, scope).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{text:?}");
    }
}
