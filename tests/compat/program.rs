//! A program's configuration and an agent's address → the program, running.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lictor::dns::{QueryOptions, query};
use tempfile::TempDir;

use crate::ports::free_address;

/// A program that asks agents.
pub(crate) struct Program {
    /// What it is called, and its folder in `tests/compat`.
    pub(crate) name: &'static str,
    /// The Debian package that has it.
    pub(crate) package: &'static str,
    /// What makes it stay in the foreground; `program.conf` in its folder follows.
    arguments: &'static [&'static str],
}

pub(crate) const UNBOUND: Program =
    Program { name: "unbound", package: "unbound", arguments: &["-d", "-p", "-c"] };

pub(crate) const DNSMASQ: Program = Program {
    name: "dnsmasq",
    package: "dnsmasq-base",
    arguments: &["--keep-in-foreground", "-C"],
};

pub(crate) const NAMED: Program =
    Program { name: "named", package: "bind9", arguments: &["-g", "-n", "1", "-c"] };

/// A running program; dropping it kills it.
pub(crate) struct Running {
    child: Child,
    folder: TempDir,
    /// Where it answers, UDP and TCP.
    pub(crate) dns: SocketAddr,
}

impl Running {
    /// Starts it with a transcript's configuration, and waits until it answers at `dns`.
    pub(crate) fn start(
        program: &Program,
        case: &Path,
        dns: SocketAddr,
        agent: SocketAddr,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = write_config(folder.path(), case, dns, agent);
        let log = fs_err::File::create(folder.path().join(LOG)).unwrap().into_file();
        let child = Command::new(require(program.name, program.package))
            .args([program.arguments, &[&format!("{}", config.display())]].concat())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut running = Self { child, folder, dns };
        running.wait_until_it_answers(program.name);
        running
    }

    /// The file of what it says.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join(LOG)
    }

    /// Asks for the name that every name server has (RFC 4892), so that nothing else is asked, or kept, before a
    /// transcript begins.
    fn wait_until_it_answers(&mut self, name: &str) {
        let options = QueryOptions { class: CLASS_CHAOS, ..QueryOptions::default() };
        let question = query("version.bind", "TXT", &options, 1).unwrap();
        // Not connected: a port where nobody listens yet is to be silent, not to refuse at once.
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(ASK_AGAIN)).unwrap();
        let said = || fs_err::read_to_string(self.folder.path().join(LOG)).unwrap();
        for _ in 0..ASKED_MAX {
            socket.send_to(&question, self.dns).unwrap();
            if socket.recv(&mut [0; 512]).is_ok() {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{name} ended ({status}) and said:\n{}", said());
            }
        }
        panic!("{name} does not answer, but says:\n{}", said());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a program is; panics with what to do where it is not.
pub(crate) fn require(name: &str, package: &str) -> PathBuf {
    find(name).unwrap_or_else(|| {
        panic!(
            "`{name}` is not here: it is in Debian's package `{package}`, which .ci/run installs"
        )
    })
}

/// Looks where a shell would, and where an administrator's would.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Writes the program's configuration and the case's into its folder; says where the first one is.
fn write_config(folder: &Path, case: &Path, dns: SocketAddr, agent: SocketAddr) -> PathBuf {
    let case_config = folder.join("case.conf");
    let text = fs_err::read_to_string(case.with_extension("conf")).unwrap();
    let text = text.replace("{data}", &case.with_file_name("").display().to_string());
    let text = text.replace(AGENT_PORT, &agent.port().to_string());
    fs_err::write(&case_config, text).unwrap();
    let config = folder.join("program.conf");
    let text = fs_err::read_to_string(case.with_file_name("program.conf")).unwrap();
    let text = text.replace(AGENT_PORT, &agent.port().to_string());
    let text = text.replace("{port}", &dns.port().to_string());
    let text = text.replace("{folder}", &folder.display().to_string());
    let text = text.replace("{case}", &case_config.display().to_string());
    fs_err::write(&config, text).unwrap();
    config
}

/// An agent's usual port, as the configurations have it.
const AGENT_PORT: &str = "8600";

/// What the program says is in this file of its folder.
const LOG: &str = "log";

/// The class of names that speak of the server itself (RFC 1035 §3.2.4).
const CLASS_CHAOS: u16 = 3;

/// How soon a program is asked again that has not answered.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// How often it is asked: 30 seconds, which only a test that fails waits for.
const ASKED_MAX: u32 = 600;

#[test]
fn a_missing_program_is_named_with_its_package() {
    let panic = std::panic::catch_unwind(|| require("no-such-program", "its-package")).unwrap_err();
    assert_eq!(
        panic.downcast_ref::<String>().unwrap(),
        "`no-such-program` is not here: it is in Debian's package `its-package`, which .ci/run installs"
    );
}

#[test]
fn a_program_that_refuses_its_configuration_fails_with_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("wrong.txt");
    fs_err::write(case.with_extension("conf"), "").unwrap();
    fs_err::write(case.with_file_name("program.conf"), "no-such-option\n").unwrap();
    let start = || drop(Running::start(&DNSMASQ, &case, free_address(), free_address()));
    let panic = std::panic::catch_unwind(start).unwrap_err();
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(said.starts_with("dnsmasq ended (exit status: 1) and said:\n"), "{said}");
    assert!(said.contains("bad option at line 1"), "{said}");
}
