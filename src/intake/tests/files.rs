//! Files, folders and flags.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use expect_test::{expect, expect_file};
use fs_err as fs;

use crate::intake::tests::show;
use crate::intake::{FlagSetting, Language, Sources, load};
use crate::model::limits::CONFIG_FILE_BYTES_MAX;
use crate::model::name::NodeName;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn files_say_what_stands_beside_them() {
    let folder = repository().join("tests/config");
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "json" || end == "hcl"));
    files.sort();
    assert!(60 <= files.len(), "only {} files in {}", files.len(), folder.display());
    for file in files {
        let sources = Sources { dev: true, paths: vec![file.clone()], ..Sources::default() };
        let expected =
            file.with_file_name(format!("{}.txt", file.file_name().unwrap().to_str().unwrap()));
        expect_file![expected].assert_eq(&show(&sources, &folder));
    }
}

#[test]
fn the_example_folder_is_loaded_without_a_word() {
    let folder = repository().join("zones/example");
    let sources = Sources { dev: true, paths: vec![folder], ..Sources::default() };
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.warnings, Vec::<String>::new());
    let web = loaded.config.services.iter().filter(|s| s.name.as_str() == "web").count();
    assert!(3 <= web, "{web} instances of web");
}

/// A folder with everything that can be wrong with a file.
#[test]
fn every_fault_of_every_file_is_reported_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a_good.json"), r#"{"service": {"name": "web", "port": 80}}"#).unwrap();
    fs::write(path("b_half.json"), r#"{"service": {"name": "web", "#).unwrap();
    fs::write(path("c_latin1.hcl"), b"# first\nnode_name = \"m\xfcnchen\"\n").unwrap();
    fs::write(path("d_binary.json"), b"{}\n\x7fELF\0\0").unwrap();
    fs::write(path("e_readme.md"), "skipped").unwrap();
    fs::create_dir(path("f_folder.json")).unwrap();
    symlink(path("g_loop.json"), path("g_loop.json")).unwrap();
    symlink(path("h_nowhere"), path("h_dangling.json")).unwrap();
    let huge = fs::File::create(path("i_huge.json")).unwrap();
    huge.set_len(100 * 1024 * 1024).unwrap();
    let pipe = path("j_pipe.json");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::write(path("k_empty.json"), "").unwrap();
    fs::write(path("l_again.hcl"), "service { name = \"web\" }\nports { dns = 70000 dsn = 1 }")
        .unwrap();
    let missing = path("missing.json");
    let sources = Sources {
        dev: true,
        paths: vec![folder.path().to_owned(), missing, path("e_readme.md")],
        ..Sources::default()
    };
    expect![[r#"
        b_half.json:1:28: invalid JSON: EOF while parsing a value
          hint: the file ends where a value should stand
        c_latin1.hcl:2:15: not UTF-8
          hint: save it as UTF-8
        d_binary.json:2:5: a binary file: it holds a zero byte
        g_loop.json: cannot be read: its symbolic links lead in a circle
        h_dangling.json: no such file or folder
        i_huge.json: larger than 16 MiB
          hint: split it into several files
        j_pipe.json: not a regular file
        l_again.hcl:2:21: invalid config key `ports.dsn`
          hint: did you mean `dns`?
        missing.json: no such file or folder
        e_readme.md: the file's name ends neither in `.json` nor in `.hcl`
          hint: rename it, or say `-config-format json` or `hcl`
        l_again.hcl:2:15: ports.dns: invalid port: 70000
          hint: ports go from 0 (any) to 65535; -1 switches off
        l_again.hcl:1:9: service `web` is defined twice, first at a_good.json:1:13
          hint: give each an `id` of its own
    "#]]
    .assert_eq(&show(&sources, folder.path()));
}

#[test]
fn the_column_of_a_byte_that_is_no_text_counts_letters() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), b"{}\n\xe7\x8b\x88\xe7\x8b\x88\xff").unwrap();
    fs::write(folder.path().join("b.hcl"), b"# \xc3\xbc\xc3\xbc\0").unwrap();
    let sources =
        Sources { dev: true, paths: vec![folder.path().to_owned()], ..Sources::default() };
    expect![[r#"
        a.json:2:3: not UTF-8
          hint: save it as UTF-8
        b.hcl:1:5: a binary file: it holds a zero byte
    "#]]
    .assert_eq(&show(&sources, folder.path()));
}

#[test]
fn an_unreadable_file_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret.json");
    fs::write(&file, "{}").unwrap();
    fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    let shown = show(
        &Sources { dev: true, paths: vec![file.clone()], ..Sources::default() },
        folder.path(),
    );
    // Root may read everything.
    let is_root = nix::unistd::geteuid().is_root();
    let denied = "secret.json: cannot be read: permission denied\n  hint: let this user read it\n";
    assert_eq!(shown, if is_root { "all as by default\n" } else { denied });
}

#[test]
fn a_file_at_the_limit_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.json");
    let size = usize::try_from(CONFIG_FILE_BYTES_MAX).unwrap();
    fs::write(&file, format!("{{}}{}", " ".repeat(size - 2))).unwrap();
    assert_eq!(
        show(&Sources { dev: true, paths: vec![file], ..Sources::default() }, folder.path()),
        "all as by default\n"
    );
}

#[test]
fn later_sources_win_and_lists_append() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(
        path("a.json"),
        r#"{"recursors": ["1.1.1.1"], "datacenter": "a", "node_meta": {"x": "1", "y": "1"}, "ports": {"dns": 1, "http": 2}}"#,
    )
    .unwrap();
    fs::write(
        path("b.hcl"),
        "recursors = [\"2.2.2.2\"] datacenter = \"b\" node_meta { y = \"2\" }",
    )
    .unwrap();
    let flag = |flag: &str, key: &str, value: &str| FlagSetting {
        flag: flag.to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let sources = Sources {
        dev: true,
        paths: vec![folder.path().to_owned()],
        fragments: vec!["datacenter = \"c\"".to_owned(), "ports { http = 3 }".to_owned()],
        flags: vec![
            flag("-dns-port", "ports.dns", "0"),
            flag("-recursor", "recursors", "3.3.3.3"),
            flag("-node-meta", "node_meta", "z:3"),
            flag("-log-json", "log_json", ""),
            flag("-client", "client_addr", "127.0.0.1 ::1"),
        ],
        ..Sources::default()
    };
    expect![[r#"
        ClientAddrs = ["127.0.0.1","::1"]
        DNSAddrs = ["127.0.0.1","::1"]
        DNSPort = 0
        DNSRecursors = ["1.1.1.1","2.2.2.2","3.3.3.3"]
        Datacenter = "c"
        HTTPAddrs = ["127.0.0.1","::1"]
        HTTPPort = 3
        Logging = {"LogFilePath":"","LogJSON":true,"LogLevel":"DEBUG"}
        NodeMeta = {"x":"1","y":"2","z":"3"}
    "#]]
    .assert_eq(&show(&sources, folder.path()));
    let bad = Sources {
        dev: true,
        flags: vec![
            flag("-dns-port", "ports.dns", "x"),
            flag("-bogus", "prots.dns", "1"),
            flag("-server", "server", "maybe"),
        ],
        ..Sources::default()
    };
    expect![[r#"
        -dns-port: `ports.dns` must be a whole number, but is a string
        -bogus: invalid config key `prots`
          hint: did you mean `ports`?
        -server: `server` must be `true` or `false`, but is a string
    "#]]
    .assert_eq(&show(&bad, folder.path()));
}

#[test]
fn an_agent_that_is_not_for_development_needs_a_data_dir() {
    expect![[r#"
        data_dir cannot be empty
          hint: set `data_dir` or `-data-dir`, or use `-dev`, which keeps nothing on disk
    "#]]
    .assert_eq(&show(&Sources::default(), Path::new("/nowhere")));
}

#[test]
fn a_server_keeps_consuls_defaults() {
    let fragments = vec!["server = true bootstrap_expect = 1 data_dir = \"/x\"".to_owned()];
    let sources = Sources { fragments, ..Sources::default() };
    expect![[r#"
        Bootstrap = true
        BootstrapExpect = 1
        DataDir = "/x"
        LeaveOnTerm = false
        ServerMode = true
        SkipLeaveOnInt = true
    "#]]
    .assert_eq(&show(&sources, Path::new("/nowhere")));
}

#[test]
fn dns_settings_reach_the_answers() {
    let fragments = vec![
        "domain = \"Example.\" dns_config { service_ttl { \"w*\" = \"5s\" } only_passing = true }"
            .to_owned(),
    ];
    let config = load(&Sources { dev: true, fragments, ..Sources::default() }).unwrap().config;
    let dns = config.dns(&NodeName::new("n1").unwrap());
    assert_eq!((dns.domain.as_str(), dns.settings.only_passing), ("example", true));
    assert_eq!(dns.settings.service_ttl.of("web").0, 5);
    assert_eq!(dns.settings.service_ttl.of("db").0, 0);
}

#[test]
fn a_stated_format_counts_whatever_the_name_says() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web"), "ports { dns = 53 }").unwrap();
    let paths = vec![folder.path().to_owned()];
    let sources = Sources { dev: true, paths, format: Some(Language::Hcl), ..Sources::default() };
    expect![[r#"
        DNSPort = 53
    "#]]
    .assert_eq(&show(&sources, folder.path()));
}
