//! Datagrams whose answers take time: they leave the thread that reads the socket, and are sent by it when they
//! are made.

use std::sync::Arc;

use socket2::Socket;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dns::Transport;
use crate::dns::outside::Ask;
use crate::server::front::Front;
use crate::server::udp::batch::{Datagram, send_one};

/// Queries of one socket that wait for others.
pub(in crate::server::udp) struct Later {
    /// Where replies are sent from.
    socket: Arc<Socket>,
    /// Where the waiting is done.
    runtime: Handle,
    /// Who waits.
    tasks: TaskTracker,
    /// Ends the waiting: whoever asked asks another server.
    stop: CancellationToken,
}

impl Later {
    /// Waits on the runtime that this is called on.
    pub(in crate::server::udp) fn new(socket: Arc<Socket>) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        Self { socket, runtime: Handle::current(), tasks, stop }
    }

    /// Answers a query once others said what it lacks.
    pub(in crate::server::udp) fn take(
        &self,
        asks: Vec<Ask>,
        datagram: &Datagram<'_>,
        front: &Arc<Front>,
    ) {
        let (source, local) = (datagram.source, datagram.local);
        let (socket, stop) = (Arc::clone(&self.socket), self.stop.clone());
        let front = Arc::clone(front);
        let answer = front.complete(asks, datagram.bytes.to_vec(), Transport::Udp, source);
        let answered = async move {
            let Some(Some(reply)) = stop.run_until_cancelled(answer).await else { return };
            if let Err(errno) = send_one(&socket, &reply, source, local) {
                tracing::debug!(%errno, %source, "a reply could not be sent");
            }
        };
        self.tasks.spawn_on(answered, &self.runtime);
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
