//! Bytes of a record's data → its text in a master file: the way back of `field`, by the same table.
//!
//! The text is what other tools print too, and reads back into the same bytes. What has no form of its own, or is
//! no data of its type, stands as bytes (RFC 3597 §5).

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::zone::field::CERTIFICATES;
use crate::zone::layout::{self, Field};
use crate::zone::{bare, location, parameters, proof, word};

/// The data of a record as it would stand in a zone file, names in full. `wire` holds names uncompressed.
#[must_use]
pub fn show_data(code: u16, wire: &[u8]) -> String {
    fields(code, wire).or_else(|| proof::text(code, wire)).unwrap_or_else(|| {
        let digits = wire.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        format!("\\# {} {digits}", wire.len()).trim_end().to_owned()
    })
}

/// The word of a record type: its mnemonic, or `TYPEn`.
#[must_use]
pub fn type_word(code: u16) -> String {
    layout::word_of(code)
}

/// The number of a record type: by a mnemonic in any case, or `TYPEn`.
#[must_use]
pub fn type_code(word: &str) -> Option<u16> {
    let proof = || proof::PROOFS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
    layout::code_of(word).or_else(|| proof().map(|(_, code)| *code))
}

fn fields(code: u16, wire: &[u8]) -> Option<String> {
    let layout = layout::by_code(code)?;
    let mut rest = wire;
    let mut words = Vec::new();
    for field in layout.fields {
        let after = bare::skip(*field, rest)?;
        let piece = rest.get(..rest.len().checked_sub(after.len())?)?;
        words.push(show(*field, piece)?);
        rest = after;
    }
    rest.is_empty().then(|| words.join(" ").trim_end().to_owned())
}

fn show(field: Field, piece: &[u8]) -> Option<String> {
    let number = || piece.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    let text = match field {
        Field::Name => word::spell_name(&bare::name(piece)?.0),
        Field::Ipv4 => Ipv4Addr::from(<[u8; 4]>::try_from(piece).ok()?).to_string(),
        Field::Ipv6 => Ipv6Addr::from(<[u8; 16]>::try_from(piece).ok()?).to_string(),
        Field::U8(_) | Field::U16(_) | Field::U32(_) | Field::Seconds(_) | Field::Algorithm => {
            number().to_string()
        }
        Field::CertificateKind => {
            let known = CERTIFICATES.iter().find(|(_, code)| u32::from(*code) == number());
            known.map_or_else(|| number().to_string(), |(word, _)| (*word).to_owned())
        }
        Field::String | Field::Strings => {
            let strings = strings(piece)?.into_iter().map(word::quote);
            strings.collect::<Vec<_>>().join(" ")
        }
        Field::Tag => String::from_utf8(piece.get(1..)?.to_vec()).ok()?,
        Field::Text => word::quote(piece),
        Field::Hex => hex(piece),
        Field::Base64 => STANDARD.encode(piece),
        Field::Dashed(_) => {
            let pairs: Vec<_> = piece.iter().map(|byte| format!("{byte:02x}")).collect();
            pairs.join("-")
        }
        Field::Types => types(piece),
        Field::Location => location::show(piece)?,
        Field::Parameters => parameters::show(piece)?,
    };
    Some(text)
}

/// Strings, each with its length before it.
fn strings(piece: &[u8]) -> Option<Vec<&[u8]>> {
    let mut strings = Vec::new();
    let mut rest = piece;
    while let Some((&length, after)) = rest.split_first() {
        let (string, after) = after.split_at_checked(usize::from(length))?;
        strings.push(string);
        rest = after;
    }
    Some(strings)
}

pub(super) fn hex(piece: &[u8]) -> String {
    piece.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}

/// Types, in the order of their numbers (RFC 4034 §4.1.2).
pub(super) fn types(piece: &[u8]) -> String {
    let mut words = Vec::new();
    let mut rest = piece;
    while let [window, length, after @ ..] = rest {
        let (bits, after) = after.split_at_checked(usize::from(*length)).unwrap_or((after, &[]));
        for (octet, low) in bits.iter().zip((0_u16..).step_by(8)) {
            let set = (0..8_u16).filter(|bit| octet & (0x80 >> bit) != 0);
            words.extend(set.map(|bit| layout::word_of(u16::from(*window) << 8 | (low + bit))));
        }
        rest = after;
    }
    words.join(" ")
}
