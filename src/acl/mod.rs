//! Policy → Authorizer: what somebody may see and do, asked in the field's words.
//!
//! Invariants
//! - A rule for exactly a name goes before the rule for the longest prefix of it, and that before the default.
//! - Names of nodes and services are compared folded, as everywhere: a rule about `web` is about `WEB` too.
//! - An Authorizer that allows everything costs its users one branch, and no memory.
//!
//! Deliberately absent: the text form of rules, and the tokens and policies that a catalog keeps. Whoever knows
//! them hands in [`Tokens`].

mod policy;

mod rules;

mod tokens;

use std::sync::{Arc, LazyLock};

use crate::model::name::{NodeName, ServiceName};

pub use self::policy::{Access, DefaultPolicy, Named, Policy, Whole};
pub use self::tokens::{AclsDisabled, TokenFault, Tokens};

/// Answers what a token may see and do.
///
/// `read` lets see, `list` ask for all keys below a prefix, `write` change; `write` includes `list`, and
/// that `read`.
#[derive(Clone, Debug)]
pub struct Authorizer(Kind);

/// What decides.
#[derive(Clone, Debug)]
enum Kind {
    /// Nothing: everything is allowed.
    AllowAll,
    /// Rules.
    By(Arc<Policy>),
}

impl Authorizer {
    /// Allows everything: what holds as long as ACLs are off, and for a management token.
    #[must_use]
    pub const fn allow_all() -> Self {
        Self(Kind::AllowAll)
    }

    /// Allows nothing: what holds for a token that is not known.
    #[must_use]
    pub fn deny_all() -> Self {
        static NOTHING: LazyLock<Arc<Policy>> =
            LazyLock::new(|| Arc::new(Policy::new(DefaultPolicy::Deny)));
        Self(Kind::By(Arc::clone(&NOTHING)))
    }

    /// Allows what a policy says.
    #[must_use]
    pub fn by(policy: Policy) -> Self {
        Self(Kind::By(Arc::new(policy)))
    }

    /// Whether two answer alike because they are the same one. What was kept under one of them is right under
    /// the other; two that happen to hold equal rules are not the same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::AllowAll, Kind::AllowAll) => true,
            (Kind::By(one), Kind::By(other)) => Arc::ptr_eq(one, other),
            (Kind::AllowAll, Kind::By(_)) | (Kind::By(_), Kind::AllowAll) => false,
        }
    }

    /// Whether nothing is ever refused or left out.
    #[must_use]
    pub const fn allows_all(&self) -> bool {
        matches!(self.0, Kind::AllowAll)
    }

    /// See a key and its value.
    #[must_use]
    pub fn key_read(&self, key: impl AsRef<[u8]>) -> bool {
        self.named(Named::Key, key.as_ref(), Access::Read)
    }

    /// Ask for all keys below a prefix. Unless the operator made that a right of its own, it is allowed, and
    /// [`Authorizer::key_read`] decides which of them are shown.
    #[must_use]
    pub fn key_list(&self, prefix: impl AsRef<[u8]>) -> bool {
        match &self.0 {
            Kind::AllowAll => true,
            Kind::By(policy) => policy.allows_list(prefix.as_ref()),
        }
    }

    /// Change, lock or delete a key.
    #[must_use]
    pub fn key_write(&self, key: impl AsRef<[u8]>) -> bool {
        self.named(Named::Key, key.as_ref(), Access::Write)
    }

    /// Delete all keys below a prefix: no rule below it may say less than `write`.
    #[must_use]
    pub fn key_write_prefix(&self, prefix: impl AsRef<[u8]>) -> bool {
        match &self.0 {
            Kind::AllowAll => true,
            Kind::By(policy) => policy.allows_below(Named::Key, prefix.as_ref(), Access::Write),
        }
    }

    /// See a service, its instances and their checks.
    #[must_use]
    pub fn service_read(&self, name: &ServiceName) -> bool {
        self.named(Named::Service, name.folded().as_bytes(), Access::Read)
    }

    /// Register and deregister instances of a service and their checks.
    #[must_use]
    pub fn service_write(&self, name: &ServiceName) -> bool {
        self.named(Named::Service, name.folded().as_bytes(), Access::Write)
    }

    /// See a node, its own checks and its coordinates.
    #[must_use]
    pub fn node_read(&self, name: &NodeName) -> bool {
        self.named(Named::Node, name.folded().as_bytes(), Access::Read)
    }

    /// See an instance: its node and its service.
    #[must_use]
    pub fn instance_read(&self, node: &NodeName, service: &ServiceName) -> bool {
        self.node_read(node) && self.service_read(service)
    }

    /// Register and deregister a node and its own checks.
    #[must_use]
    pub fn node_write(&self, name: &NodeName) -> bool {
        self.named(Named::Node, name.folded().as_bytes(), Access::Write)
    }

    /// See the settings, metrics and logs of a node's agent.
    #[must_use]
    pub fn agent_read(&self, node: &NodeName) -> bool {
        self.named(Named::Agent, node.folded().as_bytes(), Access::Read)
    }

    /// Tell a node's agent to join, leave, reload or use other tokens.
    #[must_use]
    pub fn agent_write(&self, node: &NodeName) -> bool {
        self.named(Named::Agent, node.folded().as_bytes(), Access::Write)
    }

    /// See the sessions of a node.
    #[must_use]
    pub fn session_read(&self, node: &NodeName) -> bool {
        self.named(Named::Session, node.folded().as_bytes(), Access::Read)
    }

    /// Create, renew and destroy sessions of a node.
    #[must_use]
    pub fn session_write(&self, node: &NodeName) -> bool {
        self.named(Named::Session, node.folded().as_bytes(), Access::Write)
    }

    /// See user events of a name.
    #[must_use]
    pub fn event_read(&self, name: &str) -> bool {
        self.named(Named::Event, name.as_bytes(), Access::Read)
    }

    /// Fire user events of a name.
    #[must_use]
    pub fn event_write(&self, name: &str) -> bool {
        self.named(Named::Event, name.as_bytes(), Access::Write)
    }

    /// See a prepared query. One without a name is seen by those who may [`Authorizer::acl_write`].
    #[must_use]
    pub fn query_read(&self, name: &str) -> bool {
        self.named(Named::Query, name.as_bytes(), Access::Read)
    }

    /// Create, change and delete a prepared query.
    #[must_use]
    pub fn query_write(&self, name: &str) -> bool {
        self.named(Named::Query, name.as_bytes(), Access::Write)
    }

    /// See the cluster's settings: Raft peers, autopilot, usage, the hosts of agents.
    #[must_use]
    pub fn operator_read(&self) -> bool {
        self.whole(Whole::Operator, Access::Read)
    }

    /// Change the cluster's settings, and declare members gone.
    #[must_use]
    pub fn operator_write(&self) -> bool {
        self.whole(Whole::Operator, Access::Write)
    }

    /// See the keys that the gossip is encrypted with.
    #[must_use]
    pub fn keyring_read(&self) -> bool {
        self.whole(Whole::Keyring, Access::Read)
    }

    /// Change the keys that the gossip is encrypted with.
    #[must_use]
    pub fn keyring_write(&self) -> bool {
        self.whole(Whole::Keyring, Access::Write)
    }

    /// See tokens, policies and roles.
    #[must_use]
    pub fn acl_read(&self) -> bool {
        self.whole(Whole::Acl, Access::Read)
    }

    /// Change tokens, policies and roles: management.
    #[must_use]
    pub fn acl_write(&self) -> bool {
        self.whole(Whole::Acl, Access::Write)
    }

    /// Save and restore backups, which hold every secret there is: management.
    #[must_use]
    pub fn snapshot(&self) -> bool {
        self.whole(Whole::Acl, Access::Write)
    }

    fn named(&self, kind: Named, name: &[u8], wanted: Access) -> bool {
        match &self.0 {
            Kind::AllowAll => true,
            Kind::By(policy) => policy.allows(kind, name, wanted),
        }
    }

    fn whole(&self, kind: Whole, wanted: Access) -> bool {
        match &self.0 {
            Kind::AllowAll => true,
            Kind::By(policy) => policy.allows_whole(kind, wanted),
        }
    }
}

#[cfg(test)]
mod tests;
