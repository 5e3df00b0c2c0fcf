//! Zone files of `tests/zones`, good and bad, against the texts beside them.

use fs_err as fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;

use super::{listing, show_refused};
use crate::intake::load_zone;

#[test]
fn files_say_what_stands_beside_them() {
    let folder = repository().join("tests/zones");
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "zone"));
    files.sort();
    assert!(40 <= files.len(), "only {} files in {}", files.len(), folder.display());
    for file in files {
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let (is_good, shown) = show(&file);
        assert_eq!(is_good, stem.starts_with("good_"), "{stem}:\n{shown}");
        expect_file![file.with_extension("txt")].assert_eq(&shown);
    }
}

#[test]
fn a_file_that_says_something_else_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.zone");
    let text = "@ 1 SOA a b 1 1 1 1 1\n@ 1 NS a\na 1 A 192.0.2.1\n";
    fs::write(&file, text).unwrap();
    let (is_good, before) = show(&file);
    fs::write(&file, text.replace("192.0.2.1", "192.0.2.2")).unwrap();
    assert!(is_good);
    assert_ne!(before, show(&file).1);
    fs::write(&file, text.replace("192.0.2.1", "192.0.2.300")).unwrap();
    assert_eq!(show(&file), (false, "x.zone:3:7: `192.0.2.300` is no IPv4 address\n".to_owned()));
}

#[test]
fn the_example_zone_is_loaded_without_a_word() {
    let (is_good, shown) = show(&repository().join("zones/example.test.zone"));
    assert!(is_good && !shown.contains("warning"), "{shown}");
    assert!(shown.starts_with("zone example.test., "), "{shown}");
}

/// Whether a file is good, and its listing or faults.
fn show(file: &Path) -> (bool, String) {
    let (is_good, shown) = match load_zone(file) {
        Ok(parsed) => {
            let warnings = parsed.warnings.iter().map(|warning| format!("warning: {warning}\n"));
            (true, warnings.collect::<String>() + &listing(&parsed.zone))
        }
        Err(refused) => (false, show_refused(&refused)),
    };
    let hide = format!("{}/", file.parent().unwrap().display());
    (is_good, shown.replace(&hide, ""))
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
