//! Steps of a `.dns` file → a catalog, settings and answers, all in this process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lictor::catalog::apply::apply;
use lictor::catalog::command::{CheckState, Machine, Registration};
use lictor::catalog::{Catalog, Command, Reply, View};
use lictor::dns::outside::Nothing;
use lictor::dns::{
    CookieSecret, Incoming, Known, Outgoing, Setup, Transport, Worker, respond, text,
};
use lictor::model::address::Address;
use lictor::model::dns_config::DnsConfig;
use lictor::model::health::Status;
use lictor::model::name::{CheckId, Datacenter, NameFault, NodeName, ServiceId, ServiceName, Tag};
use lictor::model::number::{Revision, Ttl, Weights};
use lictor::model::service::Service;
use lictor::model::time::Now;
use lictor::zone::Zones;

use super::file::{Question, ServiceLine, Step};

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
    /// Remembers answers from question to question.
    worker: Worker,
}

impl World {
    /// An empty catalog, and an agent called `agent` in `dc1`.
    pub(super) fn new() -> Result<Self, NameFault> {
        let config = DnsConfig::new(Datacenter::new("dc1")?, NodeName::new("agent")?);
        let worker = Worker::new(fastrand::Rng::with_seed(0));
        let (setup, zones) = (Arc::new(Setup::new(config.clone())), Arc::default());
        Ok(Self { catalog: Catalog::default(), revision: 0, config, setup, zones, worker })
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
            Step::Node { name, address, meta } => {
                let machine = Machine {
                    id: String::new(),
                    address: Address::new(address).map_err(|fault| fault.to_string())?,
                    tagged_addresses: BTreeMap::new(),
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
            Step::Ask(question) => return Ok(Some(self.ask(question))),
        }
        Ok(None)
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
        self.revision += 1;
        let command = Command::Register(Box::new(registration));
        match apply(&mut self.catalog, Revision(self.revision), &command).0 {
            Reply::Done(_) => Ok(()),
            Reply::CasMismatch => Err("a check-and-set".to_owned()),
            Reply::Rejected(reject) => Err(reject.to_string()),
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
        let known = Known {
            view: &view,
            config: &Arc::clone(&self.setup),
            now: Now(0),
            age: Duration::ZERO,
            cookie_secret: CookieSecret([0; 16]),
            zones: &self.zones,
            outside: &Nothing,
        };
        // Anew for each question, so that a new one changes no other's answer.
        let rng = fastrand::Rng::with_seed(1);
        let mut without = Worker::without_cache(rng.clone());
        let (mut bytes, mut again) = (Vec::new(), Vec::new());
        let outgoing = respond(&known, &incoming, &mut without, &mut bytes);
        for _ in 0..2 {
            self.worker.rng = rng.clone();
            let _ = respond(&known, &incoming, &mut self.worker, &mut again);
            assert_eq!(again, bytes, "with the cache\n{}", text::show(&again));
        }
        match outgoing {
            Outgoing::Ignore => "ignored\n".to_owned(),
            Outgoing::Fetch(asks) => panic!("nobody is there to be asked {asks:?}"),
            Outgoing::Reply(_) => {
                assert_eq!(bytes.get(..2), question.bytes.get(..2), "the id comes back");
                text::normalise(&text::show(&bytes))
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
                match name.strip_suffix('*') {
                    Some(prefix) => ttls.prefix.push((prefix.to_owned(), ttl()?)),
                    None => ttls.exact.push((name.to_owned(), ttl()?)),
                }
                ttls.prefix.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
            }
            ("enable_identity", "") => config.settings.enable_identity = flag()?,
            ("allow_clients", "") => config.access.allowed = nets(value)?,
            ("deny_clients", "") => config.access.denied = nets(value)?,
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

/// Networks, commas between them.
fn nets<N: std::str::FromStr>(value: &str) -> Result<Vec<N>, String> {
    let net = |text: &str| text.parse().map_err(|_| format!("`{text}` is no network"));
    value.split(',').map(net).collect()
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
        tagged_addresses: BTreeMap::new(),
        meta: BTreeMap::new(),
        port: line.port,
        weights: Weights { passing, warning },
        enable_tag_override: false,
        create_revision: Revision(0),
        modify_revision: Revision(0),
    })
}
