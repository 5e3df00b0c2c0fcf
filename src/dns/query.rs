//! A name, a type and options → the bytes of a query: for `lictor dig` and the conformance files.

use hickory_proto::ProtoError;
use hickory_proto::rr::{Name, RecordType};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};

use crate::model::limits::UDP_ANSWER_BYTES_MAX;
use crate::zone;

/// What a query says beside name and type. The transport is the sender's affair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryOptions {
    /// RD: please ask others.
    pub recursion_desired: bool,
    /// AD: please say whether it is validated (RFC 6840 §5.7).
    pub authentic_data: bool,
    /// CD: please do not validate.
    pub checking_disabled: bool,
    /// The header's bit without a meaning, for tests.
    pub reserved: bool,
    /// What kind of message it is, 0 to 15; 0 is a query.
    pub opcode: u8,
    /// The class; 1 is IN.
    pub class: u16,
    /// The OPT record, if there is to be one.
    pub edns: Option<EdnsOptions>,
}

/// What a query's OPT record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdnsOptions {
    /// Bytes that can be received in one datagram.
    pub udp_size: u16,
    /// 0 is the only version there is.
    pub version: u8,
    /// DO: please send DNSSEC records too.
    pub dnssec_ok: bool,
    /// The other flags, which have no meaning.
    pub flags: u16,
    /// Options: number and data.
    pub options: Vec<(u16, Vec<u8>)>,
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self {
            recursion_desired: true,
            authentic_data: false,
            checking_disabled: false,
            reserved: false,
            opcode: 0,
            class: 1,
            edns: Some(EdnsOptions::default()),
        }
    }
}

impl Default for EdnsOptions {
    fn default() -> Self {
        Self {
            udp_size: UDP_ANSWER_BYTES_MAX,
            version: 0,
            dnssec_ok: false,
            flags: 0,
            options: Vec::new(),
        }
    }
}

/// Why there is no query.
#[derive(Debug, thiserror::Error)]
pub enum QueryFault {
    /// The name cannot be written.
    #[error("`{name}` is no DNS name: labels have 1 to 63 bytes, and all together 255 at most")]
    Name {
        /// What was given.
        name: String,
        /// What is wrong with it.
        source: ProtoError,
    },
    /// There is no such type.
    #[error(
        "`{0}` is no record type; write a mnemonic such as A, SRV or CAA, ANY, or a number as in TYPE65280"
    )]
    Kind(String),
    /// The options do not fit into a message.
    #[error("the query cannot be written")]
    Options(#[source] ProtoError),
}

/// Writes a query. A name needs no dot at its end; `\.` and `\DDD` stand for bytes in a label. A type is a
/// word in any case, or `TYPE` and its number (RFC 3597 §5).
///
/// # Errors
/// [`QueryFault`], where name, type or options cannot be written.
pub fn query(
    name: &str,
    rtype: &str,
    options: &QueryOptions,
    id: u16,
) -> Result<Vec<u8>, QueryFault> {
    let fault = |source| QueryFault::Name { name: name.to_owned(), source };
    let qname = parse_name(name).map_err(fault)?;
    let kind = record_type(rtype).ok_or_else(|| QueryFault::Kind(rtype.to_owned()))?;
    write(&qname, kind, options, id).map_err(QueryFault::Options)
}

/// Reads a name as it stands in zone files (RFC 1035 §5.1). Not hickory's reader, which refuses labels that
/// are no host names, and questions may hold any bytes.
fn parse_name(text: &str) -> Result<Name, ProtoError> {
    if text == "." {
        return Ok(Name::root());
    }
    let mut labels = vec![Vec::new()];
    // A dot behind an odd number of backslashes is a part of the last label.
    let is_end = |rest: &&str| (rest.len() - rest.trim_end_matches('\\').len()).is_multiple_of(2);
    let mut bytes = text.strip_suffix('.').filter(is_end).unwrap_or(text).bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'.' => {
                labels.push(Vec::new());
                continue;
            }
            b'\\' => unescape(&mut bytes).ok_or(ESCAPE)?,
            byte => byte,
        };
        labels.last_mut().ok_or(ESCAPE)?.push(byte);
    }
    if labels.iter().any(Vec::is_empty) {
        return Err(ProtoError::Message("a label is empty"));
    }
    let mut name = Name::from_labels(labels.iter().map(Vec::as_slice))?;
    name.set_fqdn(true);
    Ok(name)
}

/// What stands behind a backslash: three digits, or the byte itself.
fn unescape(bytes: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let first = bytes.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let digits = [first, bytes.next()?, bytes.next()?];
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

fn write(name: &Name, kind: u16, options: &QueryOptions, id: u16) -> Result<Vec<u8>, ProtoError> {
    let flag = |is_set: bool, bit: u16| if is_set { bit } else { 0 };
    let flags = u16::from(options.opcode & 0xF) << 11
        | flag(options.recursion_desired, 0x0100)
        | flag(options.reserved, 0x0040)
        | flag(options.authentic_data, 0x0020)
        | flag(options.checking_disabled, 0x0010);
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    for number in [id, flags, 1, 0, 0, u16::from(options.edns.is_some())] {
        encoder.emit_u16(number)?;
    }
    name.emit(&mut encoder)?;
    encoder.emit_u16(kind)?;
    encoder.emit_u16(options.class)?;
    if let Some(edns) = &options.edns {
        encoder.emit_u8(0)?;
        encoder.emit_u16(RecordType::OPT.into())?;
        encoder.emit_u16(edns.udp_size)?;
        encoder.emit_u16(u16::from(edns.version))?;
        encoder.emit_u16(flag(edns.dnssec_ok, 0x8000) | edns.flags)?;
        let length = encoder.place::<u16>()?;
        for (code, data) in &edns.options {
            encoder.emit_u16(*code)?;
            encoder.emit_u16(u16::try_from(data.len()).map_err(|_| TOO_LONG)?)?;
            encoder.emit_vec(data)?;
        }
        let bytes = u16::try_from(encoder.len_since_place(&length)).map_err(|_| TOO_LONG)?;
        length.replace(&mut encoder, bytes)?;
    }
    drop(encoder);
    Ok(bytes)
}

/// The number of a type's word.
fn record_type(word: &str) -> Option<u16> {
    // Those that only questions have are hickory's to know.
    let other = || word.to_ascii_uppercase().parse::<RecordType>().ok().map(u16::from);
    zone::type_code(word).or_else(other)
}

/// What is wrong behind a backslash.
const ESCAPE: ProtoError =
    ProtoError::Message("a backslash needs a letter or three digits up to 255");

/// What does not fit into its 16 bits.
const TOO_LONG: ProtoError = ProtoError::Message("an option is longer than 65535 bytes");
