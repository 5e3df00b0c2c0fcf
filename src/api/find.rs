//! The service or node that a path names → what to look up and to wait for, and what the caller may see of it.

use std::sync::Arc;

use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::topics::{node_topics, service_topics};
use crate::catalog::View;
use crate::catalog::reply::Topic;
use crate::catalog::state::{NodeEntry, ServiceEntry};

/// A service or node that a path names.
pub(in crate::api) struct Named {
    /// Its folded name.
    pub folded: String,
    /// What an answer about it is made of.
    pub topics: Vec<Topic>,
}

/// The service behind `prefix` in the path.
///
/// # Errors
/// [`Fault`], where none is named.
pub(in crate::api) fn named_service(call: &Call, prefix: &str) -> Result<Named, Fault> {
    let (folded, topics) = service_topics(&call.named(prefix, "Missing service name")?);
    Ok(Named { folded, topics })
}

/// The node behind `prefix` in the path. `resolve` makes a name of what stands there.
///
/// # Errors
/// [`Fault`], where none is named.
pub(in crate::api) fn named_node(
    call: &Call,
    prefix: &str,
    resolve: impl FnOnce(String) -> String,
) -> Result<Named, Fault> {
    let (folded, topics) = node_topics(&resolve(call.named(prefix, "Missing node name")?));
    Ok(Named { folded, topics })
}

impl Named {
    /// The service of this name; one that the caller may not see is not there.
    pub(in crate::api) fn service<'v>(
        &self,
        view: &'v View,
        call: &Call,
    ) -> Option<&'v Arc<ServiceEntry>> {
        view.service(&self.folded).filter(|entry| call.shows_service(&entry.name))
    }

    /// The node of this name; one of another cluster, or that the caller may not see, is not there.
    pub(in crate::api) fn node<'v>(
        &self,
        view: &'v View,
        call: &Call,
    ) -> Option<&'v Arc<NodeEntry>> {
        let found = view.node(&self.folded).filter(|_| !call.names_peer());
        found.filter(|entry| call.shows_node(&entry.node.name))
    }
}
