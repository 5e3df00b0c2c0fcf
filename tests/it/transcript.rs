//! Transcripts: commands, run and compared with what is written below them.
//!
//! A transcript is made of
//! ```text
//! # a comment: at the top, or after a blank line
//! $ lictor kv get nope        a command line for sh; `\` at its end goes on in the next line
//! Error! No key exists at: nope        what it prints, stdout and stderr as they come
//! ? 1                         its exit code, when that is not 0
//! ```
//! Blank lines between a step and the next one do not matter. Every step runs in a folder that its caller says,
//! with `lictor` in the PATH and nothing of ours in the environment but what the caller adds.
//!
//! What differs from run to run is written as a placeholder, and blanks after it, which pad a column, match any
//! number of blanks:
//! `<uuid>` · `<id>` (8 hex digits) · `<n>` (digits) · `<version>` · `<address>` (`ip:port`) · `<_>` (blanks) ·
//! `<...>` (anything, to the next word); a line that is only `<...>` matches any number of lines.
//!
//! `UPDATE_EXPECT=1` (`cargo golden`) writes what was printed into the file; lines with placeholders stay as long
//! as they match, and new UUIDs become `<uuid>`.

use std::fmt::Write;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use expect_test::{Expect, expect};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use regex::Regex;

/// Runs a transcript and compares; with `UPDATE_EXPECT`, rewrites it instead.
pub(crate) fn run_file(path: &Path, env: &[(&str, &str)]) -> Result<(), String> {
    let text = fs_err::read_to_string(path).map_err(|fault| fault.to_string())?;
    let folder = tempfile::tempdir().map_err(|fault| fault.to_string())?;
    let transcript = parse(&text);
    let (actual, faults) = transcript.run(folder.path(), env);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return fs_err::write(path, actual).map_err(|fault| fault.to_string());
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("{}\n{faults}", path.display())) }
}

/// The transcripts in a text's console fences, one each. A fence with a second word (```` ```console show ````) is
/// only for the reader.
pub(crate) fn readme_blocks(text: &str) -> Vec<Transcript> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match (&mut block, line.trim_end()) {
            (None, "```console") => block = Some(String::new()),
            (Some(_), "```") => blocks.extend(block.take().map(|block| parse(&block))),
            (Some(block), line) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

/// Commands with what they print.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Transcript {
    /// Lines before the first step.
    head: Vec<String>,
    /// In their order.
    steps: Vec<Step>,
}

/// A command with what it prints.
#[derive(Debug, Default, PartialEq, Eq)]
struct Step {
    /// As it is written, continuation lines too.
    command: Vec<String>,
    /// Expected lines, without comments and without blank lines at the end.
    lines: Vec<String>,
    /// Expected exit code.
    code: i32,
    /// Blank lines and comments before the next step.
    tail: Vec<String>,
}

impl Transcript {
    /// Runs every step in `folder`. Returns the transcript as it should be, and what differs, empty when nothing does.
    pub(crate) fn run(&self, folder: &Path, env: &[(&str, &str)]) -> (String, String) {
        let mut text: String = self.head.iter().map(|line| format!("{line}\n")).collect();
        let mut faults = String::new();
        for step in &self.steps {
            let (printed, code) = step.run(folder, env);
            let printed: Vec<String> =
                printed.trim_end_matches('\n').lines().map(str::to_owned).collect();
            if !matches(&step.lines, &printed) || step.code != code {
                let command = step.command.join("\n  ");
                let expected = shown(&step.lines);
                let got = shown(&printed);
                let codes = (step.code, code);
                writeln!(
                    faults,
                    "$ {command}\n  expected, exit {}:\n    {expected}\n  got, exit {}:\n    {got}",
                    codes.0, codes.1
                )
                .expect("a String takes all");
            }
            step.show(&printed, code, &mut text);
        }
        (text, faults)
    }
}

impl Step {
    /// Runs it; what it printed, and its exit code as a shell shows it.
    fn run(&self, folder: &Path, env: &[(&str, &str)]) -> (String, i32) {
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_lictor"));
        let binaries = binary.parent().expect("a binary is in a folder").display();
        let path = std::env::var("PATH").unwrap_or_default();
        let script = format!("exec 2>&1\n{}", self.command.join("\n"));
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(folder);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CONSUL_") || name.starts_with("LICTOR_") {
                command.env_remove(name.as_ref());
            }
        }
        command.env("PATH", format!("{binaries}:{path}")).envs(env.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn().expect("sh starts");
        let group = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
        let mut stdout = child.stdout.take().expect("it is piped");
        let (sender, receiver) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stdout.read_to_end(&mut bytes);
            // Nobody listens any more once the time is over.
            let _ = sender.send(());
            bytes
        });
        let is_late = receiver.recv_timeout(STEP_TIMEOUT).is_err();
        if is_late {
            let _ = killpg(group, Signal::SIGKILL);
        }
        let status = child.wait().expect("a child can be waited for");
        let bytes = reader.join().expect("the reader does not panic");
        let mut printed = String::from_utf8_lossy(&bytes).into_owned();
        if is_late {
            let _ = write!(printed, "\n[killed after {STEP_TIMEOUT:?}]");
        }
        (printed, status.code().unwrap_or(-1))
    }

    /// Writes it with what it printed. Expected lines that match stay, for their placeholders.
    fn show(&self, printed: &[String], code: i32, text: &mut String) {
        let first = self.command.first().map(String::as_str).unwrap_or_default();
        let mut lines = vec![format!("$ {first}")];
        lines.extend(self.command.iter().skip(1).cloned());
        if matches(&self.lines, printed) {
            lines.extend(self.lines.iter().cloned());
        } else {
            lines.extend(printed.iter().map(|line| {
                let kept = self.lines.iter().find(|old| pattern(old).is_match(line));
                kept.cloned().unwrap_or_else(|| redact(line))
            }));
        }
        if code != 0 {
            lines.push(format!("? {code}"));
        }
        lines.extend(self.tail.iter().cloned());
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
    }
}

/// Lines under a heading.
fn shown(lines: &[String]) -> String {
    if lines.is_empty() { "(nothing)".to_owned() } else { lines.join("\n    ") }
}

/// Runs every `.txt` of a folder; panics with all that differs.
pub(crate) fn run_folder(folder: &Path, env: &[(&str, &str)]) {
    let entries = fs_err::read_dir(folder).expect("the folder of transcripts exists");
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("it can be read").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    assert!(!paths.is_empty(), "no transcript in {}", folder.display());
    let faults: Vec<String> = paths.iter().filter_map(|path| run_file(path, env).err()).collect();
    assert!(faults.is_empty(), "{}\n(UPDATE_EXPECT=1 rewrites them)", faults.join("\n"));
}

fn parse(text: &str) -> Transcript {
    let mut transcript = Transcript::default();
    let mut goes_on = false;
    for line in text.lines() {
        let Some(step) = transcript.steps.last_mut() else {
            match line.strip_prefix("$ ") {
                Some(command) => transcript.steps.push(Step::of(command)),
                None => transcript.head.push(line.to_owned()),
            }
            goes_on = line.ends_with('\\');
            continue;
        };
        if goes_on {
            step.command.push(line.to_owned());
            goes_on = line.ends_with('\\');
            continue;
        }
        if let Some(command) = line.strip_prefix("$ ") {
            transcript.steps.push(Step::of(command));
            goes_on = line.ends_with('\\');
        } else if let Some(code) = line.strip_prefix("? ").and_then(|code| code.parse().ok()) {
            step.code = code;
        } else if line.is_empty() || (line.starts_with('#') && !step.tail.is_empty()) {
            step.tail.push(line.to_owned());
        } else {
            // A blank line that something follows was printed.
            step.lines.append(&mut step.tail);
            step.lines.push(line.to_owned());
        }
    }
    transcript
}

impl Step {
    fn of(command: &str) -> Self {
        Self { command: vec![command.to_owned()], ..Self::default() }
    }
}

/// Whether lines are what was expected.
fn matches(expected: &[String], printed: &[String]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line == "<...>" => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        Some((line, rest)) => printed
            .split_first()
            .is_some_and(|(first, others)| pattern(line).is_match(first) && matches(rest, others)),
    }
}

/// The pattern that a line with placeholders is.
fn pattern(line: &str) -> Regex {
    let mut text = regex::escape(line);
    for (placeholder, means) in PLACEHOLDERS {
        let placeholder = regex::escape(placeholder);
        while text.contains(&format!("{placeholder}  ")) {
            text = text.replace(&format!("{placeholder}  "), &format!("{placeholder} "));
        }
        text = text.replace(&format!("{placeholder} "), &format!("{means} +"));
        text = text.replace(&placeholder, means);
    }
    Regex::new(&format!("^{text}$")).expect("an escaped line with known patterns is a pattern")
}

/// UUIDs never come twice.
fn redact(line: &str) -> String {
    let uuid = Regex::new(UUID).expect("it is a pattern");
    uuid.replace_all(line, "<uuid>").into_owned()
}

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_transcript_that_holds_comes_out_as_it_went_in() {
    check(
        "# head\n$ echo a; exit 3\na\n? 3\n\n# next\n$ printf 'x\\n\\ny\\n'\nx\n\ny\n",
        &expect![""],
    );
}

#[test]
fn other_output_and_another_exit_code_are_shown() {
    check(
        "$ echo b; exit 4\na\n",
        &expect![[r"
            $ echo b; exit 4
              expected, exit 0:
                a
              got, exit 4:
                b
        "]],
    );
}

#[test]
fn output_where_none_is_expected_is_a_difference() {
    check(
        "$ echo surprise >&2\n",
        &expect![[r#"
            $ echo surprise >&2
              expected, exit 0:
                (nothing)
              got, exit 0:
                surprise
        "#]],
    );
}

#[test]
fn placeholders_match_what_they_stand_for_and_nothing_else() {
    let said = "node 0a1b2c3d at 127.0.0.1:8301   is 5 old";
    for (line, is_match) in [
        ("node <id> at <address> is <n> old", true),
        ("node <id> at <address>        is <n> old", true),
        ("node <n> at <address> is <n> old", false),
        ("node <...> old", true),
        ("node <...> young", false),
        ("node <id> at <address> is <n> ol.", false),
    ] {
        assert_eq!(pattern(line).is_match(said), is_match, "{line}");
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&lines("a\n<...>\nz"), &lines("a\nb\nc\nz")));
    assert!(!matches(&lines("a\n<...>\nz"), &lines("a\nb\nc")));
}

#[test]
fn an_update_keeps_placeholders_and_hides_uuids() {
    let text = "$ echo n1 7; echo 6678a70d-c5a0-bf71-3cfb-2141a1b92345; exit 1\nn1 <n>\nold\n";
    let folder = tempfile::tempdir().expect("a folder");
    let (actual, _) = parse(text).run(folder.path(), &[]);
    let expected =
        "$ echo n1 7; echo 6678a70d-c5a0-bf71-3cfb-2141a1b92345; exit 1\nn1 <n>\n<uuid>\n? 1\n";
    assert_eq!(actual, expected);
}

#[test]
fn only_plain_console_fences_of_a_readme_are_run() {
    let text = "# T\n```console\n$ true\n```\n```sh\n$ false\n```\n```console show\n$ false\n```\n\
                ```console\n$ echo a \\\n  b\na b\n```\n";
    let blocks = readme_blocks(text);
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        assert_eq!(block.run(repository(), &[]).1, "");
    }
}

/// Runs a transcript and compares what differs.
fn check(text: &str, faults: &Expect) {
    let folder = tempfile::tempdir().expect("a folder");
    let (actual, differences) = parse(text).run(folder.path(), &[]);
    if differences.is_empty() {
        assert_eq!(actual, text);
    }
    faults.assert_eq(&differences);
}

/// Longer than any command takes, retries of `dig` included.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// A UUID.
const UUID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

/// What stands for what.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("<uuid>", UUID),
    ("<id>", "[0-9a-f]{8}"),
    ("<n>", "[0-9]+"),
    ("<version>", r"[0-9]+\.[0-9]+\.[0-9]+[^ ]*"),
    ("<address>", r"[0-9a-f.:\[\]]+:[0-9]+"),
    ("<_>", " +"),
    ("<...>", ".*"),
];
