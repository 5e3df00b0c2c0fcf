//! Text → entries of words (RFC 1035 §5.1): a line each, or several in parentheses.

use crate::model::limits::ZONE_ENTRY_WORDS_MAX;

/// A word of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'t> {
    /// Offset of its first byte in the text.
    pub(super) at: u32,
    /// As it is written, escapes and all, without the quotes around it.
    pub(super) raw: &'t str,
    /// Whether quotes were around it.
    pub(super) is_quoted: bool,
}

/// Something that is wrong at a place of the text at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Offset in the text.
    pub(super) at: u32,
    /// What.
    pub(super) text: String,
    /// What to do.
    pub(super) hint: Option<String>,
}

impl Trouble {
    /// Trouble without advice.
    pub(super) fn new(at: u32, text: impl Into<String>) -> Self {
        Self { at, text: text.into(), hint: None }
    }

    /// The trouble with a piece of advice.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// An entry: a directive or a record.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry<'t> {
    /// Whether it begins with a blank, which stands for the owner before.
    pub(super) is_indented: bool,
    /// Its words, at least one.
    pub(super) words: Vec<Word<'t>>,
    /// Offset of the end of its last word.
    pub(super) end: u32,
}

/// Reads a text once, from its start to its end.
#[derive(Debug)]
pub(super) struct Lexer<'t> {
    /// The whole text.
    text: &'t str,
    /// Offset of the next byte.
    at: usize,
}

impl<'t> Lexer<'t> {
    /// At the start of a text.
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The next entry; nothing at the end. Trouble concerns one entry, and the next call reads the one
    /// after it.
    pub(super) fn next(&mut self) -> Option<Result<Entry<'t>, Trouble>> {
        let mut entry = Entry::default();
        let mut trouble: Option<Trouble> = None;
        // Parentheses within parentheses mean nothing more, but have to be closed.
        let (mut depth, mut opened) = (0_usize, 0_usize);
        let mut line = self.at;
        loop {
            let start = self.at;
            let Some(byte) = self.peek() else { break };
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' => {
                    self.at += 1;
                    if 0 < depth {
                        continue;
                    }
                    if !entry.words.is_empty() || trouble.is_some() {
                        break;
                    }
                    line = self.at;
                }
                b';' => self.skip_line(),
                b'(' => {
                    self.at += 1;
                    opened = if depth == 0 { start } else { opened };
                    depth += 1;
                }
                b')' => {
                    self.at += 1;
                    if let Some(outer) = depth.checked_sub(1) {
                        depth = outer;
                    } else {
                        let fault = Trouble::new(offset(start), "`)` closes nothing");
                        trouble.get_or_insert(fault.hint("write `\\)`, or open it with `(`"));
                    }
                }
                _ => match self.word() {
                    Ok(word) if entry.words.len() < ZONE_ENTRY_WORDS_MAX => {
                        entry.is_indented |= entry.words.is_empty() && line < start;
                        entry.words.push(word);
                        entry.end = offset(self.at);
                    }
                    Ok(word) => {
                        let text = format!("more than {ZONE_ENTRY_WORDS_MAX} words in one record");
                        trouble.get_or_insert(Trouble::new(word.at, text));
                    }
                    Err(fault) => {
                        trouble.get_or_insert(fault);
                        self.skip_line();
                    }
                },
            }
        }
        if 0 < depth {
            let fault = Trouble::new(offset(opened), "`(` is never closed");
            return Some(Err(fault.hint("close it with `)` where the record ends")));
        }
        match trouble {
            Some(trouble) => Some(Err(trouble)),
            None if entry.words.is_empty() => None,
            None => Some(Ok(entry)),
        }
    }

    /// A word, whose first byte is there.
    fn word(&mut self) -> Result<Word<'t>, Trouble> {
        let start = self.at;
        if self.peek() == Some(b'"') {
            self.quoted()?;
            let raw = self.text.get(start + 1..self.at - 1).unwrap_or_default();
            return Ok(Word { at: offset(start), raw, is_quoted: true });
        }
        let mut before = b' ';
        while let Some(byte) = self.peek() {
            match byte {
                // RFC 9460 §2.1: `key="value"` is one word.
                b'"' if before == b'=' => self.quoted()?,
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b')' | b'"' => break,
                b'\\' => self.escaped()?,
                _ => self.at += 1,
            }
            before = byte;
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        Ok(Word { at: offset(start), raw, is_quoted: false })
    }

    /// Passes a quoted string.
    fn quoted(&mut self) -> Result<(), Trouble> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None | Some(b'\n') => {
                    let fault = Trouble::new(offset(start), "the quote is not closed on its line");
                    return Err(
                        fault.hint("close it with `\"`; write several strings for a long text")
                    );
                }
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escaped()?,
                Some(_) => self.at += 1,
            }
        }
    }

    /// Passes a backslash and the byte after it, whatever that is.
    fn escaped(&mut self) -> Result<(), Trouble> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            None | Some(b'\n' | b'\r') => {
                let fault = Trouble::new(offset(start), "a backslash at the end of a line");
                Err(fault.hint("put a record of several lines in parentheses"))
            }
            Some(_) => {
                self.at += 1;
                Ok(())
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// An offset as marks hold it; texts are far shorter than 4 GiB.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
