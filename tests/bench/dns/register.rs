//! Registrations → an agent's catalog, over its HTTP API.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fault;

/// Waits until an agent can be written to.
pub(crate) fn wait_for_leader(
    http: SocketAddr,
    mut has_ended: impl FnMut() -> bool,
) -> io::Result<()> {
    let begun = Instant::now();
    let url = format!("http://{http}/v1/status/leader");
    run(async move {
        let client = client()?;
        while begun.elapsed() < START_TIME_MAX && !has_ended() {
            let leader = async { client.get(&url).send().await?.error_for_status()?.text().await };
            if leader.await.is_ok_and(|leader| leader.trim().len() > 2) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(fault("an agent did not find a leader"))
    })
}

/// Registers all.
pub(crate) fn put(http: SocketAddr, registrations: Vec<Value>) -> io::Result<()> {
    let url = format!("http://{http}/v1/catalog/register");
    run(async move {
        let client = client()?;
        let mut tasks = tokio::task::JoinSet::new();
        let share = registrations.len().div_ceil(CONNECTIONS).max(1);
        for share in registrations.chunks(share) {
            let (client, url, share) = (client.clone(), url.clone(), share.to_vec());
            tasks.spawn(async move {
                for registration in share {
                    let request = client.put(&url).body(registration.to_string());
                    request.send().await?.error_for_status()?.bytes().await?;
                }
                Ok::<_, reqwest::Error>(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done?.map_err(|error| fault(format!("a registration failed: {error}")))?;
        }
        Ok(())
    })
}

fn run<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

fn client() -> io::Result<reqwest::Client> {
    // The client wants to know it although no connection is encrypted; a second time is no fault.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(|error| fault(format!("the HTTP client: {error}")))
}

/// Connections that register side by side.
const CONNECTIONS: usize = 64;

/// How long an agent may take to start.
const START_TIME_MAX: Duration = Duration::from_secs(30);
