//! Replays the corpora of the fuzz targets (`tests/fuzz`): inputs that once led to code that no other did, or to
//! something that was wrong.

use std::path::{Path, PathBuf};

use fs_err as fs;

#[path = "../fuzz/targets/mod.rs"]
mod targets;

#[test]
fn query_holds() {
    replay("query", targets::query::query);
}

#[test]
fn text_holds() {
    replay("text", targets::text::text);
}

#[test]
fn zone_holds() {
    replay("zone", targets::zone::zone);
}

#[test]
fn reply_holds() {
    replay("reply", targets::reply::reply);
}

#[test]
fn config_holds() {
    replay("config", targets::config::config);
}

#[test]
fn stream_holds() {
    replay("stream", targets::stream::stream);
}

#[test]
fn filter_holds() {
    replay("filter", targets::filter::filter);
}

#[test]
fn template_holds() {
    replay("template", targets::template::template);
}

#[test]
fn a_target_that_fails_is_found() {
    let fails = |bytes: &[u8]| assert!(bytes.is_empty(), "{} bytes", bytes.len());
    let failed = std::panic::catch_unwind(|| replay("zone", fails)).unwrap_err();
    let text = failed.downcast_ref::<String>().unwrap();
    assert!(text.contains("tests/fuzz/corpus/zone/"), "{text}");
}

#[test]
fn the_corpora_stay_small() {
    let folders = files(&corpora());
    let sizes = folders.iter().flat_map(|folder| files(folder));
    let bytes: u64 = sizes.map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(bytes < CORPORA_BYTES_MAX, "{bytes} bytes: `cargo fuzz cmin` makes them smaller");
}

/// Runs a target on every file of its corpus.
fn replay(name: &str, target: fn(&[u8])) {
    let folder = corpora().join(name);
    let paths = files(&folder);
    assert!(10 <= paths.len(), "only {} files in {}", paths.len(), folder.display());
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        let ended = std::panic::catch_unwind(|| target(&bytes));
        assert!(ended.is_ok(), "the target fails on {}", path.display());
    }
}

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus")
}

/// What is in a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Bytes of all corpora.
const CORPORA_BYTES_MAX: u64 = 1024 * 1024;
