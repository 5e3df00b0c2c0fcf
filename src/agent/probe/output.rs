//! What a target says → what is kept of it.

use std::collections::VecDeque;

/// The last bytes of what was said, and how many there were in all.
#[derive(Debug)]
pub(super) struct Tail {
    /// The last ones.
    bytes: VecDeque<u8>,
    /// How many are kept.
    bytes_max: usize,
    /// How many there were.
    total: usize,
}

impl Tail {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes: VecDeque::new(), bytes_max, total: 0 }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(bytes.len());
        let skipped = bytes.len().saturating_sub(self.bytes_max);
        let bytes = bytes.get(skipped..).unwrap_or_default();
        let surplus = (self.bytes.len() + bytes.len()).saturating_sub(self.bytes_max);
        self.bytes.drain(..surplus);
        self.bytes.extend(bytes);
    }

    /// How many bytes there were in all.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// What is kept, as text.
    pub(super) fn text(&self) -> String {
        let (one, other) = self.bytes.as_slices();
        String::from_utf8_lossy(&[one, other].concat()).into_owned()
    }

    /// What is kept, with Consul's note where something is missing.
    pub(super) fn text_with_note(&self) -> String {
        if self.total <= self.bytes_max {
            return self.text();
        }
        format!("Captured {} of {} bytes\n...\n{}", self.bytes_max, self.total, self.text())
    }
}

/// Keeps the first bytes of a text, with Consul's note where something is missing.
pub(in crate::agent) fn cut_head(text: String, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text;
    }
    let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    let head = text.get(..end).unwrap_or_default();
    format!("{head} ... (captured {end} of {} bytes)", text.len())
}
