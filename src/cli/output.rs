//! Text and bytes → stdout; warnings and errors → stderr. The only writer of either.

use std::io::Write;

use crate::cli::fault::Fault;

/// Where a command writes.
pub(super) struct Output {
    /// Data.
    stdout: Box<dyn Write>,
    /// Everything else.
    stderr: Box<dyn Write>,
}

impl Output {
    /// The process's own.
    pub(super) fn of_process() -> Self {
        Self { stdout: Box::new(std::io::stdout()), stderr: Box::new(std::io::stderr()) }
    }

    /// Any other two.
    #[cfg(test)]
    pub(super) fn of(stdout: impl Write + 'static, stderr: impl Write + 'static) -> Self {
        Self { stdout: Box::new(stdout), stderr: Box::new(stderr) }
    }

    /// A line, or several, of data.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Fault> {
        self.bytes(text.as_bytes())
    }

    /// Data as it is, and a line end after it.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let written = self.stdout.write_all(bytes).and_then(|()| self.stdout.write_all(b"\n"));
        written.and_then(|()| self.stdout.flush()).map_err(Fault::Output)
    }

    /// Data as it comes, with nothing after it.
    pub(super) fn piece(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let written = self.stdout.write_all(bytes);
        written.and_then(|()| self.stdout.flush()).map_err(Fault::Output)
    }

    /// JSON for programs, indented for people.
    pub(super) fn json(&mut self, value: &serde_json::Value) -> Result<(), Fault> {
        self.text(&format!("{value:#}"))
    }

    /// Something that the user should know; the command goes on.
    pub(super) fn note(&mut self, text: &str) {
        // Nowhere is left to say that stderr is closed.
        let _ = writeln!(self.stderr, "{text}");
    }
}
