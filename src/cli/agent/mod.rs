//! The flags of `lictor agent` → [`Sources`] → a running agent.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::OsStringValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::arguments::too_many;
use crate::cli::fault::Fault;
use crate::cli::validate::format_of;
use crate::intake::{FlagSetting, Sources};
use crate::server;

mod flag;

use crate::cli::agent::flag::{FLAGS, FlagUse, FlagValue};

/// `lictor agent`
#[derive(Debug, Default)]
pub(super) struct Flags {
    /// What the flags say, the settings in the order of the command line.
    sources: Sources,
    /// The word of `-config-format`.
    format: Option<String>,
    /// What follows the flags: nothing may.
    others: Vec<String>,
}

/// Runs it until it is told to stop.
pub(super) fn run(flags: Flags) -> Result<ExitCode, Fault> {
    if !flags.others.is_empty() {
        return Err(too_many("0", flags.others.len()));
    }
    let mut sources = flags.sources;
    sources.format = flags.format.as_deref().map(format_of).transpose()?;
    server::run(&sources).map_err(Fault::Agent)
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        let command = FLAGS.iter().fold(command, |command, flag| {
            let argument = Arg::new(flag.name).long(flag.name).help(flag.help);
            command.arg(match flag.value {
                // Repeated ones are told in order; the loader lets the last one win.
                FlagValue::Text(name) => argument.value_name(name).action(ArgAction::Append),
                FlagValue::Path(name) => argument
                    .value_name(name)
                    .action(ArgAction::Append)
                    .value_parser(OsStringValueParser::new()),
                FlagValue::Truth => {
                    argument.value_name("BOOL").num_args(0..=1).action(ArgAction::Append)
                }
            })
        });
        command.arg(Arg::new(OTHERS).hide(true).num_args(0..).action(ArgAction::Append))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        let mut placed: Vec<(usize, Placed)> = Vec::new();
        for flag in FLAGS {
            let positions = matches.indices_of(flag.name).into_iter().flatten();
            match flag.value {
                FlagValue::Path(_) => {
                    let paths = matches.get_many::<std::ffi::OsString>(flag.name);
                    let paths = paths.into_iter().flatten();
                    placed.extend(
                        positions.zip(paths).map(|(at, path)| (at, Placed::Path(path.into()))),
                    );
                }
                FlagValue::Text(_) | FlagValue::Truth => {
                    let texts = matches.get_many::<String>(flag.name).into_iter().flatten();
                    placed.extend(
                        positions
                            .zip(texts)
                            .map(|(at, text)| (at, Placed::Text(flag, text.clone()))),
                    );
                }
            }
        }
        placed.sort_by_key(|(at, _)| *at);
        for (_, one) in placed {
            flags.take(one);
        }
        let others = matches.get_many::<String>(OTHERS).into_iter().flatten();
        flags.others = others.cloned().collect();
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// A flag as it was found.
enum Placed {
    /// A file or folder.
    Path(PathBuf),
    /// Any other with its text.
    Text(&'static flag::Flag, String),
}

impl Flags {
    fn take(&mut self, placed: Placed) {
        let (flag, text) = match placed {
            Placed::Path(path) => return self.sources.paths.push(path),
            Placed::Text(flag, text) => (flag, text),
        };
        match flag.meaning {
            FlagUse::Dev => self.sources.dev = text == "true",
            FlagUse::Source => {}
            FlagUse::Language => self.format = Some(text),
            FlagUse::Fragment => self.sources.fragments.push(text),
            FlagUse::Key(key) => self.set(flag.name, key, text),
            // `-node-meta rack:a` sets one key of a map.
            FlagUse::Pair(map) => match text.split_once(':') {
                Some((key, value)) => {
                    self.set(flag.name, &format!("{map}.{key}"), value.to_owned());
                }
                None => self.set(flag.name, &format!("{map}.{text}"), String::new()),
            },
        }
    }

    fn set(&mut self, flag: &str, key: &str, value: String) {
        let setting = FlagSetting { flag: format!("-{flag}"), key: key.to_owned(), value };
        self.sources.flags.push(setting);
    }
}

/// The id of what follows the flags.
const OTHERS: &str = "others";

#[cfg(test)]
mod tests;
