//! Unmodified programs, as Debian has them, in front of a real agent.
//!
//! ```text
//! tests/compat/unbound/program.conf    how the program is run, the same for all of its transcripts
//! tests/compat/unbound/stub.conf       how it is told about the agent: what the README quotes
//! tests/compat/unbound/stub.hcl        what the agent is configured with beside zones/example, if anything
//! tests/compat/unbound/stub.txt        what is asked, and what comes: a transcript (`transcript`)
//! ```
//! Each transcript has an agent and a program of its own, on ports that nobody uses. `{port}`, `{folder}` and
//! `{case}` stand in `program.conf` for the program's port, its empty folder and the transcript's `.conf`, where `{data}`
//! stands for this folder; `{port}` does in the agent's `.hcl`. 8600, an agent's usual port, is replaced in a `.conf` by
//! the one that it has. `tests/compat/dig` has no program between; in `tests/compat/libc` and `tests/compat/resolved` the
//! agent has a network of its own, with a resolv.conf that points at port 53 of it, or at systemd-resolved.
//!
//! Commands find in their environment: `LICTOR_DNS_ADDR`, the program's address; `server`, the same as words for
//! `dig`; `agent`, the agent's; `CONSUL_HTTP_ADDR`, its API; `log`, the file of what the program says; `inside`, what
//! a command is put behind to run in the agent's network. `tests/compat/tools` is in the PATH.
//!
//! In `node`, `python3-consul`, `crates` and `py-consul` it is clients of Consul's API that speak to the agent (`clients`).
//!
//! A program that is not there fails its test: `.ci/run` installs them all. `UPDATE_EXPECT=1` rewrites transcripts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_collect,
    reason = "a test says what is wrong by panicking, and its texts are short"
)]

#[path = "../it/harness.rs"]
#[expect(dead_code, reason = "the other tests need more of it")]
mod harness;

#[path = "../it/ports.rs"]
mod ports;

#[path = "../it/transcript.rs"]
#[expect(dead_code, reason = "the other tests need more of it")]
mod transcript;

mod program;

mod clients;

mod readme;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use harness::{Agent, Builder};
use ports::free_address;
use program::{Program, Running, require};
use transcript::{readme_blocks, repository, run_file};

#[test]
fn unbound_answers_from_the_agent() {
    hold_behind(&program::UNBOUND);
}

#[test]
fn dnsmasq_answers_from_the_agent() {
    hold_behind(&program::DNSMASQ);
}

#[test]
fn named_answers_from_the_agent() {
    hold_behind(&program::NAMED);
}

#[test]
fn dig_and_drill_understand_the_agent() {
    require("drill", "ldnsutils");
    hold("dig", |case| {
        let agent = agent(case, NOBODY).start();
        run(case, &agent, &[("server", &words_for_dig(agent.dns))])
    });
}

#[test]
fn the_c_library_finds_services_by_their_names() {
    require("ip", "iproute2");
    hold("libc", |case| {
        let resolv_conf = repository().join("tests/compat/libc/resolv.conf");
        let script = format!(
            "ip link set lo up && mount --bind '{}' /etc/resolv.conf && exec \"$0\" \"$@\"",
            resolv_conf.display()
        );
        let agent = agent(case, NOBODY).args(["-dns-port", "53"]);
        let agent = agent.under(own_network(&script)).start();
        run(case, &agent, &[("inside", &inside(&agent))])
    });
}

#[test]
fn systemd_resolved_passes_our_domain_on() {
    require("ip", "iproute2");
    require("setpriv", "util-linux");
    let (root, folder) = (resolved_root(), repository().join("tests/compat/resolved"));
    let quoted = [folder.join("program.sh"), root, folder].map(|it| format!("'{}'", it.display()));
    let script = format!("exec sh {} \"$0\" \"$@\"", quoted.join(" "));
    hold("resolved", |case| {
        let agent = agent(case, NOBODY).args(["-dns-port", "8600"]);
        let agent = agent.under(own_network(&script)).start();
        run(case, &agent, &[("inside", &inside(&agent))])
    });
}

/// Runs all transcripts of a program.
fn hold_behind(program: &Program) {
    require(program.name, program.package);
    hold(program.name, |case| {
        // Chosen first, so that the agent may ask the program too.
        let dns = free_address();
        let agent = agent(case, dns).start();
        let running = Running::start(program, case, dns, agent.dns);
        let log = running.log().display().to_string();
        let (address, words) = (running.dns.to_string(), words_for_dig(running.dns));
        run(case, &agent, &[("LICTOR_DNS_ADDR", &address), ("server", &words), ("log", &log)])
    });
}

/// Runs all transcripts of a folder; panics with all that differs.
fn hold(folder: &str, run: impl Fn(&Path) -> Result<(), String>) {
    require("dig", "bind9-dnsutils");
    require("curl", "curl");
    let folder = repository().join("tests/compat").join(folder);
    let entries = fs_err::read_dir(&folder).unwrap();
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    cases.sort();
    assert!(!cases.is_empty(), "no transcript in {}", folder.display());
    let faults: Vec<String> = cases.iter().filter_map(|case| run(case).err()).collect();
    assert!(faults.is_empty(), "\n{}\n(UPDATE_EXPECT=1 rewrites them)", faults.join("\n"));
}

/// An agent with the example services and the case's configuration.
fn agent(case: &Path, program: SocketAddr) -> Builder {
    let agent = Agent::dev().args(["-config-dir", "zones/example"]);
    let config = case.with_extension("hcl");
    if !config.exists() {
        return agent;
    }
    let text = fs_err::read_to_string(config).unwrap();
    agent.args(["-hcl", &text.replace("{port}", &program.port().to_string())])
}

/// Runs a transcript with an agent and what else it finds in its environment.
fn run(case: &Path, agent: &Agent, env: &[(&str, &str)]) -> Result<(), String> {
    let path = path();
    let (http, dns) = (agent.http.to_string(), words_for_dig(agent.dns));
    let common = [("PATH", path.as_str()), ("CONSUL_HTTP_ADDR", &http), ("agent", &dns)];
    run_file(case, &[&common, env].concat())
}

/// Where commands are looked for: our own ones, then the machine's.
fn path() -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_lictor")).parent().unwrap().display();
    let tools = repository().join("tests/compat/tools");
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{}:{binary}:{path}:/usr/sbin", tools.display())
}

/// An address as `dig` wants it.
fn words_for_dig(address: SocketAddr) -> String {
    format!("@{} -p {}", address.ip(), address.port())
}

/// What starts a program in a network and mounts of its own, by a script that becomes its arguments.
fn own_network(script: &str) -> Vec<String> {
    let map: &[&str] = if is_root() { &[] } else { &["--map-root-user"] };
    let words = [&["unshare"][..], map, &["--net", "--mount", "sh", "-c", script]].concat();
    words.into_iter().map(str::to_owned).collect()
}

/// What runs a command in an agent's network.
fn inside(agent: &Agent) -> String {
    let pid = agent.pid().to_string();
    [&["nsenter", "--target", &pid][..], namespaces()].concat().join(" ")
}

/// Below which folder systemd-resolved stands: installed, or unpacked.
fn resolved_root() -> PathBuf {
    let roots = [PathBuf::from("/"), repository().join("target/resolved")];
    let found = roots.into_iter().find(|root| root.join("lib/systemd/systemd-resolved").is_file());
    found.expect("`systemd-resolved` is not here: .ci/run unpacks Debian's package of that name")
}

/// The namespaces of [`own_network`], as `nsenter` calls them. Without root, there is a user's namespace too.
fn namespaces() -> &'static [&'static str] {
    if is_root() {
        &["--net", "--mount"]
    } else {
        &["--user", "--preserve-credentials", "--net", "--mount"]
    }
}

fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

/// Where no program is: nothing listens on port 1 (tcpmux).
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

#[test]
fn a_program_that_answers_otherwise_is_found() {
    let agent = agent(Path::new("none.txt"), NOBODY).start();
    let (path, words) = (path(), words_for_dig(agent.dns));
    let env = [("PATH", path.as_str()), ("server", &words)];
    let text = "```console\n$ dig $server +short primary.web.service.consul\n10.0.0.99\n```\n";
    let (_, fault) = readme_blocks(text)[0].run(repository(), &env);
    assert!(fault.contains("expected, exit 0:\n    10.0.0.99\n"), "{fault}");
    assert!(fault.contains("got, exit 0:\n    10.0.0.11\n"), "{fault}");
}
