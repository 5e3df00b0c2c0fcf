//! Types and the fields of their data: one table that both forms are read by, text and RFC 3597 bytes.

use crate::zone::proof::PROOFS;

/// A record type that can be written by name.
#[derive(Debug)]
pub(super) struct Layout {
    /// Its mnemonic.
    pub(super) mnemonic: &'static str,
    /// Its number.
    pub(super) code: u16,
    /// Its data.
    pub(super) fields: &'static [Field],
}

/// A field of a record's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A domain name.
    Name,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A number of 8 bits and what it is called.
    U8(&'static str),
    /// A number of 16 bits.
    U16(&'static str),
    /// A number of 32 bits.
    U32(&'static str),
    /// Seconds in 32 bits, with units or without.
    Seconds(&'static str),
    /// A DNSSEC algorithm: its number or mnemonic (RFC 4034 §A.1).
    Algorithm,
    /// A kind of certificate: its number or mnemonic (RFC 4398 §2.1).
    CertificateKind,
    /// A string of at most 255 bytes.
    String,
    /// One string or more, to the end.
    Strings,
    /// A property's tag: letters and digits, with their number before them (RFC 8659 §4.1).
    Tag,
    /// A string to the end, of any length.
    Text,
    /// Hexadecimal digits in any number of words, to the end.
    Hex,
    /// Base 64 in any number of words, to the end.
    Base64,
    /// So many bytes, in pairs of digits with dashes between (RFC 7043).
    Dashed(usize),
    /// Type mnemonics, to the end (RFC 4034 §4.1.2).
    Types,
    /// A place on the earth (RFC 1876).
    Location,
    /// Parameters of a service, to the end (RFC 9460 §2.1).
    Parameters,
}

/// The layout that a mnemonic names, in any case.
pub(super) fn by_mnemonic(word: &str) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| layout.mnemonic.eq_ignore_ascii_case(word))
}

/// The layout of a type's number, if its data can be written as text.
pub(super) fn by_code(code: u16) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| layout.code == code)
}

/// The number of a type as it is written: a mnemonic, or `TYPEn` (RFC 3597 §5).
pub(super) fn code_of(word: &str) -> Option<u16> {
    if let Some(layout) = by_mnemonic(word) {
        return Some(layout.code);
    }
    let (start, digits) = word.split_at_checked(4)?;
    let is_number = start.eq_ignore_ascii_case("TYPE")
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// A type's word: its mnemonic, or `TYPEn`.
pub(super) fn word_of(code: u16) -> String {
    let proof = || PROOFS.iter().find(|(_, known)| *known == code).map(|(word, _)| *word);
    let word = by_code(code).map(|layout| layout.mnemonic).or_else(proof);
    word.map_or_else(|| format!("TYPE{code}"), str::to_owned)
}

/// Whether a type is about questions or messages and never part of a zone (RFC 6895 §3.1).
pub(super) fn is_meta(code: u16) -> bool {
    matches!(code, 0 | 41 | 128..=255 | 65_535)
}

use self::Field as F;

const fn row(mnemonic: &'static str, code: u16, fields: &'static [Field]) -> Layout {
    Layout { mnemonic, code, fields }
}

const DIGEST: &[Field] = &[F::U16("key tag"), F::Algorithm, F::U8("digest type"), F::Hex];

const KEY: &[Field] = &[F::U16("flags"), F::U8("protocol"), F::Algorithm, F::Base64];

const ASSOCIATION: &[Field] = &[F::U8("usage"), F::U8("selector"), F::U8("matching type"), F::Hex];

const BINDING: &[Field] = &[F::U16("priority"), F::Name, F::Parameters];

/// The types, the frequent ones first.
const LAYOUTS: &[Layout] = &[
    row("A", 1, &[F::Ipv4]),
    row("AAAA", 28, &[F::Ipv6]),
    row("CNAME", 5, &[F::Name]),
    row("PTR", 12, &[F::Name]),
    row("TXT", 16, &[F::Strings]),
    row("SRV", 33, &[F::U16("priority"), F::U16("weight"), F::U16("port"), F::Name]),
    row("MX", 15, &[F::U16("preference"), F::Name]),
    row("NS", 2, &[F::Name]),
    row(
        "SOA",
        6,
        &[
            F::Name,
            F::Name,
            F::U32("serial"),
            F::Seconds("refresh"),
            F::Seconds("retry"),
            F::Seconds("expire"),
            F::Seconds("minimum"),
        ],
    ),
    row("DNAME", 39, &[F::Name]),
    row("SVCB", 64, BINDING),
    row("HTTPS", 65, BINDING),
    row("CAA", 257, &[F::U8("flags"), F::Tag, F::Text]),
    row("TLSA", 52, ASSOCIATION),
    row("SMIMEA", 53, ASSOCIATION),
    row("SSHFP", 44, &[F::U8("algorithm"), F::U8("fingerprint type"), F::Hex]),
    row(
        "NAPTR",
        35,
        &[F::U16("order"), F::U16("preference"), F::String, F::String, F::String, F::Name],
    ),
    row("URI", 256, &[F::U16("priority"), F::U16("weight"), F::Text]),
    row("LOC", 29, &[F::Location]),
    row("HINFO", 13, &[F::String, F::String]),
    row("RP", 17, &[F::Name, F::Name]),
    row("MINFO", 14, &[F::Name, F::Name]),
    row("AFSDB", 18, &[F::U16("subtype"), F::Name]),
    row("RT", 21, &[F::U16("preference"), F::Name]),
    row("KX", 36, &[F::U16("preference"), F::Name]),
    row("CERT", 37, &[F::CertificateKind, F::U16("key tag"), F::Algorithm, F::Base64]),
    row("DS", 43, DIGEST),
    row("CDS", 59, DIGEST),
    row("DNSKEY", 48, KEY),
    row("CDNSKEY", 60, KEY),
    row("DHCID", 49, &[F::Base64]),
    row("OPENPGPKEY", 61, &[F::Base64]),
    row("CSYNC", 62, &[F::U32("serial"), F::U16("flags"), F::Types]),
    row("ZONEMD", 63, &[F::U32("serial"), F::U8("scheme"), F::U8("algorithm"), F::Hex]),
    row("SPF", 99, &[F::Strings]),
    row("EUI48", 108, &[F::Dashed(6)]),
    row("EUI64", 109, &[F::Dashed(8)]),
];
