//! View → a snapshot, sent while it is made.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::api::Api;
use crate::api::answer::Index;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::api::meter::time_save;
use crate::api::operator::servers;
use crate::catalog::archive::{self, Description, Server};
use crate::model::limits::{SNAPSHOT_PIECE_BYTES, SNAPSHOT_PIECE_TIMEOUT};
use crate::model::number::Revision;
use crate::publish::{Consistency, ProposeFault};

/// The state as a file: confirmed by a majority, unless `stale`.
pub(in crate::api) async fn save(State(api): State<Api>, call: Call) -> Result<Response, Fault> {
    permit(call.acl.snapshot())?;
    call.check_datacenter(&api.options)?;
    let is_stale = call.params.has("stale");
    let consistency = if is_stale { Consistency::Stale } else { Consistency::Linearizable };
    api.services.propose.barrier(consistency).await?;
    let saves = Arc::clone(&api.gate.saves);
    let permit = saves.acquire_owned().await.map_err(|_| ProposeFault::Stopping)?;
    // After the wait for a place: it holds what it shows for no longer than it is sent.
    let view = api.services.reader.load_full();
    if !view.is_ready() {
        return Err(Fault::Propose(ProposeFault::NoLeader));
    }
    let cluster = api.services.propose.cluster();
    let now = api.services.program.now();
    let members = servers(&api, &cluster, &view).into_iter().map(|server| Server {
        suffrage: u8::from(!server.voter),
        id: server.id,
        address: server.address,
    });
    let description = Description::new(view.revision().0, cluster.term, now.0, members.collect());
    let index = Index {
        revision: view.revision().max(Revision(1)),
        has_leader: cluster.leader.is_some(),
        last_contact_ms: cluster.last_contact.as_millis(),
        consistency,
        cache: None,
    };
    let (sender, receiver) = mpsc::channel(PIECES_HELD_MAX);
    let pipe = Pipe { sender, handle: Handle::current() };
    let make = move || {
        let begun = tokio::time::Instant::now();
        let _permit = permit;
        let mut pipe = BufWriter::with_capacity(SNAPSHOT_PIECE_BYTES, pipe);
        let made = archive::write(&view, description, now, &mut pipe).and_then(|()| pipe.flush());
        // Dropping the writer would write what it holds once more.
        let (mut pipe, _held) = pipe.into_parts();
        match made.and_then(|()| pipe.send(Piece::End)) {
            Ok(()) => time_save(begun),
            Err(fault) => tracing::warn!(%fault, "a snapshot was not sent to its end"),
        }
    };
    drop(tokio::task::spawn_blocking(make));
    let pieces = stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(Piece::End) => None,
            // The body ends as broken: its reader must not take it for whole.
            None => Some((Err(io::Error::from(io::ErrorKind::BrokenPipe)), None)),
        }
    });
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/x-gzip"))];
    Ok((index.headers(&call), kind, Body::from_stream(pieces)).into_response())
}

/// What goes to a client.
enum Piece {
    /// So much of it.
    Bytes(Bytes),
    /// That it is whole.
    End,
}

/// The way to a client, for a thread that may block.
struct Pipe {
    /// Pieces go here.
    sender: mpsc::Sender<Piece>,
    /// Where the time is kept.
    handle: Handle,
}

impl Pipe {
    fn send(&mut self, piece: Piece) -> io::Result<()> {
        let sent = self.handle.block_on(self.sender.send_timeout(piece, SNAPSHOT_PIECE_TIMEOUT));
        match sent {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(Piece::Bytes(Bytes::copy_from_slice(bytes)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Pieces that are made and not sent.
const PIECES_HELD_MAX: usize = 4;
