//! Catalog × Description → the bytes of a snapshot.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::catalog::archive::seal::{Sealing, hex};
use crate::catalog::archive::{Description, META, STATE, SUMS};
use crate::catalog::backup;
use crate::catalog::state::Catalog;
use crate::model::time::Now;

/// Writes a snapshot. A tar says how long a file is before the file begins, so the backup is made twice: once to be
/// measured and summed, once to be written.
///
/// # Errors
/// Those of the sink.
pub fn write(
    catalog: &Catalog,
    description: Description,
    now: Now,
    sink: impl Write,
) -> io::Result<()> {
    // What is set aside belongs to a restore under way here, not to the state.
    let catalog = catalog.without_staged();
    let (size, state_sum) = measure(backup::Writer::new(&catalog))?;
    let meta = serde_json::to_vec(&Description { size, ..description })?;
    let (meta_size, meta_sum) = measure(&*meta)?;
    let sums = format!("{meta_sum}  {META}\n{state_sum}  {STATE}\n");

    let gzip = GzEncoder::new(Sealing::new(sink), Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    let mut append = |name, size, content: &mut dyn Read| -> io::Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(now.0 / 1_000);
        tar.append_data(&mut header, name, content)
    };
    append(META, meta_size, &mut &*meta)?;
    append(STATE, size, &mut backup::Writer::new(&catalog))?;
    append(SUMS, u64::try_from(sums.len()).unwrap_or(u64::MAX), &mut sums.as_bytes())?;
    tar.into_inner()?.finish()?.finish()
}

/// Size and SHA-256 of all that there is to read.
fn measure(mut source: impl Read) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let size = io::copy(&mut source, &mut hash)?;
    Ok((size, hex(&hash.finalize())))
}
