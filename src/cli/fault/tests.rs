//! What is printed where, and the exit codes.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use expect_test::{Expect, expect};

use crate::cli::fault::{Fault, report};
use crate::cli::output::Output;

#[test]
fn a_closed_pipe_is_not_talked_about() {
    check(&Fault::Output(io::ErrorKind::BrokenPipe.into()), 141, &expect![""]);
}

#[test]
fn a_full_disk_is() {
    let fault = Fault::Output(io::ErrorKind::StorageFull.into());
    check(
        &fault,
        1,
        &expect![[r"
        cannot write to standard output: no storage space
    "]],
    );
}

#[test]
fn nobody_matched_is_two_and_silence() {
    check(&Fault::Silent(2), 2, &expect![""]);
}

#[test]
fn an_answer_without_a_text_has_no_brackets() {
    check(
        &answered(500, ""),
        1,
        &expect![[r"
        Error listing nodes: Unexpected response code: 500
    "]],
    );
}

#[test]
fn a_refused_token_has_a_hint() {
    check(
        &answered(403, "Permission denied"),
        1,
        &expect![[r"
        Error listing nodes: Unexpected response code: 403 (Permission denied)
        hint: say which token to use with `-token`, `-token-file` or CONSUL_HTTP_TOKEN
    "]],
    );
}

#[test]
fn what_no_agent_says_has_a_hint() {
    let fault =
        Fault::Garbled { doing: "Error querying agent".to_owned(), reason: "eh".to_owned() };
    check(
        &fault,
        1,
        &expect![[r"
        Error querying agent: the answer cannot be understood: eh
        hint: is that the HTTP port of an agent? `-http-addr` says which is asked
    "]],
    );
}

#[test]
fn a_failed_write_reaches_the_caller() {
    let mut output = Output::of(Closed, io::sink());
    let fault = output.text("data").expect_err("nobody reads it");
    assert!(matches!(fault, Fault::Output(_)), "{fault}");
}

fn answered(code: u16, body: &str) -> Fault {
    Fault::Answered { doing: "Error listing nodes".to_owned(), code, body: body.to_owned() }
}

/// Reports a fault and compares what stands on stderr.
fn check(fault: &Fault, code: u8, said: &Expect) {
    let stderr = Kept::default();
    let mut output = Output::of(Closed, stderr.clone());
    let exit = report(fault, &mut output);
    assert_eq!(format!("{exit:?}"), format!("{:?}", ExitCode::from(code)));
    let bytes = stderr.0.lock().expect("nobody panicked").clone();
    said.assert_eq(&String::from_utf8(bytes).expect("it is text"));
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A pipe whose reader went away.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
