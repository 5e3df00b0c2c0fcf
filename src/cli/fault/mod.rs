//! What went wrong → one text with its causes, a hint, and an exit code. The only printer of errors.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};

use crate::cli::arguments::ArgumentFault;
use crate::cli::output::Output;
use crate::intake::LoadFault;
use crate::server::ServerFault;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The arguments make no command.
    #[error(transparent)]
    Arguments(#[from] ArgumentFault),
    /// The arguments make a command that cannot be done, or the agent said no: the whole text.
    #[error("{0}")]
    Refused(String),
    /// As [`Fault::Refused`], and what to do about it.
    #[error("{text}")]
    Advised {
        /// What is wrong.
        text: String,
        /// What to do.
        hint: String,
    },
    /// No answer came.
    #[error("{doing}: cannot reach {address}: {reason}")]
    Unreachable {
        /// Consul's words for what was being done.
        doing: String,
        /// Whom we asked.
        address: String,
        /// The innermost reason.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// An answer came, and it is an error.
    #[error("{doing}: Unexpected response code: {code}{}", in_brackets(body))]
    Answered {
        /// Consul's words for what was being done.
        doing: String,
        /// The status.
        code: u16,
        /// What the agent said about it.
        body: String,
    },
    /// An answer came that is not what such an answer looks like.
    #[error("{doing}: the answer cannot be understood: {reason}")]
    Garbled {
        /// Consul's words for what was being done.
        doing: String,
        /// What is odd about it.
        reason: String,
    },
    /// A file could not be read.
    #[error("Error! {0}")]
    File(io::Error),
    /// The configuration is wrong.
    #[error(transparent)]
    Load(#[from] LoadFault),
    /// The agent could not start or broke.
    #[error("==> {0}")]
    Agent(#[source] ServerFault),
    /// Nothing is to be said beyond the exit code.
    #[error("")]
    Silent(u8),
    /// stdout does not take what we write.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    /// The system did not give what a command needs.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
}

/// Prints a fault, once, and says what to exit with.
pub(super) fn report(fault: &Fault, output: &mut Output) -> ExitCode {
    let code = ExitCode::from(fault.code());
    if fault.is_quiet() {
        return code;
    }
    output.note(&chain(fault));
    if let Some(hint) = fault.hint() {
        output.note(&format!("hint: {hint}"));
    }
    if let Fault::Arguments(arguments) = fault
        && let Some(usage) = arguments.usage()
    {
        output.note(&format!("\n{}", usage.trim_end()));
    }
    code
}

impl Fault {
    /// A value that clap did not take, in Consul's words. Everything else was found before clap.
    pub(super) fn from_clap(error: &clap::Error) -> Self {
        let word = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.clone()),
            _ => None,
        };
        let reason = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        match (word(ContextKind::InvalidValue), word(ContextKind::InvalidArg)) {
            (Some(value), Some(argument)) => {
                let flag = argument.split([' ', '=']).next().unwrap_or_default();
                let flag = flag.trim_start_matches('-');
                let known = match error.get(ContextKind::ValidValue) {
                    Some(ContextValue::Strings(known)) if !known.is_empty() => {
                        format!(": expected {}", known.join(" or "))
                    }
                    _ => String::new(),
                };
                Self::Refused(format!("invalid value \"{value}\" for flag -{flag}{reason}{known}"))
            }
            _ => Self::Refused(error.to_string().trim_start_matches("error: ").trim().to_owned()),
        }
    }

    /// The exit code.
    fn code(&self) -> u8 {
        match self {
            Self::Arguments(fault) => fault.code(),
            Self::Silent(code) => *code,
            // What a shell shows for a program that SIGPIPE ended.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 141,
            Self::Refused(_)
            | Self::Advised { .. }
            | Self::Unreachable { .. }
            | Self::Answered { .. }
            | Self::Garbled { .. }
            | Self::File(_)
            | Self::Load(_)
            | Self::Agent(_)
            | Self::Output(_)
            | Self::System { .. } => 1,
        }
    }

    /// Whether nobody needs to be told.
    fn is_quiet(&self) -> bool {
        match self {
            Self::Silent(_) => true,
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    /// What the user can do about it.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Arguments(fault) => fault.hint(),
            Self::Advised { hint, .. } => Some(hint.clone()),
            Self::Unreachable { hint, .. } => Some((*hint).to_owned()),
            Self::Answered { code, body, .. } => hint_of_answer(*code, body).map(str::to_owned),
            Self::Agent(fault) => fault.hint().map(str::to_owned),
            Self::Garbled { .. } => Some(
                "is that the HTTP port of an agent? `-http-addr` says which is asked".to_owned(),
            ),
            Self::Refused(_)
            | Self::File(_)
            | Self::Load(_)
            | Self::Silent(_)
            | Self::Output(_)
            | Self::System { .. } => None,
        }
    }
}

/// The text of an error and of its causes, each once: many errors repeat their source in their own text.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    text
}

fn in_brackets(body: &str) -> String {
    if body.is_empty() { String::new() } else { format!(" ({body})") }
}

fn hint_of_answer(code: u16, body: &str) -> Option<&'static str> {
    match code {
        403 => Some("say which token to use with `-token`, `-token-file` or CONSUL_HTTP_TOKEN"),
        413 => Some("the agent's `limits.kv_max_value_size` bounds a value, 512 KiB by default"),
        400 if body.contains("HTTP request to an HTTPS server") => {
            Some("the agent speaks HTTPS there: set CONSUL_HTTP_SSL=true")
        }
        _ if body.contains("No path to datacenter") => {
            Some("`lictor catalog datacenters` lists those that are known")
        }
        _ if body.contains("No cluster leader") => {
            Some("the servers have no leader at the moment; `-stale` reads what one of them has")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
