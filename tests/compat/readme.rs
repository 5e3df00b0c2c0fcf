//! The README's configurations are quotes from the files that the tests run with.

use std::path::{Path, PathBuf};

use crate::transcript::repository;

#[test]
fn the_readme_quotes_what_is_tested() {
    let readme = fs_err::read_to_string(repository().join("README.md")).unwrap();
    let configs: Vec<String> =
        configs().iter().map(|path| fs_err::read_to_string(path).unwrap()).collect();
    let quotes = quotes(&readme);
    assert!(!quotes.is_empty(), "the README quotes no configuration");
    let unknown = unknown(&quotes, &configs);
    assert!(unknown.is_empty(), "in no file of tests/compat stands:\n{}", unknown.join("\n"));
}

#[test]
fn a_quote_of_what_nobody_tests_is_found() {
    let readme = "```conf\na\nb\n```\n```sh\nc\n```\n```conf\nd\n```\n";
    let quotes = quotes(readme);
    assert_eq!(quotes, ["a\nb\n", "d\n"]);
    assert_eq!(unknown(&quotes, &["x\na\nb\n".to_owned(), "e\n".to_owned()]), ["d\n"]);
}

/// What stands in the fences of configurations.
fn quotes(readme: &str) -> Vec<String> {
    let fences = readme.split("```conf\n").skip(1);
    fences.filter_map(|rest| rest.split_once("```")).map(|(quote, _)| quote.to_owned()).collect()
}

/// The quotes that are in no file.
fn unknown(quotes: &[String], configs: &[String]) -> Vec<String> {
    let is_known = |quote: &String| configs.iter().any(|config| config.contains(quote.as_str()));
    quotes.iter().filter(|quote| !is_known(quote)).cloned().collect()
}

/// Every configuration below `tests/compat`.
fn configs() -> Vec<PathBuf> {
    let folders = ["unbound", "dnsmasq", "named", "libc", "resolved"];
    let files = folders.iter().flat_map(|folder| {
        let folder: &Path = &repository().join("tests/compat").join(folder);
        let entries = fs_err::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "conf")).collect()
}
