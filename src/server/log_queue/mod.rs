//! Lines → a thread that writes them: who logs never waits for who reads.
//!
//! A pipe that nobody empties or a disk that hangs would else stop whatever thread logs, and with it DNS. A line
//! that finds no place is dropped; where lines go on, one of them says how many are missing.

use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// The end of a queue that lines come out of.
pub(in crate::server) struct LogQueue {
    /// How many lines found no place.
    dropped: ErrorCounter,
    /// Has what waits written before the program ends, as far as somebody reads.
    _guard: WorkerGuard,
}

impl LogQueue {
    /// Has a thread write to `writer`; the first half is for who logs.
    pub(in crate::server) fn start(
        writer: impl Write + Send + 'static,
        lines_max: usize,
    ) -> (NonBlocking, Self) {
        let dropped = Arc::new(OnceLock::new());
        let writer = Confessing { writer, dropped: Arc::clone(&dropped), confessed: 0 };
        let builder = NonBlockingBuilder::default().lossy(true).thread_name("log");
        let (queue, guard) = builder.buffered_lines_limit(lines_max).finish(writer);
        let counter = dropped.get_or_init(|| queue.error_counter()).clone();
        (queue, Self { dropped: counter, _guard: guard })
    }

    /// How many lines found no place.
    pub(in crate::server) fn dropped(&self) -> ErrorCounter {
        self.dropped.clone()
    }
}

/// A writer that says how many lines are missing before the one that it writes.
struct Confessing<W> {
    /// Where lines go.
    writer: W,
    /// How many were dropped; known once the queue is there.
    dropped: Arc<OnceLock<ErrorCounter>>,
    /// How many of these were spoken of.
    confessed: usize,
}

impl<W: Write> Write for Confessing<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let dropped = self.dropped.get().map_or(0, ErrorCounter::dropped_lines);
        let missing = dropped.saturating_sub(self.confessed);
        if 0 < missing {
            self.confessed = dropped;
            let note = format!("==> {missing} lines of the log were dropped: nobody read them\n");
            self.writer.write_all(note.as_bytes())?;
        }
        // The queue hands over whole lines, and expects them to be written whole.
        self.writer.write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests;
