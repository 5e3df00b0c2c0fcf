//! Text → Expression, by recursive descent. What may begin in two ways is read in the first that fits, so that time
//! grows with the text's length; only `not` can make a second attempt, over a few words.

use crate::api::filter::expression::{Draft, Expression, Kind, Operator, Selector};
use crate::api::filter::fault::{FilterFault, Position};
use crate::api::filter::literal::unquote;
use crate::model::limits::{FILTER_BYTES_MAX, FILTER_COMPARISONS_MAX, FILTER_DEPTH_MAX};

/// Reads a filter.
///
/// # Errors
/// [`FilterFault`], where the text is none, or goes beyond a limit.
pub(in crate::api::filter) fn parse(text: &str) -> Result<Expression<Draft>, FilterFault> {
    if FILTER_BYTES_MAX < text.len() {
        return Err(FilterFault::TooLong(text.len()));
    }
    let mut parser =
        Parser { text, at: 0, furthest: (0, "a comparison"), depth: 0, comparisons: 0 };
    let parsed = parser.whole();
    parsed.map_err(|stop| match stop {
        Stop::Fault(fault) => fault,
        Stop::Mismatch => {
            let (offset, expected) = parser.furthest;
            FilterFault::Unexpected { at: Position::of(text, offset), expected }
        }
    })
}

/// Where reading is.
struct Parser<'t> {
    /// The filter.
    text: &'t str,
    /// Bytes that were read.
    at: usize,
    /// The furthest place at which something else was expected, and what.
    furthest: (usize, &'static str),
    /// Groups and `not`s that are open.
    depth: usize,
    /// Comparisons that were read.
    comparisons: usize,
}

/// Why something was not read.
enum Stop {
    /// Something else stands there; another rule may fit.
    Mismatch,
    /// No rule can fit.
    Fault(FilterFault),
}

/// What was read, or why it was not.
type Parsed<T> = Result<T, Stop>;

impl Parser<'_> {
    fn whole(&mut self) -> Parsed<Expression<Draft>> {
        self.space();
        let expression = self.any()?;
        self.space();
        if self.rest().is_empty() {
            Ok(expression)
        } else {
            self.mismatch("`and`, `or` or the end")
        }
    }

    /// Alternatives, joined by `or`.
    fn any(&mut self) -> Parsed<Expression<Draft>> {
        let mut parts = vec![self.all()?];
        while self.joined_by("or")? {
            parts.push(self.all()?);
        }
        Ok(joined(parts, Expression::Any))
    }

    /// Conditions, joined by `and`.
    fn all(&mut self) -> Parsed<Expression<Draft>> {
        let mut parts = vec![self.negation()?];
        while self.joined_by("and")? {
            parts.push(self.negation()?);
        }
        Ok(joined(parts, Expression::All))
    }

    /// Whether a word in white space follows. White space alone may also stand before a bracket or the end.
    fn joined_by(&mut self, word: &str) -> Parsed<bool> {
        let begin = self.at;
        if !(self.space() && self.take(word)) {
            self.at = begin;
            return Ok(false);
        }
        self.needed_space()?;
        Ok(true)
    }

    fn negation(&mut self) -> Parsed<Expression<Draft>> {
        let begin = self.at;
        if self.take("not") && self.space() {
            let inner = self.nested(Self::negation);
            match inner {
                // Twice not is not at all.
                Ok(Expression::Not(part)) => return Ok(*part),
                Ok(part) => return Ok(Expression::Not(Box::new(part))),
                Err(Stop::Fault(fault)) => return Err(Stop::Fault(fault)),
                // `not` may be a selector or a value too.
                Err(Stop::Mismatch) => {}
            }
        }
        self.at = begin;
        self.group()
    }

    fn group(&mut self) -> Parsed<Expression<Draft>> {
        if !self.take("(") {
            return self.comparison().map(Expression::One);
        }
        self.space();
        let inner = self.nested(Self::any)?;
        self.space();
        if self.take(")") {
            Ok(inner)
        } else {
            self.fault(self.at, "grouping", "Unmatched parentheses")
        }
    }

    /// Reads something inside of something; the limit of this is that of all recursion.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if FILTER_DEPTH_MAX <= self.depth {
            return Err(Stop::Fault(FilterFault::TooDeep(Position::of(self.text, self.at))));
        }
        self.depth += 1;
        let done = read(self);
        self.depth -= 1;
        done
    }

    fn comparison(&mut self) -> Parsed<Draft> {
        if FILTER_COMPARISONS_MAX <= self.comparisons {
            return Err(Stop::Fault(FilterFault::TooMany(Position::of(self.text, self.at))));
        }
        let draft = match self.selector() {
            Ok(selector) => self.selected(selector),
            Err(Stop::Mismatch) => match self.literal() {
                Ok(value) => self.contained(value),
                Err(Stop::Mismatch) => self.mismatch("a comparison"),
                Err(Stop::Fault(fault)) => Err(Stop::Fault(fault)),
            },
            Err(Stop::Fault(fault)) => Err(Stop::Fault(fault)),
        }?;
        self.comparisons += 1;
        Ok(draft)
    }

    /// What follows a selector: an operator and a value, or the selector was a value itself.
    fn selected(&mut self, selector: Selector) -> Parsed<Draft> {
        let begin = self.at;
        for (words, test) in FOLLOWED_BY_VALUE {
            for is_negated in [false, true] {
                self.at = begin;
                if self.operator(words, is_negated) {
                    let operator = Operator { test: *test, is_negated };
                    return Ok(Draft { selector, operator, value: self.value()? });
                }
            }
        }
        for (words, is_negated) in FOLLOWED_BY_NOTHING {
            self.at = begin;
            if self.words(words) {
                let operator = Operator { test: Kind::Empty, is_negated: *is_negated };
                return Ok(Draft { selector, operator, value: String::new() });
            }
        }
        self.at = begin;
        self.contained(selector.to_string())
    }

    /// What follows a value that stands in front.
    fn contained(&mut self, value: String) -> Parsed<Draft> {
        let begin = self.at;
        for is_negated in [false, true] {
            self.at = begin;
            if self.operator("in", is_negated) {
                let at = self.at;
                let operator = Operator { test: Kind::In, is_negated };
                return match self.selector() {
                    Ok(selector) => Ok(Draft { selector, operator, value }),
                    Err(Stop::Mismatch) => self.fault(at, "match", "Invalid selector"),
                    Err(Stop::Fault(fault)) => Err(Stop::Fault(fault)),
                };
            }
        }
        self.at = begin;
        self.space();
        self.mismatch("an operator")
    }

    /// Reads an operator with the white space around it: a word needs some, a sign does not.
    fn operator(&mut self, word: &str, is_negated: bool) -> bool {
        match (word, is_negated) {
            ("==", _) => {
                self.space();
                let is_found = self.take(if is_negated { "!=" } else { "==" });
                if is_found {
                    self.space();
                }
                is_found
            }
            (word, false) => self.words(&[word]) && self.space(),
            (word, true) => self.words(&["not", word]) && self.space(),
        }
    }

    /// Reads words, each behind white space.
    fn words(&mut self, words: &[&str]) -> bool {
        let is_read = words.iter().all(|word| self.space() && self.take(word));
        if !is_read {
            self.expect("an operator");
        }
        is_read
    }

    fn value(&mut self) -> Parsed<String> {
        match self.selector() {
            Ok(selector) => Ok(selector.to_string()),
            Err(Stop::Mismatch) => self.literal(),
            Err(Stop::Fault(fault)) => Err(Stop::Fault(fault)),
        }
    }

    fn selector(&mut self) -> Parsed<Selector> {
        let begin = self.at;
        let mut names = vec![self.identifier()?];
        loop {
            if self.take(".") {
                let name = self.identifier();
                if name.is_err() {
                    self.at = begin;
                }
                names.push(name?);
            } else if self.take("[") {
                names.push(self.index()?);
            } else {
                return Ok(Selector(names));
            }
        }
    }

    fn identifier(&mut self) -> Parsed<String> {
        if !self.rest().starts_with(|first: char| first.is_ascii_alphabetic()) {
            return self.mismatch("a name");
        }
        Ok(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_').to_owned())
    }

    /// What stands in square brackets.
    fn index(&mut self) -> Parsed<String> {
        self.space();
        if !self.rest().starts_with(['"', '`']) {
            return self.fault(self.at, "index", "Invalid index");
        }
        let name = self.quoted()?;
        self.space();
        if self.take("]") {
            Ok(name)
        } else {
            self.fault(self.at, "index", "Unclosed index expression")
        }
    }

    fn literal(&mut self) -> Parsed<String> {
        match self.rest().chars().next() {
            Some('"' | '`') => self.quoted(),
            Some('-' | '0'..='9') => self.number(),
            Some(_) | None => self.mismatch("a value"),
        }
    }

    fn number(&mut self) -> Parsed<String> {
        let begin = self.at;
        self.take("-");
        if !self.take("0") && self.take_while(|c| c.is_ascii_digit()).is_empty() {
            return self.mismatch("a digit");
        }
        let whole = self.at;
        if self.take(".") && self.take_while(|c| c.is_ascii_digit()).is_empty() {
            self.at = whole;
        }
        if !(self.rest().is_empty()
            || self.rest().starts_with(is_space)
            || self.rest().starts_with(')'))
        {
            return self.fault(self.at, "number", "Invalid number literal");
        }
        Ok(self.text.get(begin..self.at).unwrap_or_default().to_owned())
    }

    /// A text in double quotes, with escapes, or in backticks, without.
    fn quoted(&mut self) -> Parsed<String> {
        let begin = self.at;
        let (mark, is_raw) = if self.rest().starts_with('`') { ('`', true) } else { ('"', false) };
        let inside = self.rest().get(1..).unwrap_or_default();
        let Some(length) = inside.find(mark) else {
            return self.fault(self.text.len(), "string", "Unterminated string literal");
        };
        let inside = inside.get(..length).unwrap_or_default();
        // Go takes carriage returns out of raw texts.
        let value = if is_raw { Some(inside.replace('\r', "")) } else { unquote(inside) };
        let Some(value) = value else { return self.fault(begin, "string", "invalid syntax") };
        self.at += length + 2;
        Ok(value)
    }

    /// Reads white space; whether there was some.
    fn space(&mut self) -> bool {
        !self.take_while(is_space).is_empty()
    }

    fn needed_space(&mut self) -> Parsed<()> {
        if self.space() { Ok(()) } else { self.mismatch("white space") }
    }

    /// Reads a word, if it stands here.
    fn take(&mut self, word: &str) -> bool {
        let is_here = self.rest().starts_with(word);
        if is_here {
            self.at += word.len();
        }
        is_here
    }

    fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> &str {
        let begin = self.at;
        self.at += self.rest().find(|c| !is_part(c)).unwrap_or(self.rest().len());
        self.text.get(begin..self.at).unwrap_or_default()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn mismatch<T>(&mut self, expected: &'static str) -> Parsed<T> {
        self.expect(expected);
        Err(Stop::Mismatch)
    }

    /// Remembers what would have fitted here, unless reading once came further.
    fn expect(&mut self, expected: &'static str) {
        if self.furthest.0 <= self.at {
            self.furthest = (self.at, expected);
        }
    }

    fn fault<T>(&self, at: usize, rule: &'static str, what: &'static str) -> Parsed<T> {
        let at = Position::of(self.text, at);
        Err(Stop::Fault(FilterFault::Malformed { at, rule, what }))
    }
}

/// Several parts joined, or the only one as it is.
fn joined(
    mut parts: Vec<Expression<Draft>>,
    join: fn(Vec<Expression<Draft>>) -> Expression<Draft>,
) -> Expression<Draft> {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            join(parts)
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Operators between a selector and a value, in the order in which they are tried; `!=` is the contrary of `==`.
const FOLLOWED_BY_VALUE: &[(&str, Kind)] =
    &[("==", Kind::Equal), ("contains", Kind::In), ("matches", Kind::Matches)];

/// Operators behind a selector alone, and whether they are contraries.
const FOLLOWED_BY_NOTHING: &[(&[&str], bool)] =
    &[(&["is", "empty"], false), (&["is", "not", "empty"], true)];
