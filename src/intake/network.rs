//! Canonical Value → addresses and ports; the templates that stand for an address of this machine.

use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use crate::intake::build::note;
use crate::intake::config::Config;
use crate::intake::fault::Fault;
use crate::intake::http;
use crate::intake::read::{self, Notes};
use crate::intake::value::Value;
use crate::model::address::Address;
use crate::model::limits::ADDRESSES_MAX;
use crate::model::number::parse_port;

/// Reads addresses and ports.
pub(crate) fn read(notes: &mut Notes, root: &Value, config: &mut Config) {
    if let Some(addr) = single(notes, root, "bind_addr") {
        config.bind_addr = addr;
    }
    if let Some(addr) = single(notes, root, "advertise_addr") {
        if addr.is_unspecified() {
            let text = "Advertise address cannot be 0.0.0.0, :: or [::]";
            note(notes, root, "advertise_addr", text);
        }
        config.advertise_addr = Some(addr);
    }
    let client_addrs = several(notes, root, "client_addr", "client_addr");
    if !client_addrs.is_empty() {
        config.client_addrs = client_addrs;
    }
    if let Some(addresses) = root.entry("addresses") {
        config.addresses.dns = several(notes, addresses, "dns", "addresses.dns");
        config.addresses.http = http::addresses(notes, addresses);
    }
    ports(notes, root, config);
    config.tagged_addresses = read::map(root, "tagged_addresses");
    let mut tagged = config.tagged_addresses.iter();
    let fault = tagged.find_map(|(key, text)| Some((key.clone(), Address::new(text).err()?)));
    if let Some((key, fault)) = fault {
        note(notes, root, "tagged_addresses", &format!("tagged address `{key}`: {fault}"));
    }
}

fn ports(notes: &mut Notes, root: &Value, config: &mut Config) {
    let Some(ports) = root.entry("ports") else { return };
    let fields = [
        ("dns", &mut config.ports.dns),
        ("http", &mut config.ports.http),
        ("https", &mut config.ports.https),
        ("grpc", &mut config.ports.grpc),
        ("server", &mut config.ports.server),
        ("serf_lan", &mut config.ports.serf_lan),
        ("serf_wan", &mut config.ports.serf_wan),
    ];
    for (key, field) in fields {
        let Some(number) = read::integer(ports, key) else { continue };
        match parse_port(number) {
            Ok(port) => *field = Some(port),
            // Consul: a negative port switches the listener off.
            Err(_) if number < 0 => *field = None,
            Err(fault) => {
                let text = format!("ports.{key}: {fault}");
                let fault = Fault::at(read::place(ports, key), text);
                notes.problem(fault.hint("ports go from 0 (any) to 65535; -1 switches off"), "");
            }
        }
    }
    // Two listeners of one protocol and address cannot share a port.
    let tcp = [
        ("dns", config.ports.dns),
        ("http", config.ports.http),
        ("https", config.ports.https),
        ("grpc", config.ports.grpc),
    ];
    for (index, (key, port)) in tcp.iter().enumerate() {
        let before = tcp.iter().take(index).find(|(_, other)| port.is_some() && other == port);
        if let (Some(port), Some((other, _))) = (port.filter(|port| *port != 0), before) {
            note(notes, ports, key, &format!("`ports.{key}` and `ports.{other}` are both {port}"));
        }
    }
}

/// One address, or a template that stands for one.
fn single(notes: &mut Notes, object: &Value, key: &str) -> Option<IpAddr> {
    let mut addrs = several(notes, object, key, key);
    if 1 < addrs.len() {
        let text = format!("`{key}` must be one address, {} are stated", addrs.len());
        note(notes, object, key, &text);
    }
    addrs.pop()
}

/// Addresses with spaces between, each possibly a template; `shown` is the key's full name.
fn several(notes: &mut Notes, object: &Value, key: &str, shown: &str) -> Vec<IpAddr> {
    words(notes, object, key, shown, parse)
}

/// What words with spaces between stand for, each once.
pub(crate) fn words<T: PartialEq>(
    notes: &mut Notes,
    object: &Value,
    key: &str,
    shown: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let mut addrs = Vec::new();
    let mut rest = read::text(object, key).trim();
    while !rest.is_empty() {
        let end = match rest.starts_with("{{").then(|| rest.find("}}")).flatten() {
            Some(end) => end + 2,
            None => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        let (word, tail) = rest.split_at(end);
        rest = tail.trim_start();
        match parse(word) {
            Ok(addr) if !addrs.contains(&addr) => addrs.push(addr),
            Ok(_) => {}
            Err(reason) => note(notes, object, key, &format!("`{shown}`: {reason}")),
        }
        if ADDRESSES_MAX < addrs.len() {
            note(notes, object, key, &format!("`{shown}` has more than {ADDRESSES_MAX} addresses"));
            return addrs;
        }
    }
    addrs
}

/// The address that a word stands for.
pub(crate) fn parse(word: &str) -> Result<IpAddr, String> {
    if is_template(word) {
        return resolve(word);
    }
    if word.starts_with("unix://") {
        return Err("only `addresses.http` may be a unix socket; state an IP address".to_owned());
    }
    if word.eq_ignore_ascii_case("localhost") {
        return Ok(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
    }
    let bare = word.strip_prefix('[').and_then(|word| word.strip_suffix(']')).unwrap_or(word);
    bare.parse().map_err(|_| format!("`{word}` is no IP address"))
}

pub(crate) fn is_template(text: &str) -> bool {
    text.trim_start().starts_with("{{")
}

/// The address that one of go-sockaddr's simple templates stands for.
pub(crate) fn resolve(template: &str) -> Result<IpAddr, String> {
    let inner = template.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
    let mut words = inner.split_whitespace();
    let found = match (words.next(), words.next(), words.next()) {
        (Some("GetPrivateIP"), None, None) => find(|_, addr| is_private(addr)),
        (Some("GetPublicIP"), None, None) => find(|_, addr| !is_private(addr) && addr.is_ipv4()),
        (Some("GetInterfaceIP"), Some(name), None) => {
            let name = name.trim_matches(['"', '`']);
            find(|interface, _| interface == name)
        }
        _ => {
            return Err(format!(
                "the template `{template}` is not supported; known are `GetPrivateIP`, `GetPublicIP` and `GetInterfaceIP \"eth0\"`"
            ));
        }
    };
    found.ok_or_else(|| format!("no interface has an address for `{template}`"))
}

/// The private addresses of interfaces that are up; IPv4 before IPv6.
#[must_use]
pub fn private_ips() -> Vec<IpAddr> {
    find_all(|_, addr| is_private(addr))
}

/// The first address that fits, of interfaces that are up; IPv4 before IPv6.
fn find(fits: impl Fn(&str, IpAddr) -> bool) -> Option<IpAddr> {
    find_all(fits).first().copied()
}

fn find_all(fits: impl Fn(&str, IpAddr) -> bool) -> Vec<IpAddr> {
    // Without a list of interfaces there is nothing to find.
    let Ok(interfaces) = getifaddrs() else { return Vec::new() };
    let mut found: Vec<IpAddr> = interfaces
        .filter(|interface| interface.flags.contains(InterfaceFlags::IFF_UP))
        .filter_map(|interface| {
            let addr = interface.address?;
            let v4 = addr.as_sockaddr_in().map(|addr| IpAddr::V4(addr.ip()));
            let ip = v4.or_else(|| addr.as_sockaddr_in6().map(|addr| IpAddr::V6(addr.ip())))?;
            fits(&interface.interface_name, ip).then_some(ip)
        })
        .collect();
    // Stable: the kernel's order stays within each family.
    found.sort_by_key(IpAddr::is_ipv6);
    found
}

fn is_private(addr: IpAddr) -> bool {
    match addr {
        // RFC 1918, and RFC 6598's shared space, which go-sockaddr counts too.
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_private() || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(_) => false,
    }
}
