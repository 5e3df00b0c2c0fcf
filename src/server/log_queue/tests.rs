use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Says that a line came, and waits until it is let through.
struct Gate {
    came: Sender<String>,
    open: Receiver<()>,
}

impl Write for Gate {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.came.send(String::from_utf8_lossy(line).into_owned());
        // Once the other end is gone, everything may pass.
        let _ = self.open.recv();
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn who_logs_waits_for_nobody_and_what_is_dropped_is_counted() {
    let (came, lines) = channel();
    let (opener, open) = channel();
    let (mut queue, ends) = LogQueue::start(Gate { came, open }, 10);
    queue.write_all(b"first\n").unwrap();
    // The thread holds it now, and ten more find a place.
    assert_eq!(lines.recv().unwrap(), "first\n");
    for number in 0..100 {
        queue.write_all(format!("{number}\n").as_bytes()).unwrap();
    }
    let dropped = ends.dropped().dropped_lines();
    assert_eq!(dropped, 90);
    drop(opener);
    assert_eq!(lines.recv().unwrap(), "==> 90 lines of the log were dropped: nobody read them\n");
    let rest: Vec<String> = (0..10).map(|_| lines.recv().unwrap()).collect();
    assert_eq!(rest, (0..10).map(|number| format!("{number}\n")).collect::<Vec<_>>());
    queue.write_all(b"last\n").unwrap();
    assert_eq!(lines.recv().unwrap(), "last\n");
}
