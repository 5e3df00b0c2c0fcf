//! Steps of a `.dns` file → a catalog, settings and answers, all in this process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use lictor::acl::{AclsDisabled, Authorizer};
use lictor::catalog::apply::apply;
use lictor::catalog::command::{CheckState, Machine, Registration};
use lictor::catalog::prepared::check_template;
use lictor::catalog::{Catalog, Command, View};
use lictor::dns::outside::{Ask, Failure, Fetched, Outside, Told};
use lictor::dns::{
    CookieSecret, Incoming, Known, Outgoing, Setup, Transport, Worker, respond, text,
};
use lictor::model::address::Address;
use lictor::model::dns_config::{DnsConfig, STALE_AGE_MIN};
use lictor::model::health::Status;
use lictor::model::name::{CheckId, Datacenter, NameFault, NodeName, ServiceId, ServiceName, Tag};
use lictor::model::number::{Revision, Ttl, Weights};
use lictor::model::prepared_query::{
    PreparedQuery, PreparedQueryId, QueryTemplate, ServiceQuery, TemplateKind,
};
use lictor::model::service::{Service, TaggedAddress};
use lictor::model::time::Now;
use lictor::zone::{NoFiles, Refused, StaticZone, Zones, parse, type_word, zone_name};

use super::file::{Pairs, QueryLine, Question, Script, ServiceLine, Step};

/// What a file's questions are asked of.
pub(super) struct World {
    /// What was registered.
    catalog: Catalog,
    /// How many commands were applied.
    revision: u64,
    /// The settings.
    config: DnsConfig,
    /// What follows from them.
    setup: Arc<Setup>,
    /// Zones from files.
    zones: Arc<Zones>,
    /// What recursors say.
    scripts: Vec<Script>,
    /// How long ago the catalog was last current.
    age: Duration,
    /// Remembers answers from question to question.
    worker: Worker,
}

impl World {
    /// An empty catalog, and an agent called `agent` in `dc1`.
    pub(super) fn new() -> Result<Self, NameFault> {
        let config = DnsConfig::new(Datacenter::new("dc1")?, NodeName::new("agent")?);
        let worker = Worker::new(fastrand::Rng::with_seed(0));
        Ok(Self {
            catalog: Catalog::default(),
            revision: 0,
            setup: Arc::new(Setup::new(config.clone())),
            config,
            zones: Arc::default(),
            scripts: Vec::new(),
            age: Duration::ZERO,
            worker,
        })
    }

    /// Adds what a running agent registers of itself.
    pub(super) fn join_agent(&mut self) -> Result<(), String> {
        let machine = Machine {
            id: String::new(),
            address: Address::new("127.0.0.1").map_err(|fault| fault.to_string())?,
            tagged_addresses: BTreeMap::new(),
            meta: BTreeMap::from([("consul-network-segment".to_owned(), String::new())]),
        };
        let line = ServiceLine {
            name: "consul".to_owned(),
            node: "agent".to_owned(),
            ..ServiceLine::default()
        };
        self.register("agent", Some(machine), Some(service(&line)?), Vec::new())
    }

    /// Carries a step out; gives the text of what is answered, if it is a question.
    pub(super) fn perform(&mut self, step: &Step) -> Result<Option<String>, String> {
        match step {
            Step::Config { key, value } => {
                self.configure(key, value)?;
                self.setup = Arc::new(Setup::new(self.config.clone()));
            }
            Step::Zone { apex, text } => self.add_zone(apex, text)?,
            Step::Recursor(script) => {
                self.config.is_recursive = true;
                self.setup = Arc::new(Setup::new(self.config.clone()));
                self.scripts.push(script.clone());
            }
            Step::Age(seconds) => self.age = Duration::from_secs(*seconds),
            Step::Node { name, address, meta, tagged } => {
                let machine = Machine {
                    id: String::new(),
                    address: Address::new(address).map_err(|fault| fault.to_string())?,
                    tagged_addresses: tagged.iter().cloned().collect(),
                    meta: meta.iter().cloned().collect(),
                };
                self.register(name, Some(machine), None, Vec::new())?;
            }
            Step::Service(line) => {
                self.register(&line.node, None, Some(service(line)?), Vec::new())?;
            }
            Step::Check { id, node, service, status } => {
                let check = CheckState {
                    id: CheckId::new(id).map_err(|fault| fault.to_string())?,
                    name: id.clone(),
                    status: Status::from_word(status).ok_or("no status")?,
                    notes: String::new(),
                    output: String::new(),
                    service_id: service
                        .as_deref()
                        .map(ServiceId::new)
                        .transpose()
                        .map_err(|fault| fault.to_string())?,
                    kind: String::new(),
                    definition: None,
                };
                self.register(node, None, None, vec![check])?;
            }
            Step::Query(line) => self.store(line)?,
            Step::Ask(question) => return Ok(Some(self.ask(question))),
        }
        Ok(None)
    }

    fn add_zone(&mut self, apex: &str, text: &str) -> Result<(), String> {
        let shown = |refused: Refused| {
            refused.faults.iter().map(|fault| format!("{fault}\n")).collect::<String>()
        };
        let file = format!("{apex}.zone");
        let origin = zone_name(apex);
        let parsed = parse(&file, text.as_bytes(), origin.as_ref(), &mut NoFiles).map_err(shown)?;
        let added = Arc::new(parsed.zone);
        let zones = self.zones.iter().cloned().chain([added]).collect::<Vec<Arc<StaticZone>>>();
        self.zones = Arc::new(Zones::new(zones));
        Ok(())
    }

    fn register(
        &mut self,
        node: &str,
        machine: Option<Machine>,
        service: Option<Service>,
        checks: Vec<CheckState>,
    ) -> Result<(), String> {
        let node = NodeName::new(node).map_err(|fault| fault.to_string())?;
        let registration = Registration { node, machine, service, checks };
        self.apply(&Command::Register(Box::new(registration)))
    }

    /// Stores a prepared query, under an id of its own.
    fn store(&mut self, line: &QueryLine) -> Result<(), String> {
        let id = format!("{:08}-0000-0000-0000-000000000000", self.revision);
        let kind =
            if line.is_template { TemplateKind::NamePrefixMatch } else { TemplateKind::None };
        let query = PreparedQuery {
            id: PreparedQueryId::new(&id).map_err(|fault| fault.to_string())?,
            name: line.name.clone(),
            session: None,
            token: String::new(),
            template: QueryTemplate { kind, regexp: line.regexp.clone(), remove_empty_tags: false },
            service: ServiceQuery {
                service: line.service.clone(),
                only_passing: line.is_only_passing,
                ignore_check_ids: line.ignored.clone(),
                near: line.near.clone(),
                tags: line.tags.clone(),
                node_meta: line.node_meta.iter().cloned().collect(),
                connect: line.is_mesh,
                ..ServiceQuery::default()
            },
            dns_ttl: line.ttl.clone(),
            create_revision: Revision(0),
            modify_revision: Revision(0),
        };
        query.check().map_err(|fault| fault.to_string())?;
        check_template(&query).map_err(|fault| fault.to_string())?;
        self.apply(&Command::PreparedQueryCreate(Box::new(query)))
    }

    fn apply(&mut self, command: &Command) -> Result<(), String> {
        self.revision += 1;
        let (reply, _) = apply(&mut self.catalog, Revision(self.revision), Now(0), command);
        match reply.is_done() {
            Ok(true) => Ok(()),
            Ok(false) => Err("this neither compares nor locks".to_owned()),
            Err(reject) => Err(reject.to_string()),
        }
    }

    /// What is answered to a question that comes its own way.
    fn ask(&mut self, question: &Question) -> String {
        self.ask_over(question, question.transport)
    }

    /// What is answered to a question: by a worker that makes each answer anew, and to the letter the same
    /// by one that remembers them.
    pub(super) fn ask_over(&mut self, question: &Question, transport: Transport) -> String {
        let source = SocketAddr::from(([192, 0, 2, 254], 5353));
        let incoming = Incoming { bytes: &question.bytes, transport, source };
        let view = View::new(self.catalog.clone());
        let outside = Scripted { scripts: &self.scripts, fetched: RefCell::default() };
        let known = Known {
            view: &view,
            acl: &Authorizer::allow_all(),
            tokens: &AclsDisabled,
            config: &Arc::clone(&self.setup),
            now: Now(0),
            age: self.age,
            cookie_secret: CookieSecret([0; 16]),
            zones: &self.zones,
            outside: &outside,
        };
        // Anew for each question, so that a new one changes no other's answer.
        let rng = fastrand::Rng::with_seed(1);
        let mut without = Worker::without_cache(rng.clone());
        let (mut bytes, mut again) = (Vec::new(), Vec::new());
        let outgoing = outside.respond(&known, &incoming, &mut without, &mut bytes);
        let asked = outside.fetched.take();
        for _ in 0..2 {
            self.worker.rng = rng.clone();
            let _ = outside.respond(&known, &incoming, &mut self.worker, &mut again);
            assert_eq!(again, bytes, "with the cache\n{}", text::show(&again));
            assert_eq!(outside.fetched.take(), asked, "with the cache");
        }
        match outgoing {
            Outgoing::Ignore => "ignored\n".to_owned(),
            Outgoing::Fetch(asks) => panic!("nobody answers {asks:?}"),
            Outgoing::Reply(_) => {
                assert_eq!(bytes.get(..2), question.bytes.get(..2), "the id comes back");
                show_asks(&asked) + &text::normalise(&text::show(&bytes))
            }
        }
    }

    fn configure(&mut self, key: &str, value: &str) -> Result<(), String> {
        let fault = || format!("`{value}` is no value for `{key}`");
        let config = &mut self.config;
        let ttl = || value.parse().map(Ttl).map_err(|_| fault());
        let flag = || value.parse::<bool>().map_err(|_| fault());
        match key.split_once(' ').unwrap_or((key, "")) {
            ("domain", "") => value.clone_into(&mut config.domain),
            ("alt_domain", "") => config.alt_domain = Some(value.to_owned()),
            ("node_ttl", "") => config.settings.node_ttl = ttl()?,
            ("service_ttl", name) => {
                let ttls = &mut config.settings.service_ttl;
                let name = name.to_lowercase();
                match name.strip_suffix('*') {
                    Some(prefix) => ttls.prefix.push((prefix.to_owned(), ttl()?)),
                    None => ttls.exact.push((name, ttl()?)),
                }
                ttls.prefix.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
            }
            ("enable_identity", "") => config.settings.enable_identity = flag()?,
            ("allow_clients", "") => config.access.allowed = nets(value)?,
            ("deny_clients", "") => config.access.denied = nets(value)?,
            ("max_stale", "") => {
                config.settings.stale_age_max = seconds(value).ok_or_else(fault)?;
            }
            ("allow_stale", "") if !flag()? => config.settings.stale_age_max = STALE_AGE_MIN,
            ("only_passing", "") => config.settings.only_passing = flag()?,
            ("enable_truncate", "") => config.settings.enable_truncate = flag()?,
            ("disable_compression", "") => config.settings.disable_compression = flag()?,
            ("enable_additional_node_meta_txt", "") => {
                config.settings.additional_node_meta_txt = flag()?;
            }
            ("udp_answer_limit", "") => {
                config.settings.udp_answer_limit = value.parse().map_err(|_| fault())?;
            }
            ("a_record_limit", "") => {
                config.settings.a_record_limit = value.parse().map_err(|_| fault())?;
            }
            ("soa", timer) => {
                let seconds = value.parse().map_err(|_| fault())?;
                match timer {
                    "refresh" => config.settings.soa.refresh = seconds,
                    "retry" => config.settings.soa.retry = seconds,
                    "expire" => config.settings.soa.expire = seconds,
                    "min_ttl" => config.settings.soa.min_ttl = seconds,
                    _ => return Err(format!("there is no setting `{key}`")),
                }
            }
            _ => return Err(format!("there is no setting `{key}`")),
        }
        Ok(())
    }
}

/// What the file's recursors say, of questions that were fetched from them.
struct Scripted<'s> {
    /// What they say.
    scripts: &'s [Script],
    /// Questions that were fetched for one query, in their order.
    fetched: RefCell<Vec<Ask>>,
}

impl Scripted<'_> {
    /// Answers a query, and fetches what that needs as the server does.
    fn respond(
        &self,
        known: &Known<'_>,
        incoming: &Incoming<'_>,
        worker: &mut Worker,
        out: &mut Vec<u8>,
    ) -> Outgoing {
        loop {
            let outgoing = respond(known, incoming, worker, out);
            let Outgoing::Fetch(asks) = outgoing else { return outgoing };
            let mut fetched = self.fetched.borrow_mut();
            assert!(!asks.is_empty() && asks.iter().all(|ask| !fetched.contains(ask)), "{asks:?}");
            fetched.extend(asks);
        }
    }
}

impl Outside for Scripted<'_> {
    fn look(&self, ask: &Ask) -> Option<Fetched> {
        if !self.fetched.borrow().contains(ask) {
            return None;
        }
        let Some(script) = Script::of(self.scripts, ask) else {
            return Some(Fetched::Failed(Failure::Useless));
        };
        let Some(rcode) = script.rcode else {
            return Some(Fetched::Failed(Failure::Unreachable));
        };
        if !matches!(rcode, ResponseCode::NoError | ResponseCode::NXDomain) {
            return Some(Fetched::Failed(Failure::Useless));
        }
        let [answers, authorities, additionals] = script.sections.clone();
        let told = Told { rcode, answers, authorities, additionals, stale: None };
        Some(Fetched::Told(Arc::new(told)))
    }
}

/// A line for each question that others were asked.
fn show_asks(asks: &[Ask]) -> String {
    asks.iter().fold(String::new(), |mut text, ask| {
        let flag = |is_set, word| if is_set { word } else { "" };
        let (wants, checks) = (flag(ask.dnssec_ok, " do"), flag(ask.checking_disabled, " cd"));
        let kind = type_word(ask.kind.into());
        let _ = writeln!(text, "ask {} {kind}{wants}{checks}", ask.name);
        text
    })
}

fn seconds(value: &str) -> Option<Duration> {
    value.parse().ok().map(Duration::from_secs)
}

/// Networks, commas between them.
fn nets<N: std::str::FromStr>(value: &str) -> Result<Vec<N>, String> {
    let net = |text: &str| text.parse().map_err(|_| format!("`{text}` is no network"));
    value.split(',').map(net).collect()
}

fn tagged(pairs: &Pairs, port: u16) -> BTreeMap<String, TaggedAddress> {
    let tagged = |address: &String| TaggedAddress { address: address.clone(), port };
    pairs.iter().map(|(tag, address)| (tag.clone(), tagged(address))).collect()
}

fn service(line: &ServiceLine) -> Result<Service, String> {
    let fault = |fault: NameFault| fault.to_string();
    let address = line.address.as_deref().map(Address::new).transpose();
    let (passing, warning) = line.weights.unwrap_or((1, 1));
    Ok(Service {
        id: ServiceId::new(line.id.as_deref().unwrap_or(&line.name)).map_err(fault)?,
        name: ServiceName::new(&line.name).map_err(fault)?,
        tags: line.tags.iter().map(|tag| Tag::new(tag)).collect::<Result<_, _>>().map_err(fault)?,
        address: address.map_err(|fault| fault.to_string())?,
        tagged_addresses: tagged(&line.tagged, line.port),
        meta: BTreeMap::new(),
        port: line.port,
        weights: Weights { passing, warning },
        enable_tag_override: false,
        create_revision: Revision(0),
        modify_revision: Revision(0),
    })
}
