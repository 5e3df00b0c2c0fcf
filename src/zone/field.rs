//! Words → the bytes of a record's data, field by field, and back to data that the message writer knows.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::binary::{BinDecoder, BinEncodable, BinEncoder, Restrict};

use crate::zone::layout::{self, Field};
use crate::zone::lexer::{Entry, Trouble, Word};
use crate::zone::{bare, location, parameters, word};

/// The words of an entry that are not read yet.
#[derive(Clone, Debug)]
pub(super) struct Words<'w, 't> {
    /// What is left.
    rest: &'w [Word<'t>],
    /// Offset of the entry's end.
    end: u32,
}

impl<'w, 't> Words<'w, 't> {
    /// All words of an entry.
    pub(super) fn new(entry: &'w Entry<'t>) -> Self {
        Self { rest: &entry.words, end: entry.end }
    }

    /// The next word, if there is one.
    pub(super) fn next(&mut self) -> Option<Word<'t>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// The next word, which must be there.
    pub(super) fn take(&mut self, what: &str) -> Result<Word<'t>, Trouble> {
        let end = self.end;
        self.next()
            .ok_or_else(|| Trouble::new(end, format!("the record ends where {what} should stand")))
    }

    /// The next word, without taking it.
    pub(super) fn peek(&self) -> Option<Word<'t>> {
        self.rest.first().copied()
    }

    /// Offset of what comes next.
    pub(super) fn at(&self) -> u32 {
        self.peek().map_or(self.end, |word| word.at)
    }

    /// That nothing is left.
    pub(super) fn finish(&self) -> Result<(), Trouble> {
        match self.peek() {
            None => Ok(()),
            Some(word) => {
                let text = format!("`{}` is more than belongs here", word::shorten(word.raw));
                let fault = Trouble::new(word.at, text);
                Err(fault.hint("a comment begins with `;`, a string with blanks needs quotes"))
            }
        }
    }
}

/// A record's data from its words: as its type is written, or as RFC 3597 §5 writes any type.
pub(super) fn data(
    code: u16,
    words: &mut Words<'_, '_>,
    origin: Option<&Name>,
) -> Result<RData, Trouble> {
    let at = words.at();
    let layout = layout::by_code(code);
    let is_generic = words.peek().is_some_and(|word| !word.is_quoted && word.raw == "\\#");
    let mut wire = Vec::new();
    if is_generic {
        words.next();
        generic(words, &mut wire)?;
        let is_whole = layout.is_none_or(|layout| bare::is_whole(layout.fields, &wire));
        if !is_whole {
            let text = format!("these bytes are no data of type {}", layout::word_of(code));
            return Err(Trouble::new(at, text));
        }
    } else if let Some(layout) = layout {
        for field in layout.fields {
            put(*field, words, origin, &mut wire)?;
        }
    } else {
        let text = format!("type {} has no text form here", layout::word_of(code));
        return Err(Trouble::new(at, text).hint("write `\\#`, the number of bytes, and their hex"));
    }
    words.finish()?;
    let length = u16::try_from(wire.len())
        .map_err(|_| Trouble::new(at, "the record's data has more than 65535 bytes"))?;
    decode(code, &wire, length).ok_or_else(|| {
        let text = format!("this is no data of type {}", layout::word_of(code));
        Trouble::new(at, text)
    })
}

/// The domain name that data of one name consists of, for types that hickory does not know.
pub(super) fn sole_name(data: &RData) -> Option<Name> {
    match data {
        RData::CNAME(name) => Some(name.0.clone()),
        RData::Unknown { rdata, .. } => bare::name(&rdata.anything).map(|(name, _)| name),
        _ => None,
    }
}

/// Bytes as hickory's data. What it does not read, or would write in other bytes, stays bytes.
fn decode(code: u16, wire: &[u8], length: u16) -> Option<RData> {
    let kind = RecordType::from(code);
    let read = RData::read(&mut BinDecoder::new(wire), kind, Restrict::new(length)).ok();
    // RFC 1035's types and their like have one form, that hickory reads and writes as it is.
    if matches!(code, 1 | 2 | 5 | 6 | 12 | 15 | 16 | 28 | 33) {
        return read;
    }
    let same = read.filter(|data| {
        let mut written = Vec::with_capacity(wire.len());
        data.emit(&mut BinEncoder::new(&mut written)).is_ok() && written == wire
    });
    Some(same.unwrap_or_else(|| RData::Unknown { code: kind, rdata: NULL::with(wire.to_vec()) }))
}

/// `\# LENGTH HEX…`, whose first word was read.
fn generic(words: &mut Words<'_, '_>, wire: &mut Vec<u8>) -> Result<(), Trouble> {
    let length = words.take("a number of bytes")?;
    let bytes = word::number(length, "length", u32::from(u16::MAX))?;
    if words.peek().is_some() {
        hex(words, wire)?;
    }
    if usize::try_from(bytes).is_ok_and(|bytes| bytes == wire.len()) {
        return Ok(());
    }
    let text = format!("{bytes} bytes are announced, {} follow", wire.len());
    Err(Trouble::new(length.at, text))
}

/// Adds one field's bytes.
fn put(
    field: Field,
    words: &mut Words<'_, '_>,
    origin: Option<&Name>,
    wire: &mut Vec<u8>,
) -> Result<(), Trouble> {
    match field {
        Field::Name => wire.extend(word::name_bytes(words.take("a name")?, origin)?),
        Field::Ipv4 => {
            let address: Ipv4Addr = parsed(words.take("an IPv4 address")?, "IPv4 address")?;
            wire.extend(address.octets());
        }
        Field::Ipv6 => {
            let address: Ipv6Addr = parsed(words.take("an IPv6 address")?, "IPv6 address")?;
            wire.extend(address.octets());
        }
        Field::U8(what) => small(words.take(what)?, what, wire)?,
        Field::U16(what) => {
            let number = word::number(words.take(what)?, what, u32::from(u16::MAX))?;
            wire.extend(u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes());
        }
        Field::U32(what) => {
            wire.extend(word::number(words.take(what)?, what, u32::MAX)?.to_be_bytes());
        }
        Field::Seconds(what) => {
            wire.extend(word::seconds(words.take(what)?, what, u32::MAX)?.to_be_bytes());
        }
        Field::Algorithm => named(words.take("an algorithm")?, "algorithm", ALGORITHMS, wire)?,
        Field::CertificateKind => {
            let word = words.take("a kind of certificate")?;
            let known = CERTIFICATES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word.raw));
            let number = match known {
                Some((_, number)) => u32::from(*number),
                None => word::number(word, "kind of certificate", u32::from(u16::MAX))?,
            };
            wire.extend(u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes());
        }
        Field::String => string(words.take("a string")?, wire)?,
        Field::Strings => {
            string(words.take("a string")?, wire)?;
            while let Some(word) = words.next() {
                string(word, wire)?;
            }
        }
        Field::Tag => tag(words.take("a tag")?, wire)?,
        Field::Text => wire.extend(word::bytes(words.take("a text")?, usize::from(u16::MAX))?),
        Field::Hex => {
            words.peek().map_or_else(|| words.take("hexadecimal data").map(|_| ()), |_| Ok(()))?;
            hex(words, wire)?;
        }
        Field::Base64 => base64(words, wire)?,
        Field::Dashed(bytes) => dashed(words.take("an EUI")?, bytes, wire)?,
        Field::Types => types(words, wire)?,
        Field::Location => location::put(words, wire)?,
        Field::Parameters => parameters::put(words, wire)?,
    }
    Ok(())
}

fn parsed<T: std::str::FromStr>(word: Word<'_>, what: &str) -> Result<T, Trouble> {
    let wrong = |_| Trouble::new(word.at, format!("`{}` is no {what}", word::shorten(word.raw)));
    word.raw.parse().map_err(wrong)
}

fn small(word: Word<'_>, what: &str, wire: &mut Vec<u8>) -> Result<(), Trouble> {
    let number = word::number(word, what, u32::from(u8::MAX))?;
    wire.push(u8::try_from(number).unwrap_or(u8::MAX));
    Ok(())
}

/// A number of 8 bits that may be written as a mnemonic.
fn named(
    word: Word<'_>,
    what: &str,
    names: &[(&str, u8)],
    wire: &mut Vec<u8>,
) -> Result<(), Trouble> {
    match names.iter().find(|(name, _)| name.eq_ignore_ascii_case(word.raw)) {
        Some((_, number)) => wire.push(*number),
        None => small(word, what, wire)?,
    }
    Ok(())
}

/// A string with its length before it.
pub(super) fn string(word: Word<'_>, wire: &mut Vec<u8>) -> Result<(), Trouble> {
    let bytes = word::bytes(word, usize::from(u8::MAX))?;
    wire.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    wire.extend(bytes);
    Ok(())
}

fn tag(word: Word<'_>, wire: &mut Vec<u8>) -> Result<(), Trouble> {
    let is_tag = !word.raw.is_empty() && word.raw.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_tag {
        return string(word, wire);
    }
    let text = format!("tag `{}` has more than letters and digits", word::shorten(word.raw));
    Err(Trouble::new(word.at, text))
}

/// Hexadecimal digits; a word may end in the middle of a byte.
fn hex(words: &mut Words<'_, '_>, wire: &mut Vec<u8>) -> Result<(), Trouble> {
    let at = words.at();
    let mut high: Option<u8> = None;
    while let Some(word) = words.next() {
        for letter in word.raw.bytes() {
            let digit = char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let digit = digit.ok_or_else(|| {
                let text = format!("`{}` is not hexadecimal", word::shorten(word.raw));
                Trouble::new(word.at, text)
            })?;
            match high.take() {
                Some(high) => wire.push(high << 4 | digit),
                None => high = Some(digit),
            }
        }
    }
    match high {
        None => Ok(()),
        Some(_) => Err(Trouble::new(at, "an odd number of hexadecimal digits")),
    }
}

fn base64(words: &mut Words<'_, '_>, wire: &mut Vec<u8>) -> Result<(), Trouble> {
    let first = words.take("base 64 data")?;
    let mut text = first.raw.to_owned();
    while let Some(word) = words.next() {
        text.push_str(word.raw);
    }
    let bytes = STANDARD.decode(text).map_err(|reason| {
        Trouble::new(
            first.at,
            format!("this is not base 64: {}", lower(reason.to_string().trim_end_matches('.'))),
        )
    })?;
    wire.extend(bytes);
    Ok(())
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}

fn dashed(word: Word<'_>, bytes: usize, wire: &mut Vec<u8>) -> Result<(), Trouble> {
    let pairs: Vec<Option<u8>> = word
        .raw
        .split('-')
        .map(|pair| u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2))
        .collect();
    let pairs: Option<Vec<u8>> = pairs.into_iter().collect();
    let Some(pairs) = pairs.filter(|pairs| pairs.len() == bytes) else {
        let text = format!("`{}` is no EUI", word::shorten(word.raw));
        let hint = format!("write {bytes} pairs of hexadecimal digits with dashes between");
        return Err(Trouble::new(word.at, text).hint(hint));
    };
    wire.extend(pairs);
    Ok(())
}

/// Types as bits, in windows of 256 (RFC 4034 §4.1.2).
fn types(words: &mut Words<'_, '_>, wire: &mut Vec<u8>) -> Result<(), Trouble> {
    let mut codes = std::collections::BTreeSet::new();
    while let Some(word) = words.next() {
        let code = layout::code_of(word.raw).ok_or_else(|| {
            Trouble::new(word.at, format!("`{}` is no type", word::shorten(word.raw)))
        })?;
        codes.insert(code);
    }
    let mut window: Option<(u8, Vec<u8>)> = None;
    let close = |window: Option<(u8, Vec<u8>)>, wire: &mut Vec<u8>| {
        if let Some((number, bits)) = window {
            wire.push(number);
            wire.push(u8::try_from(bits.len()).unwrap_or(32));
            wire.extend(bits);
        }
    };
    for code in codes {
        let [number, low] = code.to_be_bytes();
        if window.as_ref().is_none_or(|(open, _)| *open != number) {
            close(window.replace((number, Vec::new())), wire);
        }
        if let Some((_, bits)) = &mut window {
            bits.resize(usize::from(low / 8) + 1, 0);
            if let Some(last) = bits.last_mut() {
                *last |= 0x80 >> (low % 8);
            }
        }
    }
    close(window, wire);
    Ok(())
}

/// RFC 4034 §A.1 and the registry.
const ALGORITHMS: &[(&str, u8)] = &[
    ("RSAMD5", 1),
    ("DH", 2),
    ("DSA", 3),
    ("RSASHA1", 5),
    ("NSEC3DSA", 6),
    ("DSA-NSEC3-SHA1", 6),
    ("NSEC3RSASHA1", 7),
    ("RSASHA1-NSEC3-SHA1", 7),
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECC-GOST", 12),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
    ("INDIRECT", 252),
    ("PRIVATEDNS", 253),
    ("PRIVATEOID", 254),
];

/// RFC 4398 §2.1.
pub(super) const CERTIFICATES: &[(&str, u16)] = &[
    ("PKIX", 1),
    ("SPKI", 2),
    ("PGP", 3),
    ("IPKIX", 4),
    ("ISPKI", 5),
    ("IPGP", 6),
    ("ACPKIX", 7),
    ("IACPKIX", 8),
    ("URI", 253),
    ("OID", 254),
];
