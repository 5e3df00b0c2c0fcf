use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::RecordType;

use super::*;
use crate::acl::{AclsDisabled, Authorizer};
use crate::catalog::View;
use crate::dns::outside::Nothing;
use crate::dns::qname::QName;
use crate::dns::{CookieSecret, Setup};
use crate::model::dns_config::DnsConfig;
use crate::model::name::{Datacenter, NodeName};
use crate::model::time::Now;

fn check(name: &str, expected: &str) {
    let mut config =
        DnsConfig::new(Datacenter::new("dc1").unwrap(), NodeName::new("agent").unwrap());
    config.alt_domain = Some("alt.consul".to_owned());
    let query = crate::dns::query(name, "A", &crate::dns::QueryOptions::default(), 7).unwrap();
    let name_read = QName::read(&query[12..]).unwrap();
    let asked = Asked { name: name_read, kind: RecordType::A, class: 1 };
    let (view, config, zones) = (View::unready(), Arc::new(Setup::new(config)), Arc::default());
    let known = Known {
        view: &view,
        acl: &Authorizer::allow_all(),
        tokens: &AclsDisabled,
        config: &config,
        now: Now(0),
        age: Duration::ZERO,
        cookie_secret: CookieSecret([0; 16]),
        zones: &zones,
        outside: &Nothing,
    };
    let target = locate(&asked, &known);
    assert_eq!(format!("{:?} {:?}", target.zone, target.meaning), expected, "{name}");
}

#[test]
fn the_first_keyword_from_the_right_decides() {
    check("web.service.consul", r#"Domain("consul") Service { name: "web", tag: None }"#);
    check("node.service.consul", r#"Domain("consul") Service { name: "node", tag: None }"#);
    check("service.node.consul", r#"Domain("consul") Node { name: "service" }"#);
    check("7f000001.addr.node.consul", r#"Domain("consul") Node { name: "7f000001.addr" }"#);
}

#[test]
fn what_stands_left_of_a_service_is_one_tag() {
    check(
        "a.b.web.service.consul",
        r#"Domain("consul") Service { name: "web", tag: Some("a.b") }"#,
    );
    check(
        "_a._b.web.service.consul",
        r#"Domain("consul") Service { name: "web", tag: Some("_a._b") }"#,
    );
    check(
        "x._web._tcp.service.consul",
        r#"Domain("consul") Service { name: "_tcp", tag: Some("x._web") }"#,
    );
}

#[test]
fn underscores_name_service_and_tag() {
    check("_web._tcp.service.consul", r#"Domain("consul") Service { name: "web", tag: None }"#);
    check(
        "_WEB._V1.Service.Consul",
        r#"Domain("consul") Service { name: "web", tag: Some("v1") }"#,
    );
    check("_web._tcp.consul", r#"Domain("consul") Service { name: "web", tag: None }"#);
    check("_web._.service.consul", r#"Domain("consul") Service { name: "_", tag: Some("_web") }"#);
}

#[test]
fn the_longest_domain_wins() {
    check("web.service.alt.consul", r#"Domain("alt.consul") Service { name: "web", tag: None }"#);
    check("alt.consul", r#"Domain("alt.consul") Apex"#);
    check("consul", r#"Domain("consul") Apex"#);
    check("xconsul", "Outside Elsewhere");
    check("consul.example", "Outside Elsewhere");
}

#[test]
fn datacenters_stand_right_of_the_keyword() {
    check("n.node.DC1.consul", r#"Domain("consul") Node { name: "n" }"#);
    check("n.node.dc1.dc.consul", r#"Domain("consul") Node { name: "n" }"#);
    check("n.node.dc2.consul", r#"Domain("consul") Absent(Datacenter)"#);
    check("n.node.dc1.x.consul", r#"Domain("consul") Absent(Form)"#);
    check("dc1.consul", r#"Domain("consul") Empty"#);
    check("dc.consul", r#"Domain("consul") Empty"#);
    check("dc2.consul", r#"Domain("consul") Absent(Form)"#);
}

#[test]
fn reverse_names_spell_addresses() {
    check("4.3.2.1.in-addr.arpa", "Reverse4 Reverse(1.2.3.4)");
    check("0.0.0.0.in-addr.arpa", "Reverse4 Reverse(0.0.0.0)");
    check("3.2.1.in-addr.arpa", "Reverse4 Network(1.2.3.0/24)");
    check("in-addr.arpa", "Reverse4 Apex");
    check("00.3.2.1.in-addr.arpa", "Reverse4 Absent(Address)");
    check("+4.3.2.1.in-addr.arpa", "Reverse4 Absent(Address)");
    check("2.1.in-addr.arpa", "Reverse4 Supernet");
    check("f.ip6.arpa", "Reverse6 Supernet");
    let network = format!("2.{}8.b.d.0.1.0.0.2.ip6.arpa", "0.".repeat(7));
    check(&network, "Reverse6 Network(2001:db8:0:2::/64)");
    check(&format!("1.{network}"), "Reverse6 Empty");
    check("ff.ip6.arpa", "Reverse6 Absent(Address)");
    let loopback = format!("1.{}ip6.arpa", "0.".repeat(31));
    check(&loopback, "Reverse6 Reverse(::1)");
    check(&format!("1.{loopback}"), "Reverse6 Absent(Address)");
    check("arpa", "Outside Elsewhere");
}
