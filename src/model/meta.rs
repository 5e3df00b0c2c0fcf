//! Pairs of text → Meta: which metadata can be kept, with Consul's words for what cannot.

use std::fmt;

use crate::model::limits::{META_ENTRIES_MAX, META_KEY_BYTES_MAX, META_VALUE_BYTES_MAX};
use crate::model::node::Meta;

/// Why metadata cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetaFault {
    /// More than [`META_ENTRIES_MAX`] pairs.
    TooMany,
    /// A pair is unusable.
    Pair {
        /// Its key.
        key: String,
        /// Its value, as much of it as is allowed.
        value: String,
        /// What is wrong with it.
        flaw: PairFlaw,
    },
}

/// What is wrong with a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairFlaw {
    /// The key is empty.
    Blank,
    /// The key holds something other than ASCII letters, digits, `_` and `-`.
    Characters,
    /// The key has more than [`META_KEY_BYTES_MAX`] bytes.
    LongKey,
    /// The key begins with `consul-`.
    Reserved,
    /// The value has more than [`META_VALUE_BYTES_MAX`] bytes.
    LongValue,
}

/// Metadata of a service, or of the node that an agent is: its keys are words.
///
/// # Errors
/// [`MetaFault`], of the first pair that is unusable.
pub fn parse(meta: Meta) -> Result<Meta, MetaFault> {
    keep(meta, find_flaw)
}

/// Metadata of a node in a catalog registration, whose keys Consul does not look at: `consul-network-segment`
/// is one that programs register.
///
/// # Errors
/// [`MetaFault`], where there is too much of it.
pub fn parse_foreign(meta: Meta) -> Result<Meta, MetaFault> {
    keep(meta, |_| None)
}

/// Metadata that a prepared query wants of nodes, which may begin with `consul-`: such nodes there are.
///
/// # Errors
/// [`MetaFault`], of the first pair that no node can carry.
pub fn parse_wanted(meta: Meta) -> Result<Meta, MetaFault> {
    keep(meta, |key| find_flaw(key).filter(|flaw| *flaw != PairFlaw::Reserved))
}

/// What is wrong with a key that is to be a word.
fn find_flaw(key: &str) -> Option<PairFlaw> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if key.is_empty() {
        Some(PairFlaw::Blank)
    } else if !key.bytes().all(is_word) {
        Some(PairFlaw::Characters)
    } else if key.starts_with("consul-") {
        Some(PairFlaw::Reserved)
    } else {
        None
    }
}

fn keep(meta: Meta, find_flaw: impl Fn(&str) -> Option<PairFlaw>) -> Result<Meta, MetaFault> {
    if META_ENTRIES_MAX < meta.len() {
        return Err(MetaFault::TooMany);
    }
    for (key, value) in &meta {
        let long_key = (META_KEY_BYTES_MAX < key.len()).then_some(PairFlaw::LongKey);
        let long_value = (META_VALUE_BYTES_MAX < value.len()).then_some(PairFlaw::LongValue);
        let Some(flaw) = find_flaw(key).or(long_key).or(long_value) else { continue };
        let value = value.chars().take(META_VALUE_BYTES_MAX).collect();
        return Err(MetaFault::Pair { key: key.clone(), value, flaw });
    }
    Ok(meta)
}

impl fmt::Display for MetaFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(
                out,
                "Node metadata cannot contain more than {META_ENTRIES_MAX} key/value pairs"
            ),
            Self::Pair { key, value, flaw } => {
                write!(out, "Couldn't load metadata pair ('{key}', '{value}'): {flaw}")
            }
        }
    }
}

impl fmt::Display for PairFlaw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => out.write_str("Key cannot be blank"),
            Self::Characters => out.write_str("Key contains invalid characters"),
            Self::LongKey => {
                write!(out, "Key is too long (limit: {META_KEY_BYTES_MAX} characters)")
            }
            Self::Reserved => out.write_str("Key prefix 'consul-' is reserved for internal use"),
            Self::LongValue => {
                write!(out, "Value is too long (limit: {META_VALUE_BYTES_MAX} characters)")
            }
        }
    }
}

impl std::error::Error for MetaFault {}
