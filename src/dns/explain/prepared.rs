//! Instances of the service of a prepared query → what becomes of each, in words.

use std::sync::Arc;

use crate::acl::Authorizer;
use crate::catalog::prepared::{Filter, FoundQuery, Ruling};
use crate::catalog::{Instance, View};
use crate::dns::answer::Scene;
use crate::dns::explain::instances::{self, Draft, Judged, show_check_of, why_hidden};
use crate::dns::prepared::{Executed, authorizer};
use crate::dns::resolve::Outcome;
use crate::dns::verdict::is_seen;
use crate::model::check::Check;
use crate::model::explanation::Verdict;
use crate::model::health::Status;
use crate::model::name::Tag;
use crate::model::number::Revision;

/// Judges all instances of the service that a prepared query means, in the catalog's order.
pub(super) fn judge_all(
    scene: &Scene<'_>,
    outcome: &Outcome<'_>,
    name: &str,
    viewer: &Authorizer,
) -> Vec<Draft> {
    let Ok(Some(FoundQuery { query, filter, .. })) = scene.known.view.find_prepared(name) else {
        return Vec::new();
    };
    let Ok(acl) = authorizer(&query, scene.known) else { return Vec::new() };
    let kept = match outcome {
        Outcome::Prepared(executed) => {
            instances::fates(scene, &executed.instances, scene.prepared_ttl(executed))
        }
        _ => Vec::new(),
    };
    let service = filter.service.clone();
    instances::judge_by(scene, kept, (&service, viewer), |instance| {
        if !is_seen(instance, &acl) {
            return Judged { verdict: Verdict::Hidden, reason: why_hidden() };
        }
        judge(instance, &filter)
    })
}

/// When what a prepared query is made of last changed.
pub(super) fn revision(view: &View, name: &str) -> Revision {
    let queries = view.tables().prepared_queries;
    match view.find_prepared(name) {
        Ok(Some(found)) => queries.max(view.service_revision(&found.filter.service)),
        Ok(None) | Err(_) => queries,
    }
}

/// A prepared query in words, as far as the viewer may see it.
pub(super) fn show(executed: &Executed<'_>, viewer: &Authorizer) -> String {
    let query = &executed.found.query;
    // One without a name is asked by its id: who asks knows it.
    let is_seen = query.ruled_name().is_none_or(|name| viewer.query_read(name));
    if !is_seen {
        return "a query that you may not see".to_owned();
    }
    let kind = if query.is_template() { "template" } else { "query" };
    let near = match query.service.near.as_str() {
        "" => String::new(),
        near => format!(", near `{near}`"),
    };
    format!("{kind} {} for service `{}`{near}", query.id, query.service.service)
}

fn judge(instance: &Instance, filter: &Filter) -> Judged {
    let (verdict, reason) = match filter.judge(instance) {
        Ruling::Kept => (Verdict::Kept, why_kept(instance, filter)),
        Ruling::Critical => (Verdict::Critical, deciding_check(instance, filter)),
        Ruling::Warning => {
            let check = deciding_check(instance, filter);
            (Verdict::Warning, format!("{check}, and `OnlyPassing` is set"))
        }
        Ruling::NodeMeta => {
            (Verdict::OtherMeta, format!("its node's metadata is {:?}", instance.node.meta))
        }
        Ruling::ServiceMeta => {
            (Verdict::OtherMeta, format!("its metadata is {:?}", instance.service.meta))
        }
        Ruling::Tags => {
            let tags: Vec<&str> = instance.service.tags.iter().map(Tag::as_str).collect();
            (Verdict::OtherTag, format!("its tags are {}", tags.join(", ")))
        }
        Ruling::Mesh => (Verdict::Mesh, "it is no proxy of a service mesh".to_owned()),
    };
    Judged { verdict, reason }
}

fn why_kept(instance: &Instance, filter: &Filter) -> String {
    let ignored = instance.checks().filter(|check| !filter.counts(check)).count();
    let counted = instance.checks().count() - ignored;
    let checks = match (filter.status(instance), counted) {
        (_, 0) => "it has no checks that count".to_owned(),
        (Status::Passing, 1) => "its check passes".to_owned(),
        (Status::Passing, count) => format!("its {count} checks pass"),
        (Status::Warning | Status::Critical, _) => {
            format!("{}, and `OnlyPassing` is not set", deciding_check(instance, filter))
        }
    };
    if ignored == 0 { checks } else { format!("{checks}, {ignored} ignored") }
}

/// What the check says that decides, of those that count.
fn deciding_check(instance: &Instance, filter: &Filter) -> String {
    let status = filter.status(instance);
    let decides = |check: &&Arc<Check>| filter.counts(check) && check.status == status;
    show_check_of(instance.checks().find(decides))
}
