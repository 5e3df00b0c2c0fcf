//! The end of a snapshot: the SHA-256 of all before it, as an empty gzip member (RFC 1952 §2.2 lets members follow
//! each other).

use std::fmt::Write as _;
use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

/// Hashes what goes through it, and seals it in the end.
pub(super) struct Sealing<W> {
    /// Where it goes.
    sink: W,
    /// The hash of what went.
    hash: Sha256,
}

impl<W: Write> Sealing<W> {
    pub(super) fn new(sink: W) -> Self {
        Self { sink, hash: Sha256::new() }
    }

    /// Writes the seal.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.sink.write_all(&seal(self.hash))?;
        self.sink.flush()
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.sink.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Reads what stands before a seal: of a source of unknown length, the last bytes are held back.
pub(super) struct Unsealing<R> {
    /// The source.
    source: R,
    /// The hash of what was handed out.
    hash: Sha256,
    /// What was read and is not handed out.
    held: Vec<u8>,
    /// How much was handed out.
    count: u64,
    /// Whether the source has ended.
    is_ended: bool,
}

impl<R: Read> Unsealing<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, hash: Sha256::new(), held: Vec::new(), count: 0, is_ended: false }
    }

    /// How many bytes were handed out.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The first bytes that there are, ten of them unless the source ends before.
    pub(super) fn head(&mut self) -> io::Result<&[u8]> {
        while !self.is_ended && self.held.len() < HEAD_BYTES {
            self.fill()?;
        }
        Ok(self.held.get(..HEAD_BYTES).unwrap_or(&self.held))
    }

    /// Whether what follows is the seal of all that was handed out, and nothing else.
    pub(super) fn find_seal(mut self) -> io::Result<bool> {
        let rest = io::copy(&mut self, &mut io::sink())?;
        Ok(rest == 0 && self.held == seal(self.hash))
    }

    /// How much of what is held may be handed out: all where no seal can stand at the end, so that the reader
    /// finds out what it is instead.
    fn free(&self) -> usize {
        let free = self.held.len().saturating_sub(SEAL_BYTES);
        let may_be_sealed = self.held.len() == SEAL_BYTES && self.held.starts_with(HEAD);
        if self.is_ended && free == 0 && !may_be_sealed { self.held.len() } else { free }
    }

    fn fill(&mut self) -> io::Result<()> {
        let before = self.held.len();
        self.held.resize(before + PIECE_BYTES, 0);
        let room = self.held.get_mut(before..).unwrap_or_default();
        let read = self.source.read(room);
        self.held.truncate(before + *read.as_ref().unwrap_or(&0));
        self.is_ended = read? == 0;
        Ok(())
    }
}

impl<R: Read> Read for Unsealing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.is_ended && self.held.len() <= SEAL_BYTES {
            self.fill()?;
        }
        let count = self.free().min(out.len());
        if let (Some(out), Some(held)) = (out.get_mut(..count), self.held.get(..count)) {
            out.copy_from_slice(held);
            self.hash.update(held);
        }
        self.held.drain(..count);
        self.count += u64::try_from(count).unwrap_or(u64::MAX);
        Ok(count)
    }
}

/// The seal of what was hashed.
fn seal(hash: Sha256) -> Vec<u8> {
    let mut bytes = HEAD.to_vec();
    bytes.extend_from_slice(hex(&hash.finalize()).as_bytes());
    bytes.extend_from_slice(TAIL);
    bytes
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Magic, deflate, a comment, no time, no flags, of an unknown system; then how the comment begins.
const HEAD: &[u8] = b"\x1f\x8b\x08\x10\0\0\0\0\0\xfflictor sha256 ";

/// The end of the comment, an empty block, and the checksum and length of nothing.
const TAIL: &[u8] = b"\0\x03\0\0\0\0\0\0\0\0\0";

/// How long a seal is.
const SEAL_BYTES: usize = HEAD.len() + 64 + TAIL.len();

/// The length of a gzip member's head (RFC 1952 §2.3).
const HEAD_BYTES: usize = 10;

/// How much is asked of the source at a time.
const PIECE_BYTES: usize = 64 * 1024;
