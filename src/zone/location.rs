//! LOC words ⇄ bytes (RFC 1876): latitude, longitude, altitude, size and precisions.

use crate::zone::field::Words;
use crate::zone::lexer::{Trouble, Word};
use crate::zone::word;

/// Adds the 16 bytes of a place on the earth.
pub(super) fn put(words: &mut Words<'_, '_>, wire: &mut Vec<u8>) -> Result<(), Trouble> {
    let latitude = angle(words, "latitude", 90, ["N", "S"])?;
    let longitude = angle(words, "longitude", 180, ["E", "W"])?;
    let altitude = altitude(words.take("an altitude")?)?;
    // RFC 1876 §3: 1 m, 10,000 m and 10 m where nothing is said.
    let mut sizes = [0x12, 0x16, 0x13];
    for size in &mut sizes {
        match words.next() {
            Some(word) => *size = precision(word)?,
            None => break,
        }
    }
    // RFC 1876 §2: version 0.
    wire.push(0);
    wire.extend(sizes);
    wire.extend(latitude.to_be_bytes());
    wire.extend(longitude.to_be_bytes());
    wire.extend(altitude.to_be_bytes());
    Ok(())
}

/// The 16 bytes of a place on the earth as words; nothing where they are of another version.
pub(super) fn show(bytes: &[u8]) -> Option<String> {
    let [0, sizes @ .., _, _, _, _, _, _, _, _, _, _, _, _] = bytes else { return None };
    let (places, _) = bytes.get(4..)?.as_chunks::<4>();
    let [latitude, longitude, altitude] = places else { return None };
    let latitude = show_angle(u32::from_be_bytes(*latitude), 90, ["N", "S"])?;
    let longitude = show_angle(u32::from_be_bytes(*longitude), 180, ["E", "W"])?;
    let altitude = u64::from(u32::from_be_bytes(*altitude));
    let below = if altitude < SEA_LEVEL { "-" } else { "" };
    let (metres, part) = (altitude.abs_diff(SEA_LEVEL) / 100, altitude.abs_diff(SEA_LEVEL) % 100);
    let sizes: Option<Vec<String>> = sizes.iter().map(|size| show_precision(*size)).collect();
    let sizes = sizes?.join(" ");
    Some(format!("{latitude} {longitude} {below}{metres}.{part:02}m {sizes}"))
}

fn show_angle(angle: u32, degrees_max: u32, [ahead, behind]: [&str; 2]) -> Option<String> {
    let total = angle.abs_diff(MIDDLE);
    let direction = if angle < MIDDLE { behind } else { ahead };
    let (degrees, minutes) = (total / DEGREE, total / 60_000 % 60);
    let (seconds, thousandths) = (total / 1_000 % 60, total % 1_000);
    (total <= degrees_max * DEGREE)
        .then(|| format!("{degrees} {minutes} {seconds}.{thousandths:03} {direction}"))
}

/// Metres, with centimetres where there are any.
fn show_precision(size: u8) -> Option<String> {
    let (digit, power) = (u64::from(size >> 4), u32::from(size & 0xF));
    // RFC 1876 §2: both are decimal digits.
    let is_size = digit <= 9 && power <= 9;
    let centimetres = digit * 10_u64.checked_pow(power)?;
    let (metres, part) = (centimetres / 100, centimetres % 100);
    let text = if part == 0 { format!("{metres}m") } else { format!("{metres}.{part:02}m") };
    is_size.then_some(text)
}

/// Degrees, minutes and seconds up to the letter of a direction, as thousandths of a second from 2^31.
fn angle(
    words: &mut Words<'_, '_>,
    what: &str,
    degrees_max: u32,
    [ahead, behind]: [&str; 2],
) -> Result<u32, Trouble> {
    let first = words.take(what)?;
    let mut total = word::number(first, what, degrees_max)? * DEGREE;
    let mut unit = 60_000;
    loop {
        let word = words.take("a direction")?;
        if word.raw.eq_ignore_ascii_case(ahead) || word.raw.eq_ignore_ascii_case(behind) {
            if degrees_max * DEGREE < total {
                return Err(Trouble::new(
                    first.at,
                    format!("{what} of more than {degrees_max} degrees"),
                ));
            }
            let is_ahead = word.raw.eq_ignore_ascii_case(ahead);
            return Ok(if is_ahead { MIDDLE + total } else { MIDDLE - total });
        }
        let wrong = || {
            let text = format!("`{}` is no part of a {what}", word::shorten(word.raw));
            let hint = format!("write degrees, minutes, seconds, then `{ahead}` or `{behind}`");
            Trouble::new(word.at, text).hint(hint)
        };
        let part = match unit {
            60_000 => word::number(word, "minutes", 59).map_err(|_| wrong())? * unit,
            1_000 => {
                let part = fixed(word.raw, 3).filter(|part| *part < 60_000);
                part.and_then(|part| u32::try_from(part).ok()).ok_or_else(wrong)?
            }
            _ => return Err(wrong()),
        };
        total += part;
        unit = if unit == 60_000 { 1_000 } else { 0 };
    }
}

/// Metres above the sea, as centimetres from 100,000 m below.
fn altitude(word: Word<'_>) -> Result<u32, Trouble> {
    let metres = word.raw.strip_suffix(['m', 'M']).unwrap_or(word.raw);
    let altitude = match metres.strip_prefix('-') {
        Some(depth) => fixed(depth, 2).and_then(|depth| SEA_LEVEL.checked_sub(depth)),
        None => fixed(metres, 2).and_then(|height| SEA_LEVEL.checked_add(height)),
    };
    altitude.and_then(|altitude| u32::try_from(altitude).ok()).ok_or_else(|| {
        let text = format!("`{}` is no altitude", word::shorten(word.raw));
        Trouble::new(word.at, text).hint("write metres from -100000.00 to 42849672.95")
    })
}

/// Metres as a digit and a power of ten of centimetres.
fn precision(word: Word<'_>) -> Result<u8, Trouble> {
    let metres = word.raw.strip_suffix(['m', 'M']).unwrap_or(word.raw);
    let centimetres = fixed(metres, 2).filter(|centimetres| *centimetres <= SIZE_MAX);
    let mut digit = centimetres.ok_or_else(|| {
        let text = format!("`{}` is no size", word::shorten(word.raw));
        Trouble::new(word.at, text).hint("write metres from 0 to 90000000.00")
    })?;
    let mut power = 0_u8;
    while 9 < digit {
        digit /= 10;
        power += 1;
    }
    Ok(u8::try_from(digit).unwrap_or(9) << 4 | power)
}

/// A number with at most so many digits after its point, in units of the last of them.
fn fixed(text: &str, digits: usize) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || digits < part.len() || !is_number(whole) || !is_number(part) {
        return None;
    }
    format!("{whole}{part:0<digits$}").parse().ok()
}

/// The equator and the prime meridian.
const MIDDLE: u32 = 1 << 31;

/// A degree in thousandths of a second.
const DEGREE: u32 = 3_600_000;

/// The sea's surface, in centimetres above the lowest place that can be said.
const SEA_LEVEL: u64 = 10_000_000;

/// Greatest size, in centimetres.
const SIZE_MAX: u64 = 9_000_000_000;
