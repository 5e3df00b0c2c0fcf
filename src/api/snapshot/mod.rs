//! `/v1/snapshot`: the whole state as a file, and a file as the whole state.
//!
//! Packing and unpacking happen on threads that may block; pieces go through channels that hold a few of them. So
//! a save takes the memory of some pieces and of the View that it shows, a restore that of the backup and of the
//! catalog that is in it, once while it is looked at and once while it takes its place.

mod save;

mod restore;

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::model::limits::SNAPSHOTS_MADE_MAX;

pub(in crate::api) use self::restore::restore;
pub(in crate::api) use self::save::save;

/// How many snapshots may be under way.
#[derive(Clone)]
pub(in crate::api) struct Gate {
    /// Saves.
    saves: Arc<Semaphore>,
    /// Restores: one. Two would only take each other's place.
    restores: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        let saves = Arc::new(Semaphore::new(SNAPSHOTS_MADE_MAX));
        Self { saves, restores: Arc::new(Semaphore::new(1)) }
    }
}
