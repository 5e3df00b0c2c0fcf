//! TCP: passing if somebody accepts the connection.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::agent::probe::Finding;
use crate::agent::probe::names::Names;
use crate::model::health::Status;
use crate::model::time::GoDuration;

/// Connects to `host:port` and hangs up.
pub(super) async fn run(address: &str, limit: Duration, names: &Names) -> Finding {
    match timeout(limit, connect(address, names)).await {
        Ok(Ok(_)) => {
            Finding { status: Status::Passing, output: format!("TCP connect {address}: Success") }
        }
        Ok(Err(fault)) => Finding::critical(format!("dial tcp {address}: {fault}")),
        Err(_) => {
            let limit = GoDuration(limit);
            Finding::critical(format!("dial tcp {address}: i/o timeout after {limit}"))
        }
    }
}

/// A connection to the first address of `host:port` that takes one.
pub(super) async fn connect(address: &str, names: &Names) -> io::Result<TcpStream> {
    let addresses = names.addresses(address).await?;
    TcpStream::connect(addresses.as_slice()).await
}
