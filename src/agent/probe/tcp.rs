//! TCP: passing if somebody accepts the connection.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::agent::probe::Finding;
use crate::model::health::Status;
use crate::model::time::GoDuration;

/// Connects to `host:port` and hangs up.
pub(super) async fn run(address: &str, limit: Duration) -> Finding {
    match timeout(limit, TcpStream::connect(address)).await {
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
