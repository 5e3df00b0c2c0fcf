//! bytes of a message → text: the form of the conformance files and of `lictor dig`.
//!
//! ```text
//! status NOERROR, flags qr aa rd, 71 bytes
//! edns version 0, udp 1232, flags do
//! ede 0 Other: 0 of 3 instances passing
//! question web.service.consul. IN A
//! answer web.service.consul. 30 IN A 192.0.2.1
//! authority consul. 0 IN SOA ns.consul. hostmaster.consul. 7 3600 600 86400 0
//! additional n1.node.dc1.consul. 0 IN A 192.0.2.1
//! ```
//! Only what is there has a line; there is no empty line, and the message's id is not shown. Bytes that
//! are no letters stand as in zone files (RFC 1035 §5.1), data of unknown types as in RFC 3597 §5.

use std::cmp::Ordering;
use std::fmt::Write;

use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

use crate::zone;

/// The whole message. What does not parse is shown as bytes, with the reason.
#[must_use]
pub fn show(message: &[u8]) -> String {
    let parsed = match (message.get(2..4), Message::from_vec(message)) {
        (Some(&[high, low]), Ok(parsed)) => Ok((u16::from_be_bytes([high, low]), parsed)),
        (_, Err(fault)) => Err(fault.to_string()),
        (_, Ok(_)) => Err("no header".to_owned()),
    };
    match parsed {
        Ok((flags, parsed)) => show_parsed(flags, &parsed, message.len()),
        Err(reason) => show_bytes(message, &reason),
    }
}

/// The first question of a message: `web.service.consul. IN A`; nothing where there is none to be read.
#[must_use]
pub fn question(message: &[u8]) -> String {
    let parsed = Message::from_vec(message).ok();
    let asked = parsed.as_ref().and_then(|parsed| parsed.queries.first());
    asked.map(show_question).unwrap_or_default()
}

/// The text of a message in an order that does not depend on chance: the lines of each section sorted, but for
/// aliases, which stand first in their own order; and the serial of SOA records, which counts the catalog's
/// changes, replaced by a word.
#[must_use]
pub fn normalise(shown: &str) -> String {
    let mut lines: Vec<String> = shown.lines().map(hide_serial).collect();
    lines.sort_by(|left, right| {
        let (left_part, right_part) = (part(left), part(right));
        // Lines that belong to no section keep their order, as aliases do: the sort is stable.
        left_part.cmp(&right_part).then_with(|| {
            let is_told_in_order = left_part == Part::Head || is_alias(left) && is_alias(right);
            let is_free = (!is_alias(left)).cmp(&!is_alias(right));
            is_free.then_with(|| if is_told_in_order { Ordering::Equal } else { left.cmp(right) })
        })
    });
    lines.into_iter().fold(String::new(), |text, line| text + &line + "\n")
}

/// Whether a line is a record that leads to another name.
fn is_alias(line: &str) -> bool {
    matches!(line.split(' ').nth(4), Some("CNAME" | "DNAME"))
}

/// Where a line of the text form stands.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Before the sections.
    Head,
    /// In the answer section.
    Answer,
    /// In the authority section.
    Authority,
    /// In the additional section.
    Additional,
}

fn part(line: &str) -> Part {
    match line.split(' ').next() {
        Some("answer") => Part::Answer,
        Some("authority") => Part::Authority,
        Some("additional") => Part::Additional,
        _ => Part::Head,
    }
}

fn hide_serial(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        [section, owner, ttl, class, "SOA", mname, rname, _serial, timers @ ..]
            if part(section) != Part::Head =>
        {
            let mut hidden = vec![*section, *owner, *ttl, *class, "SOA", *mname, *rname, "SERIAL"];
            hidden.extend(timers);
            hidden.join(" ")
        }
        _ => line.to_owned(),
    }
}

fn show_parsed(flags: u16, message: &Message, bytes: usize) -> String {
    let mut text = format!("status {}", rcode_word(u16::from(message.metadata.response_code)));
    let opcode = flags >> 11 & 0xF;
    if opcode != 0 {
        let _ = write!(text, ", opcode {opcode}");
    }
    let named = [
        (0x8000, "qr"),
        (0x0400, "aa"),
        (0x0200, "tc"),
        (0x0100, "rd"),
        (0x0080, "ra"),
        (0x0040, "z"),
        (0x0020, "ad"),
        (0x0010, "cd"),
    ];
    let set = named.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, word)| *word);
    let _ =
        writeln!(text, ", flags {}, {bytes} bytes", or_none(&set.collect::<Vec<_>>().join(" ")));
    if let Some(edns) = &message.edns {
        show_edns(&mut text, edns);
    }
    for query in &message.queries {
        let _ = writeln!(text, "question {}", show_question(query));
    }
    let sections = [
        ("answer", &message.answers),
        ("authority", &message.authorities),
        ("additional", &message.additionals),
    ];
    for (section, records) in sections {
        for record in records {
            let _ = writeln!(text, "{section} {}", show_record(record));
        }
    }
    text
}

fn or_none(words: &str) -> &str {
    if words.is_empty() { "none" } else { words }
}

fn show_edns(text: &mut String, edns: &Edns) {
    let flags = edns.flags();
    let mut words = Vec::new();
    if flags.dnssec_ok {
        words.push("do".to_owned());
    }
    if flags.z != 0 {
        words.push(format!("{:#06x}", flags.z));
    }
    let (version, size) = (edns.version(), edns.max_payload());
    let _ =
        writeln!(text, "edns version {version}, udp {size}, flags {}", or_none(&words.join(" ")));
    for (code, option) in edns.options().as_ref() {
        let _ = match option {
            EdnsOption::Unknown(OPTION_EXTENDED_ERROR, data) => {
                writeln!(text, "{}", show_ede(data))
            }
            other => {
                let mut data = Vec::new();
                // A list of bytes cannot be too long for itself: it was read from a message.
                let _ = other.emit(&mut BinEncoder::new(&mut data));
                writeln!(text, "option {} {}", u16::from(*code), or_none(&hex(&data)))
            }
        };
    }
}

fn show_question(query: &Query) -> String {
    let (class, kind) = (query.query_class(), type_word(query.query_type()));
    format!("{} {class} {kind}", zone::spell_name(query.name()))
}

/// An extended error (RFC 8914 §2): a number and words.
fn show_ede(data: &[u8]) -> String {
    let Some((code, words)) = data.split_first_chunk::<2>() else {
        return format!("option {OPTION_EXTENDED_ERROR} {}", or_none(&hex(data)));
    };
    let code = u16::from_be_bytes(*code);
    let words = escape(words);
    let colon = if words.is_empty() { "" } else { ": " };
    format!("ede {code} {}{colon}{words}", ede_word(code))
}

pub(super) fn show_record(record: &Record) -> String {
    let (name, kind) = (zone::spell_name(&record.name), record.record_type());
    let (ttl, class) = (record.ttl, record.dns_class);
    let word = type_word(kind);
    format!("{name} {ttl} {class} {word} {}", show_data(&record.data)).trim_end().to_owned()
}

/// Not hickory's writer, which knows few types, and numbers in octal.
pub(super) fn show_data(data: &RData) -> String {
    let mut wire = Vec::new();
    let mut encoder = BinEncoder::new(&mut wire);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    match data.emit(&mut encoder) {
        Ok(()) => zone::show_data(data.record_type().into(), &wire),
        // What was read can be written, but for what only hickory's own encoder could have put there.
        Err(_) => escape(data.to_string().as_bytes()),
    }
}

/// Text as in a zone file: a backslash before quotes and backslashes, numbers for what cannot be printed
/// (RFC 1035 §5.1).
fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "\\{byte:03}");
            }
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn show_bytes(message: &[u8], reason: &str) -> String {
    let reason = escape(reason.as_bytes());
    let mut text = format!("unreadable, {} bytes: {reason}\n", message.len());
    for line in message.chunks(HEX_LINE_BYTES) {
        let _ = writeln!(text, "hex {}", hex(line));
    }
    text
}

/// A type's word, or its number where it has none (RFC 3597 §5).
pub(super) fn type_word(kind: RecordType) -> String {
    match kind {
        RecordType::Unknown(_) | RecordType::ZERO => zone::type_word(kind.into()),
        known => known.to_string(),
    }
}

/// The registry's word for a code.
pub(super) fn rcode_word(rcode: u16) -> String {
    let word = match rcode {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        16 => "BADVERS",
        23 => "BADCOOKIE",
        other => return format!("RCODE{other}"),
    };
    word.to_owned()
}

/// The registry's words for an extended error.
fn ede_word(code: u16) -> &'static str {
    match code {
        0 => "Other",
        3 => "Stale Answer",
        4 => "Forged Answer",
        14 => "Not Ready",
        15 => "Blocked",
        16 => "Censored",
        17 => "Filtered",
        18 => "Prohibited",
        19 => "Stale NXDOMAIN Answer",
        20 => "Not Authoritative",
        21 => "Not Supported",
        22 => "No Reachable Authority",
        23 => "Network Error",
        24 => "Invalid Data",
        _ => "Code",
    }
}

/// The option of extended errors (RFC 8914 §2).
const OPTION_EXTENDED_ERROR: u16 = 15;

/// Bytes in one line of a message that cannot be read.
const HEX_LINE_BYTES: usize = 32;
