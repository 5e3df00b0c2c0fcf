//! Keys → their numbers: a table that hashes nothing while it is small, as it is for nearly every answer.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::FixedState;
use smallvec::SmallVec;

/// What was seen, and the number that each was given.
pub(super) struct Numbered<K> {
    /// The first of them; searched from the start.
    few: SmallVec<[(K, usize); FEW_MAX]>,
    /// The others.
    many: HashMap<K, usize, FixedState>,
}

impl<K: Copy + Eq + Hash> Numbered<K> {
    /// Nothing.
    pub(super) fn new() -> Self {
        Self { few: SmallVec::new(), many: HashMap::with_hasher(FixedState::default()) }
    }

    /// The number of a key, if it was seen.
    pub(super) fn find(&self, key: K) -> Option<usize> {
        let few = self.few.iter().find(|(seen, _)| *seen == key).map(|(_, number)| *number);
        if few.is_some() || self.many.is_empty() {
            return few;
        }
        self.many.get(&key).copied()
    }

    /// Gives a key a number that was not seen before.
    pub(super) fn add(&mut self, key: K, number: usize) {
        if self.few.len() < FEW_MAX {
            self.few.push((key, number));
        } else {
            self.many.insert(key, number);
        }
    }
}

/// Keys that are compared one by one faster than they are hashed.
const FEW_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_number_be_they_few_or_many() {
        let mut numbered = Numbered::new();
        for key in 0..100_usize {
            assert_eq!(numbered.find(key), None);
            numbered.add(key, key * 2);
            assert!((0..=key).all(|key| numbered.find(key) == Some(key * 2)));
        }
    }
}
