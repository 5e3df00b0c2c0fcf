//! A prepared query's name → what the catalog knows of it, and the Answer that it asks for.

use std::sync::Arc;

use crate::acl::{Authorizer, TokenFault};
use crate::catalog::coordinates::{NEAR_CLIENT, Seeker};
use crate::catalog::prepared::{FoundQuery, Origin, Ruling, TemplateFault};
use crate::catalog::{Instance, View};
use crate::dns::Known;
use crate::dns::answer::{Answer, Order, Scene};
use crate::dns::cache::Basis;
use crate::dns::reason::{Reason, Unhealthy, Why};
use crate::dns::resolve::{Asker, Outcome, is_hidden};
use crate::dns::target::Absence;
use crate::dns::verdict::is_seen;
use crate::model::name::{NodeName, ServiceName};
use crate::model::number::Ttl;
use crate::model::prepared_query::PreparedQuery;

/// A prepared query with the instances that it means, at least one, in the catalog's order.
#[derive(Clone, Debug)]
pub(super) struct Executed<'k> {
    /// The query as the name means it.
    pub(super) found: FoundQuery,
    /// Its instances.
    pub(super) instances: Vec<&'k Arc<Instance>>,
    /// The node that they shall be near to, if one is meant and known.
    near: Option<NodeName>,
}

/// Executes a query by its folded name.
pub(super) fn resolve_query<'k>(name: &str, asker: Asker, known: &Known<'k>) -> Outcome<'k> {
    let view = known.view;
    let found = match view.find_prepared(name) {
        Ok(Some(found)) => found,
        // A template's own id is nobody's name.
        Ok(None) | Err(TemplateFault::ById) => return absent(view, name, Reason::UnknownQuery),
        Err(_) => return Outcome::NotReady(Why::Unrendered),
    };
    let Ok(acl) = authorizer(&found.query, known) else {
        return Outcome::NotReady(Why::TokenRefused);
    };
    let mut instances = view.instances_of(&found.filter);
    instances.retain(|instance| is_seen(instance, &acl));
    if instances.is_empty() {
        return absent(view, name, why_nobody(view, &found, &acl));
    }
    let seeker = Seeker { agent: &known.config.node, client: Some(asker.client) };
    let near = view.near_node(&found.query.service.near, &seeker);
    Outcome::Prepared(Box::new(Executed { found, instances, near }))
}

/// A name that finds nothing. `_tcp.query.consul` has `_web._tcp.query.consul` below it, and a dotted name of a query
/// stands below another one (RFC 4592 §2.2.2).
fn absent<'k>(view: &View, name: &str, reason: Reason) -> Outcome<'k> {
    if name.starts_with('_') || view.has_prepared_below(name) {
        return Outcome::NoData;
    }
    Outcome::NoName(reason)
}

/// What a query may see: its own token decides, if it has one.
///
/// # Errors
/// [`TokenFault`], where that opens nothing.
pub(super) fn authorizer(
    query: &PreparedQuery,
    known: &Known<'_>,
) -> Result<Authorizer, TokenFault> {
    match query.token.as_str() {
        "" => Ok(known.acl.clone()),
        own => known.tokens.authorizer(Some(own)),
    }
}

/// Why a query means no instance.
fn why_nobody(view: &View, found: &FoundQuery, acl: &Authorizer) -> Reason {
    let name = &found.filter.service;
    let service = view.service(name).filter(|service| acl.service_read(&service.name));
    let Some(service) = service else {
        let is_hidden = is_hidden(acl, || ServiceName::new(name), Authorizer::service_read);
        return if is_hidden { Reason::Hidden } else { Reason::UnknownService };
    };
    let seen = service.instances.values().filter(|instance| is_seen(instance, acl));
    let rulings: Vec<Ruling> = seen.map(|instance| found.filter.judge(instance)).collect();
    let count = |ruling| rulings.iter().filter(|found| **found == ruling).count();
    let (critical, warning) = (count(Ruling::Critical), count(Ruling::Warning));
    if rulings.is_empty() {
        Reason::Hidden
    } else if 0 < count(Ruling::Mesh) {
        Reason::Absent(Absence::Mesh)
    } else if critical + warning == 0 {
        Reason::Unfit { instances: rulings.len() }
    } else {
        Reason::Unhealthy(Unhealthy { instances: critical + warning, warning })
    }
}

impl Executed<'_> {
    /// Whether other clients are told in another order.
    fn is_for_client(&self) -> bool {
        self.found.query.service.near == NEAR_CLIENT
    }

    /// What the answer rests on, if it may be kept: not where chance ranks it anew, nor where any number of names
    /// means the same, nor where another token than the agent's decides.
    pub(super) fn basis(&self, is_negative: bool, view: &View) -> Option<Basis> {
        let query = &self.found.query;
        let is_own = !query.service.near.is_empty() || !query.token.is_empty();
        if is_own || self.found.origin == Origin::Unbounded {
            return None;
        }
        if is_negative {
            // The SOA tells the View's revision.
            return Some(Basis::View(view.revision()));
        }
        let name = &self.instances.first()?.service.name;
        let revision = view.service_revision(name.folded());
        Some(Basis::Prepared(view.tables().prepared_queries, name.clone(), revision))
    }
}

impl Scene<'_> {
    /// The instances of a prepared query, the nearest first where it asks for that.
    pub(super) fn prepared(&self, executed: &Executed<'_>, rng: &mut fastrand::Rng) -> Answer {
        let mut instances = executed.instances.clone();
        if let Some(near) = &executed.near {
            rng.shuffle(&mut instances);
            self.known.view.rank(&mut instances, near);
        }
        let answer = self.instances_seen(&instances, self.prepared_ttl(executed), &mut |_, _| {});
        let order = if executed.near.is_some() { Order::Ranked } else { answer.order };
        Answer { order, is_for_client: executed.is_for_client(), ..answer }
    }

    /// How long the answers of a prepared query may be kept: as it says, else as its service.
    pub(super) fn prepared_ttl(&self, executed: &Executed<'_>) -> Ttl {
        let found = &executed.found;
        let ttls = &self.config().settings.service_ttl;
        found.query.ttl().unwrap_or_else(|| ttls.of(&found.filter.service))
    }
}

#[cfg(test)]
mod tests;
