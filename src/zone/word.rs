//! Words → names, strings, numbers and times; and names → words.

use std::fmt::Write;

use hickory_proto::rr::Name;
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use crate::model::number::Ttl;
use crate::zone::lexer::{Trouble, Word};

/// A name (RFC 1035 §5.1): `@` is the origin, and what does not end with a dot is below it.
pub(super) fn name(word: Word<'_>, origin: Option<&Name>) -> Result<Name, Trouble> {
    let wire = name_bytes(word, origin)?;
    Name::read(&mut BinDecoder::new(&wire))
        .map_err(|_| bad_name(word, "it has more than 255 bytes"))
}

/// The bytes of a name in a message, without compression.
pub(super) fn name_bytes(word: Word<'_>, origin: Option<&Name>) -> Result<Vec<u8>, Trouble> {
    let is_origin = word.raw == "@" && !word.is_quoted;
    let mut wire = Vec::with_capacity(NAME_BYTES_MAX);
    let mut is_absolute = word.raw == ".";
    if !is_origin && !is_absolute {
        is_absolute = put_labels(word, &mut wire)?;
    }
    if !is_absolute {
        let origin = origin.ok_or_else(|| {
            let text = format!("`{}` is relative, and there is no origin", shorten(word.raw));
            let hint = "end it with a dot, or write `$ORIGIN` before it";
            Trouble::new(word.at, text).hint(hint)
        })?;
        for label in origin {
            wire.push(u8::try_from(label.len()).unwrap_or(0));
            wire.extend(label);
        }
    }
    wire.push(0);
    if NAME_BYTES_MAX < wire.len() {
        return Err(bad_name(word, "it has more than 255 bytes"));
    }
    Ok(wire)
}

/// Adds the labels of a word, each with its length before it. Says whether a dot ends the word.
fn put_labels(word: Word<'_>, wire: &mut Vec<u8>) -> Result<bool, Trouble> {
    let mut start = 0;
    let mut is_absolute = false;
    wire.push(0);
    for letter in Letters::new(word) {
        let letter = letter?;
        if is_absolute {
            start = wire.len();
            wire.push(0);
        }
        is_absolute = letter.is_bare(b'.');
        if is_absolute {
            close_label(word, start, wire)?;
            continue;
        }
        if !letter.is_escaped && !letter.byte.is_ascii() {
            let text = format!("`{}` is not ASCII", shorten(word.raw));
            return Err(Trouble::new(word.at, text).hint("write the `xn--` form, or `\\DDD`"));
        }
        wire.push(letter.byte);
        if NAME_BYTES_MAX < wire.len() {
            let is_long_label = LABEL_BYTES_MAX + 1 < wire.len() - start;
            let what =
                if is_long_label { "a label has more than 63" } else { "it has more than 255" };
            return Err(bad_name(word, &format!("{what} bytes")));
        }
    }
    if !is_absolute {
        close_label(word, start, wire)?;
    }
    Ok(is_absolute)
}

/// Writes the length of the label that begins there.
fn close_label(word: Word<'_>, start: usize, wire: &mut [u8]) -> Result<(), Trouble> {
    let length = wire.len() - start - 1;
    if length == 0 {
        return Err(bad_name(word, "a label is empty"));
    }
    if LABEL_BYTES_MAX < length {
        return Err(bad_name(word, "a label has more than 63 bytes"));
    }
    if let Some(place) = wire.get_mut(start) {
        *place = u8::try_from(length).unwrap_or(0);
    }
    Ok(())
}

/// The bytes of a character string, at most so many.
pub(super) fn bytes(word: Word<'_>, bytes_max: usize) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    for letter in Letters::new(word) {
        let letter = letter?;
        if letter.is_bare(b'"') {
            let text = format!("a quote in the middle of `{}`", shorten(word.raw));
            return Err(Trouble::new(word.at, text).hint("put quotes around the whole string"));
        }
        bytes.push(letter.byte);
        if bytes_max < bytes.len() {
            let text = format!("a string of more than {bytes_max} bytes");
            let fault = Trouble::new(word.at, text);
            return Err(match bytes_max {
                255 => fault.hint("split it into several strings: `\"…\" \"…\"`"),
                _ => fault,
            });
        }
    }
    Ok(bytes)
}

/// A number, at most so large.
pub(super) fn number(word: Word<'_>, what: &str, most: u32) -> Result<u32, Trouble> {
    let is_digits = !word.raw.is_empty() && word.raw.bytes().all(|byte| byte.is_ascii_digit());
    let number = word.raw.parse::<u32>().ok().filter(|number| is_digits && *number <= most);
    number.ok_or_else(|| {
        let text = format!("{what} `{}` is no number from 0 to {most}", shorten(word.raw));
        Trouble::new(word.at, text)
    })
}

/// Seconds: `3600`, or `1h30m` with weeks, days, hours, minutes and seconds.
pub(super) fn seconds(word: Word<'_>, what: &str, most: u32) -> Result<u32, Trouble> {
    let no_time = || {
        let text = format!("{what} `{}` is no time from 0 to {most} seconds", shorten(word.raw));
        Trouble::new(word.at, text).hint("write seconds, or `1w2d3h4m5s`")
    };
    let mut total = 0_u32;
    let mut part: Option<u32> = None;
    for letter in word.raw.bytes() {
        if letter.is_ascii_digit() {
            let tens = part.unwrap_or(0).checked_mul(10).ok_or_else(no_time)?;
            part = Some(tens.checked_add(u32::from(letter - b'0')).ok_or_else(no_time)?);
            continue;
        }
        let unit = match letter.to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return Err(no_time()),
        };
        let seconds = part.take().and_then(|part| part.checked_mul(unit)).ok_or_else(no_time)?;
        total = total.checked_add(seconds).ok_or_else(no_time)?;
    }
    let is_empty = word.raw.is_empty();
    let total = total.checked_add(part.unwrap_or(0)).filter(|total| *total <= most && !is_empty);
    total.ok_or_else(no_time)
}

/// A TTL. RFC 2181 §8: at most 2^31 − 1 seconds.
pub(super) fn ttl(word: Word<'_>) -> Result<Ttl, Trouble> {
    seconds(word, "TTL", TTL_MAX).map(Ttl)
}

/// What can be repeated of a word in a message.
pub(super) fn shorten(raw: &str) -> String {
    let mut shown: String =
        raw.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect();
    if raw.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// Labels as [`spell_name`] writes them.
pub(super) fn spell<'l>(labels: impl Iterator<Item = &'l [u8]>) -> String {
    let mut text = String::new();
    for label in labels {
        for byte in label {
            let _ = match byte {
                b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                    write!(text, "\\{}", char::from(*byte))
                }
                b'!'..=b'~' => write!(text, "{}", char::from(*byte)),
                _ => write!(text, "\\{byte:03}"),
            };
        }
        text.push('.');
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

/// A name as a zone file spells it, with a dot at its end and escapes where they are needed.
#[must_use]
pub fn spell_name(name: &Name) -> String {
    spell(name.iter())
}

/// A string in quotes, with escapes where they are needed.
pub(super) fn quote(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        let _ = match byte {
            b'"' | b'\\' => write!(text, "\\{}", char::from(*byte)),
            b' '..=b'~' => write!(text, "{}", char::from(*byte)),
            _ => write!(text, "\\{byte:03}"),
        };
    }
    text.push('"');
    text
}

fn bad_name(word: Word<'_>, why: &str) -> Trouble {
    Trouble::new(word.at, format!("`{}` is no name: {why}", shorten(word.raw)))
}

/// One byte of a word.
#[derive(Clone, Copy)]
struct Letter {
    /// What it is.
    byte: u8,
    /// Whether a backslash stood before it.
    is_escaped: bool,
}

impl Letter {
    /// Whether it is that byte, and means what that byte means.
    fn is_bare(self, byte: u8) -> bool {
        self.byte == byte && !self.is_escaped
    }
}

/// The bytes of a word with their escapes read: `\X` is that byte, `\DDD` the one of that number.
struct Letters<'t> {
    /// What is left.
    rest: &'t [u8],
    /// Where the word stands.
    at: u32,
}

impl<'t> Letters<'t> {
    fn new(word: Word<'t>) -> Self {
        Self { rest: word.raw.as_bytes(), at: word.at }
    }
}

impl Iterator for Letters<'_> {
    type Item = Result<Letter, Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        if first != b'\\' {
            return Some(Ok(Letter { byte: first, is_escaped: false }));
        }
        let wrong = || {
            let fault = Trouble::new(self.at, "a backslash before what cannot be escaped");
            fault.hint("write `\\` and three digits from 000 to 255, or one other character")
        };
        let Some((&second, rest)) = self.rest.split_first() else { return Some(Err(wrong())) };
        if !second.is_ascii_digit() {
            self.rest = rest;
            return Some(Ok(Letter { byte: second, is_escaped: true }));
        }
        let digits = self.rest.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let is_number = digits.is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let byte = digits.filter(|_| is_number).and_then(|text| text.parse::<u8>().ok());
        let Some(byte) = byte else { return Some(Err(wrong())) };
        self.rest = self.rest.get(3..).unwrap_or_default();
        Some(Ok(Letter { byte, is_escaped: true }))
    }
}

/// Longest label (RFC 1035 §2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// Longest name with its lengths (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 255;

/// RFC 2181 §8.
const TTL_MAX: u32 = 0x7FFF_FFFF;

/// Characters of a word that a message repeats.
const SHOWN_CHARS_MAX: usize = 64;
