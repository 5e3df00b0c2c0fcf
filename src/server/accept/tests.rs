use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;

/// A listener that gives what it was told to, then nothing more.
struct Scripted(Mutex<VecDeque<io::Result<u32>>>);

impl Accept for Scripted {
    type Stream = u32;
    type Peer = ();

    async fn accept(&self) -> io::Result<(u32, ())> {
        let next = self.0.lock().unwrap().pop_front();
        match next {
            Some(next) => next.map(|stream| (stream, ())),
            None => std::future::pending().await,
        }
    }
}

/// Which connections are taken of what a listener gives, and how long the loop pauses.
async fn check(given: Vec<io::Result<u32>>, taken: &[u32], pause: Duration) {
    let (listener, stop) = (Scripted(Mutex::new(given.into())), CancellationToken::new());
    let (mut connections, mut streams) = (JoinSet::new(), Vec::new());
    let begun = Instant::now();
    let mut last = begun;
    let accepting = accept_all(&listener, "test", &mut connections, &stop, |_, stream, ()| {
        streams.push(stream);
        last = Instant::now();
    });
    // The clock runs by itself once nothing is left to do.
    let _ = tokio::time::timeout(Duration::from_secs(3_600), accepting).await;
    assert_eq!(streams, taken);
    assert_eq!(last - begun, pause);
}

fn failed(errno: Errno) -> io::Result<u32> {
    Err(io::Error::from_raw_os_error(errno as i32))
}

#[tokio::test(start_paused = true)]
async fn a_process_without_room_is_asked_again_after_a_pause() {
    let given = vec![Ok(1), failed(Errno::EMFILE), failed(Errno::ENOMEM), Ok(2)];
    check(given, &[1, 2], 2 * ACCEPT_PAUSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_gone_costs_no_pause() {
    check(vec![failed(Errno::ECONNABORTED), Ok(1)], &[1], Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_goes_before_connections_that_wait() {
    let (listener, stop) = (Scripted(Mutex::new([Ok(1)].into())), CancellationToken::new());
    stop.cancel();
    let mut connections = JoinSet::new();
    let take = |_: &mut JoinSet<()>, _, ()| panic!("a connection was taken after the stop");
    accept_all(&listener, "test", &mut connections, &stop, take).await;
}
