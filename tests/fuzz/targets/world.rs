//! What queries are asked of: a catalog, zones and settings that have something of everything.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use lictor::acl::{AclsDisabled, Authorizer};
use lictor::catalog::apply::apply;
use lictor::catalog::command::{CheckState, Machine, Registration};
use lictor::catalog::{Catalog, Command, Reply, View};
use lictor::dns::outside::Outside;
use lictor::dns::{CookieSecret, Incoming, Known, Outgoing, Setup, Transport, Worker, respond};
use lictor::model::address::Address;
use lictor::model::dns_config::DnsConfig;
use lictor::model::health::Status;
use lictor::model::name::{CheckId, Datacenter, NodeName, ServiceId, ServiceName, Tag};
use lictor::model::number::{Revision, Ttl, Weights};
use lictor::model::service::Service;
use lictor::model::time::Now;
use lictor::zone::{NoFiles, Zones, parse};
use serde_json::json;

/// A catalog, zones and settings.
pub(crate) struct World {
    view: View,
    zones: Arc<Zones>,
    config: Arc<Setup>,
}

/// Consul's defaults.
pub(crate) static PLAIN: LazyLock<World> = LazyLock::new(|| World {
    view: view(),
    zones: zones(),
    config: Arc::new(Setup::new(config())),
});

/// Others are asked, and every setting is another one than Consul's.
pub(crate) static ODD: LazyLock<World> = LazyLock::new(|| {
    let mut config = config();
    config.alt_domain = Some("alt.example".to_owned());
    config.is_recursive = true;
    config.access.denied = vec!["198.51.100.0/24".parse().unwrap()];
    let settings = &mut config.settings;
    settings.node_ttl = Ttl(30);
    settings.only_passing = true;
    settings.udp_answer_limit = 8;
    settings.a_record_limit = 2;
    settings.enable_truncate = false;
    settings.disable_compression = true;
    settings.additional_node_meta_txt = false;
    World { view: view(), zones: zones(), config: Arc::new(Setup::new(config)) }
});

impl World {
    /// The reply to a query, if there is one: what workers say that have no cache, of which each sees one query.
    /// A `worker` that remembers has to say the same, be it that it makes the answer or that it finds it.
    pub(crate) fn ask(
        &self,
        bytes: &[u8],
        transport: Transport,
        outside: &dyn Outside,
        worker: &mut Worker,
    ) -> Option<Vec<u8>> {
        let known = Known {
            view: &self.view,
            acl: &Authorizer::allow_all(),
            tokens: &AclsDisabled,
            config: &self.config,
            now: Now(1_000),
            age: Duration::ZERO,
            cookie_secret: CookieSecret([7; 16]),
            zones: &self.zones,
            outside,
        };
        let incoming = Incoming { bytes, transport, source: SOURCE.into() };
        let mut without = Worker::without_cache(fastrand::Rng::with_seed(SEED));
        let mut reply = Vec::new();
        let outgoing = respond(&known, &incoming, &mut without, &mut reply);
        for _ in 0..2 {
            worker.rng = fastrand::Rng::with_seed(SEED);
            let mut again = Vec::new();
            let outgoing = respond(&known, &incoming, worker, &mut again);
            assert_eq!(reply, again, "with the cache, {outgoing:?}");
        }
        match outgoing {
            Outgoing::Reply(_) => Some(reply),
            Outgoing::Ignore => None,
            Outgoing::Fetch(asks) => panic!("everything is known, and yet {asks:?} are missing"),
        }
    }
}

fn config() -> DnsConfig {
    DnsConfig::new(Datacenter::new("dc1").unwrap(), NodeName::new("n1").unwrap())
}

/// The example zone, one with every kind of cut, and one whose aliases lead everywhere.
fn zones() -> Arc<Zones> {
    let texts = [
        include_str!("../../../zones/example.test.zone"),
        include_str!("../../zones/good_delegation.zone"),
        ALIASES,
    ];
    let origin = lictor::zone::zone_name("example.test");
    let read = |text: &str| parse("zone", text.as_bytes(), origin.as_ref(), &mut NoFiles);
    Arc::new(Zones::new(texts.map(|text| Arc::new(read(text).unwrap().zone))))
}

fn view() -> View {
    let mut builder = Builder { catalog: Catalog::default(), revision: 0 };
    let nodes = ["192.0.2.1", "2001:db8::2", "host.alias.test", "web.service.consul"];
    for (at, address) in (1..).zip(nodes) {
        let meta = BTreeMap::from([("rack".to_owned(), format!("r{at}"))]);
        builder.node(&format!("n{at}"), address, meta);
    }
    builder.service("n1", "consul", &[], None);
    builder.service("n1", "web", &["v1", "primary"], None);
    builder.service("n2", "web", &["v1", "a.b"], Some("2001:db8::80"));
    builder.service("n3", "web", &["v2"], Some("192.0.2.80"));
    builder.service("n3", "named", &["v1"], Some("host.alias.test"));
    builder.service("n4", "named", &[], Some("elsewhere.example.org"));
    builder.service("n4", "ring", &[], Some("ring.service.consul"));
    builder.service("n1", "down", &["v1"], None);
    builder.check("n1", "down", Status::Critical);
    builder.service("n2", "warned", &[], None);
    builder.check("n2", "warned", Status::Warning);
    for at in 0..60 {
        let meta = BTreeMap::from([("zone".to_owned(), "x".repeat(at * 3))]);
        builder.node(&format!("big{at}"), &format!("10.0.1.{at}"), meta);
        builder.service(&format!("big{at}"), "big", &[], None);
    }
    builder.query("plain", "web", "");
    builder.query("dotted.name", "named", "n4");
    builder.query("mine", "big", "_ip");
    builder.query("to-", "${name.suffix}", "");
    View::new(builder.catalog)
}

/// Makes a catalog.
struct Builder {
    catalog: Catalog,
    revision: u64,
}

impl Builder {
    fn node(&mut self, name: &str, address: &str, meta: BTreeMap<String, String>) {
        let address = Address::new(address).unwrap();
        let machine =
            Machine { id: String::new(), address, tagged_addresses: BTreeMap::new(), meta };
        self.register(name, |registration| registration.machine = Some(machine));
    }

    fn service(&mut self, node: &str, name: &str, tags: &[&str], address: Option<&str>) {
        let service = Service {
            id: ServiceId::new(name).unwrap(),
            name: ServiceName::new(name).unwrap(),
            tags: tags.iter().map(|tag| Tag::new(tag).unwrap()).collect(),
            address: address.map(|address| Address::new(address).unwrap()),
            tagged_addresses: BTreeMap::new(),
            meta: BTreeMap::new(),
            port: 8080,
            weights: Weights { passing: 3, warning: 1 },
            enable_tag_override: false,
            create_revision: Revision(0),
            modify_revision: Revision(0),
        };
        self.register(node, |registration| registration.service = Some(service));
    }

    fn check(&mut self, node: &str, service: &str, status: Status) {
        let check = CheckState {
            id: CheckId::new(service).unwrap(),
            name: service.to_owned(),
            status,
            notes: String::new(),
            output: String::new(),
            service_id: Some(ServiceId::new(service).unwrap()),
            kind: String::new(),
            definition: None,
        };
        self.register(node, |registration| registration.checks.push(check));
    }

    fn register(&mut self, node: &str, fill: impl FnOnce(&mut Registration)) {
        let node = NodeName::new(node).unwrap();
        let mut registration =
            Registration { node, machine: None, service: None, checks: Vec::new() };
        fill(&mut registration);
        self.apply(&Command::Register(Box::new(registration)));
    }

    /// Stores a prepared query; one whose service is worked out is a template.
    fn query(&mut self, name: &str, service: &str, near: &str) {
        let kind = if service.contains('$') { "name_prefix_match" } else { "none" };
        let id = format!("{:08}-0000-0000-0000-000000000000", self.revision);
        let query = json!({"id": id, "name": name, "template": {"kind": kind},
            "service": {"service": service, "near": near}});
        let query = serde_json::from_value(query).unwrap();
        self.apply(&Command::PreparedQueryCreate(Box::new(query)));
    }

    fn apply(&mut self, command: &Command) {
        self.revision += 1;
        let (reply, _) = apply(&mut self.catalog, Revision(self.revision), Now(0), command);
        assert!(matches!(reply, Reply::Done(_)), "{reply:?}");
    }
}

/// Who asks.
const SOURCE: ([u8; 4], u16) = ([192, 0, 2, 254], 5353);

/// What every worker's generator begins with.
const SEED: u64 = 17;

/// A zone whose aliases lead to the catalog, to other zones, outside, and back.
const ALIASES: &str = "\
$ORIGIN alias.test.
$TTL 60
@ SOA ns host 1 3600 600 86400 30
@ NS ns
@ NS ns.elsewhere.example.org.
ns A 192.0.2.53
host A 192.0.2.99
host AAAA 2001:db8::99
*.wild A 192.0.2.7
*.wild TXT \"wild\"
catalog CNAME web.service.consul.
ring CNAME ring2
ring2 CNAME ring
outside CNAME www.example.org.
zone CNAME www.example.test.
chain CNAME catalog
deep DNAME service.consul.
far DNAME example.org.
self DNAME a.self
mx MX 10 catalog
mx MX 20 mail.example.org.
srv SRV 1 1 80 named.service.consul.
svc HTTPS 0 catalog
naptr NAPTR 10 10 \"s\" \"x\" \"\" srv
";
