//! Pieces of bytes → one stream to read.

use std::io::{self, Read};

use bytes::{Buf, Bytes};

/// Pieces that come one after the other, as one stream. It ends where they do; a fault among them is the stream's.
pub struct Pieces<I> {
    /// Those that are still to come.
    rest: I,
    /// What is left of the one that is read.
    current: Bytes,
}

impl<I: Iterator<Item = io::Result<Bytes>>> Pieces<I> {
    /// Begins with the first piece.
    pub fn new(pieces: impl IntoIterator<IntoIter = I>) -> Self {
        Self { rest: pieces.into_iter(), current: Bytes::new() }
    }
}

impl<I: Iterator<Item = io::Result<Bytes>>> Read for Pieces<I> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let Some(next) = self.rest.next() else { return Ok(0) };
            self.current = next?;
        }
        let count = out.len().min(self.current.len());
        if let Some(out) = out.get_mut(..count) {
            self.current.copy_to_slice(out);
        }
        Ok(count)
    }
}
