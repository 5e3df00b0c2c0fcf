//! Letters of a template → [`Text`].

use crate::catalog::prepared::text::{Expression, Flaw, Operator, Piece, Place, Text, Variable};
use crate::model::limits::QUERY_TEMPLATE_DEPTH_MAX;

/// What was not read yet of a text.
pub(in crate::catalog::prepared) struct Parser<'t> {
    /// The whole text.
    whole: &'t str,
    /// The rest of it.
    rest: &'t str,
    /// How many texts, parentheses and calls are open.
    depth: usize,
    /// The first thing that could be read and not be worked out: what cannot be read comes before it.
    flaw: Option<Flaw>,
}

impl<'t> Parser<'t> {
    pub(in crate::catalog::prepared) fn new(whole: &'t str) -> Self {
        Self { whole, rest: whole, depth: 0, flaw: None }
    }

    /// Reads to the end.
    pub(in crate::catalog::prepared) fn whole(mut self) -> Result<Text, Flaw> {
        let text = self.text(Inside::Nothing)?;
        if !self.rest.is_empty() {
            return Err(Flaw::Syntax);
        }
        self.flaw.map_or(Ok(text), Err)
    }

    fn text(&mut self, inside: Inside) -> Result<Text, Flaw> {
        let (mut pieces, mut plain) = (Vec::new(), String::new());
        while let Some(letter) = self.rest.chars().next() {
            if self.take("$$") {
                plain.push('$');
            } else if self.take("${") {
                if !plain.is_empty() {
                    pieces.push(Piece::Plain(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Worked(self.deeper(Self::sum)?));
                self.expect("}")?;
            } else if letter == '"' && inside == Inside::Quotes {
                break;
            } else if letter == '\\' && inside == Inside::Quotes {
                plain.push(self.escaped());
            } else {
                plain.push(letter);
                self.skip(letter);
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        Ok(Text { pieces })
    }

    /// A letter behind a backslash; the backslash itself where it means nothing.
    fn escaped(&mut self) -> char {
        for (spelled, letter) in [("\\n", '\n'), ("\\\"", '"'), ("\\\\", '\\')] {
            if self.take(spelled) {
                return letter;
            }
        }
        self.skip('\\');
        '\\'
    }

    fn sum(&mut self) -> Result<Expression, Flaw> {
        let mut left = self.product()?;
        loop {
            let Some(operator) = self.operator(&[('+', Operator::Add), ('-', Operator::Subtract)])
            else {
                return Ok(left);
            };
            left = Expression::Both(Box::new(left), operator, Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Expression, Flaw> {
        let mut left = self.factor()?;
        let operators =
            [('*', Operator::Multiply), ('/', Operator::Divide), ('%', Operator::Remainder)];
        while let Some(operator) = self.operator(&operators) {
            left = Expression::Both(Box::new(left), operator, Box::new(self.factor()?));
        }
        Ok(left)
    }

    fn factor(&mut self) -> Result<Expression, Flaw> {
        self.skip_blanks();
        if self.take("-") {
            return Ok(Expression::Negative(Box::new(self.deeper(Self::factor)?)));
        }
        if self.take("(") {
            let inner = self.deeper(Self::sum)?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.take("\"") {
            let text = self.deeper(|parser| parser.text(Inside::Quotes))?;
            return if self.take("\"") { Ok(Expression::Quoted(text)) } else { Err(Flaw::Syntax) };
        }
        let place = self.place();
        let word = self.word();
        if word.starts_with(|letter: char| letter.is_ascii_digit()) {
            return word.parse().map(Expression::Number).map_err(|_| Flaw::Syntax);
        }
        self.skip_blanks();
        match word {
            "" => Err(Flaw::Syntax),
            _ if self.take("(") => self.call(place, word),
            "name.full" => Ok(Expression::Variable(Variable::Full)),
            "name.prefix" => Ok(Expression::Variable(Variable::Prefix)),
            "name.suffix" => Ok(Expression::Variable(Variable::Suffix)),
            "agent.segment" => Ok(Expression::Variable(Variable::Segment)),
            unknown => Ok(self.unusable(Flaw::Variable(place, unknown.to_owned()))),
        }
    }

    /// What stands behind a function's name and `(`.
    fn call(&mut self, place: Place, function: &str) -> Result<Expression, Flaw> {
        let mut arguments = Vec::new();
        self.skip_blanks();
        while !self.take(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            arguments.push(self.deeper(Self::sum)?);
            self.skip_blanks();
        }
        if function != "match" {
            return Ok(self.unusable(Flaw::Function(place, function.to_owned())));
        }
        let count = arguments.len();
        match (arguments.pop(), count) {
            (Some(group), 1) => Ok(Expression::Match(Box::new(group))),
            _ => Ok(self.unusable(Flaw::Arguments(place, count))),
        }
    }

    /// Something that is read on behind and refused in the end.
    fn unusable(&mut self, flaw: Flaw) -> Expression {
        self.flaw.get_or_insert(flaw);
        Expression::Number(0)
    }

    /// Reads something that stands in something else. Each level takes room on the stack.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Flaw>) -> Result<T, Flaw> {
        if QUERY_TEMPLATE_DEPTH_MAX <= self.depth {
            return Err(Flaw::Syntax);
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    fn operator(&mut self, known: &[(char, Operator)]) -> Option<Operator> {
        self.skip_blanks();
        let letter = self.rest.chars().next()?;
        let (_, operator) = known.iter().find(|(known, _)| *known == letter)?;
        self.skip(letter);
        Some(*operator)
    }

    fn word(&mut self) -> &'t str {
        let is_in_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
        let end = self.rest.find(|letter| !is_in_word(letter)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn place(&self) -> Place {
        let read = self.whole.strip_suffix(self.rest).unwrap_or_default();
        let line = read.rsplit('\n').next().unwrap_or_default();
        Place { line: 1 + read.matches('\n').count(), column: 1 + line.chars().count() }
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn expect(&mut self, word: &str) -> Result<(), Flaw> {
        self.skip_blanks();
        if self.take(word) { Ok(()) } else { Err(Flaw::Syntax) }
    }

    fn take(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip(&mut self, letter: char) {
        self.rest = self.rest.get(letter.len_utf8()..).unwrap_or_default();
    }
}

/// What a text stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// A field of a prepared query.
    Nothing,
    /// Quotes.
    Quotes,
}
