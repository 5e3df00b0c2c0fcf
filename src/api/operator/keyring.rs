//! `/v1/operator/keyring`: the gossip's keys, of which there are none as long as it is not encrypted.

use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::Response;

use crate::api::Api;
use crate::api::body::read_json;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::api::guard::permit;
use crate::api::json::object::{Object, parse};

/// Says that there are no keys, in the words that scripts look for.
pub(in crate::api) async fn keyring(
    State(api): State<Api>,
    call: Call,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let is_read = method == Method::GET;
    permit(if is_read { call.acl.keyring_read() } else { call.acl.keyring_write() })?;
    let bad = |text: String| Fault::Invalid(format!("Bad request: {text}"));
    if let Some(text) = call.params.stated("relay-factor") {
        let wrong = |fault: std::num::ParseIntError| {
            let why = match fault.kind() {
                std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => {
                    "value out of range"
                }
                _ => "invalid syntax",
            };
            bad(format!("Error parsing relay factor: strconv.Atoi: parsing {text:?}: {why}"))
        };
        let factor: i64 = text.parse().map_err(wrong)?;
        if !(0..=RELAY_FACTOR_MAX).contains(&factor) {
            let text = format!("Relay factor must be in range: [0, {RELAY_FACTOR_MAX}]");
            return Err(bad(format!("Invalid relay-factor: {text}")));
        }
    }
    let local_only = call.switch("local-only")?;
    if !is_read {
        if local_only {
            let text = "Invalid use of local-only: local-only can only be set for list requests";
            return Err(bad(text.to_owned()));
        }
        let body = read_json(&headers, body).await?;
        let key = parse(&body)
            .and_then(|value| Object::root(&value, "keyringArgs")?.text("Key").map(|_key| ()));
        key.map_err(|fault| bad(fault.to_string()))?;
    }
    Err(Fault::Refused(nobody_has_keys(&api, local_only)))
}

fn nobody_has_keys(api: &Api, local_only: bool) -> String {
    let (node, dc) = (&api.options.node, &api.options.datacenter);
    let mut lines = Vec::new();
    if !local_only {
        lines.push("WAN error: 1/1 nodes reported failure".to_owned());
        lines.push(format!("{node}.{dc}: Keyring is empty (encryption not enabled)"));
    }
    lines.push(format!("{dc} (LAN) error: 1/1 nodes reported failure"));
    lines.push(format!("{node}: Keyring is empty (encryption not enabled)"));
    let mut text = format!("{} errors occurred:\n", lines.len());
    for line in lines {
        let _ = writeln!(text, "\t* {line}");
    }
    text + "\n"
}

/// How many others may pass an answer on (Serf's bound).
const RELAY_FACTOR_MAX: i64 = 5;
