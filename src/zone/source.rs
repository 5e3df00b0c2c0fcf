//! Files → texts, and marks in them → `file:line:column`, all in one pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::fault::{Fault, Place};
use crate::model::limits::{FAULTS_KEPT_MAX, ZONE_BYTES_MAX, ZONE_FILES_MAX};

/// A file of a zone.
#[derive(Clone, Debug)]
pub struct File {
    /// What faults call it. Two files of one name are the same file.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Where `$INCLUDE` finds files.
pub trait Files {
    /// Reads the file that `path` names in the file called `from`.
    ///
    /// # Errors
    /// Why it cannot be read, in words that go on from "cannot be included: ".
    fn read(&mut self, path: &str, from: &str) -> Result<File, String>;
}

/// No file anywhere.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&mut self, _path: &str, _from: &str) -> Result<File, String> {
        Err("there are no other files here".to_owned())
    }
}

/// A byte of a text. Line and column are found when all is read: counting them for each mark would make
/// a file of many faults quadratic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Mark {
    /// Index of the text; `$INCLUDE` makes one more each time.
    pub(super) text: u32,
    /// Offset in bytes.
    pub(super) at: u32,
}

/// Something to say about a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Note {
    /// Where.
    pub(super) mark: Mark,
    /// What.
    pub(super) text: String,
    /// Where the other thing stands that the text ends with.
    pub(super) other: Option<Mark>,
    /// What to do.
    pub(super) hint: Option<String>,
}

impl Note {
    /// A note without more.
    pub(super) fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self { mark, text: text.into(), other: None, hint: None }
    }

    /// The note with a place after its text.
    pub(super) fn other(self, other: Mark) -> Self {
        Self { other: Some(other), ..self }
    }

    /// The note with a piece of advice.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The first notes in the order of their places, at most [`FAULTS_KEPT_MAX`].
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    /// In the order of their places.
    kept: BTreeSet<Note>,
}

impl Notes {
    /// Keeps a note, unless enough stand before it.
    pub(super) fn add(&mut self, note: Note) {
        self.kept.insert(note);
        if FAULTS_KEPT_MAX < self.kept.len() {
            self.kept.pop_last();
        }
    }

    /// Whether there is nothing to say.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether whatever comes later in the texts is dropped.
    pub(super) fn is_full(&self) -> bool {
        FAULTS_KEPT_MAX <= self.kept.len()
    }
}

/// All texts of a zone.
#[derive(Default)]
pub(super) struct Texts {
    /// In the order in which they were opened.
    texts: Vec<(Arc<str>, Arc<str>)>,
    /// Bytes of all.
    bytes: usize,
}

impl Texts {
    /// Takes a file in as text. What is no text, or too much, is a note, and of no use beyond that.
    pub(super) fn open(&mut self, name: &str, bytes: &[u8]) -> (u32, Result<Arc<str>, Note>) {
        let text = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.bytes = self.bytes.saturating_add(bytes.len());
        let is_beyond = ZONE_BYTES_MAX < self.bytes || ZONE_FILES_MAX <= self.texts.len();
        let readable = if is_beyond { &[] } else { bytes };
        // A place in what is no text is counted in the text before it.
        let (shown, end) = match std::str::from_utf8(readable) {
            Ok(shown) => (shown, None),
            Err(reason) => {
                let before = readable.get(..reason.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(before).unwrap_or_default(), Some(reason.valid_up_to()))
            }
        };
        let shown: Arc<str> = Arc::from(shown);
        self.texts.push((Arc::from(name), Arc::clone(&shown)));
        let note = |at: usize, says: String, hint: &str| {
            let mark = Mark { text, at: u32::try_from(at).unwrap_or(u32::MAX) };
            (text, Err(Note::new(mark, says).hint(hint)))
        };
        if ZONE_BYTES_MAX < self.bytes {
            let says = format!("the zone's files have more than {} MiB", ZONE_BYTES_MAX >> 20);
            return note(0, says, "split it into several zones");
        }
        if ZONE_FILES_MAX < self.texts.len() {
            let says = format!("more than {ZONE_FILES_MAX} files are included");
            return note(0, says, "put them together");
        }
        if let Some(at) = shown.bytes().position(|byte| byte == 0) {
            let says = "a binary file: it holds a zero byte".to_owned();
            return note(at, says, "write `\\000` for a byte that is zero");
        }
        if let Some(at) = end {
            return note(at, "not UTF-8".to_owned(), "save it as UTF-8, or write `\\DDD`");
        }
        if shown.starts_with('\u{feff}') {
            let says = "the file begins with a byte order mark".to_owned();
            return note(0, says, "save it as UTF-8 without one");
        }
        (text, Ok(shown))
    }

    /// Notes with their lines and columns. Each text is read through once.
    pub(super) fn resolve(&self, notes: &Notes) -> Vec<Fault> {
        let mut marks: BTreeSet<Mark> = BTreeSet::new();
        for note in &notes.kept {
            marks.insert(note.mark);
            marks.extend(note.other);
        }
        let places: BTreeMap<Mark, Place> = self.places(&marks).collect();
        let faults = notes.kept.iter().filter_map(|note| {
            let mut text = note.text.clone();
            if let Some(other) = note.other.and_then(|other| places.get(&other)) {
                text = format!("{text} {other}");
            }
            Some(Fault {
                place: Some(places.get(&note.mark)?.clone()),
                text,
                hint: note.hint.clone(),
            })
        });
        faults.collect()
    }

    /// The places of marks, which come in order.
    fn places(&self, marks: &BTreeSet<Mark>) -> impl Iterator<Item = (Mark, Place)> {
        let mut text = u32::MAX;
        let (mut line, mut column, mut before) = (1_u32, 1_u32, 0_usize);
        marks.iter().filter_map(move |mark| {
            if mark.text != text {
                (text, line, column, before) = (mark.text, 1, 1, 0);
            }
            let (name, whole) = self.texts.get(usize::try_from(text).ok()?)?;
            let at = usize::try_from(mark.at).ok()?.min(whole.len());
            for letter in whole.get(before..at).unwrap_or_default().chars() {
                (line, column) = match letter {
                    '\n' => (line.saturating_add(1), 1),
                    _ => (line, column.saturating_add(1)),
                };
            }
            before = at;
            Some((*mark, Place { source: Arc::clone(name), line, column }))
        })
    }
}
