//! `key=value` words ⇄ the parameters of SVCB and HTTPS records, in the order of their keys (RFC 9460).

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::zone::field::Words;
use crate::zone::lexer::{Trouble, Word};
use crate::zone::word;

/// Adds all parameters.
pub(super) fn put(words: &mut Words<'_, '_>, wire: &mut Vec<u8>) -> Result<(), Trouble> {
    let at = words.at();
    let mut values: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    while let Some(word) = words.next() {
        let (name, value) = split(word);
        let key = key_of(name).ok_or_else(|| {
            let text = format!("`{}` is no parameter", word::shorten(name));
            Trouble::new(word.at, text).hint("write `keyNUMBER=VALUE` for one without a name here")
        })?;
        let value = bytes(key, value, word)?;
        if values.insert(key, value).is_some() {
            let text = format!("`{}` is stated twice", word::shorten(name));
            return Err(Trouble::new(word.at, text));
        }
    }
    check(&values, at)?;
    for (key, value) in values {
        let length = u16::try_from(value.len())
            .map_err(|_| Trouble::new(at, "a parameter of more than 65535 bytes"))?;
        wire.extend(key.to_be_bytes());
        wire.extend(length.to_be_bytes());
        wire.extend(value);
    }
    Ok(())
}

/// Parameters as words; nothing where a value is none of its key.
pub(super) fn show(wire: &[u8]) -> Option<String> {
    let mut words = Vec::new();
    let mut rest = wire;
    while let Some((key, after)) = rest.split_first_chunk::<2>() {
        let (length, after) = after.split_first_chunk::<2>()?;
        let (value, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let key = u16::from_be_bytes(*key);
        words.push(match show_value(key, value)? {
            text if text.is_empty() => name_of(key),
            text => format!("{}={text}", name_of(key)),
        });
        rest = after;
    }
    Some(words.join(" "))
}

fn name_of(key: u16) -> String {
    let known = KEYS.get(usize::from(key)).map(|name| (*name).to_owned());
    known.unwrap_or_else(|| format!("key{key}"))
}

fn show_value(key: u16, value: &[u8]) -> Option<String> {
    let text = match key {
        MANDATORY => items(value, |key| name_of(u16::from_be_bytes(key)))?,
        TLS_GROUPS => items(value, u16::from_be_bytes)?,
        IPV4_HINT => items(value, |octets: [u8; 4]| Ipv4Addr::from(octets))?,
        IPV6_HINT => items(value, |octets: [u8; 16]| Ipv6Addr::from(octets))?,
        PORT => u16::from_be_bytes(value.try_into().ok()?).to_string(),
        NO_DEFAULT_ALPN | OHTTP => return value.is_empty().then(String::new),
        ECH => STANDARD.encode(value),
        ALPN => {
            let mut list = Vec::new();
            let mut rest = value;
            while let Some((&length, after)) = rest.split_first() {
                let (item, after) = after.split_at_checked(usize::from(length))?;
                if !list.is_empty() {
                    list.push(b',');
                }
                for byte in item {
                    // RFC 9460 §A.1: a list is escaped, and then the string that it is in.
                    list.extend((matches!(byte, b',' | b'\\')).then_some(b'\\'));
                    list.push(*byte);
                }
                rest = after;
            }
            word::quote(&list)
        }
        _ if value.is_empty() => String::new(),
        _ => word::quote(value),
    };
    Some(text)
}

/// Values of one size, with commas between; there is at least one.
fn items<const SIZE: usize, D: Display>(
    value: &[u8],
    show: impl Fn([u8; SIZE]) -> D,
) -> Option<String> {
    let (items, rest) = value.as_chunks::<SIZE>();
    let words: Vec<String> = items.iter().map(|item| show(*item).to_string()).collect();
    (rest.is_empty() && !words.is_empty()).then(|| words.join(","))
}

/// A key, and its value if it has one, without quotes.
fn split(word: Word<'_>) -> (&str, Option<Word<'_>>) {
    let Some((name, value)) = word.raw.split_once('=') else { return (word.raw, None) };
    let unquoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let raw = unquoted.unwrap_or(value);
    (name, Some(Word { raw, is_quoted: unquoted.is_some(), ..word }))
}

/// A key's number.
fn key_of(name: &str) -> Option<u16> {
    if let Some(known) = KEYS.iter().position(|key| *key == name) {
        return u16::try_from(known).ok();
    }
    let digits = name.strip_prefix("key")?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    // RFC 9460 §2.1: without leading zeros. §14.3.2: 65535 stays unused.
    let is_short = digits == "0" || !digits.starts_with('0');
    digits.parse().ok().filter(|key| is_number && is_short && *key != u16::MAX)
}

/// The bytes of a value.
fn bytes(key: u16, value: Option<Word<'_>>, word: Word<'_>) -> Result<Vec<u8>, Trouble> {
    let wrong = |should: &str| {
        Trouble::new(word.at, format!("`{}` should be {should}", word::shorten(word.raw)))
    };
    let text = value.map(|value| value.raw).unwrap_or_default();
    let items = || text.split(',');
    let mut bytes = Vec::new();
    match key {
        MANDATORY => {
            let mut keys = std::collections::BTreeSet::new();
            for item in items() {
                let key = key_of(item).filter(|key| *key != MANDATORY);
                if !keys.insert(key.ok_or_else(|| wrong("a list of keys"))?) {
                    return Err(wrong("a list without repeats"));
                }
            }
            bytes.extend(keys.into_iter().flat_map(u16::to_be_bytes));
        }
        ALPN => {
            for item in list(value).map_err(|()| wrong("a list of protocols"))? {
                let length = u8::try_from(item.len()).ok().filter(|length| 0 < *length);
                bytes.push(length.ok_or_else(|| wrong("protocols of 1 to 255 bytes"))?);
                bytes.extend(item);
            }
        }
        NO_DEFAULT_ALPN | OHTTP if !text.is_empty() => return Err(wrong("without a value")),
        NO_DEFAULT_ALPN | OHTTP => {}
        PORT => {
            let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let port: Option<u16> = text.parse().ok().filter(|_| is_digits);
            bytes.extend(port.ok_or_else(|| wrong("a port"))?.to_be_bytes());
        }
        IPV4_HINT => {
            for item in items() {
                let address: Ipv4Addr = item.parse().map_err(|_| wrong("IPv4 addresses"))?;
                bytes.extend(address.octets());
            }
        }
        IPV6_HINT => {
            for item in items() {
                let address: Ipv6Addr = item.parse().map_err(|_| wrong("IPv6 addresses"))?;
                bytes.extend(address.octets());
            }
        }
        ECH => bytes = STANDARD.decode(text).map_err(|_| wrong("base 64"))?,
        TLS_GROUPS => {
            for item in items() {
                let group: u16 = item.parse().map_err(|_| wrong("a list of group numbers"))?;
                bytes.extend(group.to_be_bytes());
            }
        }
        _ => {
            if let Some(value) = value {
                bytes = word::bytes(value, usize::from(u16::MAX))?;
            }
        }
    }
    Ok(bytes)
}

/// Items between commas; `\,` is no such comma, once the escapes of the string are read (RFC 9460 §A.1).
fn list(value: Option<Word<'_>>) -> Result<Vec<Vec<u8>>, ()> {
    let value = value.ok_or(())?;
    let mut items = vec![Vec::new()];
    let mut is_escaped = false;
    for byte in word::bytes(value, usize::from(u16::MAX)).map_err(|_| ())? {
        match byte {
            b'\\' if !is_escaped => {
                is_escaped = true;
                continue;
            }
            b',' if !is_escaped => items.push(Vec::new()),
            _ => {
                if let Some(item) = items.last_mut() {
                    item.push(byte);
                }
            }
        }
        is_escaped = false;
    }
    if is_escaped { Err(()) } else { Ok(items) }
}

/// What parameters say of each other.
fn check(values: &BTreeMap<u16, Vec<u8>>, at: u32) -> Result<(), Trouble> {
    let mandatory = values.get(&MANDATORY).map(Vec::as_slice).unwrap_or_default();
    for key in mandatory.chunks_exact(2) {
        let key = key.iter().fold(0_u16, |key, byte| key << 8 | u16::from(*byte));
        // RFC 9460 §8.
        if !values.contains_key(&key) {
            let name = name_of(key);
            return Err(Trouble::new(at, format!("`{name}` is mandatory, but is not stated")));
        }
    }
    // RFC 9460 §7.1.1.
    if values.contains_key(&NO_DEFAULT_ALPN) && !values.contains_key(&ALPN) {
        return Err(Trouble::new(at, "`no-default-alpn` without `alpn`"));
    }
    Ok(())
}

/// Names of keys, each at its number.
const KEYS: &[&str] = &[
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "ech",
    "ipv6hint",
    "dohpath",
    "ohttp",
    "tls-supported-groups",
];

const MANDATORY: u16 = 0;

const ALPN: u16 = 1;

const NO_DEFAULT_ALPN: u16 = 2;

const PORT: u16 = 3;

const IPV4_HINT: u16 = 4;

const ECH: u16 = 5;

const IPV6_HINT: u16 = 6;

const OHTTP: u16 = 8;

const TLS_GROUPS: u16 = 9;
