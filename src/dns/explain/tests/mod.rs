//! Catalog, settings and zones → the text that `lictor dig -explain` prints.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};

use crate::acl::{AclsDisabled, Authorizer};
use crate::catalog::apply::apply;
use crate::catalog::command::{CheckState, Machine, Registration};
use crate::catalog::{Catalog, Command, View};
use crate::dns::explain::{explain, show};
use crate::dns::outside::Nothing;
use crate::dns::query::{EdnsOptions, QueryOptions};
use crate::dns::tests;
use crate::dns::{CookieSecret, Incoming, Known, Setup, Transport, Worker, query, respond};
use crate::model::address::Address;
use crate::model::dns_config::DnsConfig;
use crate::model::health::Status;
use crate::model::name::{CheckId, Datacenter, NodeName, ServiceId, ServiceName, Tag};
use crate::model::number::Revision;
use crate::model::service::Service;
use crate::model::time::Now;
use crate::zone::Zones;

mod acl;

mod prepared;

/// What is registered: `NODE ADDRESS`, then `id=`, `name=`, `tags=`, `own=` of its service, and checks as
/// `node=STATUS` and `service=STATUS`.
fn register(catalog: &mut Catalog, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    if words[0] == "query" {
        return prepared::store(catalog, &words);
    }
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
    let node = NodeName::new(words[0]).unwrap();
    let machine = Machine {
        id: String::new(),
        address: Address::new(words[1]).unwrap(),
        tagged_addresses: BTreeMap::new(),
        meta: BTreeMap::new(),
    };
    let name = ServiceName::new(value("name=").unwrap_or("web")).unwrap();
    let id = ServiceId::new(value("id=").unwrap_or("web")).unwrap();
    let tags: Vec<Tag> = value("tags=")
        .into_iter()
        .flat_map(|tags| tags.split(','))
        .map(|tag| Tag::new(tag).unwrap())
        .collect();
    let check = |kind: &str, service_id: Option<ServiceId>| {
        let status = Status::from_word(value(&format!("{kind}="))?).unwrap();
        let id = CheckId::new(&format!("{kind}-check")).unwrap();
        let (name, notes, output, kind) = Default::default();
        Some(CheckState { id, name, status, notes, output, service_id, kind, definition: None })
    };
    let checks = [check("node", None), check("service", Some(id.clone()))];
    let service = Service {
        id,
        name,
        tags,
        address: value("own=").map(|own| Address::new(own).unwrap()),
        ..tests::service("web")
    };
    let checks = checks.into_iter().flatten().collect();
    let registration =
        Registration { node: node.clone(), machine: Some(machine), service: Some(service), checks };
    let revision = Revision(catalog.tables().applied.0 + 1);
    let _ = apply(catalog, revision, Now(0), &Command::Register(Box::new(registration)));
}

/// What is asked, and by which settings it is answered.
struct Case<'c> {
    lines: &'c [&'c str],
    ask: &'c str,
    transport: Transport,
    edns: Option<EdnsOptions>,
    configure: fn(&mut DnsConfig),
}

impl Default for Case<'_> {
    fn default() -> Self {
        let edns = Some(EdnsOptions::default());
        Self {
            lines: WEB,
            ask: "web.service.consul A",
            transport: Transport::Udp,
            edns,
            configure: |_| {},
        }
    }
}

/// Explains a query, and holds the explanation against what is sent.
fn check(case: Case<'_>, expected: &Expect) {
    let mut catalog = Catalog::default();
    for line in case.lines {
        register(&mut catalog, line);
    }
    let view = if case.lines.is_empty() { View::unready() } else { View::new(catalog) };
    let node = NodeName::new("agent").unwrap();
    let mut config = DnsConfig::new(Datacenter::new("dc1").unwrap(), node);
    (case.configure)(&mut config);
    let (config, zones) = (Arc::new(Setup::new(config)), Arc::<Zones>::default());
    let known = Known {
        view: &view,
        acl: &Authorizer::allow_all(),
        tokens: &AclsDisabled,
        config: &config,
        now: Now(1_000),
        age: Duration::ZERO,
        cookie_secret: CookieSecret([7; 16]),
        zones: &zones,
        outside: &Nothing,
    };
    let (name, kind) = case.ask.split_once(' ').unwrap();
    let options = QueryOptions { edns: case.edns, ..QueryOptions::default() };
    let bytes = query(name, kind, &options, 7).unwrap();
    let source = SocketAddr::new(IpAddr::from(Ipv4Addr::LOCALHOST), 5353);
    let incoming = Incoming { bytes: &bytes, transport: case.transport, source };
    let explanation =
        explain(&known, &incoming, &mut fastrand::Rng::with_seed(1), &Authorizer::allow_all());
    let explanation = explanation.unwrap();
    expected.assert_eq(&show(&explanation));
    let json = serde_json::to_string(&explanation).unwrap();
    assert_eq!(serde_json::from_str::<super::Explanation>(&json).unwrap(), explanation);
    let mut out = Vec::new();
    let mut worker = Worker::without_cache(fastrand::Rng::with_seed(1));
    let _ = respond(&known, &incoming, &mut worker, &mut out);
    if let Some(message) = explanation.message {
        assert_eq!(message.bytes, out.len());
        let word = crate::dns::text::show(&out);
        let rcode = explanation.answer.unwrap().rcode;
        assert!(word.starts_with(&format!("status {rcode},")), "{word}");
    }
}

/// Three machines: one whose agent is dead, one whose service warns, and one that is well, with two instances.
const WEB: &[&str] = &[
    "n1 192.0.2.1 tags=v1 node=critical service=passing",
    "n2 192.0.2.2 tags=v1,v2 node=passing service=warning",
    "n3 192.0.2.3 tags=v2 node=passing service=passing",
    "n3 192.0.2.3 id=web-b service=passing",
];

#[test]
fn each_instance_has_the_rule_that_decided() {
    check(
        Case::default(),
        &expect![[r#"
        question  web.service.consul. IN A, udp from 127.0.0.1, flags rd
                  edns udp 1232
        target    service `web`, in the domain consul.
        outcome   3 of 4 instances may be told, 1 critical; revision 4
                  critical   n1  web    192.0.2.1:80  node check `node-check` is critical
                  told       n2  web    192.0.2.2:80  service check `service-check` is warning, and `only_passing` is not set
                  told       n3  web    192.0.2.3:80  its check passes
                  duplicate  n3  web-b  192.0.2.3:80  `web` on `n3` has the same record, which is told once
        answer    NOERROR, authoritative, in an order drawn for each message
                  web.service.consul. 0 IN A 192.0.2.2
                  web.service.consul. 0 IN A 192.0.2.3
                  kept while service `web` stays at revision 4
        message   79 bytes of 1232 at most; records: 2 answer, 0 authority, 0 additional"#]],
    );
}

#[test]
fn srv_has_its_additional_records() {
    check(
        Case { ask: "v2.web.service.consul SRV", ..Case::default() },
        &expect![[r#"
        question  v2.web.service.consul. IN SRV, udp from 127.0.0.1, flags rd
                  edns udp 1232
        target    service `web`, tag `v2`, in the domain consul.
        outcome   2 of 4 instances may be told, 2 with another tag; revision 4
                  other_tag  n1  web    192.0.2.1:80  its tags are v1
                  told       n2  web    192.0.2.2:80  service check `service-check` is warning, and `only_passing` is not set
                  told       n3  web    192.0.2.3:80  its check passes
                  other_tag  n3  web-b  192.0.2.3:80  it has no tags
        answer    NOERROR, authoritative, in an order drawn for each message
                  v2.web.service.consul. 0 IN SRV 1 1 80 n2.node.dc1.consul.
                  v2.web.service.consul. 0 IN SRV 1 1 80 n3.node.dc1.consul.
                  additional n2.node.dc1.consul. 0 IN A 192.0.2.2
                  additional n3.node.dc1.consul. 0 IN A 192.0.2.3
                  kept while service `web` stays at revision 4
        message   158 bytes of 1232 at most; records: 2 answer, 0 authority, 2 additional"#]],
    );
}

#[test]
fn only_passing_drops_what_warns() {
    let configure: fn(&mut DnsConfig) = |config| config.settings.only_passing = true;
    let lines = &WEB[..2];
    check(
        Case { lines, configure, ..Case::default() },
        &expect![[r#"
        question  web.service.consul. IN A, udp from 127.0.0.1, flags rd
                  edns udp 1232
        target    service `web`, in the domain consul.
        outcome   no such name: 0 of 2 instances passing, 1 warning; revision 2
                  critical  n1  web  192.0.2.1:80  node check `node-check` is critical
                  warning   n2  web  192.0.2.2:80  service check `service-check` is warning, and `only_passing` is set
        answer    NXDOMAIN, authoritative
                  authority consul. 0 IN SOA ns.consul. hostmaster.consul. 2 3600 600 86400 0
                  ede 0: 0 of 2 instances passing, 1 warning
                  not kept: made anew for each query
        message   138 bytes of 1232 at most; records: 0 answer, 1 authority, 0 additional"#]],
    );
}

#[test]
fn a_tag_that_nobody_has() {
    check(
        Case { ask: "v9.web.service.consul A", ..Case::default() },
        &expect![[r#"
        question  v9.web.service.consul. IN A, udp from 127.0.0.1, flags rd
                  edns udp 1232
        target    service `web`, tag `v9`, in the domain consul.
        outcome   no such name: 0 of 4 instances carry the tag; revision 4
                  other_tag  n1  web    192.0.2.1:80  its tags are v1
                  other_tag  n2  web    192.0.2.2:80  its tags are v1, v2
                  other_tag  n3  web    192.0.2.3:80  its tags are v2
                  other_tag  n3  web-b  192.0.2.3:80  it has no tags
        answer    NXDOMAIN, authoritative
                  authority consul. 0 IN SOA ns.consul. hostmaster.consul. 4 3600 600 86400 0
                  ede 0: 0 of 4 instances carry the tag
                  not kept: made anew for each query
        message   136 bytes of 1232 at most; records: 0 answer, 1 authority, 0 additional"#]],
    );
}

#[test]
fn a_service_that_nobody_knows() {
    check(
        Case { ask: "nope.service.consul A", ..Case::default() },
        &expect![[r#"
        question  nope.service.consul. IN A, udp from 127.0.0.1, flags rd
                  edns udp 1232
        target    service `nope`, in the domain consul.
        outcome   no such name: no such service; revision 0
        answer    NXDOMAIN, authoritative
                  authority consul. 0 IN SOA ns.consul. hostmaster.consul. 4 3600 600 86400 0
                  ede 0: no such service
                  not kept: made anew for each query
        message   119 bytes of 1232 at most; records: 0 answer, 1 authority, 0 additional"#]],
    );
}

#[test]
fn another_family_than_the_instances_have() {
    let lines = &["n1 192.0.2.1", "n2 2001:db8::2", "n3 192.0.2.3 own=db.example.com"];
    check(
        Case { lines, ask: "web.service.consul AAAA", ..Case::default() },
        &expect![[r#"
        question  web.service.consul. IN AAAA, udp from 127.0.0.1, flags rd
                  edns udp 1232
        target    service `web`, in the domain consul.
        outcome   3 of 3 instances may be told; revision 3
                  other_type              n1  web  192.0.2.1:80       it is reached at 192.0.2.1, which is no AAAA record
                  told                    n2  web  [2001:db8::2]:80   it has no checks
                  alias_beside_addresses  n3  web  db.example.com:80  `db.example.com` would be an alias, and others have addresses
        answer    NOERROR, authoritative
                  web.service.consul. 0 IN AAAA 2001:db8::2
                  kept while service `web` stays at revision 3
        message   75 bytes of 1232 at most; records: 1 answer, 0 authority, 0 additional"#]],
    );
}

#[test]
fn limits_leave_instances_out() {
    let edns = None;
    let lines: Vec<String> = (1..=5).map(|at| format!("n{at} 192.0.2.{at}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check(
        Case { lines: &lines, edns: edns.clone(), ..Case::default() },
        &expect![[r#"
        question  web.service.consul. IN A, udp from 127.0.0.1, flags rd
                  no edns
        target    service `web`, in the domain consul.
        outcome   5 of 5 instances may be told; revision 5
                  told        n1  web  192.0.2.1:80  it has no checks
                  over_limit  n2  web  192.0.2.2:80  `udp_answer_limit` is 3; each message draws anew
                  told        n3  web  192.0.2.3:80  it has no checks
                  told        n4  web  192.0.2.4:80  it has no checks
                  over_limit  n5  web  192.0.2.5:80  `udp_answer_limit` is 3; each message draws anew
        answer    NOERROR, authoritative, in an order drawn for each message
                  web.service.consul. 0 IN A 192.0.2.1
                  web.service.consul. 0 IN A 192.0.2.2
                  web.service.consul. 0 IN A 192.0.2.3
                  web.service.consul. 0 IN A 192.0.2.4
                  web.service.consul. 0 IN A 192.0.2.5
                  kept while service `web` stays at revision 5
        message   84 bytes of 512 at most, truncated (tc); records: 3 answer, 0 authority, 0 additional
                  left out: 2 of 5 answers: `udp_answer_limit` is 3"#]],
    );
    let configure: fn(&mut DnsConfig) = |config| config.settings.a_record_limit = 2;
    check(
        Case { lines: &lines, configure, ..Case::default() },
        &expect![[r#"
        question  web.service.consul. IN A, udp from 127.0.0.1, flags rd
                  edns udp 1232
        target    service `web`, in the domain consul.
        outcome   5 of 5 instances may be told; revision 5
                  told        n1  web  192.0.2.1:80  it has no checks
                  over_limit  n2  web  192.0.2.2:80  `a_record_limit` is 2; each message draws anew
                  over_limit  n3  web  192.0.2.3:80  `a_record_limit` is 2; each message draws anew
                  told        n4  web  192.0.2.4:80  it has no checks
                  over_limit  n5  web  192.0.2.5:80  `a_record_limit` is 2; each message draws anew
        answer    NOERROR, authoritative, in an order drawn for each message, 2 told at most
                  web.service.consul. 0 IN A 192.0.2.1
                  web.service.consul. 0 IN A 192.0.2.2
                  web.service.consul. 0 IN A 192.0.2.3
                  web.service.consul. 0 IN A 192.0.2.4
                  web.service.consul. 0 IN A 192.0.2.5
                  kept while service `web` stays at revision 5
        message   79 bytes of 1232 at most; records: 2 answer, 0 authority, 0 additional
                  left out: 3 of 5 answers: `a_record_limit` is 2"#]],
    );
}

#[test]
fn an_alias_is_followed_in_our_domain() {
    let lines = &["n1 192.0.2.1 own=n2.node.consul", "n2 192.0.2.2 name=other"];
    check(
        Case { lines, ..Case::default() },
        &expect![[r#"
        question  web.service.consul. IN A, udp from 127.0.0.1, flags rd
                  edns udp 1232
        target    service `web`, in the domain consul.
        outcome   1 of 1 instance may be told; revision 1
                  told  n1  web  n2.node.consul:80  it has no checks
        alias     n2.node.consul.
        target    node `n2`, in the domain consul.
        outcome   node `n2` at 192.0.2.2; revision 2
        answer    NOERROR, authoritative
                  web.service.consul. 0 IN CNAME n2.node.consul.
                  n2.node.consul. 0 IN A 192.0.2.2
                  not kept: made anew for each query
        message   85 bytes of 1232 at most; records: 2 answer, 0 authority, 0 additional"#]],
    );
}

#[test]
fn recursors_are_not_asked_for_an_explanation() {
    let configure: fn(&mut DnsConfig) = |config| config.is_recursive = true;
    check(
        Case { ask: "example.com A", configure, ..Case::default() },
        &expect![[r#"
        question  example.com. IN A, udp from 127.0.0.1, flags rd
                  edns udp 1232
        target    a name of somebody else's, in no domain or zone of ours
        outcome   asks recursors
        asks      recursors for example.com. A"#]],
    );
    check(
        Case { ask: "example.com A", ..Case::default() },
        &expect![[r#"
        question  example.com. IN A, udp from 127.0.0.1, flags rd
                  edns udp 1232
        target    a name of somebody else's, in no domain or zone of ours
        outcome   the name is in no domain of this agent
        answer    REFUSED
                  ede 20: the name is in no domain of this agent
                  not kept: made anew for each query
        message   84 bytes of 1232 at most; records: 0 answer, 0 authority, 0 additional"#]],
    );
}

#[test]
fn nodes_and_addresses_rest_on_themselves() {
    check(
        Case { ask: "n3.node.consul A", ..Case::default() },
        &expect![[r#"
        question  n3.node.consul. IN A, udp from 127.0.0.1, flags rd
                  edns udp 1232
        target    node `n3`, in the domain consul.
        outcome   node `n3` at 192.0.2.3; revision 4
        answer    NOERROR, authoritative
                  n3.node.consul. 0 IN A 192.0.2.3
                  kept while node `n3` stays at revision 4
        message   59 bytes of 1232 at most; records: 1 answer, 0 authority, 0 additional"#]],
    );
    check(
        Case { ask: "3.2.0.192.in-addr.arpa PTR", ..Case::default() },
        &expect![[r#"
        question  3.2.0.192.in-addr.arpa. IN PTR, udp from 127.0.0.1, flags rd
                  edns udp 1232
        target    who has the address 192.0.2.3, in in-addr.arpa.
        outcome   node `n3`; revision 4
        answer    NOERROR, authoritative
                  3.2.0.192.in-addr.arpa. 0 IN PTR n3.node.dc1.consul.
                  kept while the catalog stays at revision 4
        message   83 bytes of 1232 at most; records: 1 answer, 0 authority, 0 additional"#]],
    );
}

#[test]
fn an_unready_catalog_is_said_to_be_one() {
    check(
        Case { lines: &[], ..Case::default() },
        &expect![[r#"
            question  web.service.consul. IN A, udp from 127.0.0.1, flags rd
                      edns udp 1232
            target    service `web`, in the domain consul.
            outcome   this agent does not know the catalog yet
            answer    SERVFAIL
                      ede 14: this agent does not know the catalog yet
                      not kept: made anew for each query
            message   93 bytes of 1232 at most; records: 0 answer, 0 authority, 0 additional"#]],
    );
}

#[test]
fn questions_that_are_not_looked_up() {
    check(
        Case { ask: "consul AXFR", ..Case::default() },
        &expect![[r#"
        question  consul. IN AXFR, udp from 127.0.0.1, flags rd
                  edns udp 1232
        answer    NOTIMP
                  not kept: made anew for each query
        message   35 bytes of 1232 at most; records: 0 answer, 0 authority, 0 additional"#]],
    );
    let configure: fn(&mut DnsConfig) =
        |config| config.access.denied = vec!["127.0.0.0/8".parse().unwrap()];
    check(
        Case { configure, transport: Transport::Tcp, ..Case::default() },
        &expect![[r#"
        question  web.service.consul. IN A, tcp from 127.0.0.1, flags rd
                  edns udp 1232
        answer    REFUSED
                  ede 18: this client may not ask
                  not kept: made anew for each query
        message   76 bytes of 65535 at most; records: 0 answer, 0 authority, 0 additional"#]],
    );
}
