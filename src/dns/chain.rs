//! Question → Answer, along aliases: what a name is an alias of is looked up like a question of its own, in the
//! catalog, in zones, and outside.
//!
//! The answer section tells the aliases in their order and what the last one leads to; the code is that of the
//! last name (RFC 6604 §2.1), and AA says who owns the first (RFC 1034 §4.1.1).

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{RData, RecordType};

use crate::dns::Known;
use crate::dns::answer::{self, Answer, Order, Scene};
use crate::dns::cache::Basis;
use crate::dns::qname::QName;
use crate::dns::question::{Asked, CLASS_IN, Question};
use crate::dns::record::{Data, Help, Offer, Owner, Set};
use crate::dns::resolve::{self, Asker, Outcome};
use crate::dns::target;
use crate::dns::wire::WireName;
use crate::model::limits::{DNS_CHAIN_MAX, DNS_HOSTS_HELPED_MAX};

/// Looks a question up, and what it leads to; with what the Answer rests on, if it may be kept. The witness sees
/// each name on the way.
pub(super) fn follow(
    question: &Question<'_>,
    known: &Known<'_>,
    rng: &mut fastrand::Rng,
    witness: &mut impl Witness,
) -> (Answer, Option<Basis>) {
    let asked = &question.asked;
    let target = target::locate(asked, known);
    let outcome = resolve::resolve(asked, &target, Asker::of(question), known);
    follow_from(&Scene { asked, target: &target, known }, &outcome, question, rng, witness)
}

/// The same, where the name of the question was looked up already.
pub(super) fn follow_from(
    scene: &Scene<'_>,
    outcome: &Outcome<'_>,
    question: &Question<'_>,
    rng: &mut fastrand::Rng,
    witness: &mut impl Witness,
) -> (Answer, Option<Basis>) {
    let (asker, known) = (Asker::of(question), scene.known);
    let (mut answer, mut basis) = answer_one(scene, outcome, rng, witness);
    if answer.leads_to.is_some() {
        basis = None;
        complete(&mut answer, &question.asked, asker, known, rng, witness);
    }
    for host in unknown_hosts(&answer, &question.asked) {
        basis = None;
        // Only an instance's host is worth a question to others.
        let is_asked = asker.recursion_desired && question.asked.kind == RecordType::SRV;
        help(&mut answer, &host, Asker { recursion_desired: is_asked, ..asker }, known, rng);
    }
    (answer, basis)
}

/// Who looks on while names are looked up.
pub(super) trait Witness {
    /// A name was looked up.
    fn see(&mut self, scene: &Scene<'_>, outcome: &Outcome<'_>);
}

/// Nobody looks on.
pub(super) struct Nobody;

impl Witness for Nobody {
    fn see(&mut self, _: &Scene<'_>, _: &Outcome<'_>) {}
}

/// Looks one name up.
fn look_up(
    asked: &Asked<'_>,
    asker: Asker,
    known: &Known<'_>,
    rng: &mut fastrand::Rng,
    witness: &mut impl Witness,
) -> (Answer, Option<Basis>) {
    let target = target::locate(asked, known);
    let outcome = resolve::resolve(asked, &target, asker, known);
    answer_one(&Scene { asked, target: &target, known }, &outcome, rng, witness)
}

/// The Answer about one name.
fn answer_one(
    scene: &Scene<'_>,
    outcome: &Outcome<'_>,
    rng: &mut fastrand::Rng,
    witness: &mut impl Witness,
) -> (Answer, Option<Basis>) {
    witness.see(scene, outcome);
    let answer = answer::answer(scene, outcome, rng);
    let basis = Basis::of(outcome, &answer, scene.asked.kind, scene.known);
    (answer, basis)
}

/// Follows an alias to its end.
fn complete(
    answer: &mut Answer,
    asked: &Asked<'_>,
    asker: Asker,
    known: &Known<'_>,
    rng: &mut fastrand::Rng,
    witness: &mut impl Witness,
) {
    let mut names = vec![WireName::from(&asked.name.to_name())];
    pick(answer, rng);
    while let Some(name) = answer.leads_to.take() {
        let name = WireName::from(&name);
        // Where it leads back, or too far, what was found is all there is to say.
        if DNS_CHAIN_MAX <= names.len() || names.contains(&name) {
            return;
        }
        let Some(qname) = QName::read(name.bytes()) else { return };
        let asked = Asked { name: qname, kind: asked.kind, class: CLASS_IN };
        let (next, _) = look_up(&asked, asker, known, rng, witness);
        // Where nobody is there to ask, the alias is told alone: the client may know more.
        if next.rcode != ResponseCode::Refused {
            append(answer, next, &name, rng);
        }
        names.push(name);
    }
}

/// A name has one alias (RFC 2181 §10.1): of several, chance decides which is told and followed.
fn pick(answer: &mut Answer, rng: &mut fastrand::Rng) {
    match answer.order {
        Order::Fixed => return,
        Order::Shuffled => rng.shuffle(&mut answer.answers),
        Order::Ranked => {}
    }
    answer.answers.truncate(answer.told_max);
    answer.order = Order::Fixed;
    if let Some(name) = answer.answers.first().and_then(|offer| offer.record.data.alias()) {
        answer.leads_to = Some(name.clone());
    }
}

/// Puts what an alias leads to behind the alias.
fn append(answer: &mut Answer, mut next: Answer, name: &WireName, rng: &mut fastrand::Rng) {
    if next.order == Order::Shuffled {
        rng.shuffle(&mut next.answers);
    }
    next.answers.truncate(next.told_max);
    let offset = answer.sets.len();
    for set in &mut next.sets {
        rename(&mut set.owner, name);
    }
    let behind = |mut offer: Offer| {
        rename(&mut offer.record.owner, name);
        let moved = |help: Help| Help { set: help.set + offset, ..help };
        Offer { addresses: offer.addresses.map(moved), texts: offer.texts.map(moved), ..offer }
    };
    answer.rcode = next.rcode;
    answer.order = Order::Fixed;
    answer.answers.extend(next.answers.into_iter().map(behind));
    answer.told_max = usize::MAX;
    answer.is_for_client |= next.is_for_client;
    answer.authorities.extend(next.authorities.into_iter().map(behind));
    answer.sets.extend(next.sets);
    answer.additionals.extend(next.additionals.into_iter().map(|set| set + offset));
    answer.missing.extend(next.missing);
    answer.leads_to = next.leads_to;
    answer.why = next.why.or(answer.why);
}

/// An owner that is stated by the name that was looked up, in a message whose question is another.
fn rename(owner: &mut Owner, name: &WireName) {
    match owner {
        Owner::Question => *owner = Owner::Named(name.clone()),
        Owner::Suffix(labels) => *owner = Owner::Named(name.suffix(*labels)),
        Owner::Named(_) => {}
    }
}

/// Hosts that our own answers point at and nothing is said of yet.
fn unknown_hosts(answer: &Answer, asked: &Asked<'_>) -> Vec<WireName> {
    let mut hosts: Vec<WireName> = Vec::new();
    if !answer.is_authoritative {
        return hosts;
    }
    for offer in answer.answers.iter().filter(|offer| offer.addresses.is_none()) {
        let Some((host, is_service)) = host(&offer.record.data) else { continue };
        let host = match (host.is_root(), &offer.record.owner) {
            (false, _) => host,
            // RFC 9460 §2.5.2: the owner itself.
            (true, Owner::Question) if is_service => WireName::from(&asked.name.to_name()),
            (true, Owner::Named(owner)) if is_service => owner.clone(),
            (true, _) => continue,
        };
        if !hosts.contains(&host) && hosts.len() < DNS_HOSTS_HELPED_MAX {
            hosts.push(host);
        }
    }
    hosts
}

/// The host that a record points at, and whether the record is a service binding.
fn host(data: &Data) -> Option<(WireName, bool)> {
    let data = match data {
        Data::Address(_) => return None,
        Data::Location { target, .. } => return Some((target.clone(), false)),
        Data::Other(data) => &**data,
    };
    let (host, is_service) = match data {
        RData::SRV(srv) => (&srv.target, false),
        RData::MX(mx) => (&mx.exchange, false),
        RData::NS(ns) => (&ns.0, false),
        RData::HTTPS(https) => (&https.0.target_name, true),
        RData::SVCB(svcb) => (&svcb.target_name, true),
        _ => return None,
    };
    Some((host.into(), is_service))
}

/// Adds the addresses of a host, and the aliases that lead to them.
fn help(
    answer: &mut Answer,
    host: &WireName,
    asker: Asker,
    known: &Known<'_>,
    rng: &mut fastrand::Rng,
) {
    let Some(name) = QName::read(host.bytes()) else { return };
    for kind in [RecordType::A, RecordType::AAAA] {
        let asked = Asked { name, kind, class: CLASS_IN };
        let (mut found, _) = look_up(&asked, asker, known, rng, &mut Nobody);
        complete(&mut found, &asked, asker, known, rng, &mut Nobody);
        answer.missing.append(&mut found.missing);
        if found.rcode != ResponseCode::NoError {
            continue;
        }
        found.answers.truncate(found.told_max.min(DNS_HOSTS_HELPED_MAX));
        for mut offer in found.answers {
            rename(&mut offer.record.owner, host);
            let set = Set::from(offer.record);
            // Both families, and several hosts, may go along the same aliases; what is kept of each may have been
            // fetched at another moment, and its TTL says so.
            let data = |set: &Set| set.records.iter().map(|(_, data)| data.clone()).collect();
            let (owner, told): (_, Vec<Data>) = (&set.owner, data(&set));
            let is_told = |known: &Set| known.owner == *owner && told == data(known);
            if !answer.sets.iter().any(is_told) {
                answer.additionals.push(answer.sets.len());
                answer.sets.push(set);
            }
        }
    }
}
