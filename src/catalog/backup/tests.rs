//! Backups of random catalogs, whole, cut and damaged.

use fastrand::Rng;

use crate::catalog::Catalog;
use crate::catalog::apply::{apply, random_command};
use crate::catalog::backup::{BackupFault, decode, encode};
use crate::model::number::Revision;
use crate::model::time::Now;

/// A catalog after random Commands.
fn catalog(seed: u64) -> Catalog {
    let mut rng = Rng::with_seed(seed);
    let mut catalog = Catalog::default();
    for _ in 1..200 {
        let revision = Revision(catalog.tables().applied.0 + 1);
        apply(&mut catalog, revision, Now(revision.0 * 1000), &random_command(&mut rng));
    }
    catalog
}

#[test]
fn a_backup_gives_the_same_catalog_back() {
    for seed in 0..40 {
        let before = catalog(seed);
        let bytes = encode(&before);
        let after = decode(&bytes).unwrap();
        assert!(before.rows().eq(after.rows()), "seed {seed}");
        assert_eq!(after.audit(), Vec::<String>::new(), "seed {seed}");
        assert_eq!(encode(&after), bytes, "seed {seed}");
    }
}

#[test]
fn a_restored_catalog_goes_on_like_the_original() {
    for seed in 0..40 {
        let mut original = catalog(seed);
        let mut restored = decode(&encode(&original)).unwrap();
        let mut rng = Rng::with_seed(seed + 1_000);
        for _ in 0..100 {
            let revision = Revision(original.tables().applied.0 + 1);
            let command = random_command(&mut rng);
            let one = apply(&mut original, revision, Now(revision.0 * 1000), &command);
            let other = apply(&mut restored, revision, Now(revision.0 * 1000), &command);
            assert_eq!(one.0, other.0, "seed {seed}, {revision}: {command:?}");
            assert_eq!(one.1.topics, other.1.topics, "seed {seed}, {revision}: {command:?}");
        }
        assert_eq!(encode(&original), encode(&restored), "seed {seed}");
    }
}

#[test]
fn an_empty_catalog_has_a_backup() {
    let bytes = encode(&Catalog::default());
    assert_eq!(encode(&decode(&bytes).unwrap()), bytes);
}

#[test]
fn a_backup_that_is_cut_anywhere_is_refused() {
    let bytes = encode(&catalog(1));
    for end in 0..bytes.len() {
        assert!(decode(&bytes[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn a_backup_with_one_other_bit_is_refused() {
    let mut bytes = encode(&catalog(2));
    for at in 0..bytes.len() {
        bytes[at] ^= 1 << (at % 8);
        assert!(decode(&bytes).is_err(), "bit flipped at {at}");
        bytes[at] ^= 1 << (at % 8);
    }
}

#[test]
fn a_backup_with_something_behind_it_is_refused() {
    let mut bytes = encode(&catalog(3));
    bytes.push(0);
    assert!(decode(&bytes).is_err());
}

#[test]
fn what_is_no_backup_is_called_so() {
    for bytes in [&b""[..], b"LICTORB", b"LICTORB2\0\0\0\0", b"{}"] {
        assert!(matches!(decode(bytes), Err(BackupFault::Format)), "{bytes:?}");
    }
}
