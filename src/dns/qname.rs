//! Bytes of a question's name → its labels, as they were spelled and as they are compared.
//!
//! Nothing is allocated: the spelling stays in the query, and the folded form has at most 255 bytes.

use hickory_proto::rr::Name;

/// The name of a question (RFC 1035 §3.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct QName<'q> {
    /// As the client spelled it, in wire form with the root's empty label.
    spelled: &'q [u8],
    /// The same with ASCII letters folded; the rest of the buffer is zero.
    folded: [u8; NAME_BYTES_MAX],
    /// How many labels there are, the root not counted.
    labels: u8,
}

impl<'q> QName<'q> {
    /// Reads the name at the beginning of `bytes`; nothing if it is none. The first name of a message has
    /// nothing before it that a compression pointer could point at, so that pointers are no names here.
    pub(super) fn read(bytes: &'q [u8]) -> Option<Self> {
        let mut labels: u8 = 0;
        let mut end: usize = 0;
        loop {
            let length = usize::from(*bytes.get(end)?);
            if length == 0 {
                break;
            }
            // A pointer has its two highest bits set.
            if LABEL_BYTES_MAX < length {
                return None;
            }
            end += 1 + length;
            if NAME_BYTES_MAX <= end {
                return None;
            }
            labels += 1;
        }
        let spelled = bytes.get(..=end)?;
        let mut folded = [0; NAME_BYTES_MAX];
        let copied = folded.get_mut(..spelled.len())?;
        copied.copy_from_slice(spelled);
        // Lengths are below 64 and so no letters.
        copied.make_ascii_lowercase();
        Some(Self { spelled, folded, labels })
    }

    /// The wire form as it was spelled.
    pub(super) fn spelled(&self) -> &'q [u8] {
        self.spelled
    }

    /// The wire form as names are compared (RFC 4343).
    pub(super) fn folded(&self) -> &[u8] {
        self.folded.get(..self.spelled.len()).unwrap_or_default()
    }

    /// How many labels there are, the root not counted.
    pub(super) fn label_count(&self) -> usize {
        usize::from(self.labels)
    }

    /// The folded labels from the left.
    pub(super) fn labels(&self) -> Labels<'_> {
        Labels::of(self.folded())
    }

    /// Where the last `count` labels begin, in bytes from the name's beginning.
    pub(super) fn suffix_at(&self, count: usize) -> usize {
        let skipped = self.label_count().saturating_sub(count);
        if skipped == 0 {
            return 0;
        }
        self.labels().take(skipped).map(|label| 1 + label.len()).sum()
    }

    /// Whether a folded name, in wire form, is its end.
    pub(super) fn ends_with(&self, folded: &[u8]) -> bool {
        let Some(at) = self.spelled.len().checked_sub(folded.len()) else { return false };
        // The same bytes are the same labels only where a label begins.
        self.folded().ends_with(folded) && self.is_label_start(at)
    }

    /// Whether a label begins so many bytes from the name's beginning.
    pub(super) fn is_label_start(&self, at: usize) -> bool {
        let mut start = 0;
        for label in self.labels() {
            if at <= start {
                break;
            }
            start += 1 + label.len();
        }
        start == at
    }

    /// The name as other code knows it, spelled as the client did.
    pub(super) fn to_name(self) -> Name {
        let mut name = Name::from_labels(Labels::of(self.spelled)).unwrap_or_default();
        name.set_fqdn(true);
        name
    }
}

/// Labels of a name in wire form, from the left.
#[derive(Clone, Debug)]
pub(super) struct Labels<'n> {
    /// What was not read yet.
    rest: &'n [u8],
}

impl<'n> Labels<'n> {
    /// The labels of a name in wire form.
    pub(super) fn of(name: &'n [u8]) -> Self {
        Self { rest: name }
    }
}

impl<'n> Iterator for Labels<'n> {
    type Item = &'n [u8];

    fn next(&mut self) -> Option<&'n [u8]> {
        let (length, rest) = self.rest.split_first()?;
        if *length == 0 {
            return None;
        }
        let (label, rest) = rest.split_at_checked(usize::from(*length))?;
        self.rest = rest;
        Some(label)
    }
}

/// Longest label, in bytes (RFC 1035 §2.3.4).
pub(super) const LABEL_BYTES_MAX: usize = 63;

/// Longest name on the wire, in bytes (RFC 1035 §2.3.4).
pub(super) const NAME_BYTES_MAX: usize = 255;
