//! What a start says on standard output, before the log: the banner, then one `ready` line.

use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::model::name::{Datacenter, NodeName};

/// Who started.
pub(in crate::server) struct Banner<'a> {
    /// Its node.
    pub(in crate::server) node: &'a NodeName,
    /// Its node's UUID.
    pub(in crate::server) node_id: &'a str,
    /// Its datacenter.
    pub(in crate::server) datacenter: &'a Datacenter,
    /// Whether it is a server that may found a cluster.
    pub(in crate::server) is_bootstrap: bool,
    /// What others reach it at.
    pub(in crate::server) advertised: IpAddr,
    /// Where its API listens.
    pub(in crate::server) http: &'a [String],
    /// Where its DNS listens.
    pub(in crate::server) dns: &'a [SocketAddr],
}

/// Prints the banner, in the shape that people know.
pub(in crate::server) fn print_banner(banner: &Banner<'_>) {
    let mut text = String::from("==> Starting lictor agent...\n");
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    let server = format!("true (Bootstrap: {})", banner.is_bootstrap);
    let client = format!("HTTP: {}, DNS: {}", list(banner.http), list(banner.dns));
    for (name, value) in [
        ("Version", version),
        ("Node ID", banner.node_id),
        ("Node name", banner.node.as_str()),
        ("Datacenter", banner.datacenter.as_str()),
        ("Server", &server),
        ("Client Addr", &client),
        ("Cluster Addr", &banner.advertised.to_string()),
    ] {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:>14}: {value}");
    }
    text.push_str("\n==> Log data will now stream in as it occurs:\n\n");
    print(&text);
}

/// Says that everything listens, and where: `==> ready: http=127.0.0.1:8500 dns=127.0.0.1:8600`.
pub(in crate::server) fn print_ready(http: &[String], dns: &[SocketAddr]) {
    print(&format!("==> ready:{}{}\n", words("http", http), words("dns", dns)));
    // Only systemd sets NOTIFY_SOCKET; without it there is nobody to tell.
    if let Err(fault) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        tracing::warn!(%fault, "systemd could not be told that the agent is ready");
    }
}

fn words(name: &str, addresses: &[impl Display]) -> String {
    addresses.iter().fold(String::new(), |words, address| format!("{words} {name}={address}"))
}

fn list(addresses: &[impl Display]) -> String {
    if addresses.is_empty() {
        return "off".to_owned();
    }
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Prints at once. Who closed our output does not want to read it; that is no reason to stop serving.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
