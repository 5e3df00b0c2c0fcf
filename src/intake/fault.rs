//! Faults → what is wrong with a configuration as a whole.

use std::fmt;

use crate::model::limits::FAULTS_SHOWN_MAX;

pub use crate::model::fault::{Fault, Place};

/// What is wrong with a configuration: every fault that was found, never none. Display prints a line
/// each, at most [`FAULTS_SHOWN_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct LoadFault {
    /// In the order of the sources.
    pub faults: Vec<Fault>,
}

impl fmt::Display for LoadFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().take(FAULTS_SHOWN_MAX).enumerate() {
            if 0 < index {
                out.write_str("\n")?;
            }
            fault.fmt(out)?;
        }
        match self.faults.len().saturating_sub(FAULTS_SHOWN_MAX) {
            0 => Ok(()),
            more => write!(out, "\nand {more} more"),
        }
    }
}
