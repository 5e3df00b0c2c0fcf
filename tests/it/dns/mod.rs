//! Runs the conformance files `tests/dns/*.dns`.
//!
//! # A file
//! ```text
//! # A comment.
//! config only_passing = true
//! config service_ttl web = 30
//! node n1 192.0.2.1 meta rack=r1
//! service web on n1 id=web1 port=80 addr=192.0.2.10 tags=v1,v2 weight=3/1
//! check web-http on n1 service=web1 critical
//!
//! ? web.service.consul SRV +noedns
//! status NXDOMAIN, flags qr aa rd, 88 bytes
//! …
//! ```
//! - `config`, `zone` and `recursor` stand before everything else, since a running agent reads them at its
//!   start. Keys of `config` are those of `dns_config`, and `domain` and `alt_domain`.
//! - `zone APEX` is a zone file: its lines follow, each indented by two blanks, which are no part of it.
//! - `recursor NAME TYPE [RCODE|silent] [+do]` is what a recursor says to that question, `+do` only to who
//!   wants DNSSEC records; its records follow, indented, in the form of answers: `answer NAME TTL IN TYPE
//!   DATA`, `authority …`, `additional …`. `silent` never answers. Questions that no line names are answered
//!   with SERVFAIL. In-process, `dns` is told so once it asks, and what it asks stands before the answer:
//!   `ask NAME TYPE [do] [cd]`, in its order. The running program asks a real one on loopback.
//! - `node NAME ADDRESS [meta KEY=VALUE]… [tagged KEY=ADDRESS]…`, `service NAME on NODE [id=ID] [port=N]
//!   [addr=ADDRESS] [tags=A,B] [tagged=KEY=ADDRESS]… [weight=PASSING/WARNING]`, `check ID on NODE
//!   [service=ID] STATUS` register at the place where they stand: questions above them do not see it. Double
//!   quotes keep blanks inside a word.
//! - `query NAME for SERVICE [template] [regexp=R] [ttl=DURATION] [tags=A,!B] [near=NODE] [nodemeta=KEY=VALUE]
//!   [ignore=CHECK] [passing] [connect]` stores a prepared query; the name `-` is the empty one.
//! - `age SECONDS` is how long ago the catalog was last current; only in-process, for a single server's always
//!   is.
//! - `? NAME TYPE [OPTION]…` asks; `? raw HEX…` sends these bytes. What follows, up to an empty line, is the
//!   whole expected message in `lictor::dns::text`'s form, normalised: sections sorted, SOA serials hidden.
//!   `ignored` stands for no answer at all.
//! - Options: `+tcp`, `+noedns`, `+edns=SIZE`, `+ednsversion=N`, `+ednsflags=0xN`, `+ednsopt=CODE[:HEX]`,
//!   `+do`, `+norec`, `+cd`, `+ad`, `+zflag`, `+opcode=N`, `+class=N`. Without any: UDP, EDNS 1232, RD.
//!   `+some` says that chance decides which records are told: other generators tell others of the same
//!   size.
//!
//! `UPDATE_EXPECT=1` rewrites the expectations; reading the difference is the review.
//!
//! [`file`] only reads; [`world`] answers in this process, which is what the expectations are compared with;
//! [`live`] registers the same with the real program and asks it the same over UDP and TCP.

use std::fmt::Write;
use std::path::{Path, PathBuf};

mod file;

mod world;

mod recursor;

mod live;

mod robust;

mod outside;

mod counted;

mod streams;

use self::file::File;
pub(crate) use self::live::ask_udp;
use self::world::World;

#[test]
fn all_conformance_files_hold() {
    let is_update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut faults = String::new();
    for path in files() {
        let text = fs_err::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        match run(&text) {
            Ok(answered) if is_update => fs_err::write(&path, answered.rewritten).unwrap(),
            Ok(answered) => {
                faults.extend(answered.differences.iter().map(|d| format!("{name}:{d}")));
            }
            Err(fault) => writeln!(faults, "{name}:{fault}").unwrap(),
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

/// All conformance files, by name.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dns");
    let mut paths: Vec<PathBuf> =
        fs_err::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "dns"));
    paths.sort();
    assert!(!paths.is_empty(), "no files in {}", folder.display());
    paths
}

/// What came of a file.
struct Answered {
    /// Where an answer is not what the file says, each with line and both texts.
    differences: Vec<String>,
    /// The file with the answers that came.
    rewritten: String,
}

/// Asks all questions of a file in-process.
fn run(text: &str) -> Result<Answered, String> {
    let file = File::parse(text)?;
    let mut world = World::new().map_err(|fault| fault.to_string())?;
    let mut answers = Vec::new();
    for (line, step) in &file.steps {
        let answer = world.perform(step).map_err(|fault| format!("{line}: {fault}"))?;
        answers.extend(answer.map(|answer| (*line, answer)));
    }
    let mut differences = Vec::new();
    for ((line, answer), expected) in answers.iter().zip(&file.expected) {
        if answer != expected {
            let difference = format!(
                "{line}: another answer than expected\n--- expected\n{expected}--- came\n{answer}"
            );
            differences.push(difference);
        }
    }
    Ok(Answered { differences, rewritten: rewrite(text, &answers) })
}

/// Puts answers in the place of what a file expects.
fn rewrite(text: &str, answers: &[(usize, String)]) -> String {
    let mut rewritten = String::new();
    let mut answers = answers.iter().peekable();
    let mut is_expectation = false;
    for (at, line) in text.lines().enumerate() {
        is_expectation &= !line.trim().is_empty();
        if is_expectation {
            continue;
        }
        rewritten.push_str(line);
        rewritten.push('\n');
        if let Some((_, answer)) = answers.next_if(|(asked_at, _)| *asked_at == at + 1) {
            rewritten.push_str(answer);
            is_expectation = true;
        }
    }
    rewritten
}

/// Runs a text and says what the runner says of it.
fn verdict(text: &str) -> String {
    match run(text) {
        Ok(answered) if answered.differences.is_empty() => "holds".to_owned(),
        Ok(answered) => answered.differences.concat(),
        Err(fault) => fault,
    }
}

#[test]
fn a_wrong_expectation_fails() {
    let text = "node n1 192.0.2.1\n\n? n1.node.consul A\nstatus NXDOMAIN\n";
    let said = verdict(text);
    assert!(said.starts_with("3: another answer than expected\n--- expected\nstatus NXDOMAIN\n"));
    assert!(said.contains("answer n1.node.consul. 0 IN A 192.0.2.1"), "{said}");
}

#[test]
fn a_rewritten_file_holds() {
    let text = "node n1 192.0.2.1\n\n? n1.node.consul A\nstatus NXDOMAIN\n\n# End.\n";
    let rewritten = run(text).unwrap().rewritten;
    assert_eq!(verdict(&rewritten), "holds");
    assert!(rewritten.ends_with("\n\n# End.\n"), "{rewritten}");
}

#[test]
fn malformed_files_fail_with_their_line() {
    let check = |text: &str, expected: &str| assert_eq!(verdict(text), expected, "{text}");
    check("node n1 192.0.2.1\n", "0: no question is asked");
    check(
        "nod n1",
        "1: `nod` begins no line; known are `config zone recursor age node service check query ?`",
    );
    check("node n1", "1: a node needs a name and an address");
    check("node n1 a..b\n? a A", "1: `a..b` is neither an IP address nor a host name");
    check("service web n1", "1: a service needs `NAME on NODE`");
    check("service web on n1 prot=1", "1: a service has no `prot`");
    check("service web on n1 port=x", "1: `x` is no number for `port`");
    check("check c on n1 fine", "1: `fine` is no status");
    check("config colour = red\n? a A", "1: there is no setting `colour`");
    check("node n1 192.0.2.1\nconfig node_ttl = 1", "2: `config` stands before everything else");
    check(
        "service web on n1\n? a A",
        "1: failed inserting service: Missing node registration for \"n1\"",
    );
    check("? a", "1: a question needs a name and a type");
    check("? a A +fast", "1: there is no option `+fast`");
    check(
        "? a NONSENSE",
        "1: `NONSENSE` is no record type; write a mnemonic such as A, SRV or CAA, ANY, or a number as in TYPE65280",
    );
    check("? raw 0g", "1: `0g` is no even number of hexadecimal digits");
    check("node \"n1", "1: a quote is not closed");
    check(
        "node n1 192.0.2.1 rack=r1",
        "1: a node's address is followed by `meta KEY=VALUE` or `tagged KEY=ADDRESS`",
    );
    check("node n1 192.0.2.1 tagged lan", "1: `lan` is no `KEY=VALUE`");
    check("service web on n1 tagged=lan", "1: `lan` is no `KEY=ADDRESS`");
    check("query q1 web", "1: a query needs `NAME for SERVICE`");
    check("query q1 for web colour=red", "1: a query has no `colour`");
    check(
        "query q1 for web\nquery q1 for web\n? a A",
        "2: name 'q1' aliases an existing query name",
    );
    check("age x", "1: `x` is no number for `age`");
    check("node n1 192.0.2.1\nzone a.test", "2: `zone` stands before everything else");
    check("zone a.test b", "1: a zone needs its name, and its records below");
    check(
        "zone a.test\n  @ A 192.0.2.1\n\n? a A",
        "1: a.test.zone:1:1: the record has no TTL\n  hint: write `$TTL 1h` at the top of the file\n",
    );
    check("recursor a.test", "1: a recursor needs the name and type that it is asked");
    check("recursor a.test A RED", "1: a recursor does not say `RED`");
    check("recursor a.test A\n  a.test. 1 IN A 192.0.2.1", "2: `a.test.` is no section");
    check(
        "recursor a.test A\n  answer a.test. 1 IN A x",
        "2: `a.test. 1 IN A x` is no record: record:3:16: `x` is no IPv4 address",
    );
    check("node n1 192.0.2.1\n  x", "2: nothing is indented but zones and recursors' records");
}
