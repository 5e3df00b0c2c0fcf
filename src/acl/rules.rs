//! Name → the rule that applies to it: that for exactly the name, or that for the longest prefix.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::acl::policy::Access;

/// The rules about one kind of thing.
#[derive(Clone, Debug, Default)]
pub(in crate::acl) struct Rules {
    /// Rules for exactly a name.
    exact: BTreeMap<Vec<u8>, Access>,
    /// Rules for all names that begin so.
    prefix: BTreeMap<Vec<u8>, Access>,
}

impl Rules {
    /// Adds the rule for exactly a name.
    pub(in crate::acl) fn add_exact(&mut self, name: Vec<u8>, access: Access) {
        add(&mut self.exact, name, access);
    }

    /// Adds the rule for all names that begin so.
    pub(in crate::acl) fn add_prefix(&mut self, prefix: Vec<u8>, access: Access) {
        add(&mut self.prefix, prefix, access);
    }

    /// The rule that applies to a name.
    pub(in crate::acl) fn of(&self, name: &[u8]) -> Option<Access> {
        self.exact.get(name).copied().or_else(|| self.of_longest_prefix(name))
    }

    /// The rule for the longest prefix of a name.
    pub(in crate::acl) fn of_longest_prefix(&self, name: &[u8]) -> Option<Access> {
        let mut rest = name;
        loop {
            let upto = (Bound::Unbounded, Bound::Included(rest));
            let (prefix, access) = self.prefix.range::<[u8], _>(upto).next_back()?;
            if name.starts_with(prefix) {
                return Some(*access);
            }
            // A longer prefix of the name than what it shares with this rule would have come after the rule.
            let shared = prefix.iter().zip(rest).take_while(|(one, other)| one == other).count();
            rest = rest.get(..shared)?;
        }
    }

    /// What all rules for names and prefixes say that begin so.
    pub(in crate::acl) fn below(&self, prefix: &[u8]) -> impl Iterator<Item = Access> {
        below(&self.exact, prefix).chain(below(&self.prefix, prefix))
    }
}

/// Adds a rule; of two for the same, `Deny` wins, and else the one that grants more.
fn add(rules: &mut BTreeMap<Vec<u8>, Access>, name: Vec<u8>, access: Access) {
    let merge = |old: Access| {
        if old == Access::Deny || access == Access::Deny { Access::Deny } else { old.max(access) }
    };
    rules.entry(name).and_modify(|old| *old = merge(*old)).or_insert(access);
}

fn below(rules: &BTreeMap<Vec<u8>, Access>, prefix: &[u8]) -> impl Iterator<Item = Access> {
    let from = (Bound::Included(prefix), Bound::Unbounded);
    let found = rules.range::<[u8], _>(from).take_while(move |(name, _)| name.starts_with(prefix));
    found.map(|(_, access)| *access)
}
