//! Texts → a draft: directives are obeyed, and each record gets its owner, TTL and data.

use hickory_proto::rr::Name;

use crate::model::limits::ZONE_INCLUDE_DEPTH_MAX;
use crate::model::number::Ttl;
use crate::zone::draft::{Draft, Record};
use crate::zone::field::{self, Words};
use crate::zone::lexer::{Entry, Lexer, Trouble, Word};
use crate::zone::source::{Files, Mark, Note, Notes, Texts};
use crate::zone::{generate, layout, word};

/// What is read so far.
pub(super) struct Reader<'f> {
    /// Where included files come from.
    pub(super) files: &'f mut dyn Files,
    /// What was opened.
    pub(super) texts: Texts,
    /// What is wrong.
    pub(super) faults: Notes,
    /// The records.
    pub(super) draft: Draft,
    /// The last `$TTL`.
    default_ttl: Option<Ttl>,
    /// The TTL that a record stated last.
    stated_ttl: Option<Ttl>,
    /// Names of the files that are being read, the outermost first.
    open: Vec<String>,
}

/// What a text says of the lines that follow.
pub(super) struct Context {
    /// Which text it is.
    text: u32,
    /// What relative names are below.
    pub(super) origin: Option<Name>,
    /// The owner of the record before.
    owner: Owner,
}

/// Whom a line that begins with a blank is about.
enum Owner {
    /// Nobody was named yet.
    Nobody,
    /// Somebody was named who cannot be; that was said.
    Garbled,
    /// This name.
    Known(Name),
}

impl<'f> Reader<'f> {
    /// A reader that has read nothing.
    pub(super) fn new(files: &'f mut dyn Files) -> Self {
        Self {
            files,
            texts: Texts::default(),
            faults: Notes::default(),
            draft: Draft::default(),
            default_ttl: None,
            stated_ttl: None,
            open: Vec::new(),
        }
    }

    /// Reads a file and all that it includes.
    pub(super) fn read(&mut self, name: &str, bytes: &[u8], origin: Option<Name>) {
        let (text, opened) = self.texts.open(name, bytes);
        let shown = match opened {
            Ok(shown) => shown,
            Err(fault) => return self.faults.add(fault),
        };
        self.open.push(name.to_owned());
        let mut lexer = Lexer::new(&shown);
        let mut context = Context { text, origin, owner: Owner::Nobody };
        while let Some(entry) = lexer.next() {
            if self.faults.is_full() || self.draft.is_full() {
                break;
            }
            let done = entry.and_then(|entry| self.entry(&mut context, &entry));
            if let Err(trouble) = done {
                self.fault(&context, trouble);
            }
        }
        self.open.pop();
    }

    fn entry(&mut self, context: &mut Context, entry: &Entry<'_>) -> Result<(), Trouble> {
        let first = entry.words.first().filter(|word| !word.is_quoted && !entry.is_indented);
        match first.and_then(|word| word.raw.strip_prefix('$')) {
            None => self.record(context, entry, None),
            Some(directive) => {
                let mut words = Words::new(entry);
                let word = words.take("a directive")?;
                match directive.to_ascii_uppercase().as_str() {
                    "ORIGIN" => {
                        let origin = word::name(words.take("a name")?, context.origin.as_ref())?;
                        context.origin = Some(origin);
                        words.finish()
                    }
                    "TTL" => {
                        self.default_ttl = Some(word::ttl(words.take("a TTL")?)?);
                        words.finish()
                    }
                    "INCLUDE" => self.include(context, word, words),
                    "GENERATE" => generate::run(self, context, word.at, words),
                    _ => {
                        let text = format!("unknown directive `{}`", word::shorten(word.raw));
                        let hint = "there are $ORIGIN, $TTL, $INCLUDE and $GENERATE; write `\\$` \
                                    for a name that begins with `$`";
                        Err(Trouble::new(word.at, text).hint(hint))
                    }
                }
            }
        }
    }

    /// `$INCLUDE FILE [ORIGIN]`. Origin and owner are the file's own, and as before when it ends
    /// (RFC 1035 §5.1); `$TTL` goes on.
    fn include(
        &mut self,
        context: &Context,
        directive: Word<'_>,
        mut words: Words<'_, '_>,
    ) -> Result<(), Trouble> {
        let path = words.take("a file")?;
        let origin = match words.next() {
            Some(word) => Some(word::name(word, context.origin.as_ref())?),
            None => context.origin.clone(),
        };
        words.finish()?;
        let shown = word::shorten(path.raw);
        if ZONE_INCLUDE_DEPTH_MAX < self.open.len() {
            let text = format!("more than {ZONE_INCLUDE_DEPTH_MAX} files include each other");
            return Err(Trouble::new(directive.at, text));
        }
        let bytes = word::bytes(path, usize::from(u16::MAX))?;
        let from = self.open.last().cloned().unwrap_or_default();
        let found = match std::str::from_utf8(&bytes) {
            Ok(path) => self.files.read(path, &from),
            Err(_) => Err("the name is not UTF-8".to_owned()),
        };
        let file = found.map_err(|reason| {
            Trouble::new(path.at, format!("`{shown}` cannot be included: {reason}"))
        })?;
        if self.open.contains(&file.name) {
            let text = format!("`{shown}` includes itself");
            return Err(Trouble::new(path.at, text).hint("take this line out"));
        }
        self.read(&file.name, &file.bytes, origin);
        Ok(())
    }

    /// `[OWNER] [TTL] [CLASS] TYPE DATA`, TTL and class in either order. Whatever is wrong with a record
    /// that a directive made is said of the directive.
    pub(super) fn record(
        &mut self,
        context: &mut Context,
        entry: &Entry<'_>,
        made_by: Option<u32>,
    ) -> Result<(), Trouble> {
        let mut words = Words::new(entry);
        let at = made_by.unwrap_or(words.at());
        if !entry.is_indented {
            let owner = word::name(words.take("an owner")?, context.origin.as_ref());
            context.owner =
                owner.as_ref().map_or(Owner::Garbled, |owner| Owner::Known(owner.clone()));
            owner?;
        }
        let head = head(&mut words)?;
        let owner = match &context.owner {
            Owner::Known(owner) => owner,
            Owner::Garbled => return Ok(()),
            Owner::Nobody => {
                let fault =
                    Trouble::new(at, "the line begins with a blank, and no name stands before it");
                return Err(fault.hint("write the owner's name, or `@` for the origin"));
            }
        };
        if let Some(ttl) = head.ttl {
            self.stated_ttl = Some(ttl);
        }
        let data = field::data(head.code, &mut words, context.origin.as_ref())?;
        // RFC 2308 §4, then RFC 1035 §5.1.
        let ttl = head.ttl.or(self.default_ttl).or(self.stated_ttl).ok_or_else(|| {
            Trouble::new(at, "the record has no TTL").hint("write `$TTL 1h` at the top of the file")
        })?;
        let mark = Mark { text: context.text, at };
        let record = Record { code: head.code, ttl, data, mark };
        self.draft.add(owner, record, &mut self.faults);
        Ok(())
    }

    fn fault(&mut self, context: &Context, trouble: Trouble) {
        let Trouble { at, text, hint } = trouble;
        let note = Note { hint, ..Note::new(Mark { text: context.text, at }, text) };
        self.faults.add(note);
    }
}

/// What stands between an owner and data.
struct Head {
    /// The TTL that was stated.
    ttl: Option<Ttl>,
    /// The type's number.
    code: u16,
}

fn head(words: &mut Words<'_, '_>) -> Result<Head, Trouble> {
    let (mut ttl, mut has_class) = (None, false);
    loop {
        let word = words.take("a type")?;
        if is_class(word.raw) {
            check_class(word, has_class)?;
            has_class = true;
        } else if word.raw.starts_with(|letter: char| letter.is_ascii_digit()) {
            if ttl.is_some() {
                return Err(Trouble::new(word.at, "the TTL is stated twice"));
            }
            ttl = Some(word::ttl(word)?);
        } else {
            let shown = word::shorten(word.raw);
            let code = layout::code_of(word.raw).ok_or_else(|| {
                let fault = Trouble::new(word.at, format!("unknown type `{shown}`"));
                fault.hint("write `TYPEnumber \\# length hex` for a type without a name here")
            })?;
            if layout::is_meta(code) {
                let text = format!("`{shown}` is no type of records in a zone");
                return Err(Trouble::new(word.at, text));
            }
            return Ok(Head { ttl, code });
        }
    }
}

/// Whether a word is a class: a mnemonic, or `CLASSn` (RFC 3597 §5).
pub(super) fn is_class(word: &str) -> bool {
    let number = word.split_at_checked(5).filter(|(start, _)| start.eq_ignore_ascii_case("CLASS"));
    let is_numbered = number.is_some_and(|(_, number)| number.parse::<u16>().is_ok());
    let names = ["IN", "CH", "CS", "HS", "NONE", "ANY"];
    is_numbered || names.iter().any(|name| name.eq_ignore_ascii_case(word))
}

fn check_class(word: Word<'_>, is_again: bool) -> Result<(), Trouble> {
    if is_again {
        return Err(Trouble::new(word.at, "the class is stated twice"));
    }
    let number = word.raw.get(5..).and_then(|number| number.parse::<u16>().ok());
    if word.raw.eq_ignore_ascii_case("IN") || number == Some(1) {
        return Ok(());
    }
    let text = format!("class `{}`, but zones are of class IN", word::shorten(word.raw));
    Err(Trouble::new(word.at, text))
}
