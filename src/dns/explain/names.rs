//! Names as they are looked up → a report of each.

use std::collections::BTreeSet;

use crate::acl::Authorizer;
use crate::dns::answer::Scene;
use crate::dns::chain::Witness;
use crate::dns::explain::instances::{self, Draft};
use crate::dns::explain::{prepared, words};
use crate::dns::resolve::Outcome;
use crate::dns::target::{Meaning, Zone};
use crate::model::explanation::{NameReport, Verdict};
use crate::zone;

/// Each name that was looked up, with its instances while the message is not known.
pub(super) struct Names {
    /// What whoever reads the reports may see.
    viewer: Authorizer,
    /// In their order.
    seen: Vec<(NameReport, Vec<Draft>)>,
}

impl Witness for Names {
    fn see(&mut self, scene: &Scene<'_>, outcome: &Outcome<'_>) {
        let (target, view) = (scene.target, scene.known.view);
        let revision = match (&target.zone, &target.meaning) {
            (Zone::Static(_) | Zone::Outside, _) => None,
            (Zone::Domain(_) | Zone::Reverse4 | Zone::Reverse6, _) if !view.is_ready() => None,
            (_, Meaning::Service { name, .. }) => Some(view.service_revision(name)),
            (_, Meaning::Query { name }) => Some(prepared::revision(view, name)),
            (_, Meaning::Node { name }) => Some(view.node_revision(name)),
            (Zone::Domain(_) | Zone::Reverse4 | Zone::Reverse6, _) => Some(view.revision()),
        };
        let drafts = match &target.meaning {
            Meaning::Service { name, tag } => {
                instances::judge_all(scene, outcome, (name, tag.as_deref()), &self.viewer)
            }
            Meaning::Query { name } => prepared::judge_all(scene, outcome, name, &self.viewer),
            Meaning::Apex
            | Meaning::NameServer
            | Meaning::Network(_)
            | Meaning::Supernet
            | Meaning::Empty
            | Meaning::Node { .. }
            | Meaning::Addresses(_)
            | Meaning::Reverse(_)
            | Meaning::Absent(_)
            | Meaning::Elsewhere => Vec::new(),
        };
        let report = NameReport {
            name: zone::spell_name(&scene.asked.name.to_name()),
            zone: words::zone_report(target.zone),
            meaning: words::of_meaning(target),
            outcome: words::of_outcome(outcome, &drafts, &self.viewer),
            revision: revision.map(|revision| revision.0),
            instances: Vec::new(),
        };
        self.seen.push((report, drafts));
    }
}

impl Names {
    /// No names yet.
    pub(super) fn seen_by(viewer: &Authorizer) -> Self {
        Self { viewer: viewer.clone(), seen: Vec::new() }
    }

    /// The reports, where there is no message.
    pub(super) fn without_message(self) -> Vec<NameReport> {
        self.settle(|_| {})
    }

    /// The reports, where a message has these records, and this limit left out others.
    pub(super) fn with_message(self, told: &BTreeSet<String>, limit: &str) -> Vec<NameReport> {
        self.settle(|draft| {
            if draft.report.verdict != Verdict::Kept {
                return;
            }
            if draft.records.iter().any(|record| told.contains(record)) {
                draft.report.verdict = Verdict::Told;
            } else {
                draft.report.verdict = Verdict::OverLimit;
                draft.report.reason = format!("{limit}; each message draws anew");
            }
        })
    }

    fn settle(self, change: impl Fn(&mut Draft)) -> Vec<NameReport> {
        let settle = |(report, drafts): (NameReport, Vec<Draft>)| {
            let instances = drafts.into_iter().map(|mut draft| {
                change(&mut draft);
                draft.report
            });
            NameReport { instances: instances.collect(), ..report }
        };
        self.seen.into_iter().map(settle).collect()
    }
}
