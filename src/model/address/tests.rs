use super::*;

fn check(text: &str, expected: &str) {
    let found = match Address::new(text) {
        Ok(Address::Ip(ip)) => format!("ip {ip}"),
        Ok(Address::Host(host)) => format!("host {host}"),
        Err(fault) => fault.to_string(),
    };
    assert_eq!(found, expected, "{text}");
}

#[test]
fn addresses_are_ips_or_hosts() {
    check("192.0.2.1", "ip 192.0.2.1");
    check("[2001:db8::1]", "ip 2001:db8::1");
    check("db.example.com.", "host db.example.com.");
    check("0.0.0.0", "`0.0.0.0` and `::` are no addresses that anybody could connect to");
    check("::", "`0.0.0.0` and `::` are no addresses that anybody could connect to");
    check("", "an address must not be empty");
    check("a b", "`a b` is neither an IP address nor a host name");
    check("a..b", "`a..b` is neither an IP address nor a host name");
}
