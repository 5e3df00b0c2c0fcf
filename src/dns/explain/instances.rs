//! Instances of a service → what becomes of each, in words.

use std::sync::Arc;

use crate::acl::Authorizer;
use crate::catalog::Instance;
use crate::dns::answer::Scene;
use crate::dns::explain::data_key;
use crate::dns::instances::Fate;
use crate::dns::resolve::Outcome;
use crate::dns::text;
use crate::dns::verdict::{self, is_seen, judge};
use crate::model::check::Check;
use crate::model::explanation::{InstanceReport, Verdict};
use crate::model::health::Status;
use crate::model::name::Tag;
use crate::model::number::Ttl;

/// An instance whose report waits for the message.
pub(super) struct Draft {
    /// What is known before there is a message.
    pub(super) report: InstanceReport,
    /// The records that it may be told by.
    pub(super) records: Vec<String>,
}

/// Judges all instances of a service that the viewer may see, in the catalog's order.
pub(super) fn judge_all(
    scene: &Scene<'_>,
    outcome: &Outcome<'_>,
    (name, tag): (&str, Option<&str>),
    viewer: &Authorizer,
) -> Vec<Draft> {
    let kept = match outcome {
        Outcome::Instances(instances) => fates(scene, instances, scene.instances_ttl(instances)),
        _ => Vec::new(),
    };
    judge_by(scene, kept, (name, viewer), |instance| {
        let (verdict, reason) = match judge(instance, tag, scene.config(), scene.known.acl) {
            verdict::Verdict::Hidden => (Verdict::Hidden, why_hidden()),
            verdict::Verdict::Kept => (Verdict::Kept, why_kept(instance)),
            verdict::Verdict::OtherTag => (Verdict::OtherTag, why_other_tag(instance)),
            verdict::Verdict::Critical => (Verdict::Critical, show_check(instance)),
            verdict::Verdict::Warning => {
                let reason = format!("{}, and `only_passing` is set", show_check(instance));
                (Verdict::Warning, reason)
            }
        };
        Judged { verdict, reason }
    })
}

/// What the rules say of an instance before there is an answer.
pub(super) struct Judged {
    /// `Kept`, or the rule that drops it.
    pub(super) verdict: Verdict,
    /// Why.
    pub(super) reason: String,
}

/// Judges all instances of a service that the viewer may see by a rule; `kept` are those that it keeps, with what became of them.
pub(super) fn judge_by(
    scene: &Scene<'_>,
    kept: Vec<Kept<'_>>,
    (service, viewer): (&str, &Authorizer),
    rule: impl Fn(&Instance) -> Judged,
) -> Vec<Draft> {
    let Some(service) = scene.known.view.service(service) else { return Vec::new() };
    let mut kept = kept.into_iter().peekable();
    let mut draft = |instance: &Arc<Instance>| {
        let is_next = |kept: &Kept<'_>| Arc::ptr_eq(kept.instance, instance);
        let judged = rule(instance);
        let (verdict, reason, records) = match kept.next_if(is_next) {
            Some(kept) => kept.decide(judged),
            None => (judged.verdict, judged.reason, Vec::new()),
        };
        let report = InstanceReport {
            node: instance.node.name.as_str().to_owned(),
            service_id: instance.service.id.as_str().to_owned(),
            address: instance.address().to_string(),
            port: instance.service.port,
            status: instance.status(),
            verdict,
            reason,
        };
        Draft { report, records }
    };
    // All are judged, since those that are kept are met in their order.
    let drafts = service.instances.values().map(|instance| (instance, draft(instance)));
    drafts.filter(|(instance, _)| is_seen(instance, viewer)).map(|(_, draft)| draft).collect()
}

/// An instance that may be told, with what became of it at the answer station.
pub(super) struct Kept<'k> {
    /// The instance.
    instance: &'k Arc<Instance>,
    /// The records that tell it.
    records: Vec<String>,
    /// The rule that dropped it, or one of its addresses.
    dropped: Option<(Verdict, String)>,
}

impl Kept<'_> {
    fn decide(self, judged: Judged) -> (Verdict, String, Vec<String>) {
        match self.dropped {
            Some((verdict, reason)) if self.records.is_empty() => (verdict, reason, self.records),
            Some(_) | None => (judged.verdict, judged.reason, self.records),
        }
    }
}

/// Has the answer made once more, and looks on.
pub(super) fn fates<'k>(
    scene: &Scene<'_>,
    instances: &[&'k Arc<Instance>],
    ttl: Ttl,
) -> Vec<Kept<'k>> {
    let mut events: Vec<(Arc<Instance>, Fate)> = Vec::with_capacity(instances.len());
    let answer = scene.instances_seen(instances, ttl, &mut |instance, fate| {
        events.push((Arc::clone(instance), fate));
    });
    let record = |number: usize| {
        let offer = answer.answers.get(number);
        offer.map(|offer| data_key(&offer.record.data.to_rdata())).unwrap_or_default()
    };
    let first = answer.answers.first();
    let is_alias = first.is_some_and(|offer| offer.record.data.alias().is_some());
    // Whose record stands in which place.
    let mut tellers: Vec<String> = Vec::new();
    let mut events = events.into_iter().peekable();
    let mut kept = Vec::with_capacity(instances.len());
    for &instance in instances {
        let (mut records, mut dropped) = (Vec::new(), None);
        while let Some((_, fate)) = events.next_if(|(seen, _)| Arc::ptr_eq(seen, instance)) {
            match fate {
                Fate::Offered(number) => {
                    records.push(record(number));
                    tellers.push(show_instance(instance));
                }
                Fate::Alias(number) if is_alias => records.push(record(number)),
                Fate::Alias(_) => dropped = Some(beside_addresses(instance)),
                Fate::Duplicate(number) => {
                    let teller = tellers.get(number).map(String::as_str).unwrap_or_default();
                    let reason = format!("{teller} has the same record, which is told once");
                    dropped = Some((Verdict::Duplicate, reason));
                }
                Fate::OtherType(ip) => {
                    let kind = text::type_word(scene.kind());
                    let reason = format!("it is reached at {ip}, which is no {kind} record");
                    dropped = dropped.or(Some((Verdict::OtherType, reason)));
                }
                Fate::Unspellable => {
                    let reason = "DNS cannot spell where it is reached".to_owned();
                    dropped = Some((Verdict::Unspellable, reason));
                }
            }
        }
        kept.push(Kept { instance, records, dropped });
    }
    kept
}

fn beside_addresses(instance: &Instance) -> (Verdict, String) {
    let host = instance.address();
    let reason = format!("`{host}` would be an alias, and others have addresses");
    (Verdict::AliasBesideAddresses, reason)
}

pub(super) fn why_hidden() -> String {
    "the token of this agent may not see its node or its service".to_owned()
}

fn why_kept(instance: &Instance) -> String {
    match (instance.status(), instance.checks().count()) {
        (_, 0) => "it has no checks".to_owned(),
        (Status::Passing, 1) => "its check passes".to_owned(),
        (Status::Passing, count) => format!("its {count} checks pass"),
        (Status::Warning | Status::Critical, _) => {
            format!("{}, and `only_passing` is not set", show_check(instance))
        }
    }
}

fn why_other_tag(instance: &Instance) -> String {
    let tags: Vec<&str> = instance.service.tags.iter().map(Tag::as_str).collect();
    match tags.as_slice() {
        [] => "it has no tags".to_owned(),
        tags => format!("its tags are {}", tags.join(", ")),
    }
}

/// What the check says that decides about an instance.
fn show_check(instance: &Instance) -> String {
    show_check_of(instance.deciding_check())
}

/// What a check says.
pub(super) fn show_check_of(check: Option<&Arc<Check>>) -> String {
    let Some(check) = check else { return "it has no checks".to_owned() };
    let whose = if check.service.is_some() { "service" } else { "node" };
    format!("{whose} check `{}` is {}", check.id.as_str(), check.status)
}

fn show_instance(instance: &Instance) -> String {
    format!("`{}` on `{}`", instance.service.id.as_str(), instance.node.name.as_str())
}
