//! A folder → the zones of its `*.zone` files, each on its own: one that does not load costs no other.

use fs_err as fs;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::intake::fault::Fault;
use crate::intake::sources::{io_fault, read_bytes, whole};
use crate::model::limits::{CONFIG_FILES_MAX, ZONE_BYTES_MAX};
use crate::zone::{self, File, Files, Parsed, Refused, StaticZone};

/// What a folder of zone files holds.
#[derive(Clone, Debug, Default)]
pub struct LoadedZones {
    /// The zones that are good, with their files, in the order of the files' names.
    pub zones: Vec<(PathBuf, StaticZone)>,
    /// The files that are not.
    pub refused: Vec<RefusedZone>,
    /// What is odd, also about files that were refused.
    pub warnings: Vec<Fault>,
}

/// A zone file that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedZone {
    /// The file; the folder itself if that could not be read.
    pub path: PathBuf,
    /// Why, never nothing.
    pub faults: Vec<Fault>,
}

impl LoadedZones {
    /// All that is wrong, in the order of the files.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.refused.iter().flat_map(|refused| &refused.faults)
    }

    /// These zones, and of those before the ones whose files are refused now: a mistake in a file does not
    /// take its zone out of service. Zones whose files are gone are gone too, unless the folder could not
    /// be read.
    #[must_use]
    pub fn after(self, before: &[(PathBuf, Arc<StaticZone>)]) -> Vec<(PathBuf, Arc<StaticZone>)> {
        let Self { zones, refused, .. } = self;
        let mut all: Vec<(PathBuf, Arc<StaticZone>)> =
            zones.into_iter().map(|(path, zone)| (path, Arc::new(zone))).collect();
        for (path, zone) in before {
            // A folder's own refusal speaks for every file in it.
            let is_refused =
                refused.iter().any(|it| it.path == *path || path.parent() == Some(&*it.path));
            let is_replaced = all.iter().any(|(_, other)| other.apex() == zone.apex());
            if is_refused && !is_replaced {
                all.push((path.clone(), Arc::clone(zone)));
            }
        }
        all
    }
}

/// Reads every `*.zone` file of a folder, in the order of their names; hidden files and folders in it are
/// left alone. Until a file says `$ORIGIN`, its origin is its name without `.zone`.
#[must_use]
pub fn load_zones(folder: &Path) -> LoadedZones {
    let mut loaded = LoadedZones::default();
    let paths = match zone_files(folder) {
        Ok(paths) => paths,
        Err(fault) => {
            loaded.refused.push(RefusedZone { path: folder.to_owned(), faults: vec![fault] });
            return loaded;
        }
    };
    let mut files_by_apex = HashMap::new();
    for path in paths {
        match load_zone(&path) {
            Ok(Parsed { zone, warnings }) => {
                loaded.warnings.extend(warnings);
                match files_by_apex.entry(zone.apex().clone()) {
                    Entry::Vacant(place) => {
                        place.insert(path.clone());
                        loaded.zones.push((path, zone));
                    }
                    Entry::Occupied(first) => {
                        let text = format!(
                            "the zone `{}` is also in {}",
                            zone::spell_name(zone.apex()),
                            first.get().display()
                        );
                        let fault = Fault::at(&whole(&path), text).hint("keep one of the files");
                        loaded.refused.push(RefusedZone { path, faults: vec![fault] });
                    }
                }
            }
            Err(Refused { faults, warnings }) => {
                loaded.warnings.extend(warnings);
                loaded.refused.push(RefusedZone { path, faults });
            }
        }
    }
    loaded
}

/// Reads one zone file and what it includes.
///
/// # Errors
/// [`Refused`] with all that is wrong, also if the file cannot be read.
pub fn load_zone(path: &Path) -> Result<Parsed, Refused> {
    let name = path.display().to_string();
    let bytes = read_bytes(path, &Arc::from(name.as_str()), bytes_max())
        .map_err(|fault| Refused { faults: vec![fault], warnings: Vec::new() })?;
    let origin = path.file_stem().and_then(|stem| stem.to_str()).and_then(zone::zone_name);
    zone::parse(&name, &bytes, origin.as_ref(), &mut Beside)
}

/// The zone files of a folder.
fn zone_files(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|fault| io_fault(folder, &fault))? {
        let path = entry.map_err(|fault| io_fault(folder, &fault))?.path();
        let is_hidden =
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let is_zone = path.extension().is_some_and(|end| end == "zone");
        if is_zone && !is_hidden && !path.is_dir() {
            files.push(path);
        }
        if CONFIG_FILES_MAX < files.len() {
            let text = format!("more than {CONFIG_FILES_MAX} zone files in one folder");
            return Err(Fault::at(&whole(folder), text));
        }
    }
    files.sort();
    Ok(files)
}

/// Files of the disk, those with relative paths beside the file that includes them.
struct Beside;

impl Files for Beside {
    fn read(&mut self, path: &str, from: &str) -> Result<File, String> {
        let path = Path::new(from).parent().unwrap_or(Path::new("")).join(path);
        // Without `.` parts, so that one file has one name.
        let path: PathBuf = path.components().collect();
        let name = path.display().to_string();
        match read_bytes(&path, &Arc::from(name.as_str()), bytes_max()) {
            Ok(bytes) => Ok(File { name, bytes }),
            Err(fault) => Err(fault.text),
        }
    }
}

/// Largest file: the room that a zone has in all.
fn bytes_max() -> u64 {
    u64::try_from(ZONE_BYTES_MAX).unwrap_or(u64::MAX)
}
