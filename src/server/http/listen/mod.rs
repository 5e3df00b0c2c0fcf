//! Address → a listener: TCP, or a socket of the file system, which goes with it.

use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, chown};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::intake::UnixSockets;
use crate::server::accept::Accept;

/// Binds a listener that a restart can take over at once.
pub(in crate::server) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// A socket of the file system. Dropping it takes its file away.
pub(in crate::server) struct SocketListener {
    /// The listener.
    listener: UnixListener,
    /// Its file.
    path: PathBuf,
    /// Which file that is: device and number.
    file: (u64, u64),
}

/// Binds a socket of the file system in place of one that nobody listens on any more.
///
/// # Errors
/// The system's; [`io::ErrorKind::AddrInUse`] where somebody listens there, [`io::ErrorKind::AlreadyExists`] where
/// something else has the name.
pub(in crate::server) fn bind_socket(
    path: &Path,
    settings: &UnixSockets,
) -> io::Result<SocketListener> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let prepared = prepare(path, settings).and_then(|file| {
        // Only from here on can anybody connect: nobody gets in before owner and mode say who may.
        socket.listen(BACKLOG)?;
        Ok((UnixListener::from_std(socket.into())?, file))
    });
    match prepared {
        Ok((listener, file)) => Ok(SocketListener { listener, path: path.to_owned(), file }),
        Err(fault) => {
            let _ = fs_err::remove_file(path);
            Err(fault)
        }
    }
}

impl SocketListener {
    /// Its file.
    pub(in crate::server) fn path(&self) -> &Path {
        &self.path
    }
}

impl Accept for SocketListener {
    type Stream = UnixStream;
    type Peer = ();

    async fn accept(&self) -> io::Result<(UnixStream, ())> {
        let (stream, _unnamed) = self.listener.accept().await?;
        Ok((stream, ()))
    }
}

impl Drop for SocketListener {
    fn drop(&mut self) {
        // Somebody else's may stand in its place by now.
        if fs_err::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.file) {
            let _ = fs_err::remove_file(&self.path);
        }
    }
}

/// Takes the file of a socket away that nobody listens on.
fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs_err::symlink_metadata(path) {
        Ok(found) => found,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(fault) => return Err(fault),
    };
    if !found.file_type().is_socket() {
        let text = "there is something that is no socket";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A full queue must not be waited for: it is one of somebody who listens.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(fault) if fault.kind() == io::ErrorKind::ConnectionRefused => fs_err::remove_file(path),
        Err(fault) if fault.kind() != io::ErrorKind::WouldBlock => Err(fault),
        Ok(()) | Err(_) => Err(io::ErrorKind::AddrInUse.into()),
    }
}

/// Gives a socket's file the owner and mode that are stated, and says which file it is.
fn prepare(path: &Path, settings: &UnixSockets) -> io::Result<(u64, u64)> {
    let (user, group) = (settings.user.map(Uid::from_raw), settings.group.map(Gid::from_raw));
    if user.is_some() || group.is_some() {
        chown(path, user, group)?;
    }
    if let Some(mode) = settings.mode {
        fs_err::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(identity(&fs_err::symlink_metadata(path)?))
}

fn identity(found: &std::fs::Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4_096;

#[cfg(test)]
mod tests;
