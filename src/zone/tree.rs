//! Names → a tree with a hash map at each name: one probe for each label, from the top down.

use std::collections::HashMap;

use hickory_proto::rr::Name;

/// A name with what it holds, and the names below it.
#[derive(Clone, Debug, Default)]
pub(super) struct Branch<T> {
    /// What the name holds.
    pub(super) value: T,
    /// The names that have one label more, by that label, folded. Boxed, since most names have none.
    below: Option<Box<Below<T>>>,
}

/// Names by their lowest label, folded.
#[derive(Clone, Debug)]
struct Below<T>(HashMap<Box<[u8]>, Branch<T>>);

impl<T: Default> Branch<T> {
    /// The name one label below.
    pub(super) fn get(&self, label: &[u8]) -> Option<&Self> {
        #[cfg(test)]
        probes::count();
        self.below.as_ref()?.0.get(Folded::new(label).as_bytes())
    }

    /// The name so many labels below, the highest label first; made where there is none.
    pub(super) fn grow<'l>(&mut self, labels: impl Iterator<Item = &'l [u8]>) -> &mut Self {
        let mut branch = self;
        for label in labels {
            let below = branch.below.get_or_insert_with(|| Box::new(Below(HashMap::new())));
            branch = below.0.entry(Folded::new(label).as_bytes().into()).or_default();
        }
        branch
    }

    /// Takes a name out, with all that is below it.
    pub(super) fn detach<'l>(&mut self, labels: impl Iterator<Item = &'l [u8]>) -> Self {
        std::mem::take(self.grow(labels))
    }

    /// The names one label below with that label, folded, in no order.
    pub(super) fn below(&self) -> impl Iterator<Item = (&[u8], &Self)> {
        let below = self.below.iter().flat_map(|below| &below.0);
        below.map(|(label, branch)| (&**label, branch))
    }

    /// As [`Branch::below`], to be changed.
    pub(super) fn below_mut(&mut self) -> impl Iterator<Item = (&[u8], &mut Self)> {
        let below = self.below.iter_mut().flat_map(|below| &mut below.0);
        below.map(|(label, branch)| (&**label, branch))
    }

    /// The same tree with other values. It recurses as deep as a name has labels, 127 at most.
    pub(super) fn map<U>(self, change: &mut impl FnMut(T) -> U) -> Branch<U> {
        let value = change(self.value);
        let below = self.below.map(|below| {
            let below = below.0.into_iter().map(|(label, branch)| (label, branch.map(change)));
            Box::new(Below(below.collect()))
        });
        Branch { value, below }
    }
}

/// The labels of a name from the top down.
pub(super) fn downward(name: &Name) -> impl ExactSizeIterator<Item = &[u8]> {
    name.iter().rev()
}

/// A label in lower case, without a heap allocation: lookups need one for each label.
struct Folded {
    /// The label and then zeros.
    bytes: [u8; LABEL_BYTES_MAX],
    /// Bytes of the label.
    length: usize,
}

impl Folded {
    fn new(label: &[u8]) -> Self {
        let mut folded = Self { bytes: [0; LABEL_BYTES_MAX], length: label.len() };
        // RFC 4343 §3: only ASCII letters have a case.
        for (target, source) in folded.bytes.iter_mut().zip(label) {
            *target = source.to_ascii_lowercase();
        }
        folded
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

/// Longest label (RFC 1035 §2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// How many probes a test has made.
#[cfg(test)]
pub(super) mod probes {
    use std::cell::Cell;

    thread_local! {
        static PROBES: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn count() {
        PROBES.set(PROBES.get() + 1);
    }

    /// The probes of this thread since it was last asked.
    pub(in crate::zone) fn take() -> usize {
        PROBES.replace(0)
    }
}
