//! Names in wire form: kept, compared and written without being taken apart.
//!
//! hickory's `Name` costs several allocations to make and more than a hundred bytes to keep; answers are full of
//! names that are one label before a suffix that never changes.

use std::fmt;

use hickory_proto::rr::Name;
use smallvec::SmallVec;

use crate::dns::qname::{LABEL_BYTES_MAX, Labels, NAME_BYTES_MAX};

/// A name in wire form (RFC 1035 §3.1), as it was spelled; names are the same in any case of letters (RFC 4343).
#[derive(Clone)]
pub(super) struct WireName {
    /// Its labels, each behind its length, and the root's empty label; most are short enough to stand here.
    bytes: SmallVec<[u8; INLINE_BYTES]>,
}

impl WireName {
    /// The root.
    pub(super) fn root() -> Self {
        Self { bytes: SmallVec::from_slice(&[0]) }
    }

    /// The name behind these labels; nothing if one is empty or too long, or the name is.
    pub(super) fn below<'l>(&self, labels: impl Iterator<Item = &'l [u8]>) -> Option<Self> {
        let mut bytes = SmallVec::new();
        for label in labels {
            if label.is_empty() || LABEL_BYTES_MAX < label.len() {
                return None;
            }
            bytes.push(u8::try_from(label.len()).ok()?);
            bytes.extend_from_slice(label);
        }
        bytes.extend_from_slice(&self.bytes);
        (bytes.len() <= NAME_BYTES_MAX).then_some(Self { bytes })
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its bytes as names are compared.
    pub(super) fn folded(&self) -> SmallVec<[u8; INLINE_BYTES]> {
        let mut folded = self.bytes.clone();
        // Lengths are below 64 and so no letters.
        folded.make_ascii_lowercase();
        folded
    }

    /// Its labels from the left.
    pub(super) fn labels(&self) -> Labels<'_> {
        Labels::of(&self.bytes)
    }

    /// Its last labels.
    pub(super) fn suffix(&self, count: usize) -> Self {
        let skipped = self.labels().count().saturating_sub(count);
        let at: usize = self.labels().take(skipped).map(|label| 1 + label.len()).sum();
        Self { bytes: SmallVec::from_slice(self.bytes.get(at..).unwrap_or(&[0])) }
    }

    pub(super) fn is_root(&self) -> bool {
        self.bytes.len() == 1
    }

    /// The name as other code knows it.
    pub(super) fn to_name(&self) -> Name {
        // Each label is one, and together they are not too long.
        let mut name = Name::from_labels(self.labels()).unwrap_or_default();
        name.set_fqdn(true);
        name
    }
}

impl From<&Name> for WireName {
    fn from(name: &Name) -> Self {
        let mut bytes = SmallVec::new();
        for label in name {
            bytes.push(u8::try_from(label.len()).unwrap_or_default());
            bytes.extend_from_slice(label);
        }
        bytes.push(0);
        Self { bytes }
    }
}

impl PartialEq for WireName {
    fn eq(&self, other: &Self) -> bool {
        // Lengths are below 64 and so no letters.
        self.bytes.eq_ignore_ascii_case(&other.bytes)
    }
}

impl Eq for WireName {}

/// Bytes of a name that stand in it itself: most names of machines and addresses are shorter.
const INLINE_BYTES: usize = 40;

impl fmt::Debug for WireName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.to_name())
    }
}
