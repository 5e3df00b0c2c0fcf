//! A snapshot → the whole state: looked at while it arrives, then set aside in the catalog part by part, then put
//! in place by one Command.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::api::Api;
use crate::api::answer::empty;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::api::meter::time_restore;
use crate::catalog::archive::{self, Archive, ArchiveFault};
use crate::catalog::command::{DropStaged, Restore, StagePart};
use crate::catalog::pieces::Pieces;
use crate::catalog::{Command, Reply};
use crate::model::limits::{
    RESTORE_PART_BYTES, SNAPSHOT_BODY_TIMEOUT, SNAPSHOT_PIECE_TIMEOUT, SNAPSHOT_STATE_BYTES_MAX,
};
use crate::publish::ProposeFault;

/// Puts a snapshot in the place of everything. Nothing is touched before all of it was found good.
pub(in crate::api) async fn restore(
    State(api): State<Api>,
    call: Call,
    body: Body,
) -> Result<Response, Fault> {
    permit(call.acl.snapshot())?;
    call.check_datacenter(&api.options)?;
    if call.params.has("stale") {
        return Err(Fault::Refused("stale not allowed for restore".to_owned()));
    }
    let busy = || Fault::Refused("another snapshot is being restored; try again".to_owned());
    let _permit = api.gate.restores.try_acquire().map_err(|_| busy())?;
    let (sender, receiver) = mpsc::channel(PIECES_HELD_MAX);
    let look = tokio::task::spawn_blocking(move || look(receiver));
    let fed = feed(&api, body, sender).await;
    let looked = look.await.map_err(|fault| Fault::Bug(fault.to_string()))?;
    // What ails the body is the reason for what ails the file.
    fed?;
    let (archive, parts) = looked.map_err(|fault| Fault::Refused(fault.to_string()))?;
    let id = uuid::Uuid::new_v4().to_string();
    let index = archive.description.index;
    // Let go before the peers hold it too.
    drop(archive);
    tracing::info!(index, parts = parts.len(), "restoring a snapshot");
    let begun = Instant::now();
    let restored = replace(&api, &id, parts).await;
    if restored.is_err() {
        // Otherwise the leader clears away what is left, after a while.
        let _ = api.services.propose.propose(Command::DropStaged(DropStaged { restore: id })).await;
    }
    restored?;
    time_restore(begun);
    tracing::info!(index, "a snapshot was restored");
    Ok(empty())
}

/// Reads a snapshot from pieces, and keeps the backup in it in parts as large as one Command carries.
fn look(
    mut receiver: mpsc::Receiver<io::Result<Bytes>>,
) -> Result<(Archive, Vec<Bytes>), ArchiveFault> {
    let mut parts: Vec<Bytes> = Vec::new();
    let mut part: Vec<u8> = Vec::new();
    let pieces = Pieces::new(std::iter::from_fn(|| receiver.blocking_recv()));
    let archive = archive::read(pieces, &mut |mut bytes: &[u8]| {
        while !bytes.is_empty() {
            let room = RESTORE_PART_BYTES.saturating_sub(part.len());
            let (fits, rest) = bytes.split_at(room.min(bytes.len()));
            part.extend_from_slice(fits);
            bytes = rest;
            if RESTORE_PART_BYTES <= part.len() {
                parts.push(std::mem::take(&mut part).into());
            }
        }
    })?;
    if !part.is_empty() {
        parts.push(part.into());
    }
    Ok((archive, parts))
}

/// Hands a body over piece by piece, until nobody wants more of it.
async fn feed(api: &Api, body: Body, sender: mpsc::Sender<io::Result<Bytes>>) -> Result<(), Fault> {
    let mut stream = body.into_data_stream();
    let deadline = Instant::now() + SNAPSHOT_BODY_TIMEOUT;
    let mut count: u64 = 0;
    let fault = loop {
        let patience = deadline.min(Instant::now() + SNAPSHOT_PIECE_TIMEOUT);
        let piece = tokio::select! {
            // A stop does not wait for a slow client.
            biased;
            () = api.services.stop.cancelled() => break Fault::Propose(ProposeFault::Stopping),
            piece = tokio::time::timeout_at(patience, stream.next()) => piece,
        };
        let Ok(piece) = piece else {
            break Fault::TooSlow("Request body did not arrive in time".to_owned());
        };
        let Some(piece) = piece else { return Ok(()) };
        let Ok(piece) = piece else { break Fault::Decode("unexpected EOF".to_owned()) };
        count = count.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if SNAPSHOT_STATE_BYTES_MAX < count {
            let text =
                format!("Request body too large, max size: {SNAPSHOT_STATE_BYTES_MAX} bytes");
            break Fault::TooLarge(text);
        }
        if sender.send(Ok(piece)).await.is_err() {
            // It was refused already.
            return Ok(());
        }
    };
    let _ = sender.send(Err(io::ErrorKind::ConnectionAborted.into())).await;
    Err(fault)
}

/// Has the parts set aside everywhere, then put in place. One after the other: each follows on the one before.
async fn replace(api: &Api, id: &str, parts: Vec<Bytes>) -> Result<(), Fault> {
    let restore = || id.to_owned();
    let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    for (number, bytes) in (0..).zip(parts) {
        done(api, Command::StagePart(StagePart { restore: restore(), number, bytes })).await?;
    }
    done(api, Command::Restore(Restore { restore: restore(), parts: count })).await
}

async fn done(api: &Api, command: Command) -> Result<(), Fault> {
    match api.services.propose.propose(command).await? {
        Reply::Done(_) => Ok(()),
        Reply::Rejected(reject) => Err(Fault::Reject(reject)),
        other @ (Reply::CasMismatch
        | Reply::NoLock(_)
        | Reply::Transacted(_)
        | Reply::Aborted(_)) => Err(Fault::Bug(format!("a restore came to {other:?}"))),
    }
}

/// Pieces that arrived and are not looked at.
const PIECES_HELD_MAX: usize = 4;
