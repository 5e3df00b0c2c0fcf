//! Mutex → what it guards, whatever befell another thread that had it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock, also one whose holder panicked: what our locks guard is whole after each statement, and a panic of one
/// request must not end the service of all.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
