//! Bytes as a template of a prepared query: what may be stored answers every name below it, or says why not.

use lictor::catalog::apply::apply;
use lictor::catalog::prepared::check_template;
use lictor::catalog::{Catalog, Command, Reply};
use lictor::model::limits::QUERY_TEXT_BYTES_MAX;
use lictor::model::number::Revision;
use lictor::model::prepared_query::{PreparedQuery, QueryTemplate, TemplateKind};
use lictor::model::time::Now;
use serde_json::json;

/// Reads the first line as a template's name, the second as its regular expression, the third as what is asked behind
/// the name, and the rest as the text of several fields.
pub(crate) fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut parts = text.splitn(4, '\n');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let (name, regexp, suffix, text) = (part(), part(), part(), part());
    let query = json!({"id": ID, "name": name, "service": {
        "service": text, "near": text, "tags": [text, "!x"], "node_meta": {"k": text},
    }});
    let query: PreparedQuery = serde_json::from_value(query).expect("it has all that is needed");
    let kind = TemplateKind::NamePrefixMatch;
    let template = QueryTemplate { kind, regexp, remove_empty_tags: true };
    let query = PreparedQuery { template, ..query };
    if let Err(fault) = query.check() {
        return assert!(!fault.to_string().is_empty());
    }
    if let Err(fault) = check_template(&query) {
        return assert!(!fault.to_string().is_empty());
    }
    let mut catalog = Catalog::default();
    let command = Command::PreparedQueryCreate(Box::new(query));
    let (reply, _) = apply(&mut catalog, Revision(1), Now(0), &command);
    assert_eq!(reply, Reply::Done(Revision(1)));
    assert_eq!(catalog.audit(), Vec::<String>::new());
    for asked in [name.clone(), format!("{name}{suffix}"), format!("{name}{suffix}").to_uppercase()]
    {
        match catalog.find_prepared(&asked) {
            Ok(Some(found)) => {
                let service = &found.query.service;
                let is_short = |text: &String| text.len() <= QUERY_TEXT_BYTES_MAX;
                assert!([&service.service, &service.near].into_iter().all(is_short));
                assert!(service.tags.iter().all(|tag| is_short(tag) && !tag.is_empty()));
                let _ = catalog.instances_of(&found.filter);
            }
            // No name at all, or one that is too long, finds nothing; letters may become others in capitals.
            Ok(None) => {}
            Err(fault) => assert!(!fault.to_string().is_empty()),
        }
    }
}

/// The one query's id.
const ID: &str = "11111111-1111-1111-1111-111111111111";
