//! Prepared queries: put and delete.

use std::sync::Arc;

use crate::catalog::command::PreparedQueryDelete;
use crate::catalog::reply::{Changes, Reject, Reply, Topic};
use crate::catalog::row::RowKey;
use crate::catalog::state::Catalog;
use crate::model::number::Revision;
use crate::model::prepared_query::{PreparedQuery, PreparedQueryId};
use crate::model::session::SessionId;

/// Stores a query under a new id. One that is there under it already is the same command once more.
pub(super) fn create(
    catalog: &mut Catalog,
    revision: Revision,
    query: &PreparedQuery,
    changes: &mut Changes,
) -> Reply {
    if let Err(reject) = check(catalog, query) {
        return Reply::Rejected(reject);
    }
    put(catalog, revision, query, changes);
    Reply::Done(revision)
}

/// Puts a query in the place of what is there under its id.
pub(super) fn update(
    catalog: &mut Catalog,
    revision: Revision,
    query: &PreparedQuery,
    changes: &mut Changes,
) -> Reply {
    if catalog.prepared_query(&query.id).is_none() {
        return Reply::Rejected(Reject::PreparedQueryUnknown(query.id.clone()));
    }
    create(catalog, revision, query, changes)
}

/// Takes a query away.
pub(super) fn delete(
    catalog: &mut Catalog,
    revision: Revision,
    delete: &PreparedQueryDelete,
    changes: &mut Changes,
) -> Reply {
    if catalog.prepared_query(&delete.id).is_none() {
        return Reply::Rejected(Reject::PreparedQueryUnknown(delete.id.clone()));
    }
    catalog.remove_prepared(&delete.id);
    note(catalog, revision, &delete.id, changes);
    Reply::Done(revision)
}

/// Takes the queries away that were to end with a session.
pub(super) fn end_with_session(
    catalog: &mut Catalog,
    revision: Revision,
    session: SessionId,
    changes: &mut Changes,
) {
    for id in catalog.prepared_of_session(session) {
        catalog.remove_prepared(&id);
        note(catalog, revision, &id, changes);
    }
}

/// What other queries forbid: names and ids are looked up alike, so that each stands for one query.
fn check(catalog: &Catalog, query: &PreparedQuery) -> Result<(), Reject> {
    let name = query.folded_name();
    let is_another = |other: Option<&PreparedQueryId>| other.is_some_and(|id| *id != query.id);
    if is_another(catalog.prepared_names.get(&name)) {
        return Err(Reject::PreparedNameTaken(query.name.clone()));
    }
    if query.is_template() && is_another(catalog.prepared_templates.get(&name)) {
        return Err(Reject::PreparedTemplateTaken);
    }
    let named = PreparedQueryId::new(&query.name).ok();
    if named.is_some_and(|id| catalog.prepared.contains_key(&id)) {
        return Err(Reject::PreparedNameIsId(query.name.clone()));
    }
    match query.session.filter(|session| catalog.session(*session).is_none()) {
        Some(session) => Err(Reject::SessionUnknown(session)),
        None => Ok(()),
    }
}

fn put(catalog: &mut Catalog, revision: Revision, query: &PreparedQuery, changes: &mut Changes) {
    let before = catalog.prepared_query(&query.id);
    let create_revision = before.map_or(revision, |before| before.create_revision);
    let modify_revision = before.map_or(revision, |before| before.modify_revision);
    let same = PreparedQuery { create_revision, modify_revision, ..query.clone() };
    // What is there already keeps its revision and wakes nobody.
    if before.is_some_and(|before| **before == same) {
        return;
    }
    catalog.put_prepared(&Arc::new(PreparedQuery { modify_revision: revision, ..same }));
    note(catalog, revision, &query.id, changes);
}

fn note(catalog: &mut Catalog, revision: Revision, id: &PreparedQueryId, changes: &mut Changes) {
    catalog.tables.prepared_queries = revision;
    changes.rows.insert(RowKey::PreparedQuery(id.clone()));
    changes.topics.insert(Topic::PreparedQueries);
    changes.topics.insert(Topic::PreparedQuery(id.clone()));
}
