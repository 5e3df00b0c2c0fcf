//! Call × what is asked for → whether it may be done, and whether it is shown.
//!
//! Writes and reads of one thing are refused (`permit`, 403); lists are shown without what the caller may not
//! see (`shows…`), and say so in a header. What is left out looks as if it were not there.

use std::sync::atomic::Ordering;

use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::catalog::Instance;
use crate::model::check::Check;
use crate::model::name::{NodeName, ServiceName};
use crate::model::prepared_query::PreparedQuery;

/// Refuses what the caller may not do: `permit(call.acl.key_write(&key))?`.
///
/// # Errors
/// [`Fault::Denied`].
pub(in crate::api) fn permit(is_allowed: bool) -> Result<(), Fault> {
    if is_allowed { Ok(()) } else { Err(Fault::Denied) }
}

impl Call {
    /// Whether something stays in an answer; if not, the answer will say that something was left out.
    pub(in crate::api) fn shows(&self, is_allowed: bool) -> bool {
        if !is_allowed {
            self.is_filtered.store(true, Ordering::Relaxed);
        }
        is_allowed
    }

    /// Whether something was left out up to now.
    pub(in crate::api) fn is_filtered(&self) -> bool {
        self.is_filtered.load(Ordering::Relaxed)
    }

    /// Whether a node stays.
    pub(in crate::api) fn shows_node(&self, name: &NodeName) -> bool {
        self.shows(self.acl.node_read(name))
    }

    /// Whether a service stays.
    pub(in crate::api) fn shows_service(&self, name: &ServiceName) -> bool {
        self.shows(self.acl.service_read(name))
    }

    /// Whether a key stays.
    pub(in crate::api) fn shows_key(&self, key: impl AsRef<[u8]>) -> bool {
        self.shows(self.acl.key_read(key))
    }

    /// Whether an instance stays: its node and its service may be seen.
    pub(in crate::api) fn shows_instance(&self, instance: &Instance) -> bool {
        self.shows(self.acl.instance_read(&instance.node.name, &instance.service.name))
    }

    /// Whether a prepared query stays. One without a name that rules could speak of is seen by those who may
    /// change all.
    pub(in crate::api) fn shows_query(&self, query: &PreparedQuery) -> bool {
        let is_allowed = match query.ruled_name() {
            Some(name) => self.acl.acl_write() || self.acl.query_read(name),
            None => self.acl.acl_write(),
        };
        self.shows(is_allowed)
    }

    /// Refuses a change of a prepared query that the caller may not make.
    ///
    /// # Errors
    /// [`Fault::Denied`].
    pub(in crate::api) fn permit_query(&self, query: &PreparedQuery) -> Result<(), Fault> {
        // As in Consul, who knows the id of a query without a name may change it.
        permit(query.ruled_name().is_none_or(|name| self.acl.query_write(name)))
    }

    /// Whether a check stays: its node, and its service if it is about one, may be seen.
    pub(in crate::api) fn shows_check(&self, check: &Check) -> bool {
        let has_service =
            check.service.as_ref().is_none_or(|service| self.acl.service_read(&service.name));
        self.shows(has_service && self.acl.node_read(&check.node))
    }
}
