use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::LazyLock;

use expect_test::{Expect, expect};

use super::query::EdnsOptions;
use super::*;
use crate::acl::{AclsDisabled, Authorizer};
use crate::catalog::apply::apply;
use crate::catalog::command::{Machine, Registration};
use crate::catalog::{Catalog, Command};
use crate::model::address::Address;
use crate::model::dns_config::DnsConfig;
use crate::model::name::{Datacenter, NodeName, ServiceId, ServiceName};
use crate::model::node::Meta;
use crate::model::number::{Revision, Weights};
use crate::model::service::Service;
use crate::model::time::Now;

pub(super) fn config() -> DnsConfig {
    DnsConfig::new(Datacenter::new("dc1").unwrap(), NodeName::new("agent").unwrap())
}

/// A service of an id and a name that are the same.
pub(super) fn service(name: &str) -> Service {
    Service {
        id: ServiceId::new(name).unwrap(),
        name: ServiceName::new(name).unwrap(),
        tags: Vec::new(),
        address: None,
        tagged_addresses: BTreeMap::new(),
        meta: BTreeMap::new(),
        port: 80,
        weights: Weights::default(),
        enable_tag_override: false,
        create_revision: Revision(0),
        modify_revision: Revision(0),
    }
}

/// Registers one machine with one instance of `web`.
fn register(catalog: &mut Catalog, revision: u64, at: u32, meta: Meta) {
    let address = Address::Ip(Ipv4Addr::from(0x0a00_0000 + at).into());
    let machine = Machine { id: String::new(), address, tagged_addresses: BTreeMap::new(), meta };
    let registration = Registration {
        node: NodeName::new(&format!("n{at}")).unwrap(),
        machine: Some(machine),
        service: Some(service("web")),
        checks: Vec::new(),
    };
    let _ = apply(catalog, Revision(revision), Now(0), &Command::Register(Box::new(registration)));
}

pub(super) fn view(instances: u32) -> View {
    let mut catalog = Catalog::default();
    for at in 1..=instances {
        register(&mut catalog, u64::from(at), at, Meta::new());
    }
    View::new(catalog)
}

pub(super) fn source(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 254], port))
}

pub(super) fn known<'a>(view: &'a View, config: &'a Arc<Setup>) -> Known<'a> {
    static ALLOW_ALL: Authorizer = Authorizer::allow_all();
    static ZONES: LazyLock<Arc<Zones>> = LazyLock::new(Arc::default);
    Known {
        view,
        acl: &ALLOW_ALL,
        tokens: &AclsDisabled,
        config,
        now: Now(1_000),
        age: Duration::ZERO,
        cookie_secret: CookieSecret([7; 16]),
        zones: &ZONES,
        outside: &outside::Nothing,
    }
}

/// What is sent back; nothing if the query is ignored. A worker that remembers says the same, whether it
/// makes the answer or finds it.
fn ask_with(
    known: &Known<'_>,
    incoming: &Incoming<'_>,
    worker: &mut Worker,
    seed: u64,
) -> Option<Vec<u8>> {
    let mut without = Worker::without_cache(fastrand::Rng::with_seed(seed));
    let mut expected = Vec::new();
    let said = respond(known, incoming, &mut without, &mut expected);
    for _ in 0..2 {
        worker.rng = fastrand::Rng::with_seed(seed);
        let mut came = Vec::new();
        let again = respond(known, incoming, worker, &mut came);
        assert_eq!(text::show(&came), text::show(&expected), "{:02x?}", incoming.bytes);
        assert_eq!(came, expected, "{:02x?}", incoming.bytes);
        assert_eq!(matches!(again, Outgoing::Ignore), matches!(said, Outgoing::Ignore));
    }
    matches!(said, Outgoing::Reply(_)).then_some(expected)
}

fn ask(view: &View, bytes: &[u8], transport: Transport, seed: u64) -> Option<Vec<u8>> {
    let incoming = Incoming { bytes, transport, source: source(5353) };
    let mut worker = Worker::new(fastrand::Rng::with_seed(seed));
    ask_with(&known(view, &Arc::new(Setup::new(config()))), &incoming, &mut worker, seed)
}

fn reply(view: &View, name: &str, kind: &str, transport: Transport, seed: u64) -> Vec<u8> {
    let bytes = query(name, kind, &QueryOptions::default(), 7).unwrap();
    ask(view, &bytes, transport, seed).expect("a reply")
}

fn check(view: &View, name: &str, kind: &str, expected: &Expect) {
    expected.assert_eq(&text::show(&reply(view, name, kind, Transport::Udp, 1)));
}

#[test]
fn an_unready_view_denies_nothing() {
    let view = View::unready();
    let failed = expect![[r"
        status SERVFAIL, flags qr rd, 93 bytes
        edns version 0, udp 1232, flags none
        ede 14 Not Ready: this agent does not know the catalog yet
        question web.service.consul. IN A
    "]];
    check(&view, "web.service.consul", "A", &failed);
    for name in
        ["consul", "nonsense.consul", "service.consul", "7f000001.addr.consul", "1.in-addr.arpa"]
    {
        let shown = text::show(&reply(&view, name, "SOA", Transport::Udp, 1));
        assert!(shown.starts_with("status SERVFAIL"), "{name}: {shown}");
    }
    let refused = text::show(&reply(&view, "example.com", "A", Transport::Udp, 1));
    assert!(refused.starts_with("status REFUSED, flags qr rd"), "{refused}");
}

#[test]
fn the_serial_is_the_revision() {
    let mut catalog = Catalog::default();
    register(&mut catalog, 0x1_0000_0005, 1, Meta::new());
    check(
        &View::new(catalog),
        "nobody.consul",
        "A",
        &expect![[r"
            status NXDOMAIN, flags qr aa rd, 119 bytes
            edns version 0, udp 1232, flags none
            ede 0 Other: no name has this form
            question nobody.consul. IN A
            authority consul. 0 IN SOA ns.consul. hostmaster.consul. 5 3600 600 86400 0
        "]],
    );
}

#[test]
fn datagrams_are_answered_from_any_port_but_zero() {
    let bytes = query("consul", "SOA", &QueryOptions::default(), 7).unwrap();
    let (view, config) = (view(0), Arc::new(Setup::new(config())));
    let mut worker = Worker::new(fastrand::Rng::with_seed(1));
    let mut check = |transport, port| {
        let incoming = Incoming { bytes: &bytes, transport, source: source(port) };
        ask_with(&known(&view, &config), &incoming, &mut worker, 1).is_some()
    };
    assert!(!check(Transport::Udp, 0));
    assert!(check(Transport::Tcp, 0));
    // Echo, and resolvers that ask from their own port.
    assert!(check(Transport::Udp, 7));
    assert!(check(Transport::Udp, 53));
}

#[test]
fn every_instance_comes_first_for_somebody() {
    let view = view(5);
    let first = |seed| {
        let shown = text::show(&reply(&view, "web.service.consul", "A", Transport::Udp, seed));
        shown.lines().find(|line| line.starts_with("answer")).unwrap().to_owned()
    };
    let seen: BTreeSet<String> = (0..100).map(first).collect();
    assert_eq!(seen.len(), 5);
}

#[test]
fn a_tcp_answer_ends_at_65535_bytes_and_says_so() {
    let view = view(5_000);
    for kind in ["A", "SRV"] {
        let reply = reply(&view, "web.service.consul", kind, Transport::Tcp, 1);
        let shown = text::show(&reply);
        assert!(shown.starts_with("status NOERROR, flags qr aa tc rd"), "{kind}");
        assert!(shown.contains("\nedns version 0"), "{kind}");
        let answers = shown.lines().filter(|line| line.starts_with("answer")).count();
        assert!(65_000 < reply.len() && 1_000 < answers && answers <= 4_096, "{kind} {answers}");
    }
}

#[test]
fn additional_sets_are_whole_or_absent() {
    let mut catalog = Catalog::default();
    let meta: Meta = (0..3).map(|at| (format!("key{at}"), "x".repeat(500))).collect();
    register(&mut catalog, 1, 1, meta);
    let view = View::new(catalog);
    let shown = |transport| {
        let shown = text::show(&reply(&view, "web.service.consul", "SRV", transport, 1));
        let texts = shown.lines().filter(|line| line.contains(" TXT ")).count();
        (texts, shown.contains(" IN A 10.0.0.1"), shown.contains(" tc "))
    };
    // Two of the three texts would fit; the address stays, and nothing is said.
    assert_eq!(shown(Transport::Udp), (0, true, false));
    assert_eq!(shown(Transport::Tcp), (3, true, false));
}

#[test]
fn odd_keys_of_metadata_are_quoted() {
    let pairs =
        [("a=b", "c"), ("tick`", "t`"), (" edge ", "x"), ("RFC1035-", "bare=1"), ("ä", "ö")];
    let meta = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let data: Vec<String> = record::meta_data(&meta).map(|data| data.to_string()).collect();
    assert_eq!(data, ["` edge` =x", "bare=1", "a`=b=c", "tick``=t``", "ä=ö"]);
}

/// Queries of all shapes, to be mangled.
fn seeds() -> Vec<Vec<u8>> {
    let names =
        ["web.service.consul", "_web._tcp.service.dc1.consul", "n1.node.consul", "consul", "x"];
    let edns = EdnsOptions {
        dnssec_ok: true,
        options: vec![(10, vec![1; 8]), (8, vec![0, 1, 24, 0, 192, 0, 2])],
        ..EdnsOptions::default()
    };
    let shapes = [
        QueryOptions::default(),
        QueryOptions { edns: None, ..QueryOptions::default() },
        QueryOptions { edns: Some(edns), ..QueryOptions::default() },
    ];
    let kinds = ["A", "SRV", "ANY", "SOA", "TXT"];
    let mut seeds = Vec::new();
    for shape in &shapes {
        for (name, kind) in names.iter().zip(kinds) {
            seeds.push(query(name, kind, shape, 0x1c70).unwrap());
        }
    }
    seeds
}

fn mangle(packet: &mut Vec<u8>, rng: &mut fastrand::Rng) {
    for _ in 0..=rng.usize(..4) {
        let at = rng.usize(..=packet.len());
        match rng.u8(..6) {
            0 => packet.truncate(at),
            1 => packet.insert(at, rng.u8(..)),
            2 => packet.extend_from_within(at..),
            3 => drop(packet.drain(at..(at + 3).min(packet.len()))),
            _ if at < packet.len() => packet[at] ^= 1 << rng.u8(..8),
            _ => packet.push(0xC0),
        }
    }
}

#[test]
fn mangled_packets_are_answered_or_ignored() {
    let view = view(40);
    let seeds = seeds();
    let config = Arc::new(Setup::new(config()));
    let mut rng = fastrand::Rng::with_seed(20_260);
    let mut worker = Worker::new(fastrand::Rng::with_seed(1));
    let mut replies = 0;
    for round in 0..20_000 {
        let mut packet = rng.choice(&seeds).unwrap().clone();
        mangle(&mut packet, &mut rng);
        let transport = if rng.bool() { Transport::Udp } else { Transport::Tcp };
        let incoming = Incoming { bytes: &packet, transport, source: source(5353) };
        let reply = ask_with(&known(&view, &config), &incoming, &mut worker, round);
        let is_query = 12 <= packet.len() && packet[2] & 0x80 == 0;
        let Some(reply) = reply else {
            assert!(!is_query, "a query is ignored: {packet:02x?}");
            continue;
        };
        assert!(is_query, "something that is no query is answered: {packet:02x?}");
        replies += 1;
        assert_eq!(reply[..2], packet[..2], "the id: {packet:02x?}");
        assert_eq!(reply[2] & 0x80, 0x80, "QR: {packet:02x?}");
        assert!(transport == Transport::Tcp || reply.len() <= 1_232, "size: {packet:02x?}");
        let shown = text::show(&reply);
        assert!(shown.starts_with("status"), "{packet:02x?} {shown}");
        assert_eq!(ask(&view, &reply, transport, 1), None);
        // What is shown may come from anywhere.
        let mut mangled = reply;
        mangle(&mut mangled, &mut rng);
        assert!(text::show(&mangled).ends_with('\n'));
    }
    assert!(10_000 < replies, "{replies} of the packets were queries");
}

#[test]
fn what_does_not_parse_is_shown_as_bytes() {
    let shown = text::show(&[0x1c, 0x70, 0x81]);
    assert!(shown.starts_with("unreadable, 3 bytes: "), "{shown}");
    assert!(shown.ends_with("\nhex 1c7081\n"), "{shown}");
    let long = text::show(&[0xff; 70]);
    assert_eq!(long.lines().map(str::len).skip(1).collect::<Vec<_>>(), [68, 68, 16]);
}

#[test]
fn queries_are_shown_like_answers() {
    let edns = EdnsOptions {
        version: 1,
        dnssec_ok: true,
        flags: 0x40,
        options: vec![(10, vec![1, 2]), (15, vec![0, 3, b'o', b'l', b'd']), (100, vec![])],
        ..EdnsOptions::default()
    };
    let options = QueryOptions {
        recursion_desired: false,
        authentic_data: true,
        checking_disabled: true,
        reserved: true,
        opcode: 4,
        class: 3,
        edns: Some(edns),
    };
    let bytes = query(r#"a\.b.\255\".x"#, "type1000", &options, 7).unwrap();
    expect![[r#"
        status NOERROR, opcode 4, flags z ad cd, 56 bytes
        edns version 1, udp 1232, flags do 0x0040
        option 10 0102
        ede 3 Stale Answer: old
        option 100 none
        question a\.b.\255\".x. CH TYPE1000
    "#]]
    .assert_eq(&text::show(&bytes));
}

#[test]
fn normalising_sorts_sections_and_hides_serials() {
    let shown = "status NOERROR\nquestion b\nanswer z\nanswer a\n\
        authority consul. 0 IN SOA a. b. 17 1 2 3 4\nadditional y\nadditional x\n";
    let expected = "status NOERROR\nquestion b\nanswer a\nanswer z\n\
        authority consul. 0 IN SOA a. b. SERIAL 1 2 3 4\nadditional x\nadditional y\n";
    assert_eq!(text::normalise(shown), expected);
    assert_eq!(text::normalise(expected), expected);
}

/// Allocations that an answer takes: the first, and the second to the same question.
fn allocations(view: &View, name: &str, kind: &str) -> (u64, u64) {
    let config = Arc::new(Setup::new(config()));
    let bytes = query(name, kind, &QueryOptions::default(), 7).unwrap();
    let incoming = Incoming { bytes: &bytes, transport: Transport::Udp, source: source(5353) };
    let mut worker = Worker::new(fastrand::Rng::with_seed(1));
    let mut out = Vec::with_capacity(1_232);
    // What is made once, room that is kept included.
    let other = query("n1.node.consul", "A", &QueryOptions::default(), 7).unwrap();
    let _ = respond(
        &known(view, &config),
        &Incoming { bytes: &other, ..incoming },
        &mut worker,
        &mut out,
    );
    let mut count = || {
        let mut once = || respond(&known(view, &config), &incoming, &mut worker, &mut out);
        allocation_counter::measure(|| assert!(matches!(once(), Outgoing::Reply(_)))).count_total
    };
    (count(), count())
}

#[test]
fn a_remembered_answer_allocates_nothing() {
    let view = view(3);
    for (name, kind) in [
        ("web.service.consul", "A"),
        ("web.service.consul", "AAAA"),
        ("web.service.consul", "SRV"),
        ("web.service.consul", "ANY"),
        ("n1.node.consul", "A"),
        ("1.0.0.10.in-addr.arpa", "PTR"),
    ] {
        let (first, second) = allocations(&view, name, kind);
        assert_eq!(second, 0, "{name} {kind}");
        assert!(first <= FIRST_ALLOCATIONS_MAX, "{name} {kind}: {first}");
    }
    // Its name is another each time, so that it is looked up, but what is said of it is not made anew.
    let (_, second) = allocations(&view, "nobody.node.consul", "A");
    assert!(second <= 2, "{second}");
}

/// Allocations of an answer that is made anew, of three instances: names, records, and their lists.
const FIRST_ALLOCATIONS_MAX: u64 = 64;

#[test]
fn a_backslash_may_stand_before_the_last_dot() {
    let spelled = |name: &str| text::show(&query(name, "A", &QueryOptions::default(), 7).unwrap());
    assert!(spelled(r"a\\.").contains(r"question a\\. IN A"), "{}", spelled(r"a\\."));
    assert!(spelled(r"a\.").contains(r"question a\.. IN A"), "{}", spelled(r"a\."));
}

#[test]
fn names_and_types_that_are_none_are_refused() {
    let check = |name: &str, kind: &str, expected: &str| {
        let fault = query(name, kind, &QueryOptions::default(), 7).unwrap_err();
        assert!(fault.to_string().starts_with(expected), "{fault}");
    };
    check("a..b", "A", "`a..b` is no DNS name");
    check("", "A", "`` is no DNS name");
    check(&"x".repeat(64), "A", "`xxxx");
    check(&"x.".repeat(128), "A", "`x.x.");
    check(r"a\", "A", r"`a\` is no DNS name");
    check(r"a\256", "A", r"`a\256` is no DNS name");
    check("a", "TYPE65536", "`TYPE65536` is no record type");
    check("a", "WHAT", "`WHAT` is no record type");
}
