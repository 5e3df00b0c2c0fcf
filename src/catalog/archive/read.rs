//! The bytes of a snapshot → what is in it, if all of it is good.

use std::io::{self, BufReader, Read};

use flate2::bufread::GzDecoder;
use sha2::{Digest, Sha256};

use crate::catalog::archive::seal::{Unsealing, hex};
use crate::catalog::archive::{Description, META, STATE, SUMS};
use crate::catalog::backup::{self, BackupFault};
use crate::catalog::state::Catalog;
use crate::model::limits::{
    SNAPSHOT_RATIO_MAX, SNAPSHOT_STATE_BYTES_MAX, SNAPSHOT_TEXT_BYTES_MAX,
    SNAPSHOT_UNPACKED_BYTES_FREE,
};

/// What is in a snapshot.
#[derive(Debug)]
pub struct Archive {
    /// What it says about itself.
    pub description: Description,
    /// The state.
    pub catalog: Catalog,
}

/// Why a file is no snapshot that can be restored. Where Consul has a text for it, it begins so.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveFault {
    /// It is no gzip file.
    #[error("failed to decompress snapshot: {0}")]
    Gzip(&'static str),
    /// It cannot be unpacked.
    #[error("failed to read snapshot file: failed to read or write snapshot data: {0}")]
    Data(io::Error),
    /// It is not made of what snapshots are made of.
    #[error("failed to read snapshot file: {0}")]
    Content(String),
    /// What is in it is not what was put in.
    #[error(
        "failed to read snapshot file: failed checking integrity of snapshot: hash check failed for {0:?}"
    )]
    Hash(&'static str),
    /// It is Consul's.
    #[error(
        "this is a snapshot of Consul, whose format lictor does not read; move keys with `consul kv export` and \
         `lictor kv import`, and let services register themselves anew"
    )]
    Foreign,
    /// Its seal is missing or broken.
    #[error(
        "failed to read snapshot file: it is not as it was written: cut short, changed, or packed anew by another \
         program"
    )]
    Seal,
    /// The state in it does not hold together.
    #[error("failed to read snapshot file: {STATE}: {0}")]
    Backup(BackupFault),
    /// An invariant of the state is broken.
    #[error("failed to read snapshot file: {STATE}: {0}")]
    Audit(String),
}

/// Reads a snapshot to its end. The bytes of the backup in it go to `sink` as they come; they are good only if this
/// returns.
///
/// # Errors
/// [`ArchiveFault`], where anything is missing, was added or changed, or is too large.
pub fn read(source: impl Read, sink: &mut dyn FnMut(&[u8])) -> Result<Archive, ArchiveFault> {
    let mut source = Unsealing::new(source);
    check_head(source.head().map_err(ArchiveFault::Data)?)?;
    let gzip = GzDecoder::new(BufReader::new(source));
    let mut tar = tar::Archive::new(Unpacking { gzip, count: 0 });
    let content = read_files(&mut tar, sink)?;
    // To the end of the gzip member, whose checksum stands there.
    let mut unpacking = tar.into_inner();
    io::copy(&mut unpacking, &mut io::sink()).map_err(ArchiveFault::Data)?;
    let source = unpacking.gzip.into_inner();
    let is_sealed = source.buffer().is_empty()
        && source.into_inner().find_seal().map_err(ArchiveFault::Data)?;
    let archive = content.check()?;
    if !is_sealed {
        return Err(ArchiveFault::Seal);
    }
    Ok(archive)
}

/// Whether a gzip file begins, in the words of Go's decoder.
fn check_head(head: &[u8]) -> Result<(), ArchiveFault> {
    match head {
        [] => Err(ArchiveFault::Gzip("EOF")),
        short if short.len() < 10 => Err(ArchiveFault::Gzip("unexpected EOF")),
        [0x1f, 0x8b, 8, ..] => Ok(()),
        _ => Err(ArchiveFault::Gzip("gzip: invalid header")),
    }
}

/// The files of a snapshot, read and not compared with each other yet.
#[derive(Default)]
struct Content {
    /// The description.
    meta: Option<Vec<u8>>,
    /// The state, with size and SHA-256 of its bytes.
    state: Option<(Result<Catalog, BackupFault>, u64, String)>,
    /// What the sums are said to be.
    sums: Option<Vec<u8>>,
}

fn read_files<R: Read>(
    tar: &mut tar::Archive<R>,
    sink: &mut dyn FnMut(&[u8]),
) -> Result<Content, ArchiveFault> {
    let mut content = Content::default();
    // Raw: no long names and no extended headers, which the library would gather in memory.
    for entry in tar.entries().map_err(ArchiveFault::Data)?.raw(true) {
        let mut entry = entry.map_err(ArchiveFault::Data)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        match name.as_str() {
            META if content.meta.is_none() => content.meta = Some(text(&mut entry, META)?),
            SUMS if content.sums.is_none() => content.sums = Some(text(&mut entry, SUMS)?),
            STATE if content.state.is_none() => {
                if SNAPSHOT_STATE_BYTES_MAX < entry.size() {
                    return Err(too_large(STATE, SNAPSHOT_STATE_BYTES_MAX));
                }
                content.state = Some(state(&mut entry, sink)?);
            }
            _ => {
                return Err(ArchiveFault::Content(format!("unexpected file {name:?} in snapshot")));
            }
        }
    }
    Ok(content)
}

/// A small file.
fn text(entry: &mut impl Read, name: &str) -> Result<Vec<u8>, ArchiveFault> {
    let mut bytes = Vec::new();
    let mut limited = entry.take(SNAPSHOT_TEXT_BYTES_MAX + 1);
    let read = limited.read_to_end(&mut bytes).map_err(ArchiveFault::Data)?;
    if SNAPSHOT_TEXT_BYTES_MAX < u64::try_from(read).unwrap_or(u64::MAX) {
        return Err(too_large(name, SNAPSHOT_TEXT_BYTES_MAX));
    }
    Ok(bytes)
}

/// The state, and what its bytes sum up to.
fn state(
    entry: &mut impl Read,
    sink: &mut dyn FnMut(&[u8]),
) -> Result<(Result<Catalog, BackupFault>, u64, String), ArchiveFault> {
    let mut watched = Watched { source: entry, sink, hash: Sha256::new(), count: 0 };
    let catalog = match backup::read(BufReader::new(&mut watched)) {
        // Where the bytes give out, the archive is to blame, not what it holds.
        Err(BackupFault::Io(fault)) => return Err(ArchiveFault::Data(fault)),
        catalog => catalog,
    };
    io::copy(&mut watched, &mut io::sink()).map_err(ArchiveFault::Data)?;
    Ok((catalog, watched.count, hex(&watched.hash.finalize())))
}

fn too_large(name: &str, bytes_max: u64) -> ArchiveFault {
    ArchiveFault::Content(format!("{name:?} is larger than the {bytes_max} bytes that are allowed"))
}

impl Content {
    /// Compares the files with each other.
    fn check(self) -> Result<Archive, ArchiveFault> {
        let missing = |name| ArchiveFault::Content(format!("file {name:?} is missing in snapshot"));
        let meta = self.meta.ok_or_else(|| missing(META))?;
        let (catalog, size, state_sum) = self.state.ok_or_else(|| missing(STATE))?;
        let sums = self.sums.ok_or_else(|| missing(SUMS))?;
        let sums = String::from_utf8_lossy(&sums);
        for (name, sum) in [(META, hex(&Sha256::digest(&meta))), (STATE, state_sum)] {
            if !sums.lines().any(|line| line == format!("{sum}  {name}")) {
                return Err(ArchiveFault::Hash(name));
            }
        }
        let description: Description = serde_json::from_slice(&meta)
            .map_err(|fault| ArchiveFault::Content(format!("failed to decode {META}: {fault}")))?;
        let catalog = match catalog {
            // The sums are right, so somebody wrote it like this.
            Err(BackupFault::Format) => return Err(ArchiveFault::Foreign),
            catalog => catalog.map_err(ArchiveFault::Backup)?,
        };
        if description.size != size || description.index < catalog.tables().applied.0 {
            let text = format!("{META} does not describe {STATE}");
            return Err(ArchiveFault::Content(text));
        }
        match catalog.audit().first() {
            None => Ok(Archive { description, catalog }),
            Some(wrong) => Err(ArchiveFault::Audit(wrong.clone())),
        }
    }
}

/// A gzip member that may not grow beyond measure.
struct Unpacking<R> {
    /// The packed bytes.
    gzip: GzDecoder<BufReader<Unsealing<R>>>,
    /// How many came out.
    count: u64,
}

impl<R: Read> Read for Unpacking<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.gzip.read(out)?;
        self.count += u64::try_from(count).unwrap_or(u64::MAX);
        let packed = self.gzip.get_ref().get_ref().count();
        let count_max = packed.saturating_mul(SNAPSHOT_RATIO_MAX).max(SNAPSHOT_UNPACKED_BYTES_FREE);
        if count_max < self.count {
            let text = format!(
                "it unpacks to more than {SNAPSHOT_RATIO_MAX} times its size, which no snapshot does"
            );
            return Err(io::Error::other(text));
        }
        Ok(count)
    }
}

/// A source whose bytes are counted, summed and told.
struct Watched<'a, R> {
    /// The source.
    source: R,
    /// Who is told.
    sink: &'a mut dyn FnMut(&[u8]),
    /// Their sum.
    hash: Sha256,
    /// Their count.
    count: u64,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(out)?;
        let read = out.get(..count).unwrap_or_default();
        self.hash.update(read);
        (self.sink)(read);
        self.count += u64::try_from(count).unwrap_or(u64::MAX);
        Ok(count)
    }
}
