//! Outcome → Answer: the code and the sections, in the order in which they are told, before anybody asks
//! whether they fit.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{NS, PTR, SOA};
use hickory_proto::rr::{Name, RData, RecordType};

use crate::catalog::View;
use crate::dns::question::Question;
use crate::dns::record::{
    Offer, Owner, Place, Rr, address_data, alias_data, host_name, meta_data, name_below, node_name,
    service_name,
};
use crate::dns::resolve::Outcome;
use crate::dns::target::{Target, Zone};
use crate::model::address::Address;
use crate::model::dns_config::DnsConfig;
use crate::model::node::Node;
use crate::model::number::Ttl;

/// A code with its sections.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The code.
    pub(super) rcode: ResponseCode,
    /// Whether we are the authority for it (AA).
    pub(super) is_authoritative: bool,
    /// What was asked for.
    pub(super) answers: Vec<Offer>,
    /// Who says so.
    pub(super) authorities: Vec<Offer>,
    /// Why it is so, for people.
    pub(super) extended: Option<ExtendedError>,
}

/// An extended error (RFC 8914 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExtendedError {
    /// The registered number.
    pub(super) code: u16,
    /// Words for people, short.
    pub(super) text: String,
}

/// What an Answer is made for.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    /// What was asked.
    pub(super) question: &'a Question,
    /// What it means.
    pub(super) target: &'a Target<'a>,
    /// The operator's settings.
    pub(super) config: &'a DnsConfig,
    /// What was looked into, for its revision.
    pub(super) view: &'a View,
    /// Records that could be told at most; one more is made, so that it is seen that some are left out.
    pub(super) records_max: usize,
}

/// Makes the Answer. The generator orders records that have no order.
pub(super) fn answer(scene: &Scene<'_>, outcome: &Outcome<'_>, rng: &mut fastrand::Rng) -> Answer {
    let offers = match outcome {
        Outcome::NotReady => {
            let text = "this agent does not know the catalog yet".to_owned();
            return bare(ResponseCode::ServFail, ExtendedError { code: EDE_NOT_READY, text });
        }
        Outcome::Refused => {
            let text = "the name is in no domain of this agent".to_owned();
            let extended = ExtendedError { code: EDE_NOT_AUTHORITATIVE, text };
            return bare(ResponseCode::Refused, extended);
        }
        Outcome::NoName(reason) => {
            let extended = ExtendedError { code: EDE_OTHER, text: reason.to_string() };
            let mut answer = scene.negative(ResponseCode::NXDomain);
            answer.extended = Some(extended);
            return answer;
        }
        Outcome::NoData => Vec::new(),
        Outcome::Apex(servers) => return scene.apex(servers, rng),
        Outcome::NameServers(servers) => scene.server_addresses(servers, rng),
        Outcome::Instances(instances) => scene.instances(instances, rng),
        Outcome::Node(node) => scene.node(node),
        Outcome::Address(ip) => scene.address(*ip),
        Outcome::NodeAt(node) => scene.pointer(node_name(&node.name, &scene.place())),
        Outcome::ServiceAt(name) => scene.pointer(service_name(name, &scene.place())),
    };
    if offers.is_empty() {
        return scene.negative(ResponseCode::NoError);
    }
    positive(offers)
}

/// A code alone, for what we are no authority for.
fn bare(rcode: ResponseCode, extended: ExtendedError) -> Answer {
    Answer {
        rcode,
        is_authoritative: false,
        answers: Vec::new(),
        authorities: Vec::new(),
        extended: Some(extended),
    }
}

fn positive(answers: Vec<Offer>) -> Answer {
    Answer {
        rcode: ResponseCode::NoError,
        is_authoritative: true,
        answers,
        authorities: Vec::new(),
        extended: None,
    }
}

impl Scene<'_> {
    /// Where names that we make stand: in the domain that was asked.
    pub(super) fn place(&self) -> Place<'_> {
        let domain = match self.target.zone {
            Zone::Domain(domain) => domain,
            Zone::Reverse4 | Zone::Reverse6 | Zone::Outside => &self.config.domain,
        };
        Place { datacenter: self.config.datacenter.folded(), domain }
    }

    pub(super) fn kind(&self) -> RecordType {
        self.question.asked.kind
    }

    /// Whether records of this type were asked for.
    fn wants(&self, kind: RecordType) -> bool {
        self.kind() == kind || self.kind() == RecordType::ANY
    }

    /// A "no" with the SOA that says how long it may be kept.
    fn negative(&self, rcode: ResponseCode) -> Answer {
        // RFC 2308 §2.1, §2.2: both NXDOMAIN and NODATA carry the SOA.
        let authorities = self.soa().into_iter().collect();
        Answer { rcode, authorities, ..positive(Vec::new()) }
    }

    fn soa(&self) -> Option<Offer> {
        let below = self.below()?;
        let timers = &self.config.settings.soa;
        let seconds = |seconds: u32| i32::try_from(seconds).unwrap_or(i32::MAX);
        // The low 32 bits: serials wrap by the rules of RFC 1982.
        let serial = u32::try_from(self.view.revision().0 & 0xFFFF_FFFF).unwrap_or_default();
        let data = RData::SOA(SOA::new(
            name_below("ns", &below)?,
            name_below("hostmaster", &below)?,
            serial,
            seconds(timers.refresh),
            seconds(timers.retry),
            seconds(timers.expire),
            timers.min_ttl,
        ));
        // RFC 2308 §5: the lower of the record's own TTL and its last field; ours are the same.
        Some(Offer::alone(self.suffix_owner(), Ttl(timers.min_ttl), data))
    }

    fn suffix_owner(&self) -> Owner {
        Owner::Suffix(self.target.zone.label_count())
    }

    /// What `ns` and `hostmaster` stand below: the domain, spelled as it was asked so that it is compressed
    /// to the question.
    fn below(&self) -> Option<Name> {
        match self.target.zone {
            Zone::Domain(_) => {
                Some(self.question.asked.name.trim_to(self.target.zone.label_count()))
            }
            Zone::Reverse4 | Zone::Reverse6 | Zone::Outside => host_name(&self.config.domain),
        }
    }

    /// The suffix itself: its authority and its servers.
    fn apex(&self, servers: &[&Arc<Node>], rng: &mut fastrand::Rng) -> Answer {
        let mut answers = Vec::new();
        if self.wants(RecordType::SOA) {
            answers.extend(self.soa());
        }
        if self.wants(RecordType::NS) {
            answers.extend(self.name_servers(servers, rng));
        }
        if answers.is_empty() {
            return self.negative(ResponseCode::NoError);
        }
        let mut answer = positive(answers);
        if self.kind() == RecordType::SOA {
            answer.authorities = self.name_servers(servers, rng);
        }
        answer
    }

    fn name_servers(&self, servers: &[&Arc<Node>], rng: &mut fastrand::Rng) -> Vec<Offer> {
        let place = self.place();
        let mut servers = servers.to_vec();
        rng.shuffle(&mut servers);
        let ttl = self.config.settings.node_ttl;
        let named = servers.iter().take(NAME_SERVERS_MAX).filter_map(|node| {
            let name = node_name(&node.name, &place)?.to_lowercase();
            let glue = node.address.ip().map(|ip| Rr {
                owner: Owner::Pointed(name.clone()),
                ttl,
                data: address_data(ip),
            });
            let data = RData::NS(NS(name));
            let mut offer = Offer::alone(self.suffix_owner(), ttl, data);
            offer.addresses.extend(glue);
            Some(offer)
        });
        let mut offers: Vec<Offer> = named.collect();
        if offers.is_empty() {
            // A zone has a name server (RFC 1034 §4.2.1), even one whose address nobody knows.
            let name = self.below().and_then(|domain| name_below("ns", &domain));
            let data = name.map(|name| RData::NS(NS(name)));
            offers.extend(data.map(|data| Offer::alone(self.suffix_owner(), ttl, data)));
        }
        offers
    }

    /// The addresses behind the SOA's first name.
    fn server_addresses(&self, servers: &[&Arc<Node>], rng: &mut fastrand::Rng) -> Vec<Offer> {
        let mut servers = servers.to_vec();
        rng.shuffle(&mut servers);
        let ips = servers.iter().filter_map(|node| node.address.ip());
        let ips = ips.take(NAME_SERVERS_MAX).filter(|ip| self.wants_address(*ip));
        ips.map(|ip| Offer::alone(Owner::Question, self.config.settings.node_ttl, address_data(ip)))
            .collect()
    }

    /// Whether addresses of its family were asked for.
    pub(super) fn wants_address(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(_) => self.wants(RecordType::A),
            IpAddr::V6(_) => self.wants(RecordType::AAAA),
        }
    }

    fn node(&self, node: &Node) -> Vec<Offer> {
        let ttl = self.config.settings.node_ttl;
        let wants_any_address = self.wants(RecordType::A) || self.wants(RecordType::AAAA);
        let data = match &node.address {
            Address::Ip(ip) if self.wants_address(*ip) => Some(address_data(*ip)),
            Address::Host(host) if wants_any_address => alias_data(host),
            Address::Ip(_) | Address::Host(_) => None,
        };
        let mut offers: Vec<Offer> =
            data.map(|data| Offer::alone(Owner::Question, ttl, data)).into_iter().collect();
        let is_alias = !offers.is_empty() && node.address.ip().is_none();
        if self.wants(RecordType::TXT) && !is_alias {
            let texts = meta_data(&node.meta);
            offers.extend(texts.map(|data| Offer::alone(Owner::Question, ttl, data)));
        } else if self.config.settings.additional_node_meta_txt
            && !is_alias
            && let Some(offer) = offers.first_mut()
        {
            let texts = meta_data(&node.meta);
            offer.texts = texts.map(|data| Rr { owner: Owner::Question, ttl, data }).collect();
        }
        offers
    }

    fn address(&self, ip: IpAddr) -> Vec<Offer> {
        if !self.wants_address(ip) {
            return Vec::new();
        }
        vec![Offer::alone(Owner::Question, self.config.settings.node_ttl, address_data(ip))]
    }

    fn pointer(&self, name: Option<Name>) -> Vec<Offer> {
        let Some(name) = name.filter(|_| self.wants(RecordType::PTR)) else { return Vec::new() };
        let data = RData::PTR(PTR(name));
        vec![Offer::alone(Owner::Question, self.config.settings.node_ttl, data)]
    }
}

/// Name servers told of the apex.
const NAME_SERVERS_MAX: usize = 3;

/// "Other" (RFC 8914 §4.1): the words say all.
const EDE_OTHER: u16 = 0;

/// "Not Ready" (RFC 8914 §4.15).
const EDE_NOT_READY: u16 = 14;

/// "Not Authoritative" (RFC 8914 §4.21).
const EDE_NOT_AUTHORITATIVE: u16 = 20;
