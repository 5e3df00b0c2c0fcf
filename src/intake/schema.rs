//! Value × table of keys → canonical Value: every key known, every type right, all faults collected.
//!
//! A canonical tree holds only keys of the table, in the table's spelling; lists of objects are lists even
//! where one block was written; nothing is null; what the table ignores is gone.

use crate::intake::fault::Place;
use crate::intake::value::{Field, Kind, Value};
use crate::model::limits::{BLOCKS_MAX, FAULTS_KEPT_MAX, KEY_COMPARED_CHARS_MAX, MAP_ENTRIES_MAX};
use crate::model::time::{DurationFault, parse_duration};

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// A string.
    Text,
    /// A duration in Go's spelling.
    Duration,
    /// Strings.
    Texts,
    /// Strings by name.
    Map,
    /// Lists of strings by name.
    MapOfTexts,
    /// One object.
    Object(&'static Table),
    /// Objects.
    Objects(&'static Table),
    /// Objects by name.
    MapOfObjects(&'static Table),
    /// Anything.
    Any,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// What it says.
    Works,
    /// Nothing yet: the user is told.
    Later,
    /// Nothing ever, and nobody needs to know: the service mesh, the vendor's update check.
    Ignored,
}

/// A key that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownKey {
    /// Its spelling.
    pub(crate) name: &'static str,
    /// What it may hold.
    pub(crate) holds: Type,
    /// What it does.
    pub(crate) effect: Effect,
}

/// The keys of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    /// How their spelling is compared.
    pub(crate) naming: Naming,
    /// Each of them.
    pub(crate) keys: &'static [KnownKey],
}

/// How a key's spelling is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// As it is.
    Exact,
    /// Without regard to case and underscores: `EnableTagOverride` is `enable_tag_override`.
    Loose,
}

/// Who wrote the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    /// An operator, in a file or flag.
    Operator,
    /// A client of the HTTP API: durations may be nanoseconds, fractions are no whole numbers.
    Client,
}

/// What does not fit the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Misfit {
    /// Where.
    pub(crate) place: Place,
    /// The keys that lead there, as they were written: `ports`, `dns`.
    pub(crate) path: Vec<String>,
    /// What.
    pub(crate) flaw: Flaw,
}

/// How something does not fit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Flaw {
    /// No such key.
    UnknownKey {
        /// A known one that looks like it.
        nearest: Option<&'static str>,
        /// Whether it holds an object, as a labelled block does.
        is_object: bool,
    },
    /// The key holds something else.
    WrongType {
        /// What it should be, for people.
        expected: &'static str,
        /// The same in Go's words.
        expected_go: &'static str,
        /// What it is.
        found: Value,
    },
    /// The key is there twice, in two spellings or files' halves.
    Repeated(Place),
    /// More entries than a map may have.
    TooMany(usize),
    /// No duration.
    Duration {
        /// What was written.
        text: String,
        /// Why it is none.
        fault: DurationFault,
    },
}

/// What a check found, over one document.
#[derive(Debug)]
pub(crate) struct Findings {
    /// Who wrote it.
    pub(crate) author: Author,
    /// What does not fit.
    pub(crate) misfits: Vec<Misfit>,
    /// Keys that do nothing yet: dotted, with their places.
    pub(crate) idle: Vec<(String, Place)>,
    /// The keys on the way to here.
    path: Vec<String>,
}

/// Checks a document against a table.
pub(crate) fn check(author: Author, document: Value, table: &Table) -> (Value, Findings) {
    let mut findings = Findings { author, misfits: Vec::new(), idle: Vec::new(), path: Vec::new() };
    let place = document.place.clone();
    let empty = Value { kind: Kind::Object(Vec::new()), place };
    let value = findings.object(document, table).unwrap_or(empty);
    (value, findings)
}

impl Findings {
    fn misfit(&mut self, place: &Place, flaw: Flaw) {
        if FAULTS_KEPT_MAX <= self.misfits.len() {
            return;
        }
        self.misfits.push(Misfit { place: place.clone(), path: self.path.clone(), flaw });
    }

    fn wrong(&mut self, found: Value, expected: &'static str, go: &'static str) -> Option<Value> {
        let place = found.place.clone();
        self.misfit(&place, Flaw::WrongType { expected, expected_go: go, found });
        None
    }

    /// Checks one value; `None` where it is unusable, which was noted.
    fn value(&mut self, value: Value, holds: Type) -> Option<Value> {
        match (holds, &value.kind) {
            (Type::Any, _) | (Type::Bool, Kind::Bool(_)) | (Type::Text, Kind::Text(_)) => {
                Some(value)
            }
            (Type::Integer, Kind::Number(raw)) => match read_integer(raw, self.author) {
                Some(number) => {
                    Some(Value { kind: Kind::Number(number.to_string()), place: value.place })
                }
                None => self.wrong(value, "a whole number", "int"),
            },
            (Type::Number, Kind::Number(_)) => Some(value),
            (Type::Duration, Kind::Text(text)) => self.duration(text.clone(), &value.place),
            (Type::Duration, Kind::Number(raw)) if self.author == Author::Client => {
                let nanos = raw.parse::<f64>().unwrap_or(0.0).max(0.0);
                Some(Value { kind: Kind::Text(format!("{nanos:.0}ns")), place: value.place })
            }
            (Type::Bool, _) => self.wrong(value, "`true` or `false`", "bool"),
            (Type::Integer, _) => self.wrong(value, "a whole number", "int"),
            (Type::Number, _) => self.wrong(value, "a number", "float64"),
            (Type::Text, _) => self.wrong(value, "a string", "string"),
            (Type::Duration, _) => self.wrong(value, "a duration as `10s`", "time.Duration"),
            (Type::Texts, _) => self.texts(value),
            (Type::Map, _) => self.map(value, Type::Text, "map[string]string"),
            (Type::MapOfTexts, _) => self.map(value, Type::Texts, "map[string][]string"),
            (Type::MapOfObjects(table), _) => {
                self.map(value, Type::Object(table), "map[string]structs.ServiceAddress")
            }
            (Type::Object(table), _) => self.object(value, table),
            (Type::Objects(table), _) => self.objects(value, table),
        }
    }

    fn duration(&mut self, text: String, place: &Place) -> Option<Value> {
        match (parse_duration(&text), self.author) {
            (Ok(_), _) => Some(Value { kind: Kind::Text(text), place: place.clone() }),
            // Go reads these; what uses the duration then says that it must be above zero.
            (Err(DurationFault::Negative | DurationFault::Empty), Author::Client) => {
                Some(Value { kind: Kind::Text("0s".to_owned()), place: place.clone() })
            }
            (Err(fault), _) => {
                self.misfit(place, Flaw::Duration { text, fault });
                None
            }
        }
    }

    fn texts(&mut self, value: Value) -> Option<Value> {
        let Kind::List(items) = value.kind else {
            return self.wrong(value, "a list of strings", "[]string");
        };
        let items = items.into_iter().filter_map(|item| self.value(item, Type::Text)).collect();
        Some(Value { kind: Kind::List(items), place: value.place })
    }

    fn map(&mut self, value: Value, holds: Type, go: &'static str) -> Option<Value> {
        let place = value.place.clone();
        let value = merged(value);
        let Kind::Object(entries) = value.kind else {
            return self.wrong(value, "an object", go);
        };
        if MAP_ENTRIES_MAX < entries.len() {
            self.misfit(&place, Flaw::TooMany(entries.len()));
            return None;
        }
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries.into_iter().filter(|entry| entry.value.kind != Kind::Null) {
            self.path.push(entry.key.clone());
            let checked = self.value(entry.value, holds);
            self.path.pop();
            kept.extend(checked.map(|value| Field { key: entry.key, place: entry.place, value }));
        }
        Some(Value { kind: Kind::Object(kept), place })
    }

    fn objects(&mut self, value: Value, table: &Table) -> Option<Value> {
        let place = value.place.clone();
        let items = match value.kind {
            Kind::List(items) | Kind::Blocks(items) => items,
            Kind::Object(_) if self.author == Author::Operator => vec![value],
            Kind::Object(_) | Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => {
                return self.wrong(value, "an object, or a list of objects", "structs.CheckTypes");
            }
        };
        let items = items.into_iter().filter_map(|item| self.item(item, table)).collect();
        Some(Value { kind: Kind::List(items), place })
    }

    /// One object of a list; gone if some of what it says was lost, for what is missing then is no
    /// second fault.
    fn item(&mut self, value: Value, table: &Table) -> Option<Value> {
        let before = self.misfits.len();
        let value = self.object(value, table)?;
        let has_loss = self.misfits.iter().skip(before).any(|misfit| match misfit.flaw {
            Flaw::UnknownKey { is_object, .. } => is_object,
            Flaw::WrongType { .. } | Flaw::TooMany(_) | Flaw::Duration { .. } => true,
            Flaw::Repeated(_) => false,
        });
        (!has_loss).then_some(value)
    }

    fn object(&mut self, value: Value, table: &Table) -> Option<Value> {
        let place = value.place.clone();
        let value = if self.author == Author::Operator { merged(value) } else { value };
        let entries = match value.kind {
            Kind::Object(entries) => entries,
            Kind::Null => Vec::new(),
            Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) | Kind::Blocks(_) => {
                return self.wrong(value, "an object", "struct");
            }
        };
        let mut kept: Vec<Field> = Vec::with_capacity(entries.len().min(table.keys.len()));
        for entry in entries {
            self.path.push(entry.key.clone());
            self.entry(entry, table, &mut kept);
            self.path.pop();
        }
        Some(Value { kind: Kind::Object(kept), place })
    }

    fn entry(&mut self, entry: Field, table: &Table, kept: &mut Vec<Field>) {
        let Some(key) = table.find(&entry.key) else {
            let is_object = matches!(entry.value.kind, Kind::Object(_) | Kind::Blocks(_));
            let is_kept = self.misfits.len() < FAULTS_KEPT_MAX;
            let nearest = is_kept.then(|| table.nearest(&entry.key)).flatten();
            return self.misfit(&entry.place, Flaw::UnknownKey { nearest, is_object });
        };
        if key.effect == Effect::Ignored || entry.value.kind == Kind::Null {
            return;
        }
        if key.effect == Effect::Later {
            self.idle.push((self.path.join("."), entry.place.clone()));
        }
        let Some(value) = self.value(entry.value, key.holds) else { return };
        let entry = Field { key: key.name.to_owned(), place: entry.place, value };
        match kept.iter_mut().find(|known| known.key == entry.key) {
            Some(known) if self.author == Author::Client => *known = entry,
            // `Port` and `port` in one definition: neither can be meant to vanish.
            Some(known) => {
                let before = known.place.clone();
                self.misfit(&entry.place, Flaw::Repeated(before));
            }
            None => kept.push(entry),
        }
    }
}

impl Table {
    /// The key that a spelling means.
    pub(crate) fn find(&self, written: &str) -> Option<&'static KnownKey> {
        match self.naming {
            Naming::Exact => self.keys.iter().find(|key| key.name == written),
            Naming::Loose => self.keys.iter().find(|key| is_loosely(key.name, written)),
        }
    }

    /// The known key that looks most like an unknown one.
    fn nearest(&self, written: &str) -> Option<&'static str> {
        // Only the beginning can look like a key, and comparing costs the product of both lengths.
        let written: String = written.chars().take(KEY_COMPARED_CHARS_MAX).collect();
        let folded = written.to_lowercase();
        let distance = |key: &KnownKey| strsim::damerau_levenshtein(key.name, &folded);
        let shown = self.keys.iter().filter(|key| key.effect != Effect::Ignored);
        let nearest = shown.min_by_key(|key| distance(key))?;
        (distance(nearest) <= 1 + folded.len() / 4).then_some(nearest.name)
    }
}

fn is_loosely(name: &str, written: &str) -> bool {
    let fold = |c: char| (c != '_').then(|| c.to_ascii_lowercase());
    name.chars().filter_map(fold).eq(written.chars().filter_map(fold))
}

/// HCL's repeated blocks, or a list of one object, as the one object that a key wants.
fn merged(value: Value) -> Value {
    let place = value.place;
    match value.kind {
        Kind::Blocks(blocks) if blocks.len() <= BLOCKS_MAX => {
            let mut all = Value { kind: Kind::Object(Vec::new()), place };
            for block in blocks {
                all.merge(block);
            }
            all
        }
        // Consul unwraps these, for its HCL decoder makes a list of every block.
        Kind::List(mut items) if items.len() == 1 => match items.pop() {
            Some(item) if matches!(item.kind, Kind::Object(_)) => item,
            other => Value { kind: Kind::List(other.into_iter().collect()), place },
        },
        kind => Value { kind, place },
    }
}

/// A whole number; an operator may write `1e2`.
fn read_integer(raw: &str, author: Author) -> Option<i64> {
    let whole = raw.parse::<i64>().ok();
    let exact = || raw.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && n.abs() < EXACT_MAX);
    match author {
        Author::Client => whole,
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        Author::Operator => whole.or_else(|| exact().map(|number| number as i64)),
    }
}

/// Up to here every whole number is a float exactly.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
