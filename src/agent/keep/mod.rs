//! HTTP registrations and check states ⇄ files in `data_dir/agent`.
//!
//! A definition is a file of its own, `definitions/NUMBER.json`; what all checks say is `states.json`.
//! Each is written beside its place, synced, and moved over it, so that a crash leaves the old one or the
//! new one. The format has a version; a file of a newer one is left alone, a damaged one is set aside as
//! `….damaged`, both with a word in the log: neither ends the agent.
//! Limits: a file has at most [`KEPT_FILE_BYTES_MAX`] bytes. Files hold ACL tokens: only the owner may read.
//!
//! [`KEPT_FILE_BYTES_MAX`]: crate::model::limits::KEPT_FILE_BYTES_MAX

mod disk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::agent::{AgentFault, LocalCheck, LocalService, LocalView, Origin};
use crate::model::definition::{CheckDefinition, ServiceDefinition};
use crate::model::health::Status;
use crate::model::name::{CheckId, ServiceId};
use crate::model::time::Now;

pub(in crate::agent) use self::disk::Write;

/// Where things are kept.
#[derive(Debug)]
pub(in crate::agent) struct Keep {
    /// `data_dir/agent`; nothing is kept without it.
    root: Option<PathBuf>,
    /// The file of each definition.
    numbers: OrdMap<KeptId, u64>,
    /// The number of the next file.
    next: u64,
    /// Whether there may be files that nobody states: those that were read, or left by a plan that failed.
    is_littered: bool,
}

/// The file of each definition, at one time.
#[derive(Debug)]
pub(in crate::agent) struct Numbers(OrdMap<KeptId, u64>);

/// What was kept.
#[derive(Debug, Default)]
pub(in crate::agent) struct Kept {
    /// Services that came over the API, without their checks.
    pub(in crate::agent) services: Vec<ServiceDefinition>,
    /// Checks that came over the API.
    pub(in crate::agent) checks: Vec<CheckDefinition>,
    /// What checks of either origin said last.
    pub(in crate::agent) states: BTreeMap<CheckId, KeptState>,
}

/// What a check said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::agent) struct KeptState {
    /// What it said.
    pub(in crate::agent) status: Status,
    /// What it printed.
    #[serde(default)]
    pub(in crate::agent) output: String,
    /// Until when that counts, by the wall's clock, if it is a TTL check that has not expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::agent) until: Option<Now>,
}

/// Which definition a file holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum KeptId {
    /// A service.
    Service(ServiceId),
    /// A check.
    Check(CheckId),
}

/// A file's content.
#[derive(Debug, Serialize, Deserialize)]
struct Versioned<T> {
    /// [`VERSION`].
    version: u32,
    /// What is kept.
    kept: T,
}

/// Only the version, to be read before anything else is believed.
#[derive(Debug, Deserialize)]
struct VersionOnly {
    /// [`VERSION`], or a newer one.
    version: u32,
}

/// A definition as a file holds it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptDefinition<S, C> {
    /// A service.
    Service(S),
    /// A check.
    Check(C),
}

/// The format of these files.
const VERSION: u32 = 1;

impl Keep {
    /// Opens the folder, or makes it, and reads what is there.
    ///
    /// # Errors
    /// [`AgentFault::Storage`], where the folder cannot be made or listed.
    pub(in crate::agent) fn open(data_dir: Option<&Path>) -> Result<(Self, Kept), AgentFault> {
        let root = data_dir.map(|data_dir| data_dir.join("agent"));
        let mut keep = Self { root, numbers: OrdMap::new(), next: 1, is_littered: true };
        let mut kept = Kept::default();
        let Some(root) = keep.root.clone() else { return Ok((keep, kept)) };
        let files = disk::open_folder(&definitions(&root))?;
        for (number, path) in files {
            keep.next = keep.next.max(number.saturating_add(1));
            match read::<KeptDefinition<ServiceDefinition, CheckDefinition>>(&path) {
                Some(KeptDefinition::Service(service)) => {
                    keep.numbers.insert(KeptId::Service(service.id.clone()), number);
                    kept.services.push(service);
                }
                Some(KeptDefinition::Check(check)) => {
                    keep.numbers.insert(KeptId::Check(check.id.clone()), number);
                    kept.checks.push(check);
                }
                None => {}
            }
        }
        kept.states = read(&states(&root)).unwrap_or_default();
        Ok((keep, kept))
    }

    /// What has to be written so that the files hold what `after` states over the API.
    ///
    /// # Errors
    /// [`AgentFault::Storage`], where a definition cannot be encoded.
    pub(in crate::agent) fn plan(
        &mut self,
        before: &LocalView,
        after: &LocalView,
    ) -> Result<Vec<Write>, AgentFault> {
        let Some(root) = self.root.clone() else { return Ok(Vec::new()) };
        let folder = definitions(&root);
        let mut writes = Vec::new();
        for difference in before.services.diff(&after.services) {
            let (id, old, new) = match difference {
                DiffItem::Add(id, new) => (id, None, Some(new)),
                DiffItem::Update { old: (_, old), new: (id, new) } => (id, Some(old), Some(new)),
                DiffItem::Remove(id, old) => (id, Some(old), None),
            };
            let is_kept = |service: &&LocalService| service.origin == Origin::Http;
            let (old, new) = (old.filter(is_kept), new.filter(is_kept));
            if let Some(new) = new
                && old.is_none_or(|old| !Arc::ptr_eq(&old.definition, &new.definition))
            {
                let kept = KeptDefinition::<_, ()>::Service(&*new.definition);
                let path = self.path(&folder, KeptId::Service(id.clone()));
                writes.push(Write { path, bytes: Some(encode(kept)?) });
            } else if new.is_none() {
                writes.extend(self.remove(&folder, &KeptId::Service(id.clone())));
            }
        }
        for difference in before.checks.diff(&after.checks) {
            let (id, old, new) = match difference {
                DiffItem::Add(id, new) => (id, None, Some(new)),
                DiffItem::Update { old: (_, old), new: (id, new) } => (id, Some(old), Some(new)),
                DiffItem::Remove(id, old) => (id, Some(old), None),
            };
            let is_kept = |check: &&Arc<LocalCheck>| check.origin == Origin::Http;
            let (old, new) = (old.filter(is_kept), new.filter(is_kept));
            if let Some(new) = new
                && old.is_none_or(|old| !Arc::ptr_eq(&old.definition, &new.definition))
            {
                let kept = KeptDefinition::<(), _>::Check(&*new.definition);
                let path = self.path(&folder, KeptId::Check(id.clone()));
                writes.push(Write { path, bytes: Some(encode(kept)?) });
            } else if new.is_none() {
                writes.extend(self.remove(&folder, &KeptId::Check(id.clone())));
            }
        }
        if std::mem::take(&mut self.is_littered) {
            writes.extend(self.sweep(&folder, after));
        }
        Ok(writes)
    }

    /// Removes the file of a definition, if it has one.
    fn remove(&mut self, folder: &Path, id: &KeptId) -> Option<Write> {
        let number = self.numbers.remove(id)?;
        Some(Write { path: file(folder, number), bytes: None })
    }

    /// Removes the files whose definition is gone, or which a configuration file states now.
    fn sweep(&mut self, folder: &Path, after: &LocalView) -> Vec<Write> {
        let is_stated = |id: &KeptId| {
            let origin = match id {
                KeptId::Service(id) => after.services.get(id).map(|service| service.origin),
                KeptId::Check(id) => after.checks.get(id).map(|check| check.origin),
            };
            origin == Some(Origin::Http)
        };
        let gone: Vec<KeptId> = self.numbers.keys().filter(|id| !is_stated(id)).cloned().collect();
        gone.iter().filter_map(|id| self.remove(folder, id)).collect()
    }

    /// The file of each definition, to be [restored](Self::restore_numbers) if a plan fails.
    pub(in crate::agent) fn numbers(&self) -> Numbers {
        Numbers(self.numbers.clone())
    }

    /// Notes that a plan failed half-way: files that it should have removed may still be there, and those
    /// that it made are nobody's, so that the next plan removes them.
    pub(in crate::agent) fn restore_numbers(&mut self, numbers: Numbers) {
        self.numbers.extend(numbers.0);
        self.is_littered = true;
    }

    /// Where what checks say is written so that it outlives a restart; nowhere without a data dir.
    pub(in crate::agent) fn states_path(&self) -> Option<PathBuf> {
        self.root.as_deref().map(states)
    }

    /// The file of a definition; a new one where it has none.
    fn path(&mut self, folder: &Path, id: KeptId) -> PathBuf {
        let number = *self.numbers.entry(id).or_insert(self.next);
        self.next = self.next.max(number.saturating_add(1));
        file(folder, number)
    }
}

/// Carries writes out, off the async threads; each is on disk when this returns.
///
/// # Errors
/// [`AgentFault::Storage`], with the file and what the system said.
pub(in crate::agent) async fn carry_out(writes: Vec<Write>) -> Result<(), AgentFault> {
    if writes.is_empty() {
        return Ok(());
    }
    let done = tokio::task::spawn_blocking(move || disk::carry_out(&writes)).await;
    done.unwrap_or_else(|fault| Err(AgentFault::Storage(format!("cannot write: {fault}"))))
}

/// Writes what checks say, off the async threads: it is large where there are many checks.
///
/// # Errors
/// [`AgentFault::Storage`], where it cannot be encoded or written.
pub(in crate::agent) async fn write_states(
    path: PathBuf,
    local: LocalView,
    until: BTreeMap<CheckId, Now>,
) -> Result<(), AgentFault> {
    let write = move || {
        let state = |(id, check): (_, &Arc<LocalCheck>)| {
            let (status, output) = (check.status, check.output.clone());
            (id, KeptState { status, output, until: until.get(id).copied() })
        };
        let kept: BTreeMap<&CheckId, KeptState> = local.checks.iter().map(state).collect();
        disk::carry_out(&[Write { path, bytes: Some(encode(kept)?) }])
    };
    let done = tokio::task::spawn_blocking(write).await;
    done.unwrap_or_else(|fault| Err(AgentFault::Storage(format!("cannot write: {fault}"))))
}

/// Carries writes out at once; for the start, before anything runs.
///
/// # Errors
/// [`AgentFault::Storage`].
pub(in crate::agent) fn carry_out_now(writes: &[Write]) -> Result<(), AgentFault> {
    disk::carry_out(writes)
}

fn definitions(root: &Path) -> PathBuf {
    root.join("definitions")
}

fn states(root: &Path) -> PathBuf {
    root.join("states.json")
}

fn file(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number}.json"))
}

fn encode<T: Serialize>(kept: T) -> Result<Vec<u8>, AgentFault> {
    serde_json::to_vec(&Versioned { version: VERSION, kept })
        .map_err(|fault| AgentFault::Storage(format!("cannot encode what is to be kept: {fault}")))
}

/// Reads one file; nothing, and a word in the log, where it cannot be used.
fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = match disk::read(path) {
        Ok(bytes) => bytes?,
        Err(fault) => {
            tracing::error!("going on without a kept file: {fault}");
            return None;
        }
    };
    let parsed = serde_json::from_slice::<VersionOnly>(&bytes).and_then(|found| {
        if VERSION < found.version {
            return Ok(Err(found.version));
        }
        serde_json::from_slice::<Versioned<T>>(&bytes).map(|versioned| Ok(versioned.kept))
    });
    match parsed {
        Ok(Ok(kept)) => Some(kept),
        Ok(Err(version)) => {
            tracing::error!(
                "`{}` is of format {version}, newer than {VERSION}, which this version reads; it is \
                 left alone",
                path.display()
            );
            None
        }
        Err(fault) => {
            let aside = disk::set_aside(path);
            tracing::error!("`{}` is damaged ({fault}); {aside}", path.display());
            None
        }
    }
}

#[cfg(test)]
mod tests;
