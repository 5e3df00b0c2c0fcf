//! `$GENERATE RANGE OWNER [TTL] [CLASS] TYPE DATA` → records, as BIND makes them.
//!
//! `$` is the number of the step, `${OFFSET,WIDTH,BASE}` that number moved, padded with zeros to a width,
//! and written in base `d`, `o`, `x`, `X`, or as nibbles with dots between, lowest first (`n`, `N`); `\$`
//! and `$$` are a dollar sign.

use std::fmt::Write;

use crate::model::limits::{GENERATE_STEPS_MAX, GENERATE_TEMPLATE_BYTES_MAX, GENERATE_WIDTH_MAX};
use crate::zone::field::Words;
use crate::zone::layout::{self, Field};
use crate::zone::lexer::{Lexer, Trouble, Word};
use crate::zone::reader::{Context, Reader, is_class};
use crate::zone::word;

/// Makes the records. The first step that makes none ends it.
pub(super) fn run(
    reader: &mut Reader<'_>,
    context: &mut Context,
    at: u32,
    mut words: Words<'_, '_>,
) -> Result<(), Trouble> {
    let range = Range::read(words.take("a range")?)?;
    let pieces = pieces(&template(&mut words)?, at)?;
    let mut step = range.first;
    let mut line = String::new();
    while step <= range.last && !reader.draft.is_full() {
        line.clear();
        for piece in &pieces {
            piece
                .write(step, &mut line)
                .map_err(|reason| Trouble::new(at, format!("step {step}: {reason}")))?;
        }
        let made = match Lexer::new(&line).next() {
            Some(entry) => entry.and_then(|entry| reader.record(context, &entry, Some(at))),
            None => Err(Trouble::new(at, "nothing is generated")),
        };
        made.map_err(|trouble| Trouble {
            at,
            text: format!("step {step}: {}", trouble.text),
            hint: trouble.hint,
        })?;
        let Some(next) = step.checked_add(range.step) else { break };
        step = next;
    }
    Ok(())
}

/// `FIRST-LAST[/STEP]`
struct Range {
    /// The first number.
    first: u32,
    /// No number is greater.
    last: u32,
    /// From one number to the next.
    step: u32,
}

impl Range {
    fn read(word: Word<'_>) -> Result<Self, Trouble> {
        let number = |text: &str| {
            let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u32>().ok().filter(|number| is_digits && *number <= NUMBER_MAX)
        };
        let (ends, step) = word.raw.split_once('/').unwrap_or((word.raw, "1"));
        let range = ends.split_once('-').and_then(|(first, last)| {
            Some(Self { first: number(first)?, last: number(last)?, step: number(step)? })
        });
        let range = range.filter(|range| 0 < range.step && range.first <= range.last);
        let range = range.ok_or_else(|| {
            let text = format!("`{}` is no range", word::shorten(word.raw));
            Trouble::new(word.at, text).hint("write `FIRST-LAST` or `FIRST-LAST/STEP`")
        })?;
        let steps = (range.last - range.first) / range.step;
        if GENERATE_STEPS_MAX <= steps {
            let text = format!("a range of more than {GENERATE_STEPS_MAX} steps");
            return Err(Trouble::new(word.at, text).hint("split it into several"));
        }
        Ok(range)
    }
}

/// The line that is repeated, as it is written.
fn template(words: &mut Words<'_, '_>) -> Result<String, Trouble> {
    let at = words.at();
    let mut line = shown(words.take("an owner")?);
    let kind = loop {
        let word = words.take("a type")?;
        let _ = write!(line, " {}", shown(word));
        let is_ttl = word.raw.starts_with(|letter: char| letter.is_ascii_digit());
        if !is_ttl && !is_class(word.raw) {
            break word.raw;
        }
    };
    let first = words.take("data")?;
    // BIND takes data of several fields in one pair of quotes.
    let is_string = layout::by_mnemonic(kind)
        .and_then(|layout| layout.fields.first())
        .is_some_and(|field| matches!(field, Field::String | Field::Strings));
    if first.is_quoted && !is_string && words.peek().is_none() {
        let _ = write!(line, " {}", first.raw);
    } else {
        let _ = write!(line, " {}", shown(first));
    }
    while let Some(word) = words.next() {
        let _ = write!(line, " {}", shown(word));
        if GENERATE_TEMPLATE_BYTES_MAX < line.len() {
            break;
        }
    }
    if line.len() <= GENERATE_TEMPLATE_BYTES_MAX {
        return Ok(line);
    }
    Err(Trouble::new(at, format!("a template of more than {GENERATE_TEMPLATE_BYTES_MAX} bytes")))
}

fn shown(word: Word<'_>) -> String {
    if word.is_quoted { format!("\"{}\"", word.raw) } else { word.raw.to_owned() }
}

/// A part of a template.
enum Piece {
    /// The same in every step.
    Text(String),
    /// The step's number.
    Number {
        /// What is added to it.
        offset: i64,
        /// Characters, at least.
        width: usize,
        /// How it is written.
        base: Base,
    },
}

/// How a number is written.
#[derive(Clone, Copy)]
enum Base {
    /// In tens.
    Decimal,
    /// In eights.
    Octal,
    /// In sixteens, `a` or `A`.
    Hex(Case),
    /// Hexadecimal digits from the lowest, with dots between.
    Nibbles(Case),
}

/// How digits above nine are written.
#[derive(Clone, Copy)]
enum Case {
    /// `a`
    Lower,
    /// `A`
    Upper,
}

fn pieces(template: &str, at: u32) -> Result<Vec<Piece>, Trouble> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(letter) = rest.chars().next() {
        let after = rest.get(letter.len_utf8()..).unwrap_or_default();
        rest = after;
        if letter == '\\' {
            let Some(escaped) = after.chars().next() else { break };
            rest = after.get(escaped.len_utf8()..).unwrap_or_default();
            if escaped != '$' {
                text.push('\\');
            }
            text.push(escaped);
        } else if letter != '$' {
            text.push(letter);
        } else if let Some(after) = after.strip_prefix('$') {
            text.push('$');
            rest = after;
        } else {
            let (piece, after) = number(after, at)?;
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(piece);
            rest = after;
        }
    }
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

/// What follows a `$`, and the rest.
fn number(text: &str, at: u32) -> Result<(Piece, &str), Trouble> {
    let Some(modifier) = text.strip_prefix('{') else {
        return Ok((Piece::Number { offset: 0, width: 0, base: Base::Decimal }, text));
    };
    let wrong = || {
        let fault = Trouble::new(at, "`${…}` is not understood");
        fault.hint(format!(
            "write `${{OFFSET,WIDTH,BASE}}` with a width up to {GENERATE_WIDTH_MAX} and a base of \
             d, o, x, X, n or N"
        ))
    };
    let (inside, rest) = modifier.split_once('}').ok_or_else(wrong)?;
    let mut parts = inside.split(',').map(str::trim);
    let offset = parts.next().and_then(|part| part.parse::<i32>().ok()).ok_or_else(wrong)?;
    let width = parts.next().unwrap_or("0").parse::<usize>().ok();
    let width = width.filter(|width| *width <= GENERATE_WIDTH_MAX).ok_or_else(wrong)?;
    let base = match parts.next().unwrap_or("d") {
        "d" => Base::Decimal,
        "o" => Base::Octal,
        "x" => Base::Hex(Case::Lower),
        "X" => Base::Hex(Case::Upper),
        "n" => Base::Nibbles(Case::Lower),
        "N" => Base::Nibbles(Case::Upper),
        _ => return Err(wrong()),
    };
    if parts.next().is_some() {
        return Err(wrong());
    }
    Ok((Piece::Number { offset: i64::from(offset), width, base }, rest))
}

impl Piece {
    fn write(&self, step: u32, line: &mut String) -> Result<(), &'static str> {
        match self {
            Self::Text(text) => line.push_str(text),
            Self::Number { offset, width, base } => {
                let number = u64::try_from(i64::from(step) + offset)
                    .map_err(|_| "the offset makes the number negative")?;
                let _ = match base {
                    Base::Decimal => write!(line, "{number:0width$}"),
                    Base::Octal => write!(line, "{number:0width$o}"),
                    Base::Hex(Case::Lower) => write!(line, "{number:0width$x}"),
                    Base::Hex(Case::Upper) => write!(line, "{number:0width$X}"),
                    Base::Nibbles(case) => {
                        nibbles(number, *width, *case, line);
                        Ok(())
                    }
                };
            }
        }
        Ok(())
    }
}

/// Digits from the lowest, with dots between; the width counts both.
fn nibbles(number: u64, width: usize, case: Case, line: &mut String) {
    let (mut rest, mut left) = (number, width);
    loop {
        let _ = match case {
            Case::Lower => write!(line, "{:x}", rest & 15),
            Case::Upper => write!(line, "{:X}", rest & 15),
        };
        rest >>= 4;
        left = left.saturating_sub(1);
        if rest == 0 && left == 0 {
            return;
        }
        line.push('.');
        left = left.saturating_sub(1);
        // A dot where the width ends would leave an empty label.
        if rest == 0 && left == 0 {
            line.pop();
            return;
        }
    }
}

/// Greatest number of a range, as BIND's.
const NUMBER_MAX: u32 = 0x7FFF_FFFF;
