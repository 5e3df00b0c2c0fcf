//! Folders of zone files.

use fs_err as fs;
use std::fmt::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use expect_test::{Expect, expect};

use crate::intake::{LoadedZones, load_zones};
use crate::zone::{StaticZone, spell_name};

/// A zone with so many hosts.
fn text(hosts: usize) -> String {
    format!(
        "$TTL 1\n@ SOA a b 1 1 1 1 1\n@ NS a\na A 192.0.2.1\n$GENERATE 1-{hosts} h$ A 192.0.2.2\n"
    )
}

fn show(loaded: &LoadedZones, hide: &Path) -> String {
    let mut shown = String::new();
    for (path, zone) in &loaded.zones {
        let (path, apex) = (path.display(), spell_name(zone.apex()));
        writeln!(shown, "{path}: {apex}, {} names", zone.name_count()).unwrap();
    }
    for warning in &loaded.warnings {
        writeln!(shown, "warning: {warning}").unwrap();
    }
    for refused in &loaded.refused {
        writeln!(shown, "refused {}", refused.path.display()).unwrap();
    }
    for fault in loaded.faults() {
        writeln!(shown, "{fault}").unwrap();
    }
    shown.replace(&format!("{}/", hide.display()), "")
}

fn check(folder: &Path, expect: &Expect) {
    expect.assert_eq(&show(&load_zones(folder), folder));
}

#[test]
fn each_file_of_a_folder_stands_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("b.test.zone", &text(1));
    write("a.test.zone", &(text(2) + "x A 192.0.2.300\n"));
    write("c.zone", &format!("$ORIGIN other.test.\n{}", text(3)));
    write("d.zone", &format!("$ORIGIN B.Test.\n{}", text(3)));
    write("e.test.zone", &(text(1) + "$INCLUDE parts/one.inc\nmx MX 1 one\n"));
    write("f.test.zone", &(text(1) + "$INCLUDE parts/none.inc\n"));
    write("not a..name.zone", &text(1));
    write("readme.txt", "no zone");
    write(".hidden.zone", "no zone");
    fs::create_dir(folder.path().join("parts")).unwrap();
    fs::create_dir(folder.path().join("parts.zone")).unwrap();
    write("parts/one.inc", "$INCLUDE two.inc\n");
    write("parts/two.inc", "one CNAME a\n");
    symlink("nowhere", folder.path().join("gone.zone")).unwrap();
    nix::unistd::mkfifo(&folder.path().join("pipe.zone"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let huge = fs::File::create(folder.path().join("huge.zone")).unwrap();
    huge.set_len(1 << 40).unwrap();
    check(
        folder.path(),
        &expect![[r#"
        b.test.zone: b.test., 3 names
        c.zone: other.test., 5 names
        e.test.zone: e.test., 5 names
        warning: e.test.zone:7:1: MX points at the alias `one.e.test.`
          hint: name the host itself
        refused a.test.zone
        refused d.zone
        refused f.test.zone
        refused gone.zone
        refused huge.zone
        refused not a..name.zone
        refused pipe.zone
        a.test.zone:6:5: `192.0.2.300` is no IPv4 address
        d.zone: the zone `B.Test.` is also in b.test.zone
          hint: keep one of the files
        f.test.zone:6:10: `parts/none.inc` cannot be included: no such file or folder
        gone.zone: no such file or folder
        huge.zone: larger than 256 MiB
          hint: split it into several files
        not a..name.zone:2:1: `@` is relative, and there is no origin
          hint: end it with a dot, or write `$ORIGIN` before it
        not a..name.zone:3:1: `@` is relative, and there is no origin
          hint: end it with a dot, or write `$ORIGIN` before it
        not a..name.zone:4:1: `a` is relative, and there is no origin
          hint: end it with a dot, or write `$ORIGIN` before it
        not a..name.zone:5:1: step 1: `h1` is relative, and there is no origin
          hint: end it with a dot, or write `$ORIGIN` before it
        pipe.zone: not a regular file
    "#]],
    );
}

#[test]
fn a_folder_that_cannot_be_read_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    expect![[r#"
        refused missing
        missing: no such file or folder
    "#]]
    .assert_eq(&show(&load_zones(&missing), folder.path()));
    let empty = load_zones(folder.path());
    assert_eq!((empty.zones.len(), empty.refused.len()), (0, 0));
}

#[test]
fn a_file_that_is_refused_keeps_its_last_good_zone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| fs::write(path(name), text).unwrap();
    let mut zones: Vec<(PathBuf, Arc<StaticZone>)> = Vec::new();
    let mut reload = |folder: &Path| {
        zones = load_zones(folder).after(&zones);
        let shown = zones
            .iter()
            .map(|(_, zone)| format!("{}{}", spell_name(zone.apex()), zone.name_count()));
        shown.collect::<Vec<_>>().join(" ")
    };
    write("a.zone", &text(1));
    write("b.zone", &text(2));
    assert_eq!(reload(folder.path()), "a.3 b.4");
    write("a.zone", "broken");
    write("b.zone", &text(3));
    assert_eq!(reload(folder.path()), "b.5 a.3");
    // Another file took the zone over.
    write("c.zone", &format!("$ORIGIN a.\n{}", text(9)));
    assert_eq!(reload(folder.path()), "b.5 a.11");
    fs::remove_file(path("a.zone")).unwrap();
    fs::remove_file(path("b.zone")).unwrap();
    assert_eq!(reload(folder.path()), "a.11");
    let moved = folder.path().with_extension("moved");
    fs::rename(folder.path(), &moved).unwrap();
    assert_eq!(reload(folder.path()), "a.11");
    fs::rename(&moved, folder.path()).unwrap();
}
