//! Prepared queries in the catalog: how they are found and what they mean, for HTTP and DNS alike.
//!
//! ```text
//! id or name ── find_prepared ──► FoundQuery ── instances ──► who is meant ── rank ──► in which order
//! ```
//! Invariants
//! - What is stored never depends on whether this version can compile it: replicas of two versions agree, and a
//!   template that one of them does not understand is refused when it is asked, not when it is applied.
//!   [`check_template`] is asked before a query is proposed.
//! - Randomness comes in: whoever executes a query shuffles.
//!
//! Limits: [`crate::model::limits`], `QUERY_…`. Regular expressions match in linear time.

use std::sync::Arc;

use crate::catalog::state::{Catalog, Instance};
use crate::model::limits::NAME_BYTES_MAX;
use crate::model::name::NodeName;
use crate::model::prepared_query::{PreparedQuery, PreparedQueryId};
use crate::model::session::SessionId;

mod text;

mod parser;

mod template;

mod filter;

pub use self::filter::{Filter, Ruling};
pub use self::template::TemplateFault;

use self::template::Template;

/// A prepared query, ready to be asked.
#[derive(Clone, Debug)]
pub(in crate::catalog) struct Prepared {
    /// What was stored.
    pub(in crate::catalog) query: Arc<PreparedQuery>,
    /// How it is asked.
    form: Form,
}

/// How a prepared query is asked.
#[derive(Clone, Debug)]
enum Form {
    /// As it is.
    Plain(Arc<Filter>),
    /// Rendered for each name; nothing where this version cannot.
    Template(Option<Box<Template>>),
}

/// A prepared query as a name means it.
#[derive(Clone, Debug)]
pub struct FoundQuery {
    /// What was stored, a template rendered.
    pub query: Arc<PreparedQuery>,
    /// Which instances are meant.
    pub filter: Arc<Filter>,
    /// Whether it is a template's, and what that says of other names.
    pub origin: Origin,
}

/// Where a query came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was stored so.
    Stored,
    /// A template, whose service spells out what is peculiar to the name: there are no more names that find something
    /// than there are services.
    Bounded,
    /// A template; any number of names may mean the same.
    Unbounded,
}

/// Checks whether a template can be rendered; a query that is none can.
///
/// # Errors
/// [`TemplateFault`], where it cannot.
pub fn check_template(query: &PreparedQuery) -> Result<(), TemplateFault> {
    if query.is_template() { Template::compile(query).map(|_| ()) } else { Ok(()) }
}

impl Prepared {
    pub(in crate::catalog) fn new(query: Arc<PreparedQuery>) -> Self {
        let form = if query.is_template() {
            Form::Template(Template::compile(&query).ok().map(Box::new))
        } else {
            Form::Plain(Arc::new(Filter::new(&query.service)))
        };
        Self { query, form }
    }

    /// The query as a name means it.
    fn resolve(&self, name: &str) -> Result<FoundQuery, TemplateFault> {
        let query = Arc::clone(&self.query);
        let template = match &self.form {
            Form::Plain(filter) => {
                return Ok(FoundQuery {
                    query,
                    filter: Arc::clone(filter),
                    origin: Origin::Stored,
                });
            }
            Form::Template(template) => template.as_ref().ok_or(TemplateFault::Uncompiled)?,
        };
        let service = template.render(&query, name)?;
        let peculiar = text::suffix(name, &query.name).to_lowercase();
        let is_bounded = service.service.to_lowercase().contains(&peculiar);
        let filter = Arc::new(Filter::new(&service));
        let query = Arc::new(PreparedQuery { service, ..(*query).clone() });
        let origin = if is_bounded { Origin::Bounded } else { Origin::Unbounded };
        Ok(FoundQuery { query, filter, origin })
    }
}

impl Catalog {
    /// All prepared queries, by id.
    pub fn prepared_queries(&self) -> impl Iterator<Item = &Arc<PreparedQuery>> {
        self.prepared.values().map(|prepared| &prepared.query)
    }

    /// A prepared query as it was stored.
    #[must_use]
    pub fn prepared_query(&self, id: &PreparedQueryId) -> Option<&Arc<PreparedQuery>> {
        self.prepared.get(id).map(|prepared| &prepared.query)
    }

    /// Finds the query that is meant: by its id, by its name, or the template with the longest beginning.
    ///
    /// # Errors
    /// [`TemplateFault`], where a template cannot be rendered with the name.
    pub fn find_prepared(&self, id_or_name: &str) -> Result<Option<FoundQuery>, TemplateFault> {
        if id_or_name.is_empty() || NAME_BYTES_MAX < id_or_name.len() {
            return Ok(None);
        }
        let id = PreparedQueryId::new(id_or_name).ok();
        if let Some(prepared) = id.and_then(|id| self.prepared.get(&id)) {
            let is_template = prepared.query.is_template();
            let found = || prepared.resolve(id_or_name).map(Some);
            return if is_template { Err(TemplateFault::ById) } else { found() };
        }
        let folded = id_or_name.to_lowercase();
        let id = self.prepared_names.get(&folded).or_else(|| self.template_for(&folded));
        let Some(prepared) = id.and_then(|id| self.prepared.get(id)) else { return Ok(None) };
        prepared.resolve(id_or_name).map(Some)
    }

    /// The template with the longest name that a folded name begins with.
    fn template_for(&self, folded: &str) -> Option<&PreparedQueryId> {
        let mut candidate = folded.to_owned();
        loop {
            let (prefix, id) = self.prepared_templates.get_prev(&candidate)?;
            if folded.starts_with(prefix.as_str()) {
                return Some(id);
            }
            // Whatever both begin with is sorted before this one, and nothing longer can be a beginning.
            let alike = prefix.chars().zip(folded.chars()).take_while(|(a, b)| a == b);
            candidate.truncate(alike.map(|(letter, _)| letter.len_utf8()).sum());
        }
    }

    /// Whether a prepared query's dotted name ends with a dot and this folded one, so that its labels stand below
    /// those of this one.
    #[must_use]
    pub fn has_prepared_below(&self, folded: &str) -> bool {
        let below = reversed(folded) + ".";
        self.prepared_dotted.get_next(&below).is_some_and(|next| next.starts_with(&below))
    }

    /// The instances that a filter keeps, in the catalog's order.
    #[must_use]
    pub fn instances_of(&self, filter: &Filter) -> Vec<&Arc<Instance>> {
        let service = self.service(&filter.service);
        let instances = service.into_iter().flat_map(|service| service.instances.values());
        instances.filter(|instance| filter.judge(instance) == Ruling::Kept).collect()
    }

    /// Puts the instances of a node first, since nothing is nearer than the machine itself, and the others behind them
    /// by the estimated round trip. Those of which no distance is known keep their order.
    pub fn rank(&self, instances: &mut [&Arc<Instance>], near: &NodeName) {
        if let Some(near) = self.near(near.folded()) {
            near.sort(instances, |instance| &instance.node.name);
        }
        instances.sort_by_key(|instance| instance.node.name != *near);
    }

    pub(in crate::catalog) fn put_prepared(&mut self, query: &Arc<PreparedQuery>) {
        self.remove_prepared(&query.id);
        let (id, name) = (query.id.clone(), query.folded_name());
        if query.is_template() {
            self.prepared_templates.insert(name.clone(), id.clone());
        }
        if !name.is_empty() {
            if name.contains('.') {
                self.prepared_dotted.insert(reversed(&name));
            }
            self.prepared_names.insert(name, id.clone());
        }
        if let Some(session) = query.session {
            self.prepared_sessions.insert((session, id.clone()));
        }
        self.prepared.insert(id, Arc::new(Prepared::new(Arc::clone(query))));
    }

    /// The prepared queries that end with a session.
    pub(in crate::catalog) fn prepared_of_session(
        &self,
        session: SessionId,
    ) -> Vec<PreparedQueryId> {
        let Ok(least) = PreparedQueryId::new(LEAST_ID) else { unreachable!("zeros are a UUID") };
        let bound = self.prepared_sessions.range((session, least)..);
        bound.take_while(|(found, _)| *found == session).map(|(_, id)| id.clone()).collect()
    }

    pub(in crate::catalog) fn remove_prepared(&mut self, id: &PreparedQueryId) {
        let Some(prepared) = self.prepared.remove(id) else { return };
        let name = prepared.query.folded_name();
        if prepared.query.is_template() {
            self.prepared_templates.remove(&name);
        }
        if let Some(session) = prepared.query.session {
            self.prepared_sessions.remove(&(session, id.clone()));
        }
        self.prepared_dotted.remove(&reversed(&name));
        self.prepared_names.remove(&name);
    }

    pub(in crate::catalog) fn audit_prepared(&self, wrong: &mut Vec<String>) {
        let (mut named, mut templates, mut dotted, mut bound) = (0, 0, 0, 0);
        for (id, prepared) in &self.prepared {
            let (query, name) = (&prepared.query, prepared.query.folded_name());
            if query.id != *id {
                wrong.push(format!("prepared query {id} is stored as {}", query.id));
            }
            let is_found = name.is_empty() || self.prepared_names.get(&name) == Some(id);
            if !is_found {
                wrong.push(format!("prepared query {id} is not found by its name"));
            }
            if query.is_template() && self.prepared_templates.get(&name) != Some(id) {
                wrong.push(format!("the template {id} is not found by its prefix"));
            }
            if name.contains('.') && !self.prepared_dotted.contains(&reversed(&name)) {
                wrong.push(format!("prepared query {id} does not stand below its last label"));
            }
            let session = query.session;
            if session.is_some_and(|session| !self.sessions.contains_key(&session)) {
                wrong.push(format!("prepared query {id} outlives its session"));
            }
            let is_bound = |session| self.prepared_sessions.contains(&(session, id.clone()));
            if session.is_some_and(|session| !is_bound(session)) {
                wrong.push(format!("prepared query {id} does not end with its session"));
            }
            bound += usize::from(session.is_some());
            named += usize::from(!name.is_empty());
            templates += usize::from(query.is_template());
            dotted += usize::from(name.contains('.'));
        }
        let found = [
            self.prepared_names.len(),
            self.prepared_templates.len(),
            self.prepared_dotted.len(),
            self.prepared_sessions.len(),
        ];
        if found != [named, templates, dotted, bound] {
            wrong.push("lookups of prepared queries hold some that are gone".to_owned());
        }
    }
}

/// The labels of a dotted name from the right, so that names below another one stand together.
fn reversed(name: &str) -> String {
    name.rsplit('.').collect::<Vec<&str>>().join(".")
}

/// Sorts before every other id.
const LEAST_ID: &str = "00000000-0000-0000-0000-000000000000";

#[cfg(test)]
pub(in crate::catalog) mod tests;
