//! Transcripts of the command line, and the console blocks of the README.
//!
//! `tests/cli/*.txt` need no agent; `tests/cli/agent/*.txt` do, and are given its address in the environment.
//! Every transcript has an empty folder of its own; the README's blocks run in the repository's.

use crate::harness::Agent;
use crate::transcript::{readme_blocks, repository, run_folder};

#[test]
fn transcripts_without_an_agent_hold() {
    run_folder(&repository().join("tests/cli"), &[("CONSUL_HTTP_ADDR", NOBODY)]);
}

#[test]
fn transcripts_with_an_agent_hold() {
    let agent = Agent::dev().start();
    let (http, dns) = (agent.http.to_string(), agent.dns.to_string());
    let env = [("CONSUL_HTTP_ADDR", http.as_str()), ("LICTOR_DNS_ADDR", &dns)];
    run_folder(&repository().join("tests/cli/agent"), &env);
}

#[test]
fn the_readme_says_what_happens() {
    let agent = Agent::dev().args(["-config-dir", "zones/example"]).start();
    let (http, dns) = (agent.http.to_string(), agent.dns.to_string());
    let env = [("CONSUL_HTTP_ADDR", http.as_str()), ("LICTOR_DNS_ADDR", &dns)];
    let text = fs_err::read_to_string(repository().join("README.md")).expect("there is a README");
    let blocks = readme_blocks(&text);
    assert!(!blocks.is_empty(), "the README has no console blocks");
    let faults: String = blocks.iter().map(|block| block.run(repository(), &env).1).collect();
    assert!(faults.is_empty(), "README.md\n{faults}");
}

/// Nothing listens on port 1 (tcpmux).
const NOBODY: &str = "127.0.0.1:1";
