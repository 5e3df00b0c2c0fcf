//! Name in a path → its folded form and the topics that a blocking query about it waits for.

use crate::catalog::reply::Topic;
use crate::model::name::{NodeName, ServiceName};

/// What to look up and to wait for, for a service. A text that is no legal name finds nothing and waits
/// for nothing but the end of its time.
pub(in crate::api) fn service_topics(name: &str) -> (String, Vec<Topic>) {
    match ServiceName::new(name) {
        Ok(name) => (name.folded().to_owned(), vec![Topic::Service(name)]),
        Err(_) => (name.to_owned(), Vec::new()),
    }
}

/// What to look up and to wait for, for a node.
pub(in crate::api) fn node_topics(name: &str) -> (String, Vec<Topic>) {
    match NodeName::new(name) {
        Ok(name) => (name.folded().to_owned(), vec![Topic::Node(name)]),
        Err(_) => (name.to_owned(), Vec::new()),
    }
}
