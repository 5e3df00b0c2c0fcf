//! A folder of zone files → the zones that DNS answers from, through mistakes and mends.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::intake::{self, LoadedZones};
use crate::zone::{StaticZone, Zones};

/// The zones in use, each with its file.
#[derive(Clone, Default)]
pub(in crate::server) struct ZoneFiles {
    /// In the order of the files' names.
    zones: Vec<(PathBuf, Arc<StaticZone>)>,
}

impl ZoneFiles {
    /// Reads the folder again. A file that is broken keeps its last good zone, and the log says what is wrong;
    /// at the start it has none, and costs the others nothing.
    pub(in crate::server) async fn read(self, folder: Option<PathBuf>) -> Self {
        let Some(folder) = folder else { return Self::default() };
        // Large zones take seconds, which no task here may stand still for.
        let loaded =
            tokio::task::spawn_blocking(move || report(&folder, intake::load_zones(&folder)));
        match loaded.await {
            Ok(loaded) => Self { zones: loaded.after(&self.zones) },
            Err(fault) => {
                tracing::error!(%fault, "the zone files could not be read; this is a bug");
                self
            }
        }
    }

    /// The zones, to be looked into.
    pub(in crate::server) fn zones(&self) -> Zones {
        Zones::new(self.zones.iter().map(|(_, zone)| Arc::clone(zone)))
    }
}

fn report(folder: &Path, loaded: LoadedZones) -> LoadedZones {
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    for refused in &loaded.refused {
        for fault in &refused.faults {
            tracing::error!("{fault}");
        }
        let file = refused.path.display();
        tracing::error!("{file} is not taken; what it held before stays, if there was anything");
    }
    let names: usize = loaded.zones.iter().map(|(_, zone)| zone.name_count()).sum();
    let (folder, zones) = (folder.display(), loaded.zones.len());
    tracing::info!("{zones} zones with {names} names read from {folder}");
    loaded
}
