//! Query string → Params: names and values as Go's `url.Values` has them, decoded once.

use percent_encoding::percent_decode_str;

use crate::api::fault::Fault;

/// The parameters of a request, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::api) struct Params {
    /// Names and values; a name without `=` has an empty value.
    pairs: Vec<(String, String)>,
}

impl Params {
    /// Parses what stands behind the `?`. Its length is bounded by that of the request's head.
    ///
    /// # Errors
    /// [`Fault::Invalid`], where a `%` is not followed by two hexadecimal digits, or the decoded bytes
    /// are no UTF-8.
    pub(in crate::api) fn parse(query: &str) -> Result<Self, Fault> {
        let pieces = query.split('&').filter(|piece| !piece.is_empty());
        let pairs = pieces.map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            // WHATWG URL §5.1: a plus is a space, in a query string only.
            let decode = |text: &str| decode_percent(&text.replace('+', " "), "query string");
            let name = decode(name)?;
            let value = if SPOKEN.contains(&name.as_str()) {
                let bytes = decode_percent_bytes(&value.replace('+', " "), "query string")?;
                String::from_utf8_lossy(&bytes).into_owned()
            } else {
                decode(value)?
            };
            Ok((name, value))
        });
        Ok(Self { pairs: pairs.collect::<Result<_, Fault>>()? })
    }

    /// Whether a name was given, with or without a value.
    pub(in crate::api) fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(found, _)| found == name)
    }

    /// The first value of a name.
    pub(in crate::api) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The first value of a name that is not empty.
    pub(in crate::api) fn stated(&self, name: &str) -> Option<&str> {
        self.first(name).filter(|value| !value.is_empty())
    }

    /// All values of a name.
    pub(in crate::api) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The parameters as a query string, ordered by name: how Consul names those that conflict.
    pub(in crate::api) fn show(&self) -> String {
        let mut pairs: Vec<&(String, String)> = self.pairs.iter().collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        let show = |(name, value): &(String, String)| format!("{}={}", encode(name), encode(value));
        pairs.into_iter().map(show).collect::<Vec<_>>().join("&")
    }
}

/// Decodes percent-encoding. `part` says in an error where the text stood.
///
/// # Errors
/// [`Fault::Invalid`], as [`Params::parse`].
pub(in crate::api) fn decode_percent(text: &str, part: &str) -> Result<String, Fault> {
    String::from_utf8(decode_percent_bytes(text, part)?)
        .map_err(|_| Fault::Invalid(format!("Invalid {part}: the decoded bytes are no UTF-8")))
}

/// Decodes percent-encoding to any bytes. `part` says in an error where the text stood.
///
/// # Errors
/// [`Fault::Invalid`], where a `%` is not followed by two hexadecimal digits.
pub(in crate::api) fn decode_percent_bytes(text: &str, part: &str) -> Result<Vec<u8>, Fault> {
    let mut rest = text;
    while let Some((_, tail)) = rest.split_once('%') {
        let is_escape = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
        if !tail.as_bytes().get(..2).is_some_and(is_escape) {
            let text =
                "a `%` is not followed by two hexadecimal digits; write `%25` for a percent sign";
            return Err(Fault::Invalid(format!("Invalid {part}: {text}")));
        }
        rest = tail;
    }
    Ok(percent_decode_str(text).collect())
}

/// A number as Go's `strconv.ParseUint` reads it.
///
/// # Errors
/// [`Fault::Refused`], in Go's words.
pub(in crate::api) fn parse_number(text: &str) -> Result<u64, Fault> {
    // Rust's parser takes a plus sign, Go's does not.
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if is_number => Ok(number),
        Ok(_) | Err(_) => Err(Fault::number(text)),
    }
}

/// Encodes as Go's `url.QueryEscape`.
fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, ESCAPED).to_string().replace("%20", "+")
}

/// Parameters that people and programs speak in, whatever their encoding: bytes that are no UTF-8 become replacement
/// characters, as in Go. A check whose note was refused would run out of time.
const SPOKEN: [&str; 2] = ["note", "reason"];

/// What is escaped in a query string (RFC 3986 §2.3: all but the unreserved characters).
const ESCAPED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

#[cfg(test)]
mod tests;
