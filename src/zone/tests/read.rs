//! Texts of any kind: limits, places in included texts, and texts that are cut and mangled.

use std::collections::BTreeMap;
use std::fmt::Write;

use expect_test::{Expect, expect};
use hickory_proto::rr::RData;
use hickory_proto::rr::rdata::A;

use super::{listing, show_refused};
use crate::model::limits::{
    FAULTS_KEPT_MAX, ZONE_BYTES_MAX, ZONE_ENTRY_WORDS_MAX, ZONE_FILES_MAX, ZONE_NAME_TYPES_MAX,
    ZONE_RECORDS_MAX,
};
use crate::model::number::Ttl;
use crate::zone::draft::{Draft, Record};
use crate::zone::{File, Files, NoFiles, parse, source, zone_name};

/// Texts by name.
struct Texts(BTreeMap<String, Vec<u8>>);

impl Files for Texts {
    fn read(&mut self, path: &str, _from: &str) -> Result<File, String> {
        let bytes = self.0.get(path).cloned().ok_or("it is not there")?;
        Ok(File { name: path.to_owned(), bytes })
    }
}

/// What is said of a text and of those that it includes.
fn show(text: &[u8], others: &[(&str, Vec<u8>)]) -> String {
    let others = others.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone()));
    let mut files = Texts(others.collect());
    match parse("zone", text, zone_name("test").as_ref(), &mut files) {
        Ok(parsed) => listing(&parsed.zone),
        Err(refused) => show_refused(&refused),
    }
}

fn check(text: &[u8], others: &[(&str, Vec<u8>)], expect: &Expect) {
    expect.assert_eq(&show(text, others));
}

#[test]
fn files_of_too_many_bytes_are_refused() {
    let large = vec![b';'; ZONE_BYTES_MAX - 3];
    let mut texts = source::Texts::default();
    assert!(texts.open("a", &large).1.is_ok());
    assert!(texts.open("b", b"; x").1.is_ok());
    let fault = texts.open("c", b";").1.unwrap_err();
    assert_eq!(fault.text, "the zone's files have more than 256 MiB");
}

#[test]
fn too_many_files_are_refused() {
    let text = "$INCLUDE x\n".repeat(ZONE_FILES_MAX + 1);
    let shown = show(text.as_bytes(), &[("x", Vec::new())]);
    expect![[r#"
        x:1:1: more than 1000 files are included
          hint: put them together
        x:1:1: more than 1000 files are included
          hint: put them together
    "#]]
    .assert_eq(&shown);
}

#[test]
fn a_record_of_too_many_words_is_refused() {
    let text = format!("@ 1 TXT {}\n@ 1 A x", "x ".repeat(ZONE_ENTRY_WORDS_MAX));
    check(
        text.as_bytes(),
        &[],
        &expect![[r#"
        zone:1:131075: more than 65536 words in one record
        zone:2:7: `x` is no IPv4 address
    "#]],
    );
}

#[test]
fn too_many_records_are_refused() {
    let mut draft = Draft { records: ZONE_RECORDS_MAX - 1, ..Draft::default() };
    let mut faults = source::Notes::default();
    let owner = zone_name("a.test").unwrap();
    for at in 0..3 {
        let mark = source::Mark { text: 0, at };
        let data = RData::A(A::new(192, 0, 2, 1));
        draft.add(&owner, Record { code: 1, ttl: Ttl(1), data, mark }, &mut faults);
        assert_eq!(draft.is_full(), 0 < at);
    }
    let mut texts = source::Texts::default();
    let _ = texts.open("zone", b"abc");
    let faults = texts.resolve(&faults);
    let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["zone:1:2: more than 8000000 records\n  hint: split the zone"]);
}

#[test]
fn too_many_types_of_a_name_are_refused() {
    let mut text = "$TTL 1\n@ SOA a b 1 1 1 1 1\n@ NS a\na A 192.0.2.1\n".to_owned();
    for code in 1_000..1_000 + ZONE_NAME_TYPES_MAX {
        writeln!(text, "b TYPE{code} \\# 0").unwrap();
    }
    assert!(show(text.as_bytes(), &[]).starts_with("zone test., 3 names"));
    text += "b TYPE65000 \\# 0\nb TYPE1000 \\# 1 00\n";
    check(
        text.as_bytes(),
        &[],
        &expect![[r#"
        zone:261:1: `b.test.` has more than 256 types
    "#]],
    );
}

#[test]
fn faults_beyond_the_first_thousand_are_dropped() {
    let text = "x y z\n".repeat(FAULTS_KEPT_MAX * 3);
    let refused = parse("zone", text.as_bytes(), zone_name("test").as_ref(), &mut NoFiles);
    let faults = refused.unwrap_err().faults;
    assert_eq!(faults.len(), FAULTS_KEPT_MAX);
    let last = faults.last().unwrap().place.clone().unwrap();
    assert_eq!(usize::try_from(last.line).unwrap(), FAULTS_KEPT_MAX);
}

#[test]
fn texts_that_are_cut_or_mangled_never_panic() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zones");
    let mut random = fastrand::Rng::with_seed(3);
    let (mut good, mut bad) = (0, 0);
    for entry in fs_err::read_dir(folder).unwrap() {
        let Ok(text) = fs_err::read(entry.unwrap().path()) else { continue };
        for round in 0..100 {
            let mut text = text.clone();
            if round % 2 == 0 {
                text.truncate(random.usize(..=text.len()));
            }
            for _ in 0..random.usize(..4) {
                let signs = b"();\"\\\n $@.{}0\xff\0\t=,-\\#";
                if let Some(byte) = random.choice(text.iter_mut()) {
                    *byte = *random.choice(signs).unwrap();
                }
            }
            match parse("zone", &text, zone_name("test").as_ref(), &mut NoFiles) {
                Ok(_) => good += 1,
                Err(refused) => {
                    assert!(!refused.faults.is_empty());
                    bad += 1;
                }
            }
        }
    }
    assert!(100 < good && 1_000 < bad, "{good} good, {bad} bad");
}
