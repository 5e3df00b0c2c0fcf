//! What zones and recursors say → Answer.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::dns::answer::{Answer, Order, Scene};
use crate::dns::outside::{Fetched, Told};
use crate::dns::reason::Why;
use crate::dns::record::{Offer, Owner, Rr, Set};
use crate::model::number::Ttl;
use crate::zone::{self, End, Found, Referral, StaticZone};

impl Scene<'_> {
    /// The Answer of a zone.
    pub(super) fn in_zone(&self, zone: &StaticZone, found: &Found<'_>) -> Answer {
        let steps = found.steps.iter().map(|step| {
            let data = step.data.clone().into_owned();
            Offer::alone(self.owner(&step.owner), step.ttl, data)
        });
        let mut answer = Answer::positive(steps.collect());
        match &found.end {
            End::Data(set) => {
                let is_alone = answer.answers.is_empty();
                answer.answers.extend(self.offers(&found.name, set));
                if is_alone && matches!(set.kind(), RecordType::A | RecordType::AAAA) {
                    answer.order = Order::Shuffled;
                }
            }
            End::NoData => answer.authorities = self.zone_soa(zone),
            End::NoName => {
                answer.rcode = ResponseCode::NXDomain;
                answer.authorities = self.zone_soa(zone);
            }
            End::Referral(referral) => self.refer(&mut answer, referral),
            End::Leaves => answer.leads_to = Some(found.name.clone()),
            End::TooLong => answer.rcode = ResponseCode::YXDomain,
            End::Steps => {}
        }
        answer
    }

    /// RFC 2308 §3: the SOA of a "no" has the TTL for which that may be kept.
    fn zone_soa(&self, zone: &StaticZone) -> Vec<Offer> {
        let (set, ttl) = (zone.soa(), zone.negative_ttl());
        set.data()
            .iter()
            .map(|data| Offer::alone(self.owner(zone.apex()), ttl, data.clone()))
            .collect()
    }

    /// Others know more: their names, and how they are reached.
    fn refer(&self, answer: &mut Answer, referral: &Referral<'_>) {
        // RFC 1034 §4.3.2 step 3b: what is delegated is not ours to vouch for.
        answer.is_authoritative = !answer.answers.is_empty();
        for set in std::iter::once(referral.ns).chain(referral.ds) {
            answer.authorities.extend(self.offers(&referral.cut, set));
        }
        for glue in &referral.glue {
            let records = glue.set.data().iter().map(|data| (glue.set.ttl(), data.clone().into()));
            answer.additionals.push(answer.sets.len());
            answer.sets.push(Set { owner: self.owner(glue.owner), records: records.collect() });
        }
        answer.is_glue_required = true;
    }

    fn offers(&self, owner: &Name, set: &zone::Set) -> Vec<Offer> {
        let offer = |data: &RData| Offer::alone(self.owner(owner), set.ttl(), data.clone());
        set.data().iter().map(offer).collect()
    }

    /// A name as an owner: the question's is told as it was spelled.
    fn owner(&self, name: &Name) -> Owner {
        if *name == self.asked.name.to_name() {
            return Owner::Question;
        }
        Owner::Named(name.into())
    }

    /// The Answer of a recursor.
    pub(super) fn told(&self, fetched: &Fetched) -> Answer {
        let told = match fetched {
            Fetched::Told(told) => told,
            Fetched::Failed(failure) => {
                let why = Some(Why::Failed(*failure));
                return Answer { why, ..Answer::bare(ResponseCode::ServFail) };
            }
        };
        let Told { rcode, answers, authorities, additionals, stale } = &**told;
        let sets = additionals.iter().map(|record| Set::from(self.record(record)));
        Answer {
            answers: answers.iter().map(|record| self.offer(record)).collect(),
            authorities: authorities.iter().map(|record| self.offer(record)).collect(),
            sets: sets.collect(),
            additionals: (0..additionals.len()).collect(),
            why: stale.map(Why::Stale),
            ..Answer::bare(*rcode)
        }
    }

    fn offer(&self, record: &Record) -> Offer {
        Offer { record: self.record(record), addresses: None, texts: None }
    }

    fn record(&self, record: &Record) -> Rr {
        let (owner, ttl) = (self.owner(&record.name), Ttl(record.ttl));
        Rr { owner, ttl, data: record.data.clone().into() }
    }
}
