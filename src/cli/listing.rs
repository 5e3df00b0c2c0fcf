//! What every command shares that shows what an agent says: whom to ask, and for whom to print it.

use clap::Args;
use serde::Serialize;

use crate::cli::arguments::none_of;
use crate::cli::client::{Client, ClientFlags};
use crate::cli::fault::Fault;
use crate::cli::output::Output;
use crate::cli::table::Layout;

/// The flags of such a command, beside its own.
#[derive(Args)]
pub(super) struct ListingFlags {
    /// `pretty` or `json`
    #[arg(long, value_name = "FORMAT", default_value_t)]
    format: Layout,
    /// Nothing more is taken.
    #[arg(hide = true)]
    others: Vec<String>,
    /// Whom to ask.
    #[command(flatten)]
    client: ClientFlags,
}

impl ListingFlags {
    /// Whom to ask.
    ///
    /// # Errors
    /// Where an argument is left over, or the flags make no client.
    pub(super) fn open(&self, output: &mut Output) -> Result<Client, Fault> {
        none_of(&self.others)?;
        Client::open(&self.client, output)
    }

    /// Prints what was found: as it is for programs, as `pretty` makes it for people.
    ///
    /// # Errors
    /// [`Fault::Output`].
    pub(super) fn print<T: Serialize>(
        &self,
        found: &T,
        output: &mut Output,
        pretty: impl FnOnce(&T) -> String,
    ) -> Result<(), Fault> {
        match self.format {
            Layout::Json => output.json(&serde_json::json!(found)),
            Layout::Pretty => output.text(&pretty(found)),
        }
    }

    /// The same of a list, with a note for people where it is empty.
    ///
    /// # Errors
    /// [`Fault::Output`].
    pub(super) fn print_all<T: Serialize>(
        &self,
        found: &Found<'_, T>,
        output: &mut Output,
        pretty: impl FnOnce(&T) -> String,
    ) -> Result<(), Fault> {
        if found.is_empty && self.format == Layout::Pretty {
            let what = found.what;
            output.note(&format!("No {what} match the given query - try expanding your search."));
            return Ok(());
        }
        self.print(found.list, output, pretty)
    }
}

/// A list that was found.
pub(super) struct Found<'a, T> {
    /// What it lists: `nodes`.
    pub(super) what: &'static str,
    /// It.
    pub(super) list: &'a T,
    /// Whether nothing is in it.
    pub(super) is_empty: bool,
}
