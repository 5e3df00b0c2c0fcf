//! Bytes of a record's data → whether they are what the type's fields say, for data written as bytes.

use hickory_proto::rr::Name;

use crate::zone::layout::Field;

/// Whether the fields make up all of the bytes, names without compression (RFC 3597 §4).
pub(super) fn is_whole(fields: &[Field], wire: &[u8]) -> bool {
    let mut rest = wire;
    for field in fields {
        match skip(*field, rest) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}

/// The name that bytes begin with, and what follows.
pub(super) fn name(wire: &[u8]) -> Option<(Name, &[u8])> {
    let mut labels = Vec::new();
    let mut rest = wire;
    loop {
        let (&length, after) = rest.split_first()?;
        if length == 0 {
            return Some((Name::from_labels(labels).ok()?, after));
        }
        if LABEL_BYTES_MAX < length {
            return None;
        }
        let (label, after) = after.split_at_checked(usize::from(length))?;
        labels.push(label);
        rest = after;
    }
}

/// What follows a field.
pub(super) fn skip(field: Field, wire: &[u8]) -> Option<&[u8]> {
    match field {
        Field::Name => name(wire).map(|(_, rest)| rest),
        Field::Ipv4 | Field::U32(_) | Field::Seconds(_) => wire.get(4..),
        Field::Ipv6 | Field::Location => wire.get(16..),
        Field::U8(_) | Field::Algorithm => wire.get(1..),
        Field::U16(_) | Field::CertificateKind => wire.get(2..),
        Field::String => string(wire),
        Field::Strings => {
            let mut rest = string(wire)?;
            while !rest.is_empty() {
                rest = string(rest)?;
            }
            Some(rest)
        }
        Field::Tag => string(wire).filter(|_| wire.first() != Some(&0)),
        Field::Text => Some(&[]),
        Field::Hex | Field::Base64 => (!wire.is_empty()).then_some(&[]),
        Field::Dashed(bytes) => wire.get(bytes..),
        Field::Types => windows(wire),
        Field::Parameters => parameters(wire),
    }
}

fn string(wire: &[u8]) -> Option<&[u8]> {
    let (&length, rest) = wire.split_first()?;
    rest.get(usize::from(length)..)
}

/// Windows of type bits in rising order, each of 1 to 32 bytes (RFC 4034 §4.1.2).
fn windows(wire: &[u8]) -> Option<&[u8]> {
    let mut rest = wire;
    let mut before: Option<u8> = None;
    while let Some((&number, after)) = rest.split_first() {
        let (&length, _) = after.split_first()?;
        let is_next = before.is_none_or(|before| before < number);
        if !is_next || !(1..=32).contains(&length) {
            return None;
        }
        before = Some(number);
        rest = string(after)?;
    }
    Some(rest)
}

/// Parameters in rising order of their keys (RFC 9460 §2.2).
fn parameters(wire: &[u8]) -> Option<&[u8]> {
    let mut rest = wire;
    let mut before: Option<u16> = None;
    while !rest.is_empty() {
        let (key, after) = rest.split_first_chunk::<2>()?;
        let (length, after) = after.split_first_chunk::<2>()?;
        let key = u16::from_be_bytes(*key);
        if before.is_some_and(|before| key <= before) {
            return None;
        }
        before = Some(key);
        rest = after.get(usize::from(u16::from_be_bytes(*length))..)?;
    }
    Some(rest)
}

/// Longest label (RFC 1035 §2.3.4); a greater length is a pointer.
const LABEL_BYTES_MAX: u8 = 63;
