//! Targets, outcomes and what they rest on → words.

use crate::acl::Authorizer;
use crate::dns::cache::Basis;
use crate::dns::explain::instances::Draft;
use crate::dns::explain::prepared;
use crate::dns::outside::Fetched;
use crate::dns::reason::Reason;
use crate::dns::resolve::Outcome;
use crate::dns::target::{Meaning, Target, Zone};
use crate::dns::text;
use crate::model::explanation::{Verdict, ZoneKind, ZoneReport};
use crate::zone::{self, End, Found};

/// The suffix that a name stands below.
pub(super) fn zone_report(zone: Zone<'_>) -> ZoneReport {
    let (kind, apex) = match zone {
        Zone::Static(zone) => (ZoneKind::StaticZone, zone::spell_name(zone.apex())),
        Zone::Domain(domain) => (ZoneKind::Domain, format!("{domain}.")),
        Zone::Reverse4 => (ZoneKind::Reverse, "in-addr.arpa.".to_owned()),
        Zone::Reverse6 => (ZoneKind::Reverse, "ip6.arpa.".to_owned()),
        Zone::Outside => (ZoneKind::Outside, ".".to_owned()),
    };
    ZoneReport { kind, apex }
}

/// What a name means.
pub(super) fn of_meaning(target: &Target<'_>) -> String {
    match &target.meaning {
        Meaning::Apex => "the suffix itself".to_owned(),
        Meaning::NameServer => "the servers of the suffix".to_owned(),
        Meaning::Network(network) => format!("the network {network}"),
        Meaning::Supernet => "what networks are part of".to_owned(),
        Meaning::Empty => "a name that only has names below it".to_owned(),
        Meaning::Service { name, tag: None } => format!("service `{name}`"),
        Meaning::Service { name, tag: Some(tag) } => format!("service `{name}`, tag `{tag}`"),
        Meaning::Node { name } => format!("node `{name}`"),
        Meaning::Query { name } => format!("prepared query `{name}`"),
        Meaning::Addresses(ips) => format!("the address {ips}"),
        Meaning::Reverse(ip) => format!("who has the address {ip}"),
        Meaning::Absent(absence) => Reason::Absent(*absence).to_string(),
        Meaning::Elsewhere => match target.zone {
            Zone::Static(_) => "a name of a zone file".to_owned(),
            Zone::Domain(_) | Zone::Reverse4 | Zone::Reverse6 | Zone::Outside => {
                "a name of somebody else's".to_owned()
            }
        },
    }
}

/// What is known of a name, as far as the viewer may see it.
pub(super) fn of_outcome(outcome: &Outcome<'_>, drafts: &[Draft], viewer: &Authorizer) -> String {
    match outcome {
        Outcome::NotReady(why) | Outcome::Refused(why) => why.to_string(),
        Outcome::NoName(reason) => format!("no such name: {reason}"),
        Outcome::NoData => "no data, but names below it".to_owned(),
        Outcome::Network => "a zone of its own, with an SOA and no more".to_owned(),
        Outcome::Apex(servers) | Outcome::NameServers(servers) => {
            format!("{} to choose name servers from", counted(servers.len(), "node"))
        }
        Outcome::Instances(kept) => of_instances(kept.len(), drafts),
        Outcome::Prepared(executed) => {
            let kept = of_instances(executed.instances.len(), drafts);
            format!("{}: {kept}", prepared::show(executed, viewer))
        }
        Outcome::Node(node) => format!("node `{}` at {}", node.name.as_str(), node.address),
        Outcome::Addresses(ips) => format!("{ips}, as the name spells it"),
        Outcome::NodeAt(node) => format!("node `{}`", node.name.as_str()),
        Outcome::ServiceAt(name) => format!("service `{}`", name.as_str()),
        Outcome::InZone(_, found) => of_zone(found),
        Outcome::Told(fetched) => of_fetched(fetched),
        Outcome::Missing(_) => "asks recursors".to_owned(),
    }
}

fn of_instances(kept: usize, drafts: &[Draft]) -> String {
    let count = |verdict: Verdict| drafts.iter().filter(|d| d.report.verdict == verdict).count();
    let dropped = [
        (count(Verdict::Hidden), "hidden"),
        (count(Verdict::OtherTag), "with another tag"),
        (count(Verdict::OtherMeta), "with other metadata"),
        (count(Verdict::Critical), "critical"),
        (count(Verdict::Warning), "warning"),
    ];
    let text = format!("{kept} of {} may be told", counted(drafts.len(), "instance"));
    let dropped = dropped.into_iter().filter(|(count, _)| 0 < *count);
    dropped.fold(text, |text, (count, why)| format!("{text}, {count} {why}"))
}

fn of_zone(found: &Found<'_>) -> String {
    let name = zone::spell_name(&found.name);
    let end = match &found.end {
        End::Data(set) => {
            let records = counted(set.data().len(), "record");
            format!("{records} of type {} at {name}", text::type_word(set.kind()))
        }
        End::NoData => format!("no data of the type at {name}"),
        End::NoName => format!("no such name: {name}"),
        End::Referral(referral) => {
            format!("delegated to others at {}", zone::spell_name(&referral.cut))
        }
        End::Leaves => format!("an alias of {name}, which is not in this zone"),
        End::TooLong => "a DNAME makes a name of more than 255 bytes".to_owned(),
        End::Steps => "aliases and no end of them".to_owned(),
    };
    match found.steps.len() {
        0 => end,
        1 => format!("after 1 alias {end}"),
        count => format!("after {count} aliases {end}"),
    }
}

fn of_fetched(fetched: &Fetched) -> String {
    match fetched {
        Fetched::Told(told) => {
            let stale = told
                .stale
                .map(|age| format!(", which should not be told since {} s", age.as_secs()));
            let (rcode, answers) = (text::rcode_word(told.rcode.into()), told.answers.len());
            let answers = counted(answers, "answer");
            format!("a recursor said {rcode}, {answers}{}", stale.unwrap_or_default())
        }
        Fetched::Failed(failure) => failure.to_string(),
    }
}

/// Until when an answer is kept.
pub(super) fn of_basis(basis: Option<&Basis>) -> String {
    match basis {
        Some(Basis::Service(name, revision)) => {
            format!("kept while service `{}` stays at revision {revision}", name.as_str())
        }
        Some(Basis::Prepared(queries, name, revision)) => format!(
            "kept while prepared queries stay at revision {queries} and service `{}` at revision {revision}",
            name.as_str()
        ),
        Some(Basis::Node(name, revision)) => {
            format!("kept while node `{}` stays at revision {revision}", name.as_str())
        }
        Some(Basis::View(revision)) => {
            format!("kept while the catalog stays at revision {revision}")
        }
        None => "not kept: made anew for each query".to_owned(),
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
