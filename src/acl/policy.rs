//! Rules by what they are about, and the default → a decision.

use crate::acl::rules::Rules;

/// How much a rule grants; each step includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Nothing.
    Deny,
    /// To see.
    Read,
    /// To ask for all keys below a prefix.
    List,
    /// To change.
    Write,
}

/// What holds where no rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultPolicy {
    /// Everything is allowed but management.
    Allow,
    /// Nothing is allowed.
    Deny,
}

/// What rules are about that have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A node's agent.
    Agent,
    /// User events of a name.
    Event,
    /// A key.
    Key,
    /// A node.
    Node,
    /// A prepared query.
    Query,
    /// A service.
    Service,
    /// The sessions of a node.
    Session,
}

/// What rules are about that the cluster has one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// Tokens, policies and roles; who writes them manages everything.
    Acl,
    /// The keys that the gossip is encrypted with.
    Keyring,
    /// The cluster's settings.
    Operator,
}

/// Rules, and what holds without one.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What holds where no rule applies.
    default: DefaultPolicy,
    /// Rules about agents.
    agents: Rules,
    /// Rules about user events.
    events: Rules,
    /// Rules about keys.
    keys: Rules,
    /// Rules about nodes.
    nodes: Rules,
    /// Rules about prepared queries.
    queries: Rules,
    /// Rules about services.
    services: Rules,
    /// Rules about sessions.
    sessions: Rules,
    /// Whether listing keys is a right of its own.
    lists_by_rule: bool,
    /// The rule about ACLs.
    acl: Option<Access>,
    /// The rule about the keyring.
    keyring: Option<Access>,
    /// The rule about the cluster.
    operator: Option<Access>,
}

impl Policy {
    /// A policy without rules.
    #[must_use]
    pub fn new(default: DefaultPolicy) -> Self {
        Self {
            default,
            agents: Rules::default(),
            events: Rules::default(),
            keys: Rules::default(),
            nodes: Rules::default(),
            queries: Rules::default(),
            services: Rules::default(),
            sessions: Rules::default(),
            lists_by_rule: false,
            acl: None,
            keyring: None,
            operator: None,
        }
    }

    /// Adds the rule for exactly a name. Of two for the same, `Deny` wins, and else the one that grants more.
    #[must_use]
    pub fn exact(mut self, kind: Named, name: &str, access: Access) -> Self {
        self.rules_mut(kind).add_exact(fold(kind, name), access);
        self
    }

    /// Adds the rule for all names that begin so.
    #[must_use]
    pub fn prefix(mut self, kind: Named, prefix: &str, access: Access) -> Self {
        self.rules_mut(kind).add_prefix(fold(kind, prefix), access);
        self
    }

    /// Sets the rule for what the cluster has one of.
    #[must_use]
    pub fn whole(mut self, kind: Whole, access: Access) -> Self {
        match kind {
            Whole::Acl => self.acl = Some(access),
            Whole::Keyring => self.keyring = Some(access),
            Whole::Operator => self.operator = Some(access),
        }
        self
    }

    /// Makes the listing of keys a right of its own: `enable_key_list_policy`.
    #[must_use]
    pub fn list_by_rule(mut self) -> Self {
        self.lists_by_rule = true;
        self
    }

    /// Whether the keys below a prefix may be listed; who reads them one by one decides about each.
    pub(in crate::acl) fn allows_list(&self, prefix: &[u8]) -> bool {
        !self.lists_by_rule || self.allows(Named::Key, prefix, Access::List)
    }

    /// Whether a name may be seen or changed. Names of nodes and services come folded.
    pub(in crate::acl) fn allows(&self, kind: Named, name: &[u8], wanted: Access) -> bool {
        self.grants(self.rules(kind).of(name), wanted)
    }

    /// Whether all names below a prefix may be, those that rules are about included.
    pub(in crate::acl) fn allows_below(&self, kind: Named, prefix: &[u8], wanted: Access) -> bool {
        let rules = self.rules(kind);
        self.grants(rules.of_longest_prefix(prefix), wanted)
            && rules.below(prefix).all(|access| wanted <= access)
    }

    /// Whether what the cluster has one of may be.
    pub(in crate::acl) fn allows_whole(&self, kind: Whole, wanted: Access) -> bool {
        match kind {
            // Management is never a default: it would make every token a master key.
            Whole::Acl => self.acl.is_some_and(|access| wanted <= access),
            Whole::Keyring => self.grants(self.keyring, wanted),
            Whole::Operator => self.grants(self.operator, wanted),
        }
    }

    fn grants(&self, rule: Option<Access>, wanted: Access) -> bool {
        match rule {
            Some(access) => wanted <= access,
            None => self.default == DefaultPolicy::Allow,
        }
    }

    fn rules(&self, kind: Named) -> &Rules {
        match kind {
            Named::Agent => &self.agents,
            Named::Event => &self.events,
            Named::Key => &self.keys,
            Named::Node => &self.nodes,
            Named::Query => &self.queries,
            Named::Service => &self.services,
            Named::Session => &self.sessions,
        }
    }

    fn rules_mut(&mut self, kind: Named) -> &mut Rules {
        match kind {
            Named::Agent => &mut self.agents,
            Named::Event => &mut self.events,
            Named::Key => &mut self.keys,
            Named::Node => &mut self.nodes,
            Named::Query => &mut self.queries,
            Named::Service => &mut self.services,
            Named::Session => &mut self.sessions,
        }
    }
}

/// The form that a rule's name is compared by.
fn fold(kind: Named, name: &str) -> Vec<u8> {
    match kind {
        Named::Agent | Named::Node | Named::Service | Named::Session => {
            name.to_lowercase().into_bytes()
        }
        Named::Event | Named::Key | Named::Query => name.as_bytes().to_vec(),
    }
}
