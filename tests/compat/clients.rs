//! Clients of Consul's API, unmodified, in front of a real agent: what they say is compared with transcripts, and
//! py-consul passes its own tests but for those that are listed with a reason.
//!
//! `.ci/run` installs them below `target/clients`, by the names that they have in their registries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{agent, hold, own_network, run};
use crate::program::require;
use crate::transcript::repository;

#[test]
fn the_npm_client_finds_what_it_expects() {
    require("node", "nodejs");
    let modules = client("node/node_modules");
    hold("node", |case| {
        let agent = agent(case, super::NOBODY).args(["-hcl", "session_ttl_min = \"5s\""]).start();
        run(case, &agent, &[("NODE_PATH", &modules), ("scenario", &scenario(case, "js"))])
    });
}

#[test]
fn the_python_client_of_debian_finds_what_it_expects() {
    let installed = Path::new("/usr/lib/python3/dist-packages/consul");
    assert!(
        installed.is_dir(),
        "Debian's package `python3-consul` is not here: .ci/run installs it"
    );
    hold("python3-consul", |case| {
        let agent = agent(case, super::NOBODY).start();
        run(case, &agent, &[("scenario", &scenario(case, "py"))])
    });
}

#[test]
fn clients_in_rust_find_what_they_expect() {
    let programs = client("crates/debug");
    hold("crates", |case| {
        let agent = agent(case, super::NOBODY).start();
        run(case, &agent, &[("programs", &programs)])
    });
}

#[test]
fn py_consul_passes_its_own_tests() {
    require("ip", "iproute2");
    let said = py_consul();
    let outcomes = outcomes(&said);
    let list =
        fs_err::read_to_string(repository().join("tests/compat/py-consul/others.txt")).unwrap();
    let faults = faults(&outcomes, &list);
    assert!(faults.is_empty(), "{faults}\n{said}");
    let passed = outcomes.values().filter(|outcome| **outcome == "PASSED").count();
    let score = format!("{passed} of {}", outcomes.len());
    let readme = fs_err::read_to_string(repository().join("README.md")).unwrap();
    assert!(readme.contains(&score), "the README does not say that {score} pass");
}

/// What pytest says. The tests have a network of their own, where the usual ports are free.
fn py_consul() -> String {
    let suite = client("py-consul/suite");
    let fixtures = repository().join("tests/compat/py-consul");
    let words = own_network("ip link set lo up && exec \"$0\" \"$@\"");
    let output = Command::new(&words[0])
        .args(&words[1..])
        .arg(client("py-consul/bin/python"))
        .args(["-m", "pytest", "-v", "--tb=short", "--noconftest", "-p", "no:cacheprovider"])
        // In the place of both conftest.py: the one that starts containers is not read.
        .args(["-p", "agents", "-p", "tests.conftest"])
        .args(["-o", "addopts=", "-o", "console_output_style=classic"])
        .current_dir(&suite)
        .env("PYTHONPATH", fixtures)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CONSUL_PROGRAM", env!("CARGO_BIN_EXE_lictor"))
        .output()
        .unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// What came of each test, by its id.
fn outcomes(said: &str) -> BTreeMap<&str, &str> {
    let tests = said.lines().filter_map(|line| line.split_once(' '));
    let tests = tests.filter(|(id, _)| id.starts_with("tests/") && id.contains("::"));
    tests.map(|(id, rest)| (id, rest.split(' ').next().unwrap_or_default())).collect()
}

/// Where the list of tests that do not pass is not what came.
fn faults(outcomes: &BTreeMap<&str, &str>, list: &str) -> String {
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let listed: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once("  ")).collect();
    let mut faults = Vec::new();
    for (id, outcome) in outcomes {
        match (*outcome, listed.contains_key(id)) {
            ("PASSED", false) | ("FAILED", true) => {}
            ("PASSED", true) => faults.push(format!("{id} passes, and is listed")),
            (outcome, _) => faults.push(format!("{id}: {outcome}, and is not listed")),
        }
    }
    let unknown = listed.keys().filter(|id| !outcomes.contains_key(**id));
    faults.extend(unknown.map(|id| format!("{id} is listed, and is no test")));
    if outcomes.is_empty() {
        faults.push("no test ran".to_owned());
    }
    faults.join("\n")
}

/// A path below `target/clients`; panics with what to do where nothing is there.
fn client(path: &str) -> String {
    let path: PathBuf = repository().join("target/clients").join(path);
    assert!(path.exists(), "{} is not here: .ci/run installs it", path.display());
    path.display().to_string()
}

/// The program beside a transcript.
fn scenario(case: &Path, extension: &str) -> String {
    case.with_extension(extension).display().to_string()
}

#[test]
fn a_test_that_fails_or_passes_unexpectedly_is_found() {
    let said = "tests/a.py::one PASSED [ 33%]\ntests/a.py::two FAILED\ntests/b.py::T::three SKIPPED (why)\n\
        FAILED tests/a.py::two - AssertionError\n";
    let outcomes = outcomes(said);
    assert_eq!(outcomes.len(), 3);
    let listed = "# why\n\ntests/a.py::two  the mesh\n";
    assert_eq!(faults(&outcomes, listed), "tests/b.py::T::three: SKIPPED, and is not listed");
    assert_eq!(
        faults(&outcomes, "tests/a.py::one  x\ntests/a.py::two  y\ntests/a.py::four  z\n"),
        "tests/a.py::one passes, and is listed\n\
         tests/b.py::T::three: SKIPPED, and is not listed\n\
         tests/a.py::four is listed, and is no test"
    );
    assert_eq!(faults(&BTreeMap::new(), ""), "no test ran");
}
