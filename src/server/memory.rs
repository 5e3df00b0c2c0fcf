//! Freed memory → given back to the system, also where nothing happens any more.
//!
//! mimalloc gives back what has been free for a second, but looks for it only when a block of many pages is freed. A
//! program that rests after a rush frees none, and would keep what the rush needed.

use std::hint::black_box;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Has the allocator look for what it can give back, until the stop.
pub(in crate::server) async fn give_back(stop: CancellationToken) {
    let mut clock = tokio::time::interval(INTERVAL);
    let looking = async {
        loop {
            clock.tick().await;
            // Nothing is written to it, so that it takes no memory.
            drop(black_box(Vec::<u8>::with_capacity(BLOCK_BYTES)));
        }
    };
    stop.run_until_cancelled(looking).await;
}

/// How often.
const INTERVAL: Duration = Duration::from_secs(1);

/// Large enough for pages of its own.
const BLOCK_BYTES: usize = 1024 * 1024;
