//! Arguments as Go's `flag` package reads them → arguments that clap reads: a pure rewriting.
//!
//! Consul's flags have one dash or two, their value follows after `=` or as the next argument, whatever it
//! begins with, a switch may be `-x=false`, and the first argument that is no flag ends the flags. So
//! `kv put key -1` writes `-1`, and `kv get x -stale` has two arguments.

use std::ffi::{OsStr, OsString};

use crate::cli::fault::Fault;

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CommandLine {
    /// A command: the arguments in clap's form.
    Run(Vec<OsString>),
    /// The help of the command with this path.
    Help(Vec<String>),
    /// The version.
    Version,
}

/// Why arguments make no command.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ArgumentFault {
    /// There is no first word, or none that we know.
    #[error("{}", unknown_command(word.as_deref()))]
    Command {
        /// The word, if there was one.
        word: Option<String>,
        /// The known command that looks most like it.
        nearest: Option<String>,
        /// How to write it.
        usage: String,
    },
    /// The second word is missing or unknown.
    #[error("{}", unknown_command(word.as_deref()))]
    Subcommand {
        /// The word, if there was one.
        word: Option<String>,
        /// The known command that looks most like it.
        nearest: Option<String>,
        /// How to write it.
        usage: String,
    },
    /// A flag stands before the command.
    #[error(
        "Invalid flags before the subcommand: {flag}\nIf these flags are for the subcommand, please put them after the subcommand."
    )]
    Early {
        /// The first one.
        flag: String,
    },
    /// There is no such flag.
    #[error("flag provided but not defined: -{flag}")]
    Flag {
        /// Its name.
        flag: String,
        /// The known flag that looks most like it.
        nearest: Option<String>,
        /// How to write the command.
        usage: String,
    },
    /// A flag's value is missing.
    #[error("flag needs an argument: -{flag}")]
    Value {
        /// Its name.
        flag: String,
        /// How to write the command.
        usage: String,
    },
    /// A switch is neither on nor off.
    #[error("invalid boolean value \"{value}\" for -{flag}: expected true or false")]
    Switch {
        /// Its name.
        flag: String,
        /// What was written.
        value: String,
    },
}

/// Rewrites a command line, its program name first, for the commands of `tree` (which is built).
///
/// # Errors
/// [`ArgumentFault`], in Consul's words.
pub(super) fn rewrite(
    arguments: Vec<OsString>,
    tree: &clap::Command,
) -> Result<CommandLine, ArgumentFault> {
    let mut arguments = arguments.into_iter();
    let mut rewritten: Vec<OsString> = arguments.by_ref().take(1).collect();
    let mut command = tree;
    let mut path: Vec<String> = Vec::new();
    while command.has_subcommands() {
        let Some(word) = arguments.next() else { return Err(missing(command, &path, None)) };
        let word = from_old_form(&path, word);
        if let Some((flag, _)) = flag_of(&word) {
            return match flag.to_string_lossy().as_ref() {
                "h" | "help" => Ok(CommandLine::Help(path)),
                "v" | "version" if path.is_empty() => Ok(CommandLine::Version),
                _ if path.is_empty() => {
                    Err(ArgumentFault::Early { flag: word.to_string_lossy().into_owned() })
                }
                _ => Err(missing(command, &path, Some(&word))),
            };
        }
        let Some(found) = command.find_subcommand(&word) else {
            return Err(missing(command, &path, Some(&word)));
        };
        path.push(found.get_name().to_owned());
        rewritten.push(word);
        command = found;
    }
    let order = if path == ["dig"] { Order::Anywhere } else { Order::FlagsFirst };
    match rewrite_flags(arguments, command, order)? {
        Some(rest) => rewritten.extend(rest),
        None => return Ok(CommandLine::Help(path)),
    }
    Ok(CommandLine::Run(rewritten))
}

/// `operator raft -list-peers`, as it was written before Consul 0.8: the flag is the command.
fn from_old_form(path: &[String], word: OsString) -> OsString {
    match flag_of(&word) {
        Some((flag, None))
            if path == ["operator", "raft"] && (flag == "list-peers" || flag == "remove-peer") =>
        {
            flag
        }
        _ => word,
    }
}

/// The command at the end of a path of its names.
pub(super) fn find<'a>(
    tree: &'a mut clap::Command,
    path: &[String],
) -> Option<&'a mut clap::Command> {
    path.iter().try_fold(tree, |command, name| command.find_subcommand_mut(name))
}

/// For commands that take nothing but flags.
pub(super) fn none_of<T>(others: &[T]) -> Result<(), Fault> {
    match others.len() {
        0 => Ok(()),
        count => Err(too_many("0", count)),
    }
}

/// Consul's words for arguments too many, which are often flags that came too late.
pub(super) fn too_many(expected: &str, count: usize) -> Fault {
    Fault::Advised {
        text: format!("Too many arguments (expected {expected}, got {count})"),
        hint: FLAGS_FIRST.to_owned(),
    }
}

impl ArgumentFault {
    /// The exit code: Consul's scripts know 127 as "no such command".
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Command { .. } => 127,
            Self::Subcommand { .. }
            | Self::Early { .. }
            | Self::Flag { .. }
            | Self::Value { .. }
            | Self::Switch { .. } => 1,
        }
    }

    /// What was probably meant.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Command { nearest, .. } | Self::Subcommand { nearest, .. } => {
                nearest.as_ref().map(|name| format!("did you mean `{name}`?"))
            }
            Self::Flag { nearest, .. } => {
                nearest.as_ref().map(|name| format!("did you mean `-{name}`?"))
            }
            Self::Early { .. } | Self::Value { .. } | Self::Switch { .. } => None,
        }
    }

    /// How to write it.
    pub(super) fn usage(&self) -> Option<&str> {
        match self {
            Self::Command { usage, .. }
            | Self::Subcommand { usage, .. }
            | Self::Flag { usage, .. }
            | Self::Value { usage, .. } => Some(usage),
            Self::Early { .. } | Self::Switch { .. } => None,
        }
    }
}

/// Where flags may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Consul's way: the first other argument ends them.
    FlagsFirst,
    /// The way of `dig`, which also knows `+flag` and `@server`.
    Anywhere,
}

/// What a flag takes.
enum FlagKind {
    /// Nothing; clap is only told when it is on.
    Switch,
    /// Nothing or, after `=`, true or false, which clap is told.
    Choice,
    /// A value, here or in the next argument.
    Value,
}

/// The arguments of one command; `None` where its help is asked for.
fn rewrite_flags(
    mut arguments: impl Iterator<Item = OsString>,
    command: &clap::Command,
    order: Order,
) -> Result<Option<Vec<OsString>>, ArgumentFault> {
    let mut flags = Vec::new();
    let mut others = Vec::new();
    while let Some(argument) = arguments.next() {
        let argument = if order == Order::Anywhere { from_dig(argument) } else { argument };
        if argument == "--" {
            others.extend(arguments.by_ref());
            break;
        }
        let Some((flag, value)) = flag_of(&argument) else {
            others.push(argument);
            if order == Order::FlagsFirst {
                others.extend(arguments.by_ref());
            }
            continue;
        };
        let name = flag.to_string_lossy().into_owned();
        if name == "h" || name == "help" {
            return Ok(None);
        }
        match (kind_of(&name, command)?, value) {
            (FlagKind::Value, Some(value)) => flags.push(joined(&name, &value)),
            (FlagKind::Value, None) => match arguments.next() {
                Some(value) => flags.push(joined(&name, &value)),
                None => {
                    return Err(ArgumentFault::Value { flag: name, usage: usage_of(command) });
                }
            },
            (FlagKind::Switch, value) => {
                let on = switch(&name, value.as_deref())?;
                let flag = OsString::from(format!("--{name}"));
                // The last one counts: `-stale -stale=false` is off.
                flags.retain(|earlier| *earlier != flag);
                flags.extend(on.then_some(flag));
            }
            (FlagKind::Choice, value) => {
                let on = switch(&name, value.as_deref())?;
                flags.push(OsString::from(format!("--{name}={on}")));
            }
        }
    }
    if !others.is_empty() {
        flags.push(OsString::from("--"));
    }
    flags.extend(others);
    Ok(Some(flags))
}

/// Splits `-name=value` and `--name=value`. A lone `-` is stdin, `--` ends the flags: neither is one.
fn flag_of(argument: &OsStr) -> Option<(OsString, Option<OsString>)> {
    let bytes = argument.as_encoded_bytes();
    let name = bytes.strip_prefix(b"--").or_else(|| bytes.strip_prefix(b"-"))?;
    if name.is_empty() {
        return None;
    }
    let Some(at) = name.iter().position(|&byte| byte == b'=') else {
        return Some((os_string(name), None));
    };
    let (name, value) = name.split_at(at);
    Some((os_string(name), Some(os_string(value.get(1..).unwrap_or_default()))))
}

/// `@server` and `+flag`, which fingers know from `dig`.
fn from_dig(argument: OsString) -> OsString {
    let bytes = argument.as_encoded_bytes();
    if let Some(server) = bytes.strip_prefix(b"@") {
        return joined("dns-addr", &os_string(server));
    }
    let Some(flag) = bytes.strip_prefix(b"+") else { return argument };
    match flag {
        b"vc" => OsString::from("-tcp"),
        b"novc" | b"notcp" => OsString::from("-tcp=false"),
        b"do" => OsString::from("-dnssec"),
        b"nodnssec" | b"nodo" => OsString::from("-dnssec=false"),
        b"edns" => OsString::from("-noedns=false"),
        flag => {
            let mut dashed = OsString::from("-");
            dashed.push(os_string(flag));
            dashed
        }
    }
}

fn kind_of(name: &str, command: &clap::Command) -> Result<FlagKind, ArgumentFault> {
    let known = || command.get_arguments().filter_map(|argument| argument.get_long());
    let Some(argument) = command.get_arguments().find(|one| one.get_long() == Some(name)) else {
        return Err(ArgumentFault::Flag {
            flag: name.to_owned(),
            nearest: nearest(name, known()),
            usage: usage_of(command),
        });
    };
    if !argument.get_action().takes_values() {
        return Ok(FlagKind::Switch);
    }
    let optional = argument.get_num_args().is_some_and(|range| range.min_values() == 0);
    Ok(if optional { FlagKind::Choice } else { FlagKind::Value })
}

/// The words that Go's `strconv.ParseBool` takes.
pub(super) fn parse_switch(word: &str) -> Option<bool> {
    match word {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn switch(name: &str, value: Option<&OsStr>) -> Result<bool, ArgumentFault> {
    let Some(value) = value else { return Ok(true) };
    let value = value.to_string_lossy();
    parse_switch(&value)
        .ok_or_else(|| ArgumentFault::Switch { flag: name.to_owned(), value: value.into_owned() })
}

fn missing(command: &clap::Command, path: &[String], word: Option<&OsStr>) -> ArgumentFault {
    let word = word.map(|word| word.to_string_lossy().into_owned());
    let names = command.get_subcommands().map(clap::Command::get_name);
    let nearest = word.as_deref().and_then(|word| nearest(word, names));
    let usage = command.clone().render_help().to_string();
    if path.is_empty() {
        ArgumentFault::Command { word, nearest, usage }
    } else {
        ArgumentFault::Subcommand { word, nearest, usage }
    }
}

fn usage_of(command: &clap::Command) -> String {
    let usage = command.clone().render_usage().to_string();
    format!("{usage}\nAll flags: add -help")
}

fn unknown_command(word: Option<&str>) -> String {
    word.map_or_else(
        || "no command was given".to_owned(),
        |word| format!("unknown command: {word}"),
    )
}

/// The known word that looks most like `word`, if one does.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|one| (strsim::jaro_winkler(word, one), one))
        .filter(|(likeness, _)| LIKENESS_MIN < *likeness)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, one)| one.to_owned())
}

fn joined(name: &str, value: &OsStr) -> OsString {
    let mut text = OsString::from(format!("--{name}="));
    text.push(value);
    text
}

/// Part of an argument, which need not be UTF-8.
fn os_string(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    OsStr::from_bytes(bytes).to_owned()
}

/// What is often wrong where there are too many arguments.
pub(super) const FLAGS_FIRST: &str = "flags come before other arguments";

/// Below this a word is another word rather than a slip of the finger (1 is equal).
const LIKENESS_MIN: f64 = 0.75;

#[cfg(test)]
mod tests;
