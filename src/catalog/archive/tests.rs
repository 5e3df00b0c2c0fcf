//! Snapshots: whole, cut, with a bit flipped, too large, of others.

use std::io::{Read, Write};

use expect_test::{Expect, expect};
use fastrand::Rng;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::catalog::apply::{apply, random_command};
use crate::catalog::archive::seal::Sealing;
use crate::catalog::archive::{Archive, ArchiveFault, Description, Server, inventory, read, write};
use crate::catalog::backup::encode;
use crate::catalog::{Catalog, Command};
use crate::model::number::Revision;
use crate::model::time::Now;

/// A catalog after random Commands.
fn catalog(commands: u64) -> Catalog {
    let mut rng = Rng::with_seed(5);
    let mut catalog = Catalog::default();
    for revision in (1..=commands).map(Revision) {
        // A restore would count on from its own backup.
        let commands = std::iter::repeat_with(|| random_command(&mut rng));
        let mut others = commands.filter(|command| !matches!(command, Command::Restore(_)));
        apply(&mut catalog, revision, Now(revision.0 * 1000), &others.next().unwrap());
    }
    catalog.without_staged()
}

fn describe(catalog: &Catalog) -> Description {
    let address = "127.0.0.1:8300".to_owned();
    let server = Server { suffrage: 0, id: "7d6434d6".to_owned(), address };
    Description::new(catalog.tables().applied.0, 2, 1_795_578_639_576, vec![server])
}

fn pack(catalog: &Catalog) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(catalog, describe(catalog), Now(1_795_578_639_576), &mut bytes).unwrap();
    bytes
}

/// What a snapshot unpacks to, as any other program sees it.
fn unpack(bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut unpacked).unwrap();
    unpacked
}

/// A tar of these files, packed and sealed.
fn pack_files(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let gzip = GzEncoder::new(Sealing::new(&mut bytes), Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap().finish().unwrap();
    bytes
}

/// Packs these files with the sums of the first two.
fn pack_summed(meta: &[u8], state: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let hex = |bytes: &[u8]| crate::catalog::archive::seal::hex(&Sha256::digest(bytes));
    let sums = format!("{}  meta.json\n{}  state.bin\n", hex(meta), hex(state));
    pack_files(&[("meta.json", meta), ("state.bin", state), ("SHA256SUMS", sums.as_bytes())])
}

fn open(bytes: &[u8]) -> Result<Archive, ArchiveFault> {
    read(bytes, &mut |_| {})
}

fn check(bytes: &[u8], expected: &Expect) {
    expected.assert_eq(&open(bytes).unwrap_err().to_string());
}

#[test]
fn a_snapshot_gives_the_same_catalog_back() {
    for commands in [0, 1, 40, 200] {
        let before = catalog(commands);
        let mut backup = Vec::new();
        let archive = read(&*pack(&before), &mut |bytes| backup.extend_from_slice(bytes)).unwrap();
        assert!(before.rows().eq(archive.catalog.rows()), "{commands}");
        assert_eq!(backup, encode(&before), "the bytes of the backup are told, {commands}");
        let size = backup.len() as u64;
        assert_eq!(archive.description, Description { size, ..describe(&before) });
    }
}

/// Pieces as small as they come: nothing depends on where they are cut.
#[test]
fn a_snapshot_may_come_byte_by_byte() {
    struct Drip<'a>(&'a [u8]);
    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let count = out.len().min(1);
            self.0.read(&mut out[..count])
        }
    }
    let before = catalog(60);
    let archive = read(Drip(&pack(&before)), &mut |_| {}).unwrap();
    assert!(before.rows().eq(archive.catalog.rows()));
}

#[test]
fn other_programs_read_it_too() {
    let before = catalog(40);
    let unpacked = unpack(&pack(&before));
    let mut tar = tar::Archive::new(&*unpacked);
    let mut files = Vec::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.push((entry.path().unwrap().display().to_string(), content));
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["meta.json", "state.bin", "SHA256SUMS"]);
    assert_eq!(files[1].1, encode(&before));
    let meta = String::from_utf8(files[0].1.clone()).unwrap();
    let size = format!("\"Size\":{}}}", files[1].1.len());
    let meta = meta.replace(&size, "\"Size\":N}");
    expect![[r#"{"Version":1,"ID":"2-40-1795578639576","Index":40,"Term":2,"Peers":"ka4xMjcuMC4wLjE6ODMwMA==","Configuration":{"Servers":[{"Suffrage":0,"ID":"7d6434d6","Address":"127.0.0.1:8300"}]},"ConfigurationIndex":1,"Size":N}"#]]
    .assert_eq(&meta);
}

#[test]
fn a_snapshot_that_is_cut_anywhere_is_refused() {
    let bytes = pack(&catalog(30));
    for end in 0..bytes.len() {
        assert!(open(&bytes[..end]).is_err(), "cut at {end} of {}", bytes.len());
    }
}

/// Every byte once, the bit at random; and all bits of those bytes that mean nothing to gzip.
#[test]
fn a_snapshot_with_one_other_bit_is_refused() {
    let mut bytes = pack(&catalog(30));
    let mut rng = Rng::with_seed(1);
    let length = bytes.len();
    for at in 0..length {
        let is_edge = at < 16 || length - 110 < at;
        let bits = if is_edge { 0..8 } else { rng.u8(0..8)..8 };
        for bit in bits.take(if is_edge { 8 } else { 1 }) {
            bytes[at] ^= 1 << bit;
            assert!(open(&bytes).is_err(), "bit {bit} of byte {at} of {length}");
            bytes[at] ^= 1 << bit;
        }
    }
    open(&bytes).unwrap();
}

#[test]
fn what_is_no_snapshot_is_called_so() {
    check(b"", &expect!["failed to decompress snapshot: EOF"]);
    check(b"junk", &expect!["failed to decompress snapshot: unexpected EOF"]);
    check(b"127.0.0.1 localhost", &expect!["failed to decompress snapshot: gzip: invalid header"]);
}

#[test]
fn a_snapshot_that_was_packed_anew_is_refused() {
    let unpacked = unpack(&pack(&catalog(30)));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&unpacked).unwrap();
    check(
        &gzip.finish().unwrap(),
        &expect![[r"
        failed to read snapshot file: it is not as it was written: cut short, changed, or packed anew by another program"]],
    );
    let mut longer = pack(&catalog(30));
    longer.push(0);
    assert!(open(&longer).is_err(), "something stands behind it");
}

#[test]
fn a_snapshot_of_consul_is_told_from_a_damaged_one() {
    let meta = serde_json::to_vec(&describe(&Catalog::default())).unwrap();
    check(
        &pack_summed(&meta, b"\x82\xa5Index"),
        &expect![[r"
        this is a snapshot of Consul, whose format lictor does not read; move keys with `consul kv export` and `lictor kv import`, and let services register themselves anew"]],
    );
}

#[test]
fn contents_that_do_not_belong_together_are_refused() {
    let state = encode(&catalog(30));
    let meta = |index, size| {
        let description = Description::new(index, 1, 0, Vec::new());
        serde_json::to_vec(&Description { size, ..description }).unwrap()
    };
    let size = state.len() as u64;
    open(&pack_summed(&meta(30, size), &state)).unwrap();
    for meta in [meta(29, size), meta(30, size + 1)] {
        check(
            &pack_summed(&meta, &state),
            &expect!["failed to read snapshot file: meta.json does not describe state.bin"],
        );
    }
    check(
        &pack_files(&[("meta.json", &meta(30, size)), ("state.bin", &state)]),
        &expect![[r#"failed to read snapshot file: file "SHA256SUMS" is missing in snapshot"#]],
    );
    check(
        &pack_files(&[("etc/passwd", b"")]),
        &expect![[r#"failed to read snapshot file: unexpected file "etc/passwd" in snapshot"#]],
    );
    check(
        &pack_files(&[("meta.json", b"{}"), ("state.bin", &state), ("SHA256SUMS", b"00  x\n")]),
        &expect![[
            r#"failed to read snapshot file: failed checking integrity of snapshot: hash check failed for "meta.json""#
        ]],
    );
    let mut damaged = state.clone();
    damaged[20] ^= 1;
    let text = open(&pack_summed(&meta(30, size), &damaged)).unwrap_err().to_string();
    assert!(text.starts_with("failed to read snapshot file: state.bin: "), "{text}");
}

#[test]
fn what_unpacks_beyond_measure_is_refused() {
    let bomb = vec![0; 64 * 1024 * 1024];
    let mut bytes = Vec::new();
    let mut gzip = GzEncoder::new(Sealing::new(&mut bytes), Compression::best());
    gzip.write_all(&{
        let mut header = tar::Header::new_ustar();
        header.set_path("state.bin").unwrap();
        header.set_size(bomb.len() as u64);
        header.set_cksum();
        header.as_bytes().to_vec()
    })
    .unwrap();
    gzip.write_all(&bomb).unwrap();
    gzip.finish().unwrap().finish().unwrap();
    assert!(bytes.len() < 100_000);
    check(
        &bytes,
        &expect![
            "failed to read snapshot file: failed to read or write snapshot data: it unpacks to more than 200 times its size, which no snapshot does"
        ],
    );
    let large = vec![b'x'; 64 * 1024 + 1];
    check(
        &pack_files(&[("meta.json", &large)]),
        &expect![[
            r#"failed to read snapshot file: "meta.json" is larger than the 65536 bytes that are allowed"#
        ]],
    );
}

#[test]
fn an_inventory_counts_what_people_know() {
    let catalog = catalog(200);
    let kinds: Vec<(&str, usize)> =
        inventory(&catalog).into_iter().map(|kind| (kind.name, kind.count)).collect();
    let count = |name| kinds.iter().find(|(kind, _)| *kind == name).map_or(0, |(_, count)| *count);
    assert_eq!(count("keys"), catalog.keys().count());
    assert_eq!(count("nodes"), catalog.node_count());
}
