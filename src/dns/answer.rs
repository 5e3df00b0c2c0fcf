//! Outcome → Answer: the code and the sections, in the order in which they are told, before anybody asks
//! whether they fit.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{NS, PTR, SOA};
use hickory_proto::rr::{Name, RData, RecordType};
use smallvec::smallvec;

use crate::dns::Known;
use crate::dns::outside::Ask;
use crate::dns::question::Asked;
use crate::dns::reach::Reach;
use crate::dns::reason::Why;
use crate::dns::record::{
    Data, Help, Offer, Owner, Set, alias_data, meta_data, node_name, service_name,
};
use crate::dns::resolve::Outcome;
use crate::dns::setup::Domain;
use crate::dns::target::{Target, Zone};
use crate::dns::wire::WireName;
use crate::model::dns_config::DnsConfig;
use crate::model::node::Node;
use crate::model::number::Ttl;

/// A code with its sections, in which nothing is left out yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The code.
    pub(super) rcode: ResponseCode,
    /// Whether we are the authority for it (AA).
    pub(super) is_authoritative: bool,
    /// Whether it is told from the catalog, and so as old as that.
    pub(super) is_from_catalog: bool,
    /// What was asked for.
    pub(super) answers: Vec<Offer>,
    /// In which order it is told.
    pub(super) order: Order,
    /// How many answers are told at most, and nobody is told that there are more.
    pub(super) told_max: usize,
    /// Who says so.
    pub(super) authorities: Vec<Offer>,
    /// Additional records that offers name as their help.
    pub(super) sets: Vec<Set>,
    /// Those of the sets that are told whatever offers name.
    pub(super) additionals: Vec<usize>,
    /// Whether these have to be told, so that their lack sets TC (RFC 9471 §3: addresses of servers).
    pub(super) is_glue_required: bool,
    /// What the name is an alias of, where that was not looked up yet.
    pub(super) leads_to: Option<Name>,
    /// Whether clients at other addresses are told otherwise.
    pub(super) is_for_client: bool,
    /// What others have to be asked before this is an answer.
    pub(super) missing: Vec<Ask>,
    /// Why it is so, for people.
    pub(super) why: Option<Why>,
}

/// The order of an answer section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Each answer's own random one, so that clients who take the first record spread (RFC 1794).
    Shuffled,
    /// As it stands, since one is better than the next; each is told for itself.
    Ranked,
    /// As it stands.
    Fixed,
}

impl Answer {
    /// A code with nothing in its sections.
    pub(super) fn bare(rcode: ResponseCode) -> Self {
        Self {
            rcode,
            is_authoritative: false,
            is_from_catalog: false,
            answers: Vec::new(),
            order: Order::Fixed,
            told_max: usize::MAX,
            authorities: Vec::new(),
            sets: Vec::new(),
            additionals: Vec::new(),
            is_glue_required: false,
            leads_to: None,
            is_for_client: false,
            missing: Vec::new(),
            why: None,
        }
    }

    /// What we know to be so.
    pub(super) fn positive(answers: Vec<Offer>) -> Self {
        Self { is_authoritative: true, answers, ..Self::bare(ResponseCode::NoError) }
    }
}

/// What an Answer is made for.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    /// What was asked.
    pub(super) asked: &'a Asked<'a>,
    /// What it means.
    pub(super) target: &'a Target<'a>,
    /// What answers are made of.
    pub(super) known: &'a Known<'a>,
}

/// Makes the Answer. The generator decides which servers the apex names.
pub(super) fn answer(scene: &Scene<'_>, outcome: &Outcome<'_>, rng: &mut fastrand::Rng) -> Answer {
    let answer = match outcome {
        Outcome::NotReady(why) => {
            return Answer { why: Some(*why), ..Answer::bare(ResponseCode::ServFail) };
        }
        Outcome::Refused(why) => {
            return Answer { why: Some(*why), ..Answer::bare(ResponseCode::Refused) };
        }
        Outcome::InZone(zone, found) => return scene.in_zone(zone, found),
        Outcome::Told(fetched) => return scene.told(fetched),
        Outcome::Missing(ask) => {
            return Answer { missing: vec![ask.clone()], ..Answer::bare(ResponseCode::ServFail) };
        }
        Outcome::NoName(reason) => {
            let why = Some(Why::Reason(*reason));
            return Answer { why, ..scene.negative(ResponseCode::NXDomain) };
        }
        Outcome::NoData => Answer::positive(Vec::new()),
        Outcome::Apex(servers) => scene.apex(servers, rng),
        // No NS: a resolver that minimises names asks for them, and would take them for a delegation.
        Outcome::Network => {
            let soa = scene.wants(RecordType::SOA).then(|| scene.soa());
            Answer::positive(soa.into_iter().collect())
        }
        Outcome::NameServers(servers) => Answer::positive(scene.server_addresses(servers, rng)),
        Outcome::Instances(instances) => scene.instances(instances),
        Outcome::Prepared(executed) => scene.prepared(executed, rng),
        Outcome::Node(node) => scene.node(node),
        Outcome::Addresses(ips) => Answer::positive(scene.addresses(ips.iter())),
        Outcome::NodeAt(node) => {
            Answer::positive(scene.pointer(node_name(&node.name, scene.domain())))
        }
        Outcome::ServiceAt(name) => {
            Answer::positive(scene.pointer(service_name(name, scene.domain())))
        }
    };
    if answer.answers.is_empty() {
        return scene.negative(ResponseCode::NoError);
    }
    let leads_to = scene.alias(&answer);
    Answer { leads_to, is_from_catalog: true, ..answer }
}

impl Scene<'_> {
    /// Where names that we make stand: in the domain that was asked.
    pub(super) fn domain(&self) -> &Domain {
        match self.target.zone {
            Zone::Domain(domain) => domain,
            Zone::Static(_) | Zone::Reverse4 | Zone::Reverse6 | Zone::Outside => {
                self.known.config.main_domain()
            }
        }
    }

    pub(super) fn config(&self) -> &DnsConfig {
        self.known.config
    }

    pub(super) fn kind(&self) -> RecordType {
        self.asked.kind
    }

    /// What the name is an alias of, unless the alias itself was asked for.
    fn alias(&self, answer: &Answer) -> Option<Name> {
        match self.kind() {
            RecordType::CNAME | RecordType::ANY => None,
            _ => answer.answers.first()?.record.data.alias().cloned(),
        }
    }

    /// Whether records of this type were asked for.
    fn wants(&self, kind: RecordType) -> bool {
        self.kind() == kind || self.kind() == RecordType::ANY
    }

    /// A "no" with the SOA that says how long it may be kept.
    fn negative(&self, rcode: ResponseCode) -> Answer {
        // RFC 2308 §2.1, §2.2: both NXDOMAIN and NODATA carry the SOA.
        let authorities = vec![self.soa()];
        Answer { rcode, authorities, is_from_catalog: true, ..Answer::positive(Vec::new()) }
    }

    fn soa(&self) -> Offer {
        let domain = self.domain();
        let timers = &self.config().settings.soa;
        let seconds = |seconds: u32| i32::try_from(seconds).unwrap_or(i32::MAX);
        // The low 32 bits: serials wrap by the rules of RFC 1982.
        let serial = u32::try_from(self.known.view.revision().0 & 0xFFFF_FFFF).unwrap_or_default();
        let data = RData::SOA(SOA::new(
            domain.name_server.clone(),
            domain.hostmaster.clone(),
            serial,
            seconds(timers.refresh),
            seconds(timers.retry),
            seconds(timers.expire),
            timers.min_ttl,
        ));
        // RFC 2308 §5: the lower of the record's own TTL and its last field; ours are the same.
        Offer::alone(self.suffix_owner(), Ttl(timers.min_ttl), data)
    }

    fn suffix_owner(&self) -> Owner {
        Owner::Suffix(self.target.soa_labels)
    }

    /// The suffix itself: its authority and its servers.
    fn apex(&self, servers: &[&Arc<Node>], rng: &mut fastrand::Rng) -> Answer {
        let mut answer = Answer::positive(Vec::new());
        if self.wants(RecordType::SOA) {
            answer.answers.push(self.soa());
        }
        if self.wants(RecordType::NS) {
            let (servers, glue) = self.name_servers(servers, rng);
            answer.answers.extend(servers);
            answer.sets = glue;
        } else if self.kind() == RecordType::SOA {
            (answer.authorities, answer.sets) = self.name_servers(servers, rng);
        }
        answer
    }

    /// NS records, and the addresses of what they name.
    fn name_servers(
        &self,
        servers: &[&Arc<Node>],
        rng: &mut fastrand::Rng,
    ) -> (Vec<Offer>, Vec<Set>) {
        let domain = self.domain();
        let ttl = self.config().settings.node_ttl;
        let (mut offers, mut glue) = (Vec::new(), Vec::new());
        for node in choose(servers, rng) {
            let Some(name) = node_name(&node.name, domain) else { continue };
            let name = name.to_name().to_lowercase();
            let owner = Owner::Named(WireName::from(&name));
            let mut offer = Offer::alone(self.suffix_owner(), ttl, RData::NS(NS(name)));
            if let Some(ip) = node.address.ip() {
                offer.addresses = Some(Help { set: glue.len(), is_about_target: true });
                glue.push(Set { owner, records: smallvec![(ttl, Data::Address(ip))] });
            }
            offers.push(offer);
        }
        if offers.is_empty() {
            // A zone has a name server (RFC 1034 §4.2.1), even one whose address nobody knows.
            let data = RData::NS(NS(domain.name_server.clone()));
            offers.push(Offer::alone(self.suffix_owner(), ttl, data));
        }
        (offers, glue)
    }

    /// The addresses behind the SOA's first name.
    fn server_addresses(&self, servers: &[&Arc<Node>], rng: &mut fastrand::Rng) -> Vec<Offer> {
        self.addresses(choose(servers, rng).into_iter().filter_map(|node| node.address.ip()))
    }

    /// Whether addresses of its family were asked for.
    pub(super) fn wants_address(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(_) => self.wants(RecordType::A),
            IpAddr::V6(_) => self.wants(RecordType::AAAA),
        }
    }

    fn node(&self, node: &Node) -> Answer {
        let ttl = self.config().settings.node_ttl;
        let reach = Reach::of_node(node);
        if let Some(host) = reach.alias() {
            // RFC 1034 §3.6.2: an alias stands alone.
            let offer = alias_data(host).map(|data| Offer::alone(Owner::Question, ttl, data));
            return Answer::positive(offer.into_iter().collect());
        }
        let mut answer = Answer::positive(self.addresses(reach.ips.iter()));
        let texts = || meta_data(&node.meta);
        if self.wants(RecordType::TXT) {
            answer.answers.extend(texts().map(|data| Offer::alone(Owner::Question, ttl, data)));
        } else if self.config().settings.additional_node_meta_txt
            && let Some(offer) = answer.answers.first_mut()
        {
            offer.texts = Some(Help { set: 0, is_about_target: false });
            let records = texts().map(|data| (ttl, data.into())).collect();
            answer.sets.push(Set { owner: Owner::Question, records });
        }
        answer
    }

    /// Those of a machine's addresses that were asked for.
    fn addresses(&self, ips: impl Iterator<Item = IpAddr>) -> Vec<Offer> {
        let ttl = self.config().settings.node_ttl;
        let ips = ips.filter(|ip| self.wants_address(*ip));
        ips.map(|ip| Offer::alone(Owner::Question, ttl, Data::Address(ip))).collect()
    }

    fn pointer(&self, name: Option<WireName>) -> Vec<Offer> {
        let Some(name) = name.filter(|_| self.wants(RecordType::PTR)) else { return Vec::new() };
        let data = RData::PTR(PTR(name.to_name()));
        vec![Offer::alone(Owner::Question, self.config().settings.node_ttl, data)]
    }
}

/// A few servers, by chance.
fn choose<'n>(servers: &[&'n Arc<Node>], rng: &mut fastrand::Rng) -> Vec<&'n Arc<Node>> {
    let mut servers = servers.to_vec();
    rng.shuffle(&mut servers);
    servers.truncate(NAME_SERVERS_MAX);
    servers
}

/// Name servers told of the apex.
const NAME_SERVERS_MAX: usize = 3;
