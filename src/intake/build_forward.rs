//! Canonical Value → the settings of forwarding.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::intake::build::note;
use crate::intake::config::Config;
use crate::intake::fault::Fault;
use crate::intake::network::{is_template, resolve};
use crate::intake::read::{self, Notes};
use crate::intake::value::Value;
use crate::model::forward_config::{DNS_PORT, ForwardConfig, Recursor, SYSTEM, Strategy};
use crate::model::limits::{RECURSOR_TIMEOUT_MAX_MS, RECURSORS_MAX};

/// Reads `recursor`, `recursors` and what `dns_config` says of them.
pub(crate) fn settings(notes: &mut Notes, root: &Value) -> ForwardConfig {
    let mut forward = ForwardConfig { recursors: recursors(notes, root), ..Default::default() };
    let Some(stated) = root.entry("dns_config") else { return forward };
    if let Some(timeout) = read::duration(stated, "recursor_timeout") {
        let longest = Duration::from_millis(RECURSOR_TIMEOUT_MAX_MS);
        if timeout.is_zero() || longest < timeout {
            let text = format!(
                "`recursor_timeout` must be longer than 0 and at most {}s",
                longest.as_secs()
            );
            note(notes, stated, "recursor_timeout", &text);
        }
        forward.timeout = timeout;
    }
    let word = read::text(stated, "recursor_strategy");
    if !word.is_empty() {
        match Strategy::from_word(word) {
            Some(strategy) => forward.strategy = strategy,
            None => {
                let text = format!("unknown recursor strategy `{word}`");
                let fault = Fault::at(read::place(stated, "recursor_strategy"), text);
                notes.problem(fault.hint("known are sequential, random"), "");
            }
        }
    }
    forward
}

/// Notes recursors that are where DNS of this agent is told to listen. The port may be any and addresses may
/// come and go, so the rest is found out once it listens.
pub(crate) fn apart(notes: &mut Notes, root: &Value, config: &Config) {
    for recursor in &config.forward.recursors {
        let Recursor::At(address) = recursor else { continue };
        let is_ours = |listener: &IpAddr| {
            *listener == address.ip()
                || (listener.is_unspecified()
                    && address.ip().is_loopback()
                    && listener.is_ipv4() == address.is_ipv4())
        };
        if config.ports.dns == Some(address.port()) && config.dns_addrs().iter().any(is_ours) {
            let key = if root.entry("recursors").is_some() { "recursors" } else { "recursor" };
            let fault = Fault::at(
                read::place(root, key),
                format!("recursor `{recursor}` is where this agent's own DNS listens"),
            );
            notes.problem(fault.hint("name another DNS server, or change `ports.dns`"), "");
        }
    }
}

/// The recursors of both keys, each once.
fn recursors(notes: &mut Notes, root: &Value) -> Vec<Recursor> {
    let mut found = Vec::new();
    let single = root.entry("recursor").into_iter();
    for item in single.chain(read::items(root, "recursors")) {
        match recursor(&read::own_text(item).unwrap_or_default()) {
            Ok(recursor) if !found.contains(&recursor) => found.push(recursor),
            Ok(_) => {}
            Err(text) => {
                let hint = "write `9.9.9.9`, `[2620:fe::fe]:53` or `system`";
                notes.problem(Fault::at(&item.place, text).hint(hint), "");
            }
        }
    }
    if RECURSORS_MAX < found.len() {
        let text = format!("more than {RECURSORS_MAX} recursors are stated");
        note(notes, root, "recursors", &text);
    }
    found
}

fn recursor(text: &str) -> Result<Recursor, String> {
    if text.eq_ignore_ascii_case(SYSTEM) {
        return Ok(Recursor::System);
    }
    if is_template(text) {
        return resolve(text).map(|addr| Recursor::At(SocketAddr::new(addr, DNS_PORT)));
    }
    // `[::1]` without a port is what people write who have just taken the port away.
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = match (text.parse::<SocketAddr>(), bare.parse::<IpAddr>()) {
        (Ok(address), _) => address,
        (_, Ok(addr)) => SocketAddr::new(addr, DNS_PORT),
        _ => return Err(format!("recursor `{text}` is no IP address, with or without a port")),
    };
    if address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast() {
        return Err(format!("recursor `{text}` is no address that anybody can answer from"));
    }
    Ok(Recursor::At(address))
}
