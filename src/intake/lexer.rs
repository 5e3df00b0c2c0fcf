//! HCL 1 text → tokens with places.
//!
//! What the language's own scanner does, seen on Consul 1.8.7: identifiers may hold `-` and `.`; a string
//! ends at the line's end unless it is inside `${…}`, whose text is left as it is, quotes included; numbers
//! are Go's (`0x1f`, `010` is octal, `5.e3`, `.5`), and a sign belongs to one only if it touches it.

use std::sync::Arc;

use crate::intake::fault::{Fault, Place};
use crate::intake::json::LineIndex;

/// A word of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A bare key, `true` or `false`.
    Word(String),
    /// A quoted string or heredoc, escapes resolved.
    Text(String),
    /// A number, in decimal digits or as a decimal fraction.
    Number(String),
    /// `=`.
    Assign,
    /// `{`.
    OpenBrace,
    /// `}`.
    CloseBrace,
    /// `[`.
    OpenBracket,
    /// `]`.
    CloseBracket,
    /// `,`.
    Comma,
    /// Nothing more.
    End,
}

impl Token {
    /// How errors call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Text(_) => "a string".to_owned(),
            Self::Number(number) => format!("the number `{number}`"),
            Self::Assign => "`=`".to_owned(),
            Self::OpenBrace => "`{`".to_owned(),
            Self::CloseBrace => "`}`".to_owned(),
            Self::OpenBracket => "`[`".to_owned(),
            Self::CloseBracket => "`]`".to_owned(),
            Self::Comma => "`,`".to_owned(),
            Self::End => "the end of the file".to_owned(),
        }
    }
}

/// Splits a text into tokens; the last one is [`Token::End`].
pub(crate) fn tokens(source: &Arc<str>, text: &str) -> Result<Vec<(Token, Place)>, Fault> {
    let mut lexer = Lexer { source, text, lines: LineIndex::new(text), at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank()?;
        let place = lexer.place(lexer.at);
        let token = lexer.token()?;
        let is_end = token == Token::End;
        tokens.push((token, place));
        if is_end {
            return Ok(tokens);
        }
    }
}

/// A place in a text.
struct Lexer<'a> {
    /// Whose text it is.
    source: &'a Arc<str>,
    /// All of it.
    text: &'a str,
    /// Offsets to lines.
    lines: LineIndex<'a>,
    /// The next byte.
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn place(&self, at: usize) -> Place {
        self.lines.place(self.source, at)
    }

    fn fault(&self, at: usize, text: impl Into<String>) -> Fault {
        Fault::at(&self.place(at), text)
    }

    /// Takes characters for as long as they fit.
    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Passes over white space and comments.
    fn skip_blank(&mut self) -> Result<(), Fault> {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
            let rest = self.rest();
            if rest.starts_with('#') || rest.starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if rest.starts_with("/*") {
                let end = rest.find("*/").ok_or_else(|| {
                    self.fault(self.at, "comment not terminated").hint("close it with `*/`")
                })?;
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Token, Fault> {
        let start = self.at;
        let Some(first) = self.peek() else { return Ok(Token::End) };
        let simple = match first {
            '=' => Some(Token::Assign),
            '{' => Some(Token::OpenBrace),
            '}' => Some(Token::CloseBrace),
            '[' => Some(Token::OpenBracket),
            ']' => Some(Token::CloseBracket),
            ',' => Some(Token::Comma),
            _ => None,
        };
        if let Some(token) = simple {
            self.next();
            return Ok(token);
        }
        match first {
            '"' => self.quoted(),
            '<' if self.rest().starts_with("<<") => self.heredoc(),
            '0'..='9' | '.' | '-' => self.number(),
            _ if first.is_alphabetic() || first == '_' => {
                let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
                Ok(Token::Word(self.take_while(is_part).to_owned()))
            }
            ':' => Err(self.fault(start, "illegal character `:`").hint("HCL sets keys with `=`")),
            '\'' => Err(self.fault(start, "illegal character `'`").hint("write strings in `\"`")),
            other => {
                Err(self.fault(start, format!("illegal character `{}`", other.escape_debug())))
            }
        }
    }

    fn number(&mut self) -> Result<Token, Fault> {
        let start = self.at;
        let mut before = ' ';
        let mut is_hex = false;
        while let Some(c) = self.peek() {
            let is_sign = matches!(c, '+' | '-')
                && (self.at == start || (!is_hex && matches!(before, 'e' | 'E')));
            if !(c.is_ascii_alphanumeric() || c == '.' || is_sign) {
                break;
            }
            is_hex = is_hex || matches!(c, 'x' | 'X');
            before = c;
            self.next();
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        match read_number(raw) {
            Some(number) => Ok(Token::Number(number)),
            None => Err(self.fault(start, format!("`{raw}` is no number"))),
        }
    }

    fn quoted(&mut self) -> Result<Token, Fault> {
        let start = self.at;
        self.next();
        let mut out = String::new();
        let mut braces = 0_usize;
        loop {
            let at = self.at;
            let Some(c) = self.next() else {
                return Err(self.fault(start, "string not terminated").hint("close it with `\"`"));
            };
            if 0 < braces {
                // Inside `${…}`, which is left for whoever interpolates, quotes are text.
                match c {
                    '{' => braces += 1,
                    '}' => braces -= 1,
                    _ => {}
                }
                out.push(c);
                continue;
            }
            match c {
                '"' => return Ok(Token::Text(out)),
                '\n' => {
                    return Err(self
                        .fault(start, "string not terminated at the end of its line")
                        .hint("close it with `\"`, or write a heredoc: `<<EOF`"));
                }
                '$' if self.peek() == Some('{') => {
                    out.push_str("${");
                    self.next();
                    braces = 1;
                }
                '\\' => out.push(self.escape(at)?),
                _ => out.push(c),
            }
        }
    }

    /// The character of an escape whose backslash was taken.
    fn escape(&mut self, at: usize) -> Result<char, Fault> {
        let illegal = |lexer: &Self| {
            lexer.fault(at, "illegal escape in a string").hint("write a backslash as `\\\\`")
        };
        let (radix, digits) = match self.next() {
            Some('a') => return Ok('\u{7}'),
            Some('b') => return Ok('\u{8}'),
            Some('f') => return Ok('\u{c}'),
            Some('n') => return Ok('\n'),
            Some('r') => return Ok('\r'),
            Some('t') => return Ok('\t'),
            Some('v') => return Ok('\u{b}'),
            Some('\\') => return Ok('\\'),
            Some('"') => return Ok('"'),
            Some('x') => (16, 2),
            Some('u') => (16, 4),
            Some('U') => (16, 8),
            Some('0'..='7') => {
                self.at -= 1;
                (8, 3)
            }
            _ => return Err(illegal(self)),
        };
        let mut code = 0_u32;
        for _ in 0..digits {
            let digit = self.next().and_then(|c| c.to_digit(radix)).ok_or_else(|| illegal(self))?;
            code = code.checked_mul(radix).map_or(u32::MAX, |code| code.saturating_add(digit));
        }
        char::from_u32(code).ok_or_else(|| illegal(self))
    }

    fn heredoc(&mut self) -> Result<Token, Fault> {
        let start = self.at;
        self.at += 2;
        let is_indented = self.rest().starts_with('-');
        if is_indented {
            self.next();
        }
        let anchor = self.take_while(|c| c.is_alphanumeric() || c == '_');
        self.take_while(|c| c == '\r');
        if anchor.is_empty() || self.next() != Some('\n') {
            return Err(self
                .fault(start, "malformed heredoc")
                .hint("write `<<EOF`, the text on lines of its own, then `EOF`"));
        }
        let mut lines: Vec<&str> = Vec::new();
        while !self.rest().is_empty() {
            let line = self.take_while(|c| c != '\n');
            let bare = line.trim_end_matches('\r');
            let margin = bare.len() - bare.trim_start_matches([' ', '\t']).len();
            let margin = bare.get(..margin).unwrap_or_default();
            let is_last = bare.get(margin.len()..) == Some(anchor);
            if is_last && (is_indented || margin.is_empty()) {
                return Ok(Token::Text(unindent(&lines, if is_indented { margin } else { "" })));
            }
            lines.push(line);
            self.next();
        }
        Err(self
            .fault(start, "heredoc not terminated")
            .hint(format!("close it with a line that holds only `{anchor}`")))
    }
}

/// A heredoc's text without the closing line's margin, unless a line has less of it.
fn unindent(lines: &[&str], margin: &str) -> String {
    let is_deep = lines.iter().all(|line| line.starts_with(margin));
    let mut out = String::new();
    for line in lines {
        out.push_str(if is_deep { line.strip_prefix(margin).unwrap_or(line) } else { line });
        out.push('\n');
    }
    out
}

/// A number in Go's spelling as a decimal number.
fn read_number(raw: &str) -> Option<String> {
    let (sign, digits) = raw.strip_prefix('-').map_or(("", raw), |digits| ("-", digits));
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let octal = digits.strip_prefix('0').filter(|rest| !rest.is_empty());
    let is_octal = octal.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    if let Some(hex) = hex {
        let number = u64::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with('+'))?;
        return Some(format!("{sign}{number}"));
    }
    if let Some(octal) = octal.filter(|_| is_octal) {
        return u64::from_str_radix(octal, 8).ok().map(|number| format!("{sign}{number}"));
    }
    let starts_well = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let is_number = starts_well
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
        && digits.parse::<f64>().is_ok_and(f64::is_finite);
    is_number.then(|| format!("{sign}{digits}"))
}
