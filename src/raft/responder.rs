//! What became of a command → who proposed it.

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::raft::types::TypeConfig;

/// Tells who proposed a command what became of it, by openraft. The command's bytes count until then, whether or not
/// anybody still listens.
pub(in crate::raft) struct Responder<T> {
    /// Who listens.
    sender: oneshot::Sender<(T, OwnedSemaphorePermit)>,
    /// The room that the command takes.
    room: OwnedSemaphorePermit,
}

/// Where what became of a command arrives, together with the room that it took.
pub(in crate::raft) type Response<T> = oneshot::Receiver<(T, OwnedSemaphorePermit)>;

impl<T> Responder<T> {
    pub(in crate::raft) fn new(room: OwnedSemaphorePermit) -> (Self, Response<T>) {
        let (sender, response) = oneshot::channel();
        (Self { sender, room }, response)
    }
}

impl<T: Send + 'static> openraft::raft::responder::Responder<TypeConfig, T> for Responder<T> {
    fn on_complete(self, result: T) {
        // Where nobody listens, the room is free again by this.
        let _ = self.sender.send((result, self.room));
    }
}
