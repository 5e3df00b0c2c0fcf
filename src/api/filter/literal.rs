//! Values as Go reads them: quoted text, whole numbers.

/// What Go's `strconv.Unquote` makes of what stands between double quotes; nothing where that is no text.
pub(in crate::api::filter) fn unquote(inside: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..)?;
        match c {
            '\n' => return None,
            '\\' => rest = unescape(rest, &mut bytes)?,
            plain => bytes.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Takes what stands behind a backslash; the rest of the text.
fn unescape<'t>(text: &'t str, bytes: &mut Vec<u8>) -> Option<&'t str> {
    let word = text.chars().next()?;
    let rest = text.get(word.len_utf8()..)?;
    let plain = match word {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        'x' => {
            let (code, rest) = digits(rest, 2, 16)?;
            bytes.push(u8::try_from(code).ok()?);
            return Some(rest);
        }
        'u' | 'U' => {
            let (code, rest) = digits(rest, if word == 'u' { 4 } else { 8 }, 16)?;
            let letter = char::from_u32(code)?;
            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(rest);
        }
        '0'..='7' => {
            let (code, rest) = digits(text, 3, 8)?;
            bytes.push(u8::try_from(code).ok()?);
            return Some(rest);
        }
        _ => return None,
    };
    bytes.push(plain);
    Some(rest)
}

/// A number of exactly so many digits, and the rest of the text.
fn digits(text: &str, count: usize, base: u32) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    let is_digits = digits.chars().all(|digit| digit.is_digit(base));
    is_digits.then(|| u32::from_str_radix(digits, base).ok())?.map(|code| (code, rest))
}

/// A text in double quotes that a filter reads as the same text.
pub(in crate::api::filter) fn quote(text: &str) -> String {
    let escape = |c: char| match c {
        '\\' => "\\\\".to_owned(),
        // A quote ends the text, also behind a backslash.
        '"' => "\\x22".to_owned(),
        ' '..='~' => c.to_string(),
        other => format!("\\U{:08x}", u32::from(other)),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

/// What Go's `strconv.ParseInt` makes of a text, its base taken from its beginning. The error is Go's.
pub(in crate::api::filter) fn parse_number(text: &str) -> Result<i64, String> {
    let fault = |why| format!("strconv.ParseInt: parsing {text:?}: {why}");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    let (base, digits) = match lower.split_at_checked(2) {
        Some(("0x", digits)) => (16, digits),
        Some(("0o", digits)) => (8, digits),
        Some(("0b", digits)) => (2, digits),
        _ => match lower.strip_prefix('0') {
            Some(digits) if !digits.is_empty() => (8, digits),
            Some(_) | None => (10, lower.as_str()),
        },
    };
    // An underscore stands between digits, or between what names the base and the first of them.
    let has_base = digits.len() < lower.len();
    let between = if has_base { digits.strip_prefix('_').unwrap_or(digits) } else { digits };
    let is_number = between
        .split('_')
        .all(|digits| !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base)));
    if !is_number {
        return Err(fault("invalid syntax"));
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let plain = format!("{sign}{}", between.replace('_', ""));
    i64::from_str_radix(&plain, base).map_err(|_| fault("value out of range"))
}
