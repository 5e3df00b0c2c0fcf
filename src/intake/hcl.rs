//! HCL 1 text → Value, as Consul 1.8.7 reads it.
//!
//! An own parser, since hcl-rs is HCL 2 and refuses much of this: several attributes on one line, commas
//! between them, quoted keys on the left of `=`, octal numbers, `[1,,2]`, free text in `${…}`. What Consul
//! does and we do too: a file that begins with `{` is JSON; a key that is set twice keeps the last value,
//! unless both are objects, which add up; labels are keys of nested objects.
//! Not done: nothing is interpolated.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::intake::fault::{Fault, Place};
use crate::intake::json::{self, Repeats};
use crate::intake::lexer::{Token, tokens};
use crate::intake::value::{Field, Kind, Value};
use crate::model::limits::DOCUMENT_DEPTH_MAX;

/// Reads a document.
pub(crate) fn parse(source: &Arc<str>, text: &str) -> Result<Value, Fault> {
    if text.trim_start().starts_with('{') {
        return json::parse(source, text, Repeats::Refuse);
    }
    let place = Place { source: Arc::clone(source), line: 1, column: 1 };
    let mut parser = Parser { tokens: tokens(source, text)?.into_iter(), ahead: None, depth: 0 };
    let entries = parser.entries(&Token::End)?;
    Ok(Value { kind: Kind::Object(entries), place })
}

/// A walk over tokens.
struct Parser {
    /// What is to come.
    tokens: std::vec::IntoIter<(Token, Place)>,
    /// A token that was looked at.
    ahead: Option<(Token, Place)>,
    /// Open braces and brackets.
    depth: usize,
}

impl Parser {
    fn next(&mut self) -> Option<(Token, Place)> {
        self.ahead.take().or_else(|| self.tokens.next())
    }

    /// The next token. The list ends with `End`, behind which nobody asks.
    fn take(&mut self) -> Result<(Token, Place), Fault> {
        self.next().ok_or_else(|| Fault::overall("the document ends too early"))
    }

    /// Attributes and blocks up to a closing token, which is taken too.
    fn entries(&mut self, close: &Token) -> Result<Vec<Field>, Fault> {
        let mut entries = Entries::default();
        loop {
            let (token, place) = self.take()?;
            match token {
                token if token == *close => return Ok(entries.list),
                Token::Comma if !entries.list.is_empty() => {}
                Token::Word(key) | Token::Text(key) => {
                    let value = self.after_key()?;
                    entries.add(Field { key, place, value });
                }
                Token::End => {
                    return Err(
                        Fault::at(&place, "the file ends inside a block").hint("a `}` is missing")
                    );
                }
                other => {
                    let text = format!("expected a key, found {}", other.name());
                    return Err(Fault::at(&place, text));
                }
            }
        }
    }

    /// What follows a key: `= value`, `{ … }`, or a label and then a block.
    fn after_key(&mut self) -> Result<Value, Fault> {
        let (token, place) = self.take()?;
        match token {
            Token::Assign => self.value(),
            Token::OpenBrace => self.object(place),
            Token::Word(label) | Token::Text(label) => {
                self.enter(&place)?;
                let value = self.after_label()?;
                self.depth -= 1;
                let entry = Field { key: label, place: place.clone(), value };
                Ok(Value { kind: Kind::Object(vec![entry]), place })
            }
            Token::End => Err(Fault::at(&place, "the file ends where `=` or `{` should stand")),
            other => {
                Err(Fault::at(&place, format!("expected `=` or `{{`, found {}", other.name())))
            }
        }
    }

    /// What follows a label: a block, or one more label.
    fn after_label(&mut self) -> Result<Value, Fault> {
        let next = self.take()?;
        if next.0 == Token::Assign {
            return Err(Fault::at(&next.1, "expected `{` after a label, found `=`"));
        }
        self.ahead = Some(next);
        self.after_key()
    }

    fn value(&mut self) -> Result<Value, Fault> {
        let (token, place) = self.take()?;
        let kind = match token {
            Token::Text(text) => Kind::Text(text),
            Token::Number(number) => Kind::Number(number),
            Token::Word(word) if word == "true" => Kind::Bool(true),
            Token::Word(word) if word == "false" => Kind::Bool(false),
            Token::OpenBrace => return self.object(place),
            Token::OpenBracket => return self.list(place),
            Token::Word(word) => {
                return Err(Fault::at(&place, format!("`{word}` is no value"))
                    .hint("strings are written in `\"`, booleans as `true` or `false`"));
            }
            Token::End => {
                return Err(Fault::at(&place, "the file ends where a value should stand"));
            }
            other => {
                return Err(Fault::at(&place, format!("expected a value, found {}", other.name())));
            }
        };
        Ok(Value { kind, place })
    }

    fn object(&mut self, place: Place) -> Result<Value, Fault> {
        self.enter(&place)?;
        let entries = self.entries(&Token::CloseBrace)?;
        self.depth -= 1;
        Ok(Value { kind: Kind::Object(entries), place })
    }

    fn list(&mut self, place: Place) -> Result<Value, Fault> {
        self.enter(&place)?;
        let mut items = Vec::new();
        let mut needs_comma = false;
        loop {
            let (token, at) = self.take()?;
            match token {
                Token::CloseBracket => break,
                Token::Comma => needs_comma = false,
                Token::End => {
                    return Err(
                        Fault::at(&at, "the file ends inside a list").hint("a `]` is missing")
                    );
                }
                other if needs_comma => {
                    let text = format!("expected `,` or `]` in a list, found {}", other.name());
                    return Err(Fault::at(&at, text));
                }
                other => {
                    self.ahead = Some((other, at));
                    items.push(self.value()?);
                    needs_comma = true;
                }
            }
        }
        self.depth -= 1;
        Ok(Value { kind: Kind::List(items), place })
    }

    /// Goes one level down, if that is allowed.
    fn enter(&mut self, place: &Place) -> Result<(), Fault> {
        self.depth += 1;
        if DOCUMENT_DEPTH_MAX < self.depth {
            let text = format!("nested deeper than {DOCUMENT_DEPTH_MAX} levels");
            return Err(Fault::at(place, text));
        }
        Ok(())
    }
}

/// The entries of an object, each key once.
#[derive(Default)]
struct Entries {
    /// In the order of the document.
    list: Vec<Field>,
    /// Where each key stands in the list.
    index: BTreeMap<String, usize>,
}

impl Entries {
    /// Adds an entry: objects of one key add up, anything else replaces what the key had.
    fn add(&mut self, entry: Field) {
        let known = self.index.get(&entry.key).and_then(|at| self.list.get_mut(*at));
        let Some(known) = known else {
            self.index.insert(entry.key.clone(), self.list.len());
            self.list.push(entry);
            return;
        };
        let is_object = matches!(entry.value.kind, Kind::Object(_));
        match &mut known.value.kind {
            Kind::Blocks(blocks) if is_object => blocks.push(entry.value),
            Kind::Object(_) if is_object => {
                let place = known.value.place.clone();
                let first = std::mem::replace(&mut known.value, Value { kind: Kind::Null, place });
                known.value.kind = Kind::Blocks(vec![first, entry.value]);
            }
            Kind::Null
            | Kind::Bool(_)
            | Kind::Number(_)
            | Kind::Text(_)
            | Kind::List(_)
            | Kind::Object(_)
            | Kind::Blocks(_) => *known = entry,
        }
    }
}
