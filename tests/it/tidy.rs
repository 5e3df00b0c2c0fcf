//! What may stand where: rooms, lengths, words. Each rule collects all that it finds, and has a test that
//! shows it finding something.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;

/// Each room, and the rooms that it may import from, besides itself.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("acl", &["model"]),
    ("zone", &["model"]),
    ("catalog", &["model"]),
    ("publish", &["model", "catalog"]),
    ("dns", &["model", "acl", "zone", "catalog"]),
    ("forward", &["model", "dns"]),
    ("raft", &["model", "catalog", "publish"]),
    ("leader", &["model", "catalog"]),
    ("intake", &["model", "zone", "catalog"]),
    ("agent", &["model", "catalog", "publish"]),
    ("api", &["model", "acl", "catalog", "publish", "agent", "intake"]),
    (
        "server",
        &[
            "model", "acl", "zone", "catalog", "publish", "dns", "forward", "raft", "leader",
            "intake", "agent", "api",
        ],
    ),
    ("cli", &["model", "catalog", "dns", "intake", "server"]),
];

/// Rooms of which another room may know one part only.
const PARTS: &[(&str, &str)] = &[("forward", "dns::outside"), ("cli", "catalog::archive")];

/// Crates that a room may not use, so that it stays what it is (DESIGN: the rooms).
const ABSENT: &[(&str, &[&str])] = &[
    ("model", &["tokio", "hickory_proto", "hickory_server", "openraft", "fjall", "axum"]),
    ("acl", &["tokio", "hickory_proto", "axum", "openraft", "fjall", "std::time"]),
    ("zone", &["tokio", "hickory_server", "std::fs", "std::net::UdpSocket", "openraft", "fjall"]),
    ("catalog", &["tokio", "hickory_proto", "fastrand", "openraft", "fjall", "std::time::Instant"]),
    ("publish", &["tokio::net", "tokio::time", "tokio::spawn", "openraft", "fjall", "axum"]),
    ("dns", &["tokio", "hickory_server", "std::net::UdpSocket", "std::net::TcpStream", "openraft"]),
    ("forward", &["hickory_server", "openraft", "fjall", "axum"]),
    ("leader", &["tokio", "openraft", "fjall"]),
    ("intake", &["tokio::net", "axum", "openraft"]),
    ("agent", &["openraft", "axum", "fjall"]),
    ("api", &["hickory_proto", "hickory_server", "openraft", "fjall"]),
    ("cli", &["openraft", "fjall", "axum"]),
];

/// Files that are longer than [`FILE_LINES_MAX`]; the list only shrinks.
const LONG_FILES: &[&str] = &[];

/// Lines of a file.
const FILE_LINES_MAX: usize = 400;

/// Lines of a file of tests: those are tables of cases, and read one at a time.
const TEST_LINES_MAX: usize = 600;

/// Lines of a function that is no table of cases.
const FUNCTION_LINES_MAX: usize = 70;

/// Marks of unfinished work.
const WORDS: &[&str] =
    &["FIXME", "XXX", "dbg!(", "todo!(", "unimplemented!(", "#[ignore", "#[should_panic"];

/// A source file: its path from the root, and its text.
struct Source {
    path: String,
    text: String,
}

#[test]
fn rooms_import_only_what_they_may_know() {
    report(&sources("src").iter().flat_map(imports).collect::<Vec<_>>());
}

#[test]
fn an_import_from_a_room_below_is_found() {
    let source = Source {
        path: "src/catalog/x.rs".to_owned(),
        text: "use crate::dns::text;\nuse tokio::net;\n    crate::raft::start();\n".to_owned(),
    };
    let found = imports(&source);
    assert_eq!(
        found,
        [
            "src/catalog/x.rs:1: `catalog` may not know `dns`",
            "src/catalog/x.rs:2: `catalog` may not use `tokio`",
            "src/catalog/x.rs:3: `catalog` may not know `raft`",
        ]
    );
    let source = Source {
        path: "src/forward/x.rs".to_owned(),
        text: "use crate::dns::outside::Ask;\nuse crate::dns::text;\n".to_owned(),
    };
    assert_eq!(imports(&source), ["src/forward/x.rs:2: `forward` knows only `dns::outside`"]);
}

#[test]
fn every_room_is_on_the_map() {
    let map = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs is there");
    let mut wrong = Vec::new();
    for (room, _) in ROOMS {
        if !map.contains(&format!("| [`{room}`] |")) {
            wrong.push(format!("src/lib.rs: the map lacks `{room}`"));
        }
    }
    for entry in fs::read_dir(root().join("src")).expect("src is there") {
        let path = entry.expect("src can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() && !ROOMS.iter().any(|(room, _)| *room == name) {
            wrong.push(format!("src/{name}: a room without a rule in tests/it/tidy.rs"));
        }
    }
    report(&wrong);
}

#[test]
fn files_and_functions_are_short() {
    let mut wrong = Vec::new();
    for source in sources("src").iter().chain(&sources("tests")) {
        wrong.extend(lengths(source));
    }
    report(&wrong);
}

#[test]
fn a_long_file_and_a_long_function_are_found() {
    let body = "    x();\n".repeat(71);
    let source = Source { path: "src/x.rs".to_owned(), text: format!("fn long() {{\n{body}}}\n") };
    assert_eq!(lengths(&source), ["src/x.rs:1: a function of 73 lines"]);
    let source = Source { path: "src/x.rs".to_owned(), text: "\n".repeat(401) };
    assert_eq!(lengths(&source), ["src/x.rs: 401 lines"]);
}

#[test]
fn files_say_what_they_are() {
    let wrong = sources("src")
        .into_iter()
        .filter(|source| !is_test(source) && !source.text.starts_with("//! "));
    let wrong = wrong.map(|source| format!("{}: the first line is no `//! `", source.path));
    report(&wrong.collect::<Vec<_>>());
}

#[test]
fn no_mark_of_unfinished_work_is_left() {
    let here = "tests/it/tidy.rs";
    let mut wrong = Vec::new();
    for source in sources("src").iter().chain(&sources("tests")).filter(|s| s.path != here) {
        wrong.extend(marks(source));
    }
    report(&wrong);
}

#[test]
fn a_mark_of_unfinished_work_is_found() {
    let source = Source { path: "src/x.rs".to_owned(), text: "\n// FIXME later\n".to_owned() };
    assert_eq!(marks(&source), ["src/x.rs:2: `FIXME`"]);
}

#[test]
fn every_dependency_says_what_for() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml is there");
    report(&unexplained(&manifest));
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    let manifest =
        "[dependencies]\n# Why.\na = \"1\"\na-b = \"1\"\nc = \"1\"\n[profile.dev]\nd = 1\n";
    assert_eq!(unexplained(manifest), ["Cargo.toml:5: `c` has no reason above it"]);
}

/// Every import of something that the file's room may not know.
fn imports(source: &Source) -> Vec<String> {
    let Some(room) = source.path.strip_prefix("src/").and_then(|rest| rest.split_once('/')) else {
        return Vec::new();
    };
    let room = room.0;
    let known = ROOMS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, known)| known);
    let absent =
        ABSENT.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, absent)| absent);
    let mut wrong = Vec::new();
    let is_test = is_test(source);
    for (number, line) in numbered(&source.text) {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for after in line.split("crate::").skip(1) {
            let word: String =
                after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let is_room = ROOMS.iter().any(|(name, _)| *name == word);
            if is_room && word != room && !known.contains(&word.as_str()) && !is_test {
                wrong.push(format!("{}:{number}: `{room}` may not know `{word}`", source.path));
            }
            let part = PARTS.iter().find(|(name, part)| {
                *name == room && part.split_once("::").is_some_and(|(whole, _)| whole == word)
            });
            if let Some((_, part)) = part.filter(|(_, part)| !after.starts_with(part) && !is_test) {
                wrong.push(format!("{}:{number}: `{room}` knows only `{part}`", source.path));
            }
        }
        for name in absent.iter().filter(|_| !is_test) {
            if mentions(line, name) {
                wrong.push(format!("{}:{number}: `{room}` may not use `{name}`", source.path));
            }
        }
    }
    wrong
}

/// Whether a file holds nothing but tests.
fn is_test(source: &Source) -> bool {
    let path = &source.path;
    path.starts_with("tests/") || path.ends_with("tests.rs") || path.contains("/tests/")
}

/// Whether a line of code uses a crate or one of its paths.
fn mentions(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + path.len()..].chars().next();
        let is_start = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':');
        let is_use = line.trim_start().starts_with("use ") || after == Some(':');
        is_start && is_use && after.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    })
}

/// What is longer than it should be.
fn lengths(source: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    let lines = source.text.lines().count();
    let is_test = is_test(source);
    let lines_max = if is_test { TEST_LINES_MAX } else { FILE_LINES_MAX };
    if lines_max < lines && !LONG_FILES.contains(&source.path.as_str()) {
        wrong.push(format!("{}: {lines} lines", source.path));
    }
    // A function ends at the first closing brace that is indented as its head is: rustfmt sees to it.
    let mut open: Option<(usize, usize)> = None;
    for (number, line) in numbered(&source.text) {
        let indent = line.len() - line.trim_start().len();
        match open {
            None => {
                let head = line.trim_start();
                let is_head = ["fn ", "pub fn ", "async fn ", "pub async fn ", "pub(", "const fn "]
                    .iter()
                    .any(|start| head.starts_with(start));
                if is_head && head.contains("fn ") && !head.ends_with(';') && !head.ends_with('}') {
                    open = Some((number, indent));
                }
            }
            Some((start, head)) => {
                if indent == head && line.trim_start().starts_with('}') {
                    let length = number - start + 1;
                    if FUNCTION_LINES_MAX < length && !is_test {
                        wrong
                            .push(format!("{}:{start}: a function of {length} lines", source.path));
                    }
                    open = None;
                }
            }
        }
    }
    wrong
}

fn marks(source: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line) in numbered(&source.text) {
        for word in WORDS.iter().filter(|word| line.contains(**word)) {
            wrong.push(format!("{}:{number}: `{word}`", source.path));
        }
    }
    wrong
}

/// Dependencies without a comment above them. One comment may speak of a family: `hyper` and `hyper-util`.
fn unexplained(manifest: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut is_inside, mut is_explained) = (false, false);
    let mut family = "";
    for (number, line) in numbered(manifest) {
        if line.starts_with('[') {
            is_inside = line.contains("dependencies");
            is_explained = false;
        } else if line.starts_with('#') {
            is_explained = true;
        } else if line.trim().is_empty() {
            is_explained = false;
        } else if let (true, Some((name, _))) = (is_inside, line.split_once(" = ")) {
            let first_word = name.split('-').next().unwrap_or(name);
            if !is_explained && first_word != family {
                wrong.push(format!("Cargo.toml:{number}: `{name}` has no reason above it"));
            }
            (family, is_explained) = (first_word, false);
        }
    }
    wrong
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of ours can be read") {
            let path = entry.expect("a folder of ours can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source is text");
                let shown = path.strip_prefix(root()).expect("it is below").display().to_string();
                found.insert(shown.clone(), Source { path: shown, text });
            }
        }
    }
    assert!(!found.is_empty(), "no sources below {folder}");
    found.into_values().collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
