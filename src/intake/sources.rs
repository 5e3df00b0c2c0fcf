//! Files, folders, fragments and flags → one document: read within bounds, checked each, merged in order.

#![expect(
    clippy::disallowed_methods,
    reason = "a Fault's place names the path already, and the hints are ours"
)]

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::intake::fault::{Fault, Place};
use crate::intake::keys::CONFIG;
use crate::intake::schema::{self, Author, Flaw, Misfit, Type};
use crate::intake::value::{Field, Kind, Value};
use crate::intake::{hcl, json};
use crate::model::limits::{
    CONFIG_FILE_BYTES_MAX, CONFIG_FILES_MAX, KEY_SHOWN_CHARS_MAX, MAP_ENTRIES_MAX,
};

/// In which language a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// JSON.
    Json,
    /// HCL 1.
    Hcl,
}

/// Where configuration comes from, in the order in which later ones win (Consul's).
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `-dev`.
    pub dev: bool,
    /// `-config-file` and `-config-dir`, in the order of the command line.
    pub paths: Vec<PathBuf>,
    /// `-config-format`: for files whose name does not say.
    pub format: Option<Language>,
    /// `-hcl` fragments.
    pub fragments: Vec<String>,
    /// Flags that state one setting each.
    pub flags: Vec<FlagSetting>,
}

/// A flag as a setting.
#[derive(Clone, Debug)]
pub struct FlagSetting {
    /// As the user wrote it, for errors: `-dns-port`.
    pub flag: String,
    /// The key that it sets, dotted: `ports.dns`. A list key is appended to.
    pub key: String,
    /// Its text; the key's type decides how it is read. A map takes `name:value`.
    pub value: String,
}

/// What all sources say together.
pub(crate) struct Gathered {
    /// One canonical document.
    pub(crate) root: Value,
    /// What is wrong with the sources.
    pub(crate) faults: Vec<Fault>,
    /// What should be said of them.
    pub(crate) warnings: Vec<String>,
}

/// Reads and merges all sources.
pub(crate) fn gather(sources: &Sources) -> Gathered {
    let place = Place::whole(&Arc::from("configuration"));
    let root = Value { kind: Kind::Object(Vec::new()), place };
    let mut all = Gathered { root, faults: Vec::new(), warnings: Vec::new() };
    for path in &sources.paths {
        all.path(path, sources.format);
    }
    for (index, fragment) in sources.fragments.iter().enumerate() {
        let name = match sources.fragments.len() {
            1 => "-hcl".to_owned(),
            _ => format!("-hcl ({})", index + 1),
        };
        all.text(&Arc::from(name), fragment, Language::Hcl);
    }
    for flag in &sources.flags {
        let document = flag_document(flag);
        all.document(document);
    }
    all
}

impl Gathered {
    /// A path of the command line: a folder, or a file that must be one.
    fn path(&mut self, path: &Path, format: Option<Language>) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.folder(path, format),
            Ok(_) => match format.or_else(|| format_of(path)) {
                Some(format) => self.file(path, format),
                None => {
                    let text = "the file's name ends neither in `.json` nor in `.hcl`";
                    let hint = "rename it, or say `-config-format json` or `hcl`";
                    self.faults.push(Fault::at(&whole(path), text).hint(hint));
                }
            },
            Err(fault) => self.faults.push(io_fault(path, &fault)),
        }
    }

    /// The files of a folder in the order of their names; no folders in it.
    fn folder(&mut self, path: &Path, format: Option<Language>) {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(fault) => return self.faults.push(io_fault(path, &fault)),
        };
        let mut files = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => files.push(entry.path()),
                Err(fault) => self.faults.push(io_fault(path, &fault)),
            }
            if CONFIG_FILES_MAX < files.len() {
                let text = format!("more than {CONFIG_FILES_MAX} files in one folder");
                return self.faults.push(Fault::at(&whole(path), text));
            }
        }
        files.sort();
        for file in files {
            match (format.or_else(|| format_of(&file)), fs::metadata(&file)) {
                // A folder's other files are nobody's mistake, even those that cannot be read.
                (None, _) => self.warnings.push(format!(
                    "{}: skipped, its name ends neither in `.json` nor in `.hcl`",
                    file.display()
                )),
                (Some(_), Ok(metadata)) if metadata.is_dir() => self
                    .warnings
                    .push(format!("{}: skipped, folders in folders are not read", file.display())),
                (Some(format), Ok(_)) => self.file(&file, format),
                (Some(_), Err(fault)) => self.faults.push(io_fault(&file, &fault)),
            }
        }
    }

    fn file(&mut self, path: &Path, format: Language) {
        let source: Arc<str> = Arc::from(path.display().to_string());
        match read(path, &source) {
            Ok(text) => self.text(&source, &text, format),
            Err(fault) => self.faults.push(fault),
        }
    }

    fn text(&mut self, source: &Arc<str>, text: &str, format: Language) {
        let place = Place::whole(source);
        // Consul takes an empty file for an empty document.
        if text.trim().is_empty() {
            return;
        }
        if text.starts_with('\u{feff}') {
            let fault = Fault::at(&place, "the file begins with a byte order mark");
            return self.faults.push(fault.hint("save it as UTF-8 without one"));
        }
        let parsed = match format {
            Language::Json => json::parse(source, text, json::Repeats::Refuse),
            Language::Hcl => hcl::parse(source, text),
        };
        match parsed {
            Ok(document) => self.document(document),
            Err(fault) => self.faults.push(fault),
        }
    }

    /// Checks a document and lays it over what there is.
    fn document(&mut self, document: Value) {
        let (value, findings) = schema::check(Author::Operator, document, &CONFIG);
        self.faults.extend(findings.misfits.iter().map(fault_of));
        let idle = findings.idle.into_iter();
        self.warnings.extend(
            idle.map(|(key, place)| format!("{place}: `{key}` is accepted but has no effect yet")),
        );
        self.root.merge(singular_to_plural(value));
    }
}

/// `service` and `check` are one more of `services` and `checks`: several files may each hold one.
fn singular_to_plural(mut value: Value) -> Value {
    let Kind::Object(entries) = &mut value.kind else { return value };
    for (single, several) in [("service", "services"), ("check", "checks")] {
        let Some(at) = entries.iter().position(|entry| entry.key == single) else { continue };
        let mut entry = entries.remove(at);
        match entries.iter_mut().find(|entry| entry.key == several) {
            Some(list) => list.value.merge(entry.value),
            None => {
                several.clone_into(&mut entry.key);
                entries.push(entry);
            }
        }
    }
    value
}

/// A misfit in our words.
fn fault_of(misfit: &Misfit) -> Fault {
    let path: String = misfit.path.join(".").chars().take(KEY_SHOWN_CHARS_MAX).collect();
    match &misfit.flaw {
        Flaw::UnknownKey { nearest, is_object } => {
            let fault = Fault::at(&misfit.place, format!("invalid config key `{path}`"));
            match (nearest, is_object, misfit.path.as_slice()) {
                (Some(nearest), _, _) => fault.hint(format!("did you mean `{nearest}`?")),
                (None, true, [block, label]) if matches!(block.as_str(), "service" | "check") => {
                    fault.hint(format!(
                        "a label is no name; write `{block} {{ name = \"{label}\" … }}`"
                    ))
                }
                (None, _, _) => fault,
            }
        }
        Flaw::WrongType { expected, found, .. } => {
            let found_name = match &found.kind {
                Kind::Number(raw) => format!("`{raw}`"),
                _ => found.kind_name().to_owned(),
            };
            let subject = if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") };
            let text = format!("{subject} must be {expected}, but is {found_name}");
            Fault::at(&misfit.place, text)
        }
        Flaw::TooMany(entries) => {
            let text = format!("`{path}` has {entries} entries, {MAP_ENTRIES_MAX} are allowed");
            Fault::at(&misfit.place, text)
        }
        Flaw::Repeated(before) => {
            Fault::at(&misfit.place, format!("`{path}` is stated twice, first at {before}"))
        }
        Flaw::Duration { fault, .. } => Fault::at(&misfit.place, format!("`{path}`: {fault}")),
    }
}

/// A flag as a document of one key.
fn flag_document(flag: &FlagSetting) -> Value {
    let source: Arc<str> = Arc::from(flag.flag.as_str());
    let place = Place::whole(&source);
    let mut keys: Vec<&str> = flag.key.split('.').collect();
    let holds = type_of(&keys);
    let mut value = Value { kind: flag_kind(&flag.value, holds, &place), place: place.clone() };
    while let Some(key) = keys.pop() {
        let entry = Field { key: key.to_owned(), place: place.clone(), value };
        value = Value { kind: Kind::Object(vec![entry]), place: place.clone() };
    }
    value
}

/// What the key of a flag holds.
fn type_of(keys: &[&str]) -> Option<Type> {
    let mut table = &CONFIG;
    let (last, above) = keys.split_last()?;
    for key in above {
        match table.find(key)?.holds {
            Type::Object(inner) => table = inner,
            _ => return None,
        }
    }
    table.find(last).map(|key| key.holds)
}

fn flag_kind(text: &str, holds: Option<Type>, place: &Place) -> Kind {
    let value = |text: &str| Value { kind: Kind::Text(text.to_owned()), place: place.clone() };
    match (holds, text) {
        (Some(Type::Bool), "" | "true" | "1") => Kind::Bool(true),
        (Some(Type::Bool), "false" | "0") => Kind::Bool(false),
        (Some(Type::Integer | Type::Number), text) if text.parse::<f64>().is_ok() => {
            Kind::Number(text.to_owned())
        }
        (Some(Type::Texts), text) => Kind::List(vec![value(text)]),
        (Some(Type::Map), text) => {
            let (key, rest) = text.split_once(':').unwrap_or((text, ""));
            let entry = Field { key: key.to_owned(), place: place.clone(), value: value(rest) };
            Kind::Object(vec![entry])
        }
        _ => Kind::Text(text.to_owned()),
    }
}

/// Reads a file of at most [`CONFIG_FILE_BYTES_MAX`] bytes of UTF-8.
fn read(path: &Path, source: &Arc<str>) -> Result<String, Fault> {
    let bytes = read_bytes(path, source, CONFIG_FILE_BYTES_MAX)?;
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        let place = place_of_byte(source, &bytes, at);
        return Err(Fault::at(&place, "a binary file: it holds a zero byte"));
    }
    String::from_utf8(bytes).map_err(|fault| {
        let at = fault.utf8_error().valid_up_to();
        let place = place_of_byte(source, fault.as_bytes(), at);
        Fault::at(&place, "not UTF-8").hint("save it as UTF-8")
    })
}

/// Reads a regular file of at most so many bytes.
pub(super) fn read_bytes(path: &Path, source: &Arc<str>, bytes_max: u64) -> Result<Vec<u8>, Fault> {
    let place = Place::whole(source);
    // Asked before it is opened: opening a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(|fault| io_fault(path, &fault))?;
    if !metadata.is_file() {
        return Err(Fault::at(&place, "not a regular file"));
    }
    let too_large = || {
        let text = format!("larger than {} MiB", bytes_max / (1024 * 1024));
        Fault::at(&place, text).hint("split it into several files")
    };
    if bytes_max < metadata.len() {
        return Err(too_large());
    }
    let file = File::open(path).map_err(|fault| io_fault(path, &fault))?;
    let mut bytes = Vec::new();
    // Bounded once more: it may have grown.
    let mut bounded = file.take(bytes_max + 1);
    bounded.read_to_end(&mut bytes).map_err(|fault| io_fault(path, &fault))?;
    if bytes_max < u64::try_from(bytes.len()).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    Ok(bytes)
}

/// The place of a byte in what may be no text: what is no character there counts as one.
fn place_of_byte(source: &Arc<str>, bytes: &[u8], at: usize) -> Place {
    let before = bytes.get(..at).unwrap_or_default();
    let line = before.split(|byte| *byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let beside = before.get(start..).unwrap_or_default();
    let column = String::from_utf8_lossy(beside).chars().count() + 1;
    Place {
        source: Arc::clone(source),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
    }
}

fn format_of(path: &Path) -> Option<Language> {
    match path.extension()?.to_str()? {
        "json" => Some(Language::Json),
        "hcl" => Some(Language::Hcl),
        _ => None,
    }
}

/// A file as a whole.
pub(super) fn whole(path: &Path) -> Place {
    Place::whole(&Arc::from(path.display().to_string()))
}

/// Why a file or folder could not be had, in our words.
pub(super) fn io_fault(path: &Path, fault: &std::io::Error) -> Fault {
    let place = whole(path);
    match fault.kind() {
        ErrorKind::NotFound => Fault::at(&place, "no such file or folder"),
        ErrorKind::PermissionDenied => {
            Fault::at(&place, "cannot be read: permission denied").hint("let this user read it")
        }
        _ if fault.raw_os_error() == Some(nix::libc::ELOOP) => {
            Fault::at(&place, "cannot be read: its symbolic links lead in a circle")
        }
        _ => Fault::at(&place, format!("cannot be read: {fault}")),
    }
}
