//! Bytes of DNSSEC's signatures and denials → their text. Zone files may not hold them, since nothing here serves
//! them as proofs, but what others say may be shown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::BASE32_DNSSEC;
use time::OffsetDateTime;

use crate::zone::layout::Field;
use crate::zone::{bare, layout, show, word};

/// The types, by mnemonic.
pub(super) const PROOFS: &[(&str, u16)] =
    &[("RRSIG", RRSIG), ("NSEC", NSEC), ("NSEC3", NSEC3), ("NSEC3PARAM", NSEC3PARAM)];

/// The text of such a record; nothing for other types, and for what is no data of its type.
pub(super) fn text(code: u16, wire: &[u8]) -> Option<String> {
    match code {
        RRSIG => signature(wire),
        NSEC => {
            let (next, bits) = bare::name(wire)?;
            listed(&word::spell_name(&next), bits)
        }
        NSEC3 => {
            let (start, rest) = parameters(wire)?;
            let (hash, bits) = counted(rest)?;
            listed(&format!("{start} {}", BASE32_DNSSEC.encode(hash)), bits)
        }
        NSEC3PARAM => parameters(wire).filter(|(_, rest)| rest.is_empty()).map(|(text, _)| text),
        _ => None,
    }
}

/// RFC 4034 §3.2.
fn signature(wire: &[u8]) -> Option<String> {
    let (covered, rest) = wire.split_first_chunk::<2>()?;
    let ([algorithm, labels], rest) = rest.split_first_chunk::<2>()?;
    let (ttl, rest) = rest.split_first_chunk::<4>()?;
    let (expiration, rest) = rest.split_first_chunk::<4>()?;
    let (inception, rest) = rest.split_first_chunk::<4>()?;
    let (tag, rest) = rest.split_first_chunk::<2>()?;
    let (signer, signature) = bare::name(rest)?;
    let covered = layout::word_of(u16::from_be_bytes(*covered));
    let ttl = u32::from_be_bytes(*ttl);
    let [expiration, inception] = [expiration, inception].map(|at| moment(*at));
    let (tag, signer) = (u16::from_be_bytes(*tag), word::spell_name(&signer));
    let signature = STANDARD.encode(signature);
    Some(format!(
        "{covered} {algorithm} {labels} {ttl} {expiration} {inception} {tag} {signer} {signature}"
    ))
}

/// A moment as `YYYYMMDDHHmmSS`.
fn moment(seconds: [u8; 4]) -> String {
    let seconds = u32::from_be_bytes(seconds);
    let Ok(at) = OffsetDateTime::from_unix_timestamp(seconds.into()) else {
        return seconds.to_string();
    };
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// How names are hashed (RFC 5155 §4.3), and what follows.
fn parameters(wire: &[u8]) -> Option<(String, &[u8])> {
    let ([algorithm, flags], rest) = wire.split_first_chunk::<2>()?;
    let (iterations, rest) = rest.split_first_chunk::<2>()?;
    let iterations = u16::from_be_bytes(*iterations);
    let (salt, rest) = counted(rest)?;
    let salt = if salt.is_empty() { "-".to_owned() } else { show::hex(salt) };
    Some((format!("{algorithm} {flags} {iterations} {salt}"), rest))
}

/// Bytes behind their number, and what follows.
fn counted(wire: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = wire.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// A text with types behind it, which a name without data has none of.
fn listed(text: &str, bits: &[u8]) -> Option<String> {
    let is_whole = bare::is_whole(&[Field::Types], bits);
    is_whole.then(|| format!("{text} {}", show::types(bits)).trim_end().to_owned())
}

const RRSIG: u16 = 46;

const NSEC: u16 = 47;

const NSEC3: u16 = 50;

const NSEC3PARAM: u16 = 51;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: u16, hex: &str, expected: &str) {
        let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b' ').collect();
        let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        let wire: Vec<u8> = digits.chunks(2).map(byte).collect();
        assert_eq!(show::show_data(code, &wire), expected);
    }

    #[test]
    fn proofs_are_told_as_other_tools_tell_them() {
        check(
            RRSIG,
            "0001 0d 02 00000e10 662c0b00 66000000 3039 076578616d706c6500 aabb",
            "A 13 2 3600 20240426201352 20240324102712 12345 example. qrs=",
        );
        check(NSEC, "0161076578616d706c6500 0006400000000003", "a.example. A RRSIG NSEC");
        check(NSEC, "00", ".");
        check(NSEC, "00 0000", r"\# 3 000000");
        check(
            NSEC3,
            "01 01 000c 04 aabbccdd 14 174eb2409fe28bcb4887a1836f957f0a8425e27b 000140",
            "1 1 12 AABBCCDD 2t7b4g4vsa5smi47k61mv5bv1a22bojr A",
        );
        check(NSEC3PARAM, "01 00 0000 00", "1 0 0 -");
        check(NSEC3PARAM, "01 00 0000 00 00", r"\# 6 010000000000");
        check(RRSIG, "0001", r"\# 2 0001");
    }
}
